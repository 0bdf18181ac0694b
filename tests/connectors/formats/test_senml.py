"""SenML (RFC 8428): what resolves to what, from JSON and from CBOR, against an obvious resolution."""

from __future__ import annotations

import json
import math
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.formats.senml_records import PackReader, Record
from connectors.formats.senml_units import OURS, SUMMED
from model.batch import BAD, GOOD
from model.unit import known
from tests.connectors.formats.decoding import RECEIVED_NS, Decoded, Row, decode

LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6}
LABELS |= {"n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}
T = 1_772_971_530
NS = T * 10**9


def as_cbor(pack: list[dict[str, Any]]) -> bytes:
    return cbor2.dumps([{LABELS.get(label, label): value for label, value in one.items()} for one in pack])


def both(pack: list[dict[str, Any]], **more: object) -> Decoded:
    """What it comes to; the same from both encodings."""
    found, again = decode("senml", pack, **more), decode("senml", as_cbor(pack), **more)
    assert found.rows == again.rows
    assert found.reasons == again.reasons
    return found


def test_a_pack_resolves_to_readings() -> None:
    found = both(
        [
            {"bn": "urn:dev:mac:0024befffe804ff1/", "bt": T, "bu": "%LEL", "n": "ch4", "v": 12.5},
            {"n": "temp", "u": "Cel", "v": 18.25},
            {"n": "batt", "u": "V", "v": 3.5, "t": -5},
            {"n": "fault", "u": "", "vb": False},
        ]
    )
    base = "urn:dev:mac:0024befffe804ff1/"
    assert not found.refused
    assert found.rows == [
        Row(base + "ch4", 12.5, NS, GOOD, "%LEL"),
        Row(base + "temp", 18.25, NS, GOOD, "degC"),
        Row(base + "batt", 3.5, NS - 5 * 10**9, GOOD, "V"),
        Row(base + "fault", 0.0, NS),
    ]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ({}, None),
        ({"t": 0}, None),
        ({"t": -5}, RECEIVED_NS - 5 * 10**9),
        ({"t": 2.5}, RECEIVED_NS + 25 * 10**8),
        ({"t": 2**28 - 1}, RECEIVED_NS + (2**28 - 1) * 10**9),
        ({"t": 2**28}, 2**28 * 10**9),
        ({"bt": 2**28, "t": -1}, RECEIVED_NS + (2**28 - 1) * 10**9),
        ({"bt": T, "t": 0.001}, NS + 10**6),
        ({"bt": 5, "t": -5}, None),
        ({"t": 1e300}, 2**63 - 1),
    ],
)
def test_times_below_two_to_the_28_count_from_the_receipt(time: dict[str, float], expected: int | None) -> None:
    assert both([{"n": "a", "v": 1, **time}]).times == [expected]


def test_base_fields_hold_until_the_next_of_their_kind() -> None:
    found = both(
        [
            {"bn": "x/", "bv": 10, "bu": "kPa"},
            {"n": "a", "v": 1},
            {"n": "b", "v": 2, "bn": "y/"},
            {"n": "c", "v": 3, "u": "Pa", "bv": 0},
            {"n": "d", "v": 4, "bu": ""},
        ]
    )
    assert [(row.tag, row.value, row.unit) for row in found.rows] == [
        ("x/a", 11, "kPa"),
        ("y/b", 12, "kPa"),
        ("y/c", 3, "Pa"),
        ("y/d", 4, ""),
    ]


def test_a_sum_is_a_reading_of_its_own() -> None:
    pack = [
        {"bs": 100, "n": "p", "u": "W", "v": 5, "s": 20},
        {"n": "q", "u": "A", "s": 7},
        {"n": "l", "s": 1, "u": "lx"},
    ]
    assert [(row.tag, row.value, row.unit) for row in both(pack).rows] == [
        ("p", 5, "W"),
        ("p/sum", 120, "J"),
        ("q/sum", 107, "C"),
        ("l/sum", 101, "lx*s"),
    ]
    assert both(pack, sum_suffix=":total").tags[1] == "p:total"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "a", "vs": "open"}, "text_value"),
        ({"n": "a", "vd": "AAEC"}, "data_value"),
        ({"n": "a"}, "no_value"),
        ({"n": "a", "t": 5}, "no_value"),
        ({"n": "a", "v": 1, "vb": True}, "two_values"),
        ({"n": "a", "v": "1"}, "bad_record"),
        ({"n": "a", "v": True}, "bad_record"),
        ({"n": 5, "v": 1}, "bad_record"),
        ({"n": "a", "v": 1, "t": "now"}, "bad_record"),
        ({"n": "a", "v": 1, "ut": "x"}, "bad_record"),
        (17, "bad_record"),
    ],
)
def test_a_record_that_is_no_reading_is_refused_alone(record: Any, reason: str) -> None:
    pack = [{"bn": "x/", "n": "a", "v": 1}, record, {"n": "b", "v": 2}]
    found = decode("senml", pack)
    assert (found.tags, found.reasons) == (["x/a", "x/b"], [reason])
    assert json.loads(found.refused[0].payload) == record
    if isinstance(record, dict):
        again = decode("senml", as_cbor(pack))
        assert (again.tags, again.reasons) == (["x/a", "x/b"], [reason])


def test_a_record_of_cbor_that_json_could_not_hold_is_shown_as_far_as_it_can_be() -> None:
    found = decode("senml", cbor2.dumps([{0: "a", 2: "x", "more": {b"k": 1, 1.5: b"v", "l": cbor2.undefined}}]))
    assert found.reasons == ["bad_record"]
    assert json.loads(found.refused[0].payload)["n"] == "a"


def test_a_broken_base_field_takes_along_the_records_that_hang_on_it() -> None:
    pack = [{"n": "a", "v": 1}, {"bn": 5, "n": "b", "v": 2}, {"n": "c", "v": 3}, {"n": "d", "v": 4}]
    found = both(pack)
    assert (found.tags, found.reasons) == (["a"], ["bad_base"])
    assert found.refused[0].count == 3


@pytest.mark.parametrize("version", [1, 5, 10, 26])
def test_a_version_that_is_known_is_read(version: int) -> None:
    assert both([{"bver": version, "n": "a", "v": 1}]).values == [1]


@pytest.mark.parametrize("version", [11, 27, 42, 0, -1])
def test_a_version_that_is_not_known_refuses_the_pack(version: int) -> None:
    found = both([{"n": "a", "v": 1}, {"bver": version, "n": "b", "v": 2}])
    assert (found.rows, found.reasons) == ([], ["bad_version"])


def test_a_field_that_must_be_understood_refuses_the_pack_and_others_are_passed_over() -> None:
    assert both([{"n": "a", "v": 1, "x": {"y": [1]}}, {"n": "b_", "v": 2}]).values == [1, 2]
    found = both([{"n": "a", "v": 1}, {"n": "b", "v": 2, "frob_": 1}])
    assert (found.rows, found.reasons) == ([], ["must_understand"])
    assert "'frob_'" in found.refused[0].detail
    assert decode("senml", b'[{"n":"a","v":1,"frob\\u005f":1}]').reasons == ["must_understand"]


@pytest.mark.parametrize("value", ["1e400", "-1e301", "9" * 400])
def test_a_value_that_no_measurement_has_is_bad(value: str) -> None:
    found = decode("senml", b'[{"n":"a","v":%s},{"n":"b","v":1}]' % value.encode())
    assert math.isnan(found.values[0])
    assert [row.quality for row in found.rows] == [BAD, GOOD]


@pytest.mark.parametrize("base", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_cbor_floats_that_are_no_numbers_are_bad(value: float, base: float) -> None:
    record = {"n": "a", "v": value, "t": value, "bt": base, "bv": base, "bs": base}
    found = decode("senml", as_cbor([record]), as_cbor([record, {"n": "b", "vb": True, "s": value}]))
    assert [row.quality for row in found.rows] == [BAD, BAD, GOOD, BAD]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\xf9\x49\x00", 10.0),  # half
        (b"\xfa\x41\x20\x00\x00", 10.0),  # single
        (b"\xfb\x40\x24\x00\x00\x00\x00\x00\x00", 10.0),
        (b"\x29", -10.0),
        (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", float(2**64 - 1)),
        (b"\xc4\x82\x21\x19\x07\x21", 18.25),  # 1825 * 10^-2
        (b"\xc4\x82\x39\x03\xe7\x01", 0.0),  # 1 * 10^-1000
    ],
)
def test_numbers_of_cbor_are_read_whatever_their_size(raw: bytes, expected: float) -> None:
    found = decode("senml", b"\x81\xa2\x00\x61a\x02" + raw)
    assert (found.values, found.refused) == ([expected], [])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"[", "not_json"),
        (b"{}", "wrong_shape"),
        (b'{"n":"a","v":1}', "wrong_shape"),
        (b"[]", "wrong_shape"),
        (b"\x80", "wrong_shape"),
        (b'[{"bn":"a"}]', "no_value"),
        (b'[{"n":"a","v":1},]', "not_json"),
        (b'[{"n":"a","v":1}]]', "not_json"),
        (b'[{"n":"a","v":1} {"n":"b","v":2}]', "not_json"),
        (b'[{"n":"a","v":1,"x":' + b"[" * 20 + b"]" * 20 + b"}]", "too_deep"),
        (b"\x81", "not_cbor"),
        (b"\x81\xa1\x02\x01\x00", "not_cbor"),  # a byte behind the pack
        (b"\x9f\xa1\x02\x01\xff", "not_cbor"),  # of no announced length
        (b"\x81\xa1\x02\xc2\x41\x01", "not_cbor"),  # a bignum
        (b"\x81\xd8\x23\x61a", "not_cbor"),  # a regular expression
        (b"\x82\xd8\x1c\xa1\x02\x01\xd8\x1d\x00", "not_cbor"),  # a shared reference
        (b"\x81\xc4\x82\x01\xf5", "not_cbor"),
        (b"\x81" * 50, "not_cbor"),
        (b"\xd9\xd9\xf7\xa1\x02\x01", "wrong_shape"),
    ],
)
def test_a_pack_that_is_none_is_refused(payload: bytes, reason: str) -> None:
    found = decode("senml", payload)
    assert (found.rows, found.reasons) == ([], [reason])


def test_the_first_byte_tells_the_encodings_apart() -> None:
    """A CBOR array begins with 0x80 to 0x9f, with or without CBOR's own mark; no JSON text does."""
    record = b"\xa2\x00\x61a\x02\x01"
    for payload in (b"\x81" + record, b"\x98\x01" + record, b"\xd9\xd9\xf7\x81" + record, b' \n[{"n":"a","v":1}]'):
        assert decode("senml", payload).values == [1]


def test_a_topic_may_give_the_tag() -> None:
    found = decode("senml", [{"n": "x", "v": 1}], tag="{gateway}")
    assert found.tags == ["g"]


def test_units_that_have_another_name_with_us_are_known() -> None:
    assert [unit for unit in (*OURS.values(), *SUMMED, *SUMMED.values()) if not known(unit)] == []
    found = both([{"n": "a", "u": unit, "v": 1} for unit in ("Cel", "/", "l/s", "%RH", "furlong")])
    assert [row.unit for row in found.rows] == ["degC", "1", "L/s", "%RH", "furlong"]


number = st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6)
record_ = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from(["", "a", "b", "c_"]),
        "u": st.sampled_from(["Cel", "kPa", ""]),
        "v": number,
        "vb": st.booleans(),
        "vs": st.just("x"),
        "s": number,
        "t": st.sampled_from([0, -1, 2.5, T, 4e9]),
        "bn": st.sampled_from(["x/", "y/"]),
        "bt": st.sampled_from([0, T, -7]),
        "bu": st.sampled_from(["V", "W"]),
        "bv": number,
        "bs": number,
        "bver": st.sampled_from([10, 26]),
        "ut": number,
        "other": st.just([1, {"a": "}"}]),
    },
)
pack_ = st.lists(record_, min_size=1, max_size=6)


def resolved(pack: list[dict[str, Any]]) -> tuple[list[Row], int]:
    """As the RFC says it, record by record; and how many are no reading."""
    bn, bt, bu, bv, bs = "", 0.0, "", 0.0, 0.0
    rows, refused = [], 0
    for one in pack:
        bn, bu = one.get("bn", bn), one.get("bu", bu)
        bt, bv, bs = float(one.get("bt", bt)), float(one.get("bv", bv)), float(one.get("bs", bs))
        unit, name, time_s = one.get("u", bu), bn + one.get("n", ""), bt + float(one.get("t", 0))
        ours = OURS.get(unit, unit)
        us = round(time_s * 1e6)
        time_ns = None if time_s == 0 else us * 1000 + (RECEIVED_NS if time_s < 2**28 else 0)
        values = [key for key in ("v", "vb", "vs") if key in one]
        bases_alone = not values and "s" not in one and not one.get("n") and not {"u", "t"} & set(one)
        if bases_alone:
            continue
        if len(values) > 1 or "vs" in values or (not values and "s" not in one):
            refused += 1
        elif values:
            rows.append(Row(name, float(one["v"]) + bv if "v" in one else float(one["vb"]), time_ns, GOOD, ours))
        if "s" in one:
            rows.append(Row(name + "/sum", float(one["s"]) + bs, time_ns, GOOD, SUMMED.get(ours, f"{ours}*s")))
    return [row for row in rows if row.tag], refused


@settings(max_examples=500, deadline=None)
@given(pack_)
@example([{"n": "a", "v": 1}, {"n": "b", "v": 2, "bn": "x/"}])
def test_any_pack_resolves_as_the_rfc_says(pack: list[dict[str, Any]]) -> None:
    expected, refused = resolved(pack)
    found = both(pack)
    if found.reasons == ["no_value"] and not expected and len(found.refused) == 1 and refused != 1:
        return  # base fields alone
    assert found.rows == expected
    unnamed = sum(one.count for one in found.refused if one.reason == "bad_tag")
    assert sum(one.count for one in found.refused) == refused + unnamed


@settings(max_examples=300, deadline=None)
@given(pack_, st.integers(0, 400), st.sampled_from([b"", b" ", b"}", b"]", b",", b'"', b"\\", b"1"]))
def test_what_the_quick_reader_takes_is_read_as_the_other_one_reads_it(
    pack: list[dict[str, Any]], at: int, put: bytes
) -> None:
    text = json.dumps(pack).encode()
    payload = text[:at] + put + text[at:]
    reader = PackReader(8, 100)
    quick = reader.numbers(payload)
    if quick is None:
        return
    slow = reader.read(payload)
    assert isinstance(slow, list)
    assert all(isinstance(one, Record) for one in slow)
    fields = ("n", "v", "t", "u")
    assert [[getattr(one, key) for key in fields] for one in (quick[0], *quick[1])] == [
        [getattr(one, key) for key in fields] for one in slow
    ]
    assert quick[0] == slow[0]
    assert all(getattr(one, key) is None for one in slow[1:] for key in ("bn", "bt", "bu", "bv", "bs", "bver", "vb"))
