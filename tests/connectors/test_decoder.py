"""The JSON decoder: what it makes of readings, and that no payload brings it down or takes its neighbours along."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.decoder import MessageDecoder
from connectors.formats.json_careful import UNPARSED_MAX
from connectors.topic import Subscription
from model.batch import BAD, GOOD, NO_TIME, UNCERTAIN
from model.connector import REFUSALS_EACH_MAX, Deliveries, Delivery, Readings, Refusal

SUBSCRIPTIONS = [
    Subscription(topic="district/{site}/{sensor}", tag="{site}/{sensor}"),
    Subscription(topic="gateways/{gateway}", tag="{tag}"),
    Subscription(topic="prefixed/{gateway}", tag="{gateway}/{tag}"),
]
SECOND = 1_700_000_000
NS = 10**9


def deliveries(*messages: tuple[str, bytes]) -> Deliveries:
    return Deliveries.of(
        [Delivery("test", topic, payload, 0, retained=False, receipt=n) for n, (topic, payload) in enumerate(messages)]
    )


def units(readings: Readings) -> list[str]:
    return [readings.units[place] for place in readings.unit]


def decode(*payloads: bytes | object, topic: str = "district/a/b") -> tuple[Readings, list[Refusal]]:
    written = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]
    return MessageDecoder(SUBSCRIPTIONS).decode(deliveries(*((topic, one) for one in written)))


def reasons(refused: Sequence[Refusal]) -> list[str]:
    return [one.reason for one in refused]


def test_a_plain_reading_becomes_a_row() -> None:
    readings, refused = decode({"value": 12.5, "time": SECOND, "unit": "ppm", "quality": "uncertain"})
    assert not refused
    assert readings.tags == ["a/b"]
    assert units(readings) == ["ppm"]
    assert readings.value.tolist() == [12.5]
    assert readings.time_ns.tolist() == [SECOND * NS]
    assert readings.quality.tolist() == [UNCERTAIN]
    assert readings.delivery.tolist() == [0]
    assert [a.dtype for a in (readings.value, readings.time_ns, readings.quality, readings.delivery)] == [
        np.float64,
        np.int64,
        np.uint8,
        np.int32,
    ]


def test_an_array_of_readings_becomes_rows_of_one_delivery() -> None:
    readings, refused = decode({"value": 1}, [{"value": 2}, {"value": 3}], {"value": 4})
    assert not refused
    assert readings.value.tolist() == [1, 2, 3, 4]
    assert readings.delivery.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("given_", "expected_ns"),
    [
        (SECOND, SECOND * NS),
        (SECOND + 0.25, SECOND * NS + NS // 4),
        (SECOND * 1000 + 5, SECOND * NS + 5_000_000),
        (SECOND * 10**6 + 7, SECOND * NS + 7000),
        (SECOND * NS + 9, SECOND * NS + 9),
        (f"{SECOND}", SECOND * NS),
        ("2023-11-14T22:13:20Z", SECOND * NS),
        ("2023-11-14T22:13:20.123456Z", SECOND * NS + 123_456_000),
        ("2023-11-15T06:13:20+08:00", SECOND * NS),
        ("2023-11-15 06:13:20", SECOND * NS),
        ("2023-11-15T06:13:20", SECOND * NS),
        (None, NO_TIME),
        (0, 0),
        (-1, -NS),
        (10**11 - 1, np.iinfo(np.int64).max),
        (-(10**30), -np.iinfo(np.int64).max),
        (1e300, np.iinfo(np.int64).max),
    ],
)
def test_a_time_may_be_written_in_many_ways(given_: object, expected_ns: int) -> None:
    readings, refused = decode({"value": 1, "time": given_})
    assert not refused
    assert readings.time_ns.tolist() == [expected_ns]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [(1, 1.0), (-0.5, -0.5), ("12.5", 12.5), (" 1e3 ", 1000.0), (True, 1.0), (False, 0.0), ("1e300", 1e300)],
)
def test_a_value_may_be_a_number_a_numeric_text_or_a_truth(given_: object, expected: float) -> None:
    readings, refused = decode({"value": given_})
    assert not refused
    assert readings.value.tolist() == [expected]
    assert readings.quality.tolist() == [GOOD]


@pytest.mark.parametrize(
    "raw", [b"null", b"1e301", b"-1e308", b"1e400", b"-1e999", b"1" + b"0" * 400, b'"1e400"', b"9" * 310]
)
def test_a_value_that_is_no_measurement_is_bad_and_nan(raw: bytes) -> None:
    readings, refused = decode(b'{"value":' + raw + b',"quality":"good"}')
    assert not refused
    assert math.isnan(readings.value[0])
    assert readings.quality.tolist() == [BAD]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [("good", GOOD), ("Bad", BAD), (192, GOOD), (216, GOOD), (64, UNCERTAIN), (0, BAD), (24, BAD), (None, GOOD)],
)
def test_a_quality_is_a_word_or_an_opc_quality(given_: object, expected: int) -> None:
    readings, refused = decode({"value": 1, "quality": given_})
    assert not refused
    assert readings.quality.tolist() == [expected]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b'{"value":1', "not_json"),
        (b'{"value":NaN}', "not_json"),
        (b'{"value":Infinity}', "not_json"),
        (b'{"value":1} {"value":2}', "not_json"),
        (b'{"value":1},{"value":2}', "not_json"),
        (b'{"value":1,"unit":"\xff"}', "not_json"),
        (b"17", "wrong_shape"),
        (b'"17"', "wrong_shape"),
        (b"null", "wrong_shape"),
        (b"[]", "wrong_shape"),
        (b"[17]", "wrong_shape"),
        (b"[[]]", "wrong_shape"),
        (b"{}", "no_value"),
        (b'{"time":1}', "no_value"),
        (b'{"value":{"a":1}}', "bad_value"),
        (b'{"value":"warm"}', "bad_value"),
        (b'{"value":""}', "bad_value"),
        (b'{"value":"nan"}', "bad_value"),
        (b'{"value":1,"time":"yesterday"}', "bad_time"),
        (b'{"value":1,"time":"2023-11-15"}', "bad_time"),
        (b'{"value":1,"time":true}', "bad_time"),
        (b'{"value":1,"time":[]}', "bad_time"),
        (b'{"value":1,"quality":"fine"}', "bad_quality"),
        (b'{"value":1,"quality":256}', "bad_quality"),
        (b'{"value":1,"quality":1.5}', "bad_quality"),
        (b'{"value":1,"unit":5}', "bad_unit"),
        (b'{"value":1,"tag":5}', "bad_tag"),
        (b'{"value":1,"x":' + b"[" * 9 + b"]" * 9 + b"}", "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"value":1,"x":' + b'["]",' * 20_000 + b"1" + b"]" * 20_000 + b"}", "too_deep"),
        (b'[{"value":1' + b" " * 262_144 + b"}]", "too_large"),
    ],
)
def test_a_payload_that_cannot_be_used_is_refused_alone(payload: bytes, reason: str) -> None:
    readings, refused = decode({"value": 1}, payload, {"value": 2})
    assert reasons(refused) == [reason]
    assert refused[0].delivery.receipt == 1
    assert "got" in refused[0].detail
    assert readings.value.tolist() == [1, 2]
    assert readings.delivery.tolist() == [0, 2]


def test_a_bad_reading_of_an_array_leaves_its_neighbours_alone() -> None:
    array = b'[{"value":1},{"value":"x"},{"value":2},17,{"value":3,"time":"?"},{"value":1e999},{"value":4}]'
    readings, refused = decode(array)
    assert reasons(refused) == ["bad_value", "wrong_shape", "bad_time"]
    assert [one.payload for one in refused] == [b'{"value":"x"}', b"17", b'{"value":3,"time":"?"}']
    assert np.array_equal(readings.value, [1, 2, math.nan, 4], equal_nan=True)


def test_a_reading_names_its_own_tag_where_the_template_says_so() -> None:
    payload = [{"value": 1, "tag": "a/b"}, {"value": 2}, {"value": 3, "tag": "a b"}]
    readings, refused = decode(payload, topic="gateways/g1")
    assert readings.tags == ["a/b"]
    assert reasons(refused) == ["no_tag", "bad_tag"]
    readings, refused = decode({"value": 1, "tag": "b"}, topic="prefixed/g1")
    assert readings.tags == ["g1/b"]
    assert not refused


def test_a_tag_in_a_reading_counts_for_nothing_where_the_topic_gives_it() -> None:
    readings, refused = decode({"value": 1, "tag": "someone/else"})
    assert readings.tags == ["a/b"]
    assert not refused


@pytest.mark.parametrize(
    ("topic", "reason"), [("elsewhere/a", "no_subscription"), ("district/a b/c", "bad_tag"), ("", "no_subscription")]
)
def test_a_topic_that_gives_no_tag_is_refused(topic: str, reason: str) -> None:
    readings, refused = MessageDecoder(SUBSCRIPTIONS).decode(
        deliveries(("district/a/b", b'{"value":1}'), (topic, b'{"value":2}'))
    )
    assert readings.value.tolist() == [1]
    assert reasons(refused) == [reason]


@pytest.mark.parametrize(
    "payloads",
    [
        [b'{"value":1', b'"time":2}'],
        [b'{"value":1},{"value":2}', b'{"value":3,"x":[{"a":1}', b'{"b":2}],"value":4}'],
        [b'{"value":1},0,{"value":2}', b'{"value":3,"x":[{"a":1}', b'{"b":2}],"value":4}'],
        [b'[{"value":1}', b'{"value":2}]'],
        [b'{"value":1,"x":"}', b'{","y":1}'],
    ],
)
def test_messages_that_make_sense_only_together_are_refused_each(payloads: list[bytes]) -> None:
    readings, refused = decode(*payloads)
    assert readings.tags == []
    assert len(refused) == len(payloads)
    assert set(reasons(refused)) <= {"not_json", "wrong_shape"}


def test_no_deliveries_are_no_rows() -> None:
    readings, refused = MessageDecoder(SUBSCRIPTIONS).decode(deliveries())
    assert readings.tags == []
    assert len(readings.value) == 0
    assert refused == []


number = st.floats() | st.integers(-(10**30), 10**30) | st.booleans()
value = number | st.none() | st.text(max_size=5) | st.floats().map(str) | st.lists(st.integers(), max_size=2)
reading: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "value": value,
        "time": value | st.just("2023-11-15 06:13:20"),
        "tag": st.text(max_size=4) | st.integers(),
        "unit": st.sampled_from(["ppm", "", None, 1]),
        "quality": st.sampled_from(["good", "bad", 192, 64, 0, 999, "x", 1.5, None]),
    },
)
nested: st.SearchStrategy[Any] = st.recursive(
    reading, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner), max_leaves=12
)
as_json = (reading | st.lists(reading, max_size=5) | nested).map(lambda one: json.dumps(one).encode())
broken = st.tuples(as_json, st.integers(0, 200), st.binary(max_size=3)).map(
    lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :]
)
payload_ = as_json | broken | st.binary(max_size=30)
topic_ = st.sampled_from(["district/a/b", "district/a/c", "gateways/g", "prefixed/g", "elsewhere", "district/ /b"])
messages_ = st.lists(st.tuples(topic_, payload_), max_size=8)


def rows(readings: Readings, begin: int = 0) -> list[tuple[object, ...]]:
    columns = (readings.time_ns, readings.value, readings.quality, readings.delivery + begin)
    return [
        (tag, unit, *(repr(column[row]) for column in columns))
        for row, (tag, unit) in enumerate(zip(readings.tags, units(readings), strict=True))
    ]


@settings(max_examples=400, deadline=None)
@given(messages_)
@example([("district/a/b", b'{"value":' + b"9" * 5000 + b"}")])
@example([("district/a/b", b'{"value":1,"time":' + b"9" * 5000 + b"}")])
@example([("district/a/b", b'{"value":1,"time":1e400}')])
@example([("district/a/b", b'{"value":1,"quality":' + b"9" * 5000 + b"}")])
def test_every_delivery_ends_in_rows_or_refusals(messages: list[tuple[str, bytes]]) -> None:
    readings, refused = MessageDecoder(SUBSCRIPTIONS).decode(deliveries(*messages))
    seen = set(readings.delivery.tolist()) | {one.delivery.receipt for one in refused}
    assert seen == set(range(len(messages)))
    assert len({len(readings.tags), len(readings.unit), *map(len, (readings.value, readings.time_ns))}) == 1
    assert np.all(np.isnan(readings.value) <= (readings.quality == BAD))
    assert [one.delivery.receipt for one in refused] == sorted(one.delivery.receipt for one in refused)
    for number_, (topic, payload) in enumerate(messages):
        _check_count(topic, payload, number_, readings, refused)


def _check_count(topic: str, payload: bytes, n: int, readings: Readings, refused: list[Refusal]) -> None:
    """Each reading of an array ends in exactly one row or refusal, unless the message was refused whole."""
    mine = [one for one in refused if one.delivery.receipt == n]
    count = readings.delivery.tolist().count(n) + len(mine)
    try:
        found = json.loads(payload)
    except ValueError:
        return
    if isinstance(found, list) and not (len(mine) == 1 and mine[0].payload == payload):
        assert count == len(found)
    else:
        assert count == 1


@settings(max_examples=300, deadline=None)
@given(messages_, st.integers(0, 8))
def test_any_split_of_a_batch_gives_the_same_rows(messages: list[tuple[str, bytes]], cut: int) -> None:
    whole, refused = MessageDecoder(SUBSCRIPTIONS).decode(deliveries(*messages))
    decoder = MessageDecoder(SUBSCRIPTIONS)
    first, refused_first = decoder.decode(deliveries(*messages[:cut]))
    second, refused_second = decoder.decode(deliveries(*messages[cut:]))
    assert rows(whole) == rows(first) + rows(second, begin=min(cut, len(messages)))
    assert [(one.reason, one.payload) for one in refused] == [
        (one.reason, one.payload) for one in (*refused_first, *refused_second)
    ]


def of_many(part: bytes, count: int) -> bytes:
    return b"[" + b",".join([part] * count) + b"]"


@pytest.mark.parametrize(
    ("payload", "count"),
    [
        (of_many(b'{"value":"x"}', 15_000), 15_000),
        (of_many(b"1", 130_000), 130_000),
        (of_many(b'{"value":[]}', 20_000), 20_000),
    ],
)
def test_many_bad_readings_are_refused_each_and_cost_no_more_than_a_hundred(payload: bytes, count: int) -> None:
    """One refusal must neither look through the whole payload again nor hold a copy of it."""
    readings, refused = decode(payload)
    assert readings.tags == []
    assert sum(one.count for one in refused) == count
    assert len(refused) == REFUSALS_EACH_MAX + 1
    assert len({id(one.delivery) for one in refused}) == 1


def test_readings_behind_a_thousand_that_do_not_parse_are_refused_with_them() -> None:
    bad, good = [b"0"] * UNPARSED_MAX, [b'{"value":1}'] * 5
    readings, refused = decode(b"[" + b",".join([*good, *bad[1:], *good]) + b"]")
    assert (len(readings), sum(one.count for one in refused)) == (10, UNPARSED_MAX - 1)
    readings, refused = decode(b"[" + b",".join([*good, *bad, *good]) + b"]")
    assert (len(readings), sum(one.count for one in refused)) == (5, UNPARSED_MAX + 5)
