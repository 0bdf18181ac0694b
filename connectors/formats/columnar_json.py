"""The JSON encoding of columns: one object with the tags, the times and all values, instead of an object a reading.

Numbers are read as numbers in one go. Where a message holds anything else (a value as text, a number that no float
holds), its values are read again cell by cell, and what is wrong is said of the cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from connectors.formats.columnar_table import Block, TagTables
from connectors.formats.columns import RawQuality, RawTime, quality_column, time_column, time_unit_ns, value_column
from connectors.formats.contract import FAULTS_TOLD_MAX, Fault, Faults, fault_of_each
from connectors.formats.json_text import PARSE_ERRORS, JsonText

VERSION = 1

_CELLS_AT_ONCE = 4096

#: What is held to it is no time anyway, and stays a number.
_STEP_MAX = 1e250
_SINCE_NS_MAX = 4e18

Cell: TypeAlias = "float | str | bool | None"


class Steps(msgspec.Struct, gc=False):
    """Times at even distances; the step is in the unit of the start."""

    start: float | int
    step: float | int


class _Columns(msgspec.Struct, gc=False, kw_only=True):
    """All but the values."""

    v: int
    tags: msgspec.Raw
    time: list[RawTime] | RawTime | Steps = None
    tag: list[int] | None = None
    quality: msgspec.Raw = msgspec.Raw(b"null")
    unit: msgspec.Raw = msgspec.Raw(b'""')


class _Grid(_Columns, gc=False, kw_only=True):
    value: list[list[float | None]]


class _Flat(_Columns, gc=False, kw_only=True):
    value: list[float | None]


class _Unread(_Columns, gc=False, kw_only=True):
    value: msgspec.Raw


_NESTED = re.compile(rb'"value"\s*:\s*\[\s*\[')
_RAGGED = '"value" has as many numbers in each row as there are tags, got rows of several lengths'
_SHAPE = (
    '{"v": 1, "tags": [text], "time": number or [number], "value": [[number]], or [number] with "tag": [place]}, '
    'and "quality" and "unit" if wanted'
)


class JsonColumns:
    """Reads one message at a time; keeps nothing but its parsers."""

    def __init__(self, depth_max: int, rows_max: int) -> None:
        self._text = JsonText(depth_max)
        self._rows_max = rows_max
        self._grid = msgspec.json.Decoder(_Grid)
        self._flat = msgspec.json.Decoder(_Flat)
        self._unread = msgspec.json.Decoder(_Unread)
        self._tags = msgspec.json.Decoder(list[str])
        self._unit = msgspec.json.Decoder(list[str] | str)

    def read(self, payload: bytes, tables: TagTables) -> Block | Fault:
        """Read one message, or say what is wrong with it."""
        faults: Faults = {}
        try:
            return self._block(*self._parse(payload, faults), faults, tables)
        except msgspec.ValidationError as error:
            return Fault("wrong_shape", f"columns are {_SHAPE}, got: {error}")
        except PARSE_ERRORS as error:
            return error.fault if isinstance(error, _Shape) else self._text.text_fault(error)

    def _parse(self, payload: bytes, faults: Faults) -> tuple[_Columns, NDArray[np.float64]]:
        """The columns, and the values as float64 [times, tags] or [n]."""
        rows = payload.count(b"[")
        if rows > self._rows_max:
            raise _Shape(f"a message holds at most {self._rows_max} arrays (readings_max), got {rows}", "too_many")
        try:
            if not _NESTED.search(payload):
                flat = self._flat.decode(payload)
                return flat, np.array(flat.value, np.float64)
            grid = self._grid.decode(payload)
        except PARSE_ERRORS:
            unread = self._unread.decode(payload)
            return unread, _cells(unread.value, faults)
        return grid, np.array(_flat(grid.value), np.float64).reshape(len(grid.value), -1)

    def _block(self, columns: _Columns, value: NDArray[np.float64], faults: Faults, tables: TagTables) -> Block | Fault:
        if columns.v != VERSION:
            return Fault("bad_version", f'"v" is {VERSION}, got {columns.v}')
        tags, unit = bytes(columns.tags), bytes(columns.unit)
        table = tables.table(tags + b"\n" + unit, lambda: self._read_table(tags, unit))
        if isinstance(table, Fault):
            return table
        count = len(table.name)
        if value.size == 0 or (value.ndim == 2 and value.shape[1] != count):
            return Fault("wrong_shape", f'"value" has a number for each of the {count} tags, got {list(value.shape)}')
        tag = _tag_column(columns.tag, value.shape, count, faults)
        time_ns = _time_column(columns.time, value.shape, faults)
        quality = _quality_column(columns.quality, value.shape, faults)
        return Block(table, tag, time_ns, value.reshape(-1), quality, faults)

    def _read_table(self, tags: bytes, unit: bytes) -> tuple[list[str], list[str]] | Fault:
        names, units = self._tags.decode(tags), self._unit.decode(unit)
        if isinstance(units, str):
            units = [units] * len(names)
        if len(units) != len(names):
            return Fault("wrong_shape", f'"unit" is one text or one for each of {len(names)} tags, got {len(units)}')
        return names, units


class _Shape(ValueError):
    """A message whose columns do not fit together."""

    def __init__(self, detail: str, reason: str = "wrong_shape") -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


def _cells(raw: msgspec.Raw, faults: Faults) -> NDArray[np.float64]:
    """Values cell by cell; what is none is a fault of its reading."""
    found = json.loads(bytes(raw), parse_int=float, parse_constant=_no_number)
    if not isinstance(found, list):
        raise _Shape(f'"value" is an array, got {str(found)[:60]}')
    nested = bool(found) and isinstance(found[0], list)
    if nested and not all(isinstance(row, list) for row in found):
        raise _Shape(_RAGGED)
    cells = _flat(found) if nested else found
    value = np.empty(len(cells))
    for begin in range(0, len(cells), _CELLS_AT_ONCE):
        part = cells[begin : begin + _CELLS_AT_ONCE]
        own: Faults = {}
        value[begin : begin + len(part)] = value_column([_cell(one, row, own) for row, one in enumerate(part)], own)
        faults.update({begin + row: fault for row, fault in own.items()})
        if len(faults) > FAULTS_TOLD_MAX:
            raise _Shape(f'"value" holds at most {FAULTS_TOLD_MAX} cells that are no numbers, got more')
    return value.reshape(len(found), -1) if nested else value


def _flat(rows: Sequence[Sequence[Cell]]) -> list[Cell]:
    """Cells of rows of one length, one after the other."""
    if len(set(map(len, rows))) != 1 or not rows[0]:
        raise _Shape(_RAGGED)
    return list(chain.from_iterable(rows))


def _cell(one: object, row: int, faults: Faults) -> Cell:
    if one is None or isinstance(one, float | str | bool):
        return one
    faults[row] = Fault("bad_value", f"value must be a number, got {str(one)[:60]}")
    return None


def _no_number(word: str) -> float:
    raise _Shape(f"a value is a number, got {word}")


def _tag_column(given: list[int] | None, shape: tuple[int, ...], count: int, faults: Faults) -> NDArray[np.int64]:
    if len(shape) == 2:
        if given is not None:
            raise _Shape('"tag" goes with a flat "value", got a nested one')
        return np.tile(np.arange(count), shape[0])
    if given is None:
        if shape[0] != count:
            raise _Shape(f'without "tag" there is one value for each of {count} tags, got {shape[0]}')
        return np.arange(count)
    if len(given) != shape[0]:
        raise _Shape(f'"tag" has a place for each of {shape[0]} values, got {len(given)}')
    tag = np.array([one if 0 <= one < count else count for one in given], np.int64)
    faults.update(
        fault_of_each(
            np.flatnonzero(tag == count).tolist(),
            lambda row: Fault("bad_tag", f"a reading's tag is a place from 0 to {count - 1}, got {given[row]}"),
        )
    )
    return tag


def _time_column(
    given: list[RawTime] | RawTime | Steps, shape: tuple[int, ...], faults: Faults
) -> NDArray[np.int64] | None:
    """Time of each reading: int64 [n]."""
    if given is None:
        return None
    rows, each = shape[0], shape[1] if len(shape) == 2 else 1
    if isinstance(given, Steps):
        start, step = time_column([given.start], {})[0], min(max(given.step, -_STEP_MAX), _STEP_MAX)
        since_ns = np.clip(step * float(time_unit_ns(given.start)) * np.arange(rows), -_SINCE_NS_MAX, _SINCE_NS_MAX)
        time_ns = start + np.rint(since_ns).astype(np.int64)
    elif isinstance(given, list):
        if len(given) != rows:
            raise _Shape(f'"time" is one, or one for each of {rows} rows of "value", got {len(given)}')
        own: Faults = {}
        time_ns = time_column(given, own)
        for row, fault in own.items():
            faults.update(dict.fromkeys(range(row * each, (row + 1) * each), fault))
    else:
        own = {}
        time_ns = np.repeat(time_column([given], own), rows)
        if own:
            raise _Shape(own[0].detail)
    return np.repeat(time_ns, each) if each > 1 else time_ns


def _quality_column(raw: msgspec.Raw, shape: tuple[int, ...], faults: Faults) -> NDArray[np.uint8] | None:
    """Quality of each reading: uint8 [n]."""
    text = bytes(raw)
    if text == b"null":
        return None
    if text[:1] != b"[":
        given = [msgspec.json.decode(text, type=RawQuality)] * int(np.prod(shape))
    elif len(shape) == 2:
        nested = msgspec.json.decode(text, type=list[list[RawQuality]])
        if [len(row) for row in nested] != [shape[1]] * shape[0]:
            raise _Shape(f'"quality" is one, or has the shape {list(shape)} of "value", got another one')
        given = [one for row in nested for one in row]
    else:
        given = msgspec.json.decode(text, type=list[RawQuality])
        if len(given) != shape[0]:
            raise _Shape(f'"quality" is one, or one for each of {shape[0]} values, got {len(given)}')
    return quality_column(given, faults)
