"""The compiled reader agrees with the careful one on every message that it takes, and takes what sensors send."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.formats import json_kernel
from connectors.formats.columns import quality_column, time_column, value_column
from connectors.formats.contract import Faults
from connectors.formats.json_careful import CarefulReader, Parsed, Reading
from model.batch import BAD
from model.connector import Deliveries, Delivery, Refusals

Row = tuple[Any, ...]


def compiled(payload: bytes) -> list[Row] | None:
    """Rows of one payload; None where it is left to others."""
    data = np.frombuffer(payload, np.uint8)
    ends = np.array([0]), np.array([len(payload)])
    rows, left = json_kernel.read(data, *ends, np.ones(1, np.bool_))
    if left[0]:
        assert len(rows) == 0
        return None
    return [
        (
            int(row["element"]),
            repr(float(row["value"])),
            int(row["time_ns"]),
            int(row["quality"]),
            _text(payload, row["tag_at"], row["tag_end"]),
            _text(payload, row["unit_at"], row["unit_end"]),
        )
        for row in rows
    ]


def _text(payload: bytes, begin: int, end: int) -> bytes | None:
    return None if begin < 0 else payload[begin:end]


def careful(payload: bytes) -> list[Row] | None:
    """Rows of one payload as the other reader gives them; None where it refuses anything."""
    parsed = Parsed()
    refusals = Refusals(Deliveries.of([Delivery("test", "a", payload, 0, retained=False, receipt=0)]))
    CarefulReader(8).read(0, payload, parsed, refusals)
    faults: Faults = {}
    readings = parsed.readings
    value = value_column([one.value for one in readings], faults)
    time_ns = time_column([one.time for one in readings], faults)
    quality = quality_column([one.quality for one in readings], faults)
    quality[np.isnan(value)] = BAD
    if faults or list(refusals):
        return None
    return [_row(parsed, at, readings[at], value[at], time_ns[at], quality[at]) for at in range(len(readings))]


def _row(parsed: Parsed, at: int, reading: Reading, value: float, time_ns: int, quality: int) -> Row:
    tag, unit = (None if one is None else one.encode() for one in (reading.tag, reading.unit))
    return parsed.element[at], repr(float(value)), int(time_ns), int(quality), tag, unit


def agrees(payload: bytes) -> bool:
    """Whether it was taken; fails where the readers differ."""
    found = compiled(payload)
    if found is None:
        return False
    try:
        payload.decode()
    except UnicodeDecodeError:  # tags and units are checked when they are looked up
        return True
    assert found == careful(payload)
    return True


@pytest.mark.parametrize(
    "payload",
    [
        b'{"value":12.5}',
        b' { "value" : -0.25e1 , "time" : 1700000000.25 } \n',
        b'{"time":1700000000123,"value":5,"tag":"a/b","unit":"\xc2\xb0C","quality":"uncertain"}',
        b'[{"value":1},{"value":null,"quality":192},{"value":true,"tag":null}]',
        b'{"value":1,"time":"2026-11-26 23:44:00"}',
        b'{"value":1,"time":"2024-02-29T00:00:00.125Z","id":"x","n":-1e5,"ok":false,"none":null}',
        b'{"value":1,"time":"2026-11-26T23:44:00.123456+08:00"}',
        b'{"value":1,"time":-5}',
        b'{"value":123456789012345678,"time":1700000000123456789}',
        b'{"value":1,"quality":0}',
        b"[" + b",".join([b'{"tag":"s/1","value":4.97,"time":1700000000123}'] * 50) + b"]",
    ],
)
def test_what_sensors_send_is_taken(payload: bytes) -> None:
    assert agrees(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b"1",
        b'{"value":01}',
        b'{"value":1.}',
        b'{"value":.5}',
        b'{"value":+1}',
        b'{"value":1e}',
        b'{"value":1e5x}',
        b'{"value":-}',
        b'{"value":-0.0}',
        b'{"value":NaN}',
        b'{"value":Infinity}',
        b'{"value":1e400}',
        b'{"value":"5"}',
        b'{"value":1,"value":2}',
        b'{"value":1,"tag":"a\\n"}',
        b'{"value":1,"tag":"a\n"}',
        b'{"value":1,"x":{"y":1}}',
        b'{"value":1,"x":[1]}',
        b'{"value":1,}',
        b'{"value":1}}',
        b'{"value":1} {"value":2}',
        b'[{"value":1},]',
        b'[{"value":1}',
        b'{"value":1,"time":"2026-02-29 00:00:00"}',
        b'{"value":1,"time":"2026-11-26"}',
        b'{"value":1,"time":"2026-11-26 24:00:00"}',
        b'{"value":1,"quality":"good "}',
        b'{"value":1,"quality":256}',
        b'{"value":1,"quality":192.0}',
        b'{"value":1,"time":true}',
        b'{"time":1}',
    ],
)
def test_what_is_in_doubt_is_left(payload: bytes) -> None:
    assert compiled(payload) is None


number_ = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers(-(10**20), 10**20).map(str)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-10000, max_value=10000).map(str)
    | st.from_regex(r"-?[0-9]{0,3}\.?[0-9]{0,19}([eE][+-]?[0-9]{0,3})?", fullmatch=True)
)
moment = st.datetimes().map(lambda at: json.dumps(at.isoformat(timespec="milliseconds")))
odd_moment = st.from_regex(
    r'"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,7})?(Z|[+-][0-2][0-9]:[0-6]\d)?"',
    fullmatch=True,
)
word = st.text(max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False)) | st.sampled_from(["null", "true"])
quality_ = st.sampled_from(['"good"', '"bad"', '"uncertain"', '"Good"', "192", "64", "0", "255", "256", "-1", "1.0"])
member = (
    st.tuples(st.just('"value"'), number_ | word)
    | st.tuples(st.just('"time"'), number_ | moment | odd_moment | word)
    | st.tuples(st.sampled_from(['"tag"', '"unit"']), word)
    | st.tuples(st.just('"quality"'), quality_)
    | st.tuples(st.text(max_size=3).map(json.dumps), number_ | word)
)
blank = st.sampled_from(["", "", "", " ", "\n", "\t "])
object_ = st.lists(st.tuples(blank, member, blank), max_size=5).map(
    lambda members: "{" + ",".join(f"{a}{key}{b}:{a}{value}{b}" for a, (key, value), b in members) + "}"
)
payload_ = (object_ | st.lists(object_, max_size=4).map(lambda many: "[" + ",".join(many) + "]")).map(str.encode)
cut = st.tuples(payload_, st.integers(0, 120), st.binary(max_size=2)).map(
    lambda given_: given_[0][: given_[1]] + given_[2] + given_[0][given_[1] + 1 :]
)


@settings(max_examples=1500, deadline=None)
@given(payload_ | cut)
@example(b'{"value":9007199254740993}')
@example(b'{"value":0.1e23}')
@example(b'{"value":999999999999999999}')
@example(b'{"value":8999999999999999999}')
@example(b'{"value":9223372036854775808}')
@example(b'{"value":1,"time":9223372036854775807}')
@example(b'{"value":1,"time":8999999999999999999}')
@example(b'{"value":0.1234567890123456789}')
@example(b'{"value":1,"time":99999999999}')
@example(b'{"value":1,"time":1e17}')
def test_what_is_taken_is_read_as_the_careful_reader_reads_it(payload: bytes) -> None:
    agrees(payload)


@settings(max_examples=800, deadline=None)
@given(st.integers(-(10**18), 10**18), st.integers(-25, 25))
def test_a_number_is_the_nearest_float(digits: int, power: int) -> None:
    found = compiled(b'{"value":%de%d}' % (digits, power))
    if found is not None:
        expected = float(f"{digits}e{power}")
        assert found[0][1] == repr(expected if math.copysign(1, expected) > 0 or expected else 0.0)


def test_several_messages_are_read_in_order_and_each_alone() -> None:
    payloads = [b'{"value":1}', b'{"value":', b'[{"value":2},{"value":3}]', b'{"value":4,"x":[]}', b'{"value":5}']
    ends = np.cumsum([0, *map(len, payloads)])
    wanted = np.array([True, True, True, True, False])
    rows, left = json_kernel.read(
        np.frombuffer(b"".join(payloads), np.uint8), ends[:-1].copy(), ends[1:].copy(), wanted
    )
    assert rows["value"].tolist() == [1, 2, 3]
    assert rows["delivery"].tolist() == [0, 2, 2]
    assert left.tolist() == [False, True, False, True, False]
