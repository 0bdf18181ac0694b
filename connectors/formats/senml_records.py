"""Takes SenML packs apart into records, from JSON or from CBOR (RFC 8428, sections 5 and 6).

A pack whose records are all well formed is read in one piece; of another one each record is read alone. CBOR goes
through the same checks as JSON, with its integer labels turned into the letters that JSON has.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import cbor2
import msgspec

from connectors.formats.contract import Fault
from connectors.formats.json_text import PARSE_ERRORS, JsonText, elements_of

#: What a record's own name, value, time and unit are added to, from this record on.
BASES = frozenset(("bn", "bt", "bu", "bv", "bs", "bver"))

#: RFC 8428 gives 10; RFC 9100 adds 16 for units of the secondary registry. Older ones say what 10 says.
VERSIONS = frozenset((*range(1, 11), 26))

#: Records of one pack that may fail to be read alone; behind them the rest is refused unread.
UNREAD_MAX = 1000

#: Tags of CBOR that a pack may hold (RFC 8428, section 6): decimal fractions, and the mark of CBOR itself.
_DECIMAL, _CBOR = 4, 55799
_TAGS_OF_LIBRARY = (0, 1, 2, 3, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000)
_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb"}
_LABELS |= {5: "s", 6: "t", 7: "ut", 8: "vd"}
_EXPONENT_MAX = 400

_BLANKS = b" \t\r\n"

_RECORD = '{"n": text, "u": text, "v": number (or "vb": true or false), "t": number} and the base fields'


class Record(msgspec.Struct, gc=False):
    """One record as written; None = the field is not there."""

    n: str = ""
    v: float | None = None
    t: float | None = None
    u: str | None = None
    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: int | None = None
    vb: bool | None = None
    vs: str | None = None
    vd: str | None = None
    s: float | None = None
    ut: float | None = None


class Number(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record of a number and nothing that later records hang on."""

    v: float
    n: str = ""
    t: float | None = None
    u: str | None = None


#: A record, or why there is none and how many records that is said of.
Read: TypeAlias = "Record | tuple[Fault, int]"
Pack: TypeAlias = "Sequence[Record] | Sequence[Read]"

Unread = TypeVar("Unread")


class PackReader:
    """Reads one pack at a time; keeps nothing but its parsers."""

    def __init__(self, depth_max: int, readings_max: int) -> None:
        self._text = JsonText(depth_max)
        self._depth_max = depth_max
        self._readings_max = readings_max
        self._pack = msgspec.json.Decoder(list[Record])
        self._numbers = msgspec.json.Decoder(list[Number])
        self._record = msgspec.json.Decoder(Record)

    def numbers(self, payload: bytes) -> tuple[Record, Sequence[Record | Number]] | None:
        """First record and the others, of a pack of numbers with all base fields in the first; None of any other pack.

        What it takes, ``read`` reads alike.
        """
        end = payload.find(b"}") + 1
        head, rest = payload[:end] + b"]", payload[end:].strip(_BLANKS)
        if payload[:1] != b"[" or b'_"' in head or b"\\" in head or head.count(b"[") > 1:
            return None
        try:
            (first,) = self._pack.decode(head)
            others = [] if rest == b"]" else self._numbers.decode(b"[" + rest[1:])
        except PARSE_ERRORS:
            return None
        if (rest[:1] != b"," or not others) and rest != b"]":
            return None
        return (first, others) if _is_number(first) and len(others) < self._readings_max else None

    def read(self, payload: bytes) -> Pack | Fault:
        """Records in order, or why the pack cannot be used at all."""
        if _is_cbor(payload):
            return self._cbor(payload)
        nested = payload.count(b"[") + payload.count(b"{") > self._depth_max
        fault = self._text.depth_fault(payload) if nested else None
        # A label that ends so may stand in a record; only then is it worth while to look at every label.
        if fault is None and (b'_"' in payload or b"\\" in payload):
            fault = self._must_understand(payload)
        if fault is not None:
            return fault
        try:
            pack: Pack = self._pack.decode(payload)
        except PARSE_ERRORS:
            return self._broken(payload)
        return pack if 0 < len(pack) <= self._readings_max else self._wrong_count(len(pack))

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        """The bytes of some records; of CBOR, as JSON."""
        if not _is_cbor(payload):
            raw = elements_of(payload)
            return [bytes(raw[element]) for element in elements]
        maps = self._maps(payload)
        if isinstance(maps, Fault):
            return [payload] * len(elements)
        return [json.dumps(maps[element], default=repr, skipkeys=True).encode() for element in elements]

    def _broken(self, payload: bytes) -> Pack | Fault:
        """Records of a pack that does not read in one piece."""
        try:
            raw = elements_of(payload)
        except msgspec.ValidationError as error:
            return Fault("wrong_shape", f"a pack is an array of records, got: {error}")
        except PARSE_ERRORS as error:
            return self._text.text_fault(error)
        if len(raw) > self._readings_max:
            return self._wrong_count(len(raw))
        return _one_by_one(raw, self._of_json)

    def _wrong_count(self, records: int) -> Fault:
        if records == 0:
            return Fault("wrong_shape", "a pack holds at least one record, got an empty one")
        return Fault("too_many", f"a pack holds at most {self._readings_max} records (readings_max), got {records}")

    def _must_understand(self, payload: bytes) -> Fault | None:
        try:
            found = msgspec.json.decode(payload, type=list[dict[str, msgspec.Raw]])
        except PARSE_ERRORS:
            return None
        return _unknown_label(found)

    def _of_json(self, raw: msgspec.Raw) -> Record:
        try:
            return self._record.decode(raw)
        except msgspec.ValidationError as error:
            if "out of range" not in str(error):
                raise
        # A number that no float holds: a record without a usable value, not one at fault.
        return msgspec.convert(json.loads(bytes(raw), parse_int=float), Record)

    def _cbor(self, payload: bytes) -> Pack | Fault:
        maps = self._maps(payload)
        if isinstance(maps, Fault):
            return maps
        if not 0 < len(maps) <= self._readings_max:
            return self._wrong_count(len(maps))
        fault = _unknown_label(maps)
        if fault is not None:
            return fault
        try:
            return msgspec.convert(maps, list[Record])
        except PARSE_ERRORS:
            return _one_by_one(maps, _of_map)

    def _maps(self, payload: bytes) -> list[object] | Fault:
        """Records with letters for labels."""
        announced = _announced(payload)
        if announced > self._readings_max:
            return self._wrong_count(announced)
        file = io.BytesIO(payload)
        try:
            found = cbor2.CBORDecoder(
                file,
                max_depth=self._depth_max,
                allow_indefinite=False,  # a pack that is no stream is of definite length (RFC 8428, section 6)
                semantic_decoders=_SEMANTIC,
                tag_hook=_refuse_tag,
            ).decode()
        except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
            return Fault("not_cbor", f"a payload is CBOR (RFC 8949) of SenML, got: {error}")
        if file.tell() != len(payload):
            return Fault("not_cbor", f"a payload is one pack of {file.tell()} bytes, got {len(payload)} bytes")
        if not isinstance(found, list | tuple):
            return Fault("wrong_shape", f"a pack is an array of records, got {type(found).__name__}")
        return [_with_letters(one) if isinstance(one, dict) else one for one in found]


def first_and_others(records: Sequence[Record]) -> tuple[Record, Sequence[Record]] | None:
    """As ``PackReader.numbers``, of records that are read."""
    if all(map(_is_number, records)) and not any(map(_has_bases, records[1:])):
        return records[0], records[1:]
    return None


def _is_number(one: Record) -> bool:
    odd = one.v is None or one.vb is not None or one.vs is not None or one.vd is not None or one.s is not None
    return not odd and one.bver is None


def _has_bases(one: Record) -> bool:
    return one.bn is not None or one.bt is not None or one.bu is not None or one.bv is not None or one.bs is not None


def _is_cbor(payload: bytes) -> bool:
    """Whether a pack is CBOR: an array, or CBOR's own mark before it; no JSON text begins so."""
    return 0x80 <= payload[0] <= 0x9F or payload[:3] == b"\xd9\xd9\xf7" if payload else False


def _announced(payload: bytes) -> int:
    """How many records an array says that it has; 0 where it does not say."""
    short = payload[0] & 0x1F
    if short < 24:
        return short
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    return int.from_bytes(payload[1 : 1 + size], "big") if payload[0] >> 5 == 4 else 0


def _with_letters(record: dict[object, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for label, value in record.items():
        letters = _LABELS.get(label) if isinstance(label, int) else label
        if isinstance(letters, str):
            found[letters] = "" if isinstance(value, bytes) else value
    return found


def _of_map(record: object) -> Record:
    return msgspec.convert(record, Record)


def _one_by_one(records: Sequence[Unread], read: Callable[[Unread], Record]) -> list[Read]:
    """Each record alone; behind one that may have held a base field, the rest is in doubt."""
    found: list[Read] = []
    unread = 0
    for place, record in enumerate(records):
        try:
            found.append(read(record))
            continue
        except PARSE_ERRORS as error:
            detail = f"a record is {_RECORD}, got: {error}"
        unread += 1
        rest = len(records) - place
        if _may_hold_bases(record):
            found.append((Fault("bad_base", f"{detail}; the records behind it hang on its base fields"), rest))
            break
        found.append((Fault("bad_record", detail), rest if unread == UNREAD_MAX else 1))
        if unread == UNREAD_MAX:
            break
    return found


def _may_hold_bases(record: object) -> bool:
    if not isinstance(record, msgspec.Raw):
        return isinstance(record, dict) and not BASES.isdisjoint(record)
    try:
        return not BASES.isdisjoint(msgspec.json.decode(record, type=dict[str, msgspec.Raw]))
    except PARSE_ERRORS:
        return False


def _unknown_label(records: Sequence[object]) -> Fault | None:
    """RFC 8428, section 4.4: a label that ends with an underscore must be understood."""
    for record in records:
        for label in record if isinstance(record, dict) else ():
            if label.endswith("_"):
                detail = f"a field whose name ends with _ must be understood (RFC 8428 4.4), got {label[:60]!r}"
                return Fault("must_understand", detail)
    return None


def _refuse_tag(_: object, __: bool) -> object:  # noqa: FBT001 - as the library calls it
    raise ValueError("a pack has no tags but decimal fractions (RFC 8428, section 6)")


def _decimal(given: object, _: bool) -> float:  # noqa: FBT001 - as the library calls it
    """A decimal fraction as the nearest float: [exponent, mantissa]."""
    if not (isinstance(given, list | tuple) and len(given) == 2 and all(isinstance(one, int) for one in given)):
        raise ValueError("a decimal fraction is an array of two integers")
    exponent, mantissa = given
    exponent = min(max(exponent, -_EXPONENT_MAX), _EXPONENT_MAX)
    return float(f"{mantissa}e{exponent}")


def _itself(given: object, _: bool) -> object:  # noqa: FBT001 - as the library calls it
    return given


_SEMANTIC: dict[int, Callable[[object, bool], object]] = {
    **dict.fromkeys(_TAGS_OF_LIBRARY, _refuse_tag),
    _DECIMAL: _decimal,
    _CBOR: _itself,
}
