"""Sparkplug B: what births and data give, which types and times, what is refused and what is left out."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.formats.sparkplug_payload import BOOLEAN, DOUBLE, FLOAT, new_payload, read_payload, rebirth_command
from connectors.formats.sparkplug_settings import SparkplugSubscription
from model.batch import BAD, GOOD, UNCERTAIN
from tests.connectors.formats.decoding import Row
from tests.connectors.formats.edge_node import (
    GOLDEN,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    EdgeNode,
    M,
    text_metric,
)
from tests.connectors.formats.sparkplug_host import MS, Host, born


def test_golden_bytes_are_read_as_they_were_worked_out_by_hand() -> None:
    payload: Any = read_payload(GOLDEN)
    assert (payload.timestamp, payload.seq, len(payload.metrics)) == (1000, 1, 1)
    (metric,) = payload.metrics
    assert (metric.alias, metric.timestamp, metric.float_value, metric.HasField("name")) == (7, 999, 21.5, False)
    host, node = Host(), EdgeNode()
    host.hear(node.birth(M("temp", 1.0, FLOAT, alias=7)))
    assert host.hear(("spBv1.0/plant/NDATA/edge-1", GOLDEN)).rows == [Row("temp", 21.5, 999 * 10**6)]


def test_the_rebirth_command_has_the_bytes_that_the_specification_asks_for() -> None:
    assert rebirth_command(1) == (
        b"\x08\x01"  # timestamp 1
        b"\x12\x1c"  # a metric of 28 bytes
        b"\x0a\x14Node Control/Rebirth"
        b"\x18\x01"  # its timestamp
        b"\x20\x0b"  # Boolean
        b"\x70\x01"  # true
    )


def test_births_give_values_and_data_calls_them_by_their_alias() -> None:
    host, node = Host(), EdgeNode()
    found = host.hear(
        node.birth(M("temp", 20.5, FLOAT, alias=1, time_ms=MS), time_ms=MS),
        node.device_birth("pump", M("in/flow rate", 5.25, DOUBLE, alias=2, time_ms=MS), time_ms=MS),
        node.data(M(value=21.5, alias=1, time_ms=MS + 5)),
        node.device_data("pump", M(value=6.5, alias=2), time_ms=MS + 7),
        node.device_data("pump", M("in/flow rate", 7.5, time_ms=MS + 9)),
    )
    assert not found.refused
    assert found.rows == [
        Row("temp", 20.5, MS * 10**6),
        Row("pump/in/flow_rate", 5.25, MS * 10**6),
        Row("temp", 21.5, (MS + 5) * 10**6),
        Row("pump/in/flow_rate", 6.5, (MS + 7) * 10**6),
        Row("pump/in/flow_rate", 7.5, (MS + 9) * 10**6),
    ]
    assert host.asks(1000) == []
    assert found.left_out == {"control": 2}


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (INT8, -128),
        (INT8, 127),
        (INT16, -32768),
        (INT32, -1),
        (INT32, 2**31 - 1),
        (INT64, -(2**63)),
        (INT64, 2**53),
        (UINT8, 255),
        (UINT16, 65535),
        (UINT32, 2**32 - 1),
        (UINT64, 2**64 - 1),
        (FLOAT, 0.5),
        (DOUBLE, 0.1),
        (BOOLEAN, True),
        (BOOLEAN, False),
    ],
)
def test_every_number_type_is_read_with_its_sign(datatype: int, value: float) -> None:
    host, node = Host(), EdgeNode()
    found = host.hear(node.birth(M("x", value, datatype, alias=1)), node.data(M(value=value, alias=1)))
    assert found.values == [float(value)] * 2


def test_a_signed_byte_may_be_written_in_eight_bits() -> None:
    host, node = Host(), EdgeNode()
    found = host.hear(
        node.birth(M("x", datatype=INT8, more={"int_value": 0xFF}), M("y", datatype=INT64, more={"int_value": 5}))
    )
    assert found.values == [-1.0, 5.0]


def test_what_is_no_number_is_left_out_by_its_name_and_counted() -> None:
    host, node = Host(), EdgeNode()
    extra = [
        M("when", 5, 13),
        M("set", datatype=16),
        M("udt", datatype=19),
        M("list", datatype=25),
        M("odd", datatype=99),
    ]
    birth = node.birth(*extra, M("temp", 1.0, FLOAT), tail=text_metric("fw", "1.2", alias=9))
    found = host.hear(birth, node.data(M(alias=9, more={"name": b""})))
    assert found.values == [1.0]
    assert not found.refused
    assert found.left_out == {
        "control": 2, "datetime": 1, "dataset": 1, "template": 1, "array": 1, "unknown": 1, "string": 2,
    }  # fmt: skip


def test_null_and_values_that_are_no_measurement_are_bad() -> None:
    host, node = Host(), EdgeNode()
    found = host.hear(
        node.birth(M("a", datatype=FLOAT, more={"is_null": True}), M("b", math.nan, DOUBLE), M("c", math.inf, FLOAT))
    )
    assert [(math.isnan(row.value), row.quality) for row in found.rows] == [(True, BAD)] * 3


@pytest.mark.parametrize(("code", "expected"), [(0, BAD), (192, GOOD), (500, BAD), (64, UNCERTAIN), (255, GOOD)])
def test_the_property_quality_counts(code: int, expected: int) -> None:
    host, node = Host(), EdgeNode()
    topic, data = node.birth(M("x", 1.0, FLOAT))
    payload: Any = read_payload(data)
    payload.metrics[2].properties.keys.append(b"Quality")
    payload.metrics[2].properties.values.add(int_value=code)
    assert host.hear((topic, payload.SerializeToString())).rows[0].quality == expected


def test_a_property_may_hold_the_unit() -> None:
    node = EdgeNode()
    topic, data = node.birth(M("x", 1.0, FLOAT, alias=1))
    payload: Any = read_payload(data)
    payload.metrics[2].properties.keys.append(b"engUnit")
    payload.metrics[2].properties.values.add(string_value=b"kPa")
    birth = topic, payload.SerializeToString()
    assert [row.unit for row in Host(unit_property="engUnit").hear(birth, node.data(M(value=2.0, alias=1))).rows] == [
        "kPa",
        "kPa",
    ]
    assert Host().hear(birth).rows[0].unit == ""


def test_historical_values_keep_their_time_and_need_one() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    history = {"is_historical": True}
    found = host.hear(
        node.device_data(
            "pump", M(value=1.0, alias=2, time_ms=MS - 60_000, more=history), M(value=2.0, alias=2, more=history)
        )
    )
    assert (found.times, found.reasons) == ([(MS - 60_000) * 10**6], ["no_time"])


def test_times_fall_back_to_the_message_and_to_the_receipt() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    found = host.hear(
        node.data(M(value=1.0, alias=1, time_ms=5), time_ms=7),
        node.data(M(value=1.0, alias=1), time_ms=7),
        node.data(M(value=1.0, alias=1), time_ms=None),
        node.data(M(value=1.0, alias=1, time_ms=2**64 - 1)),
    )
    assert found.times == [5 * 10**6, 7 * 10**6, None, 2**63 - 1]


@pytest.mark.parametrize(
    ("message", "reasons"),
    [
        (("spBv1.0/plant/NBIRTH/edge-1", b"\x12\x05a"), ["not_protobuf"]),
        (("spBv1.0/plant/NDATA/edge-1", new_payload(metrics=[{"float_value": 1}]).SerializeToString()), ["no_name"]),
        (("spBv1.0/plant/NBIRTH/edge-1", new_payload(metrics=[{"alias": 1}]).SerializeToString()), ["no_name"]),
        (("spBv1.0/plant/NBIRTH/edge-1", new_payload(metrics=[{"name": b"x"}]).SerializeToString()), ["no_datatype"]),
        (
            (
                "spBv1.0/plant/NBIRTH/edge-1",
                new_payload(metrics=[{"name": b"\xff", "datatype": 9}]).SerializeToString(),
            ),
            ["bad_name"],
        ),
        (
            ("spBv1.0/plant/NBIRTH/edge-1", new_payload(metrics=[{"name": b"x", "datatype": 9}]).SerializeToString()),
            ["bad_value"],
        ),
        (
            (
                "spBv1.0/plant/NBIRTH/edge-1",
                new_payload(metrics=[{"name": b"a\n", "datatype": 9, "float_value": 1}]).SerializeToString(),
            ),
            ["bad_tag"],
        ),
        (("spBv1.0/plant/NCMD/edge-1", b""), ["no_subscription"]),
        (("spBv1.0/plant/DDATA/edge-1", b""), ["no_subscription"]),
        (("spBv1.0/STATE/host", b"{}"), ["no_subscription"]),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(message: tuple[str, bytes], reasons: list[str]) -> None:
    assert Host().hear(message).reasons == reasons


def test_messages_without_a_metric_are_counted() -> None:
    host, node = Host(), EdgeNode()
    born(host, node)
    assert host.hear(node.data()).left_out == {"empty": 1}
    assert host.hear(node.device_birth("nothing")).left_out == {"empty": 1}
    assert host.hear(node.device_death("nothing")).left_out == {"death": 1}


def test_the_topics_are_those_of_readings_alone() -> None:
    filters = [pattern.filter for pattern, _ in SparkplugSubscription(group="plant").routes]
    assert filters == [
        "spBv1.0/plant/NBIRTH/+",
        "spBv1.0/plant/NDEATH/+",
        "spBv1.0/plant/NDATA/+",
        "spBv1.0/plant/DBIRTH/+/+",
        "spBv1.0/plant/DDEATH/+/+",
        "spBv1.0/plant/DDATA/+/+",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"group": "a/b"},
        {"group": "#"},
        {"node": "{x}"},
        {"tag": "{site}"},
        {"node_tag": "{device}"},
        {"nodes": ["edge-1"]},
        {"primary_host": "a/b"},
        {"reorder_timeout_s": -1},
        {"topic": "spBv1.0/#"},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SparkplugSubscription.model_validate(wrong)


def test_presence_is_the_state_of_a_host() -> None:
    presence = SparkplugSubscription(primary_host="fengsui").presence
    assert presence is not None
    assert presence.topic == "spBv1.0/STATE/fengsui"
    here, gone = (presence.payload(online, 5) for online in (True, False))
    assert json.loads(here) == {"online": True, "timestamp": 5}
    assert presence.gone(gone)
    assert not presence.gone(here)
    assert not presence.gone(b"OFFLINE")
    assert SparkplugSubscription().presence is None
