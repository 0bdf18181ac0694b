"""One entry for every format: bytes in, and nothing may break. Used by the quick tests, the long proof and atheris.

Seeds are messages that are right, made here; what goes in is made of them and of chance.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cbor2
import numpy as np

from connectors.decoder import MessageDecoder
from connectors.formats.columnar import ColumnsSubscription
from connectors.formats.csv_lines import CsvSubscription
from connectors.formats.json_readings import JsonSubscription
from connectors.formats.mapped_settings import MappedJsonSubscription
from connectors.formats.senml import SenmlSubscription
from connectors.formats.sparkplug_settings import SparkplugSubscription
from connectors.topic import AnySubscription
from model.batch import BAD
from model.connector import Deliveries, Delivery, Readings, Refusal
from tests.connectors.formats.edge_node import BOOLEAN, FLOAT, INT8, INT64, EdgeNode, M, text_metric
from tests.connectors.formats.gateway import packed

RECEIVED_NS = 1_772_971_530 * 10**9

Message = tuple[str, bytes]


@dataclass(frozen=True)
class Target:
    """A format, a subscription to it, and messages that are right.

    Attributes:
        format: its name.
        subscription: with everything set that it can.
        topics: where its messages come; the first one is that of single messages.
        seeds: messages.

    """

    format: str
    subscription: AnySubscription
    topics: tuple[str, ...]
    seeds: tuple[bytes, ...]

    def decoder(self) -> MessageDecoder:
        return MessageDecoder([self.subscription])

    def messages(self, data: bytes) -> list[Message]:
        """What some bytes stand for: one message, or several where the format has a memory."""
        if len(self.topics) == 1:
            return [(self.topics[0], data)]
        found = []
        while len(data) >= _PART.size:
            topic, size = _PART.unpack_from(data)
            found.append((self.topics[topic % len(self.topics)], data[_PART.size : _PART.size + size]))
            data = data[_PART.size + size :]
        return found


_PART = struct.Struct("<BH")


def _json(*messages: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(one).encode() for one in messages)


def _senml() -> tuple[bytes, ...]:
    record = {"bn": "urn:dev:1/", "bt": 1772971530, "bu": "Cel", "bver": 10, "n": "t", "v": 18.25}
    others = [{"n": "h", "u": "%RH", "v": 40, "t": -5}, {"n": "on", "vb": True}, {"n": "e", "s": 5, "u": "W", "ut": 60}]
    texts = [{"n": "fw", "vs": "1.2"}, {"n": "raw", "vd": "AAE"}, {"bv": 2, "bs": 3, "n": "t", "v": 1}]
    packs: list[list[dict[str, object]]] = [[record], [record, *others], [record, *others, *texts]]
    labels = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4}
    labels |= {"s": 5, "t": 6, "ut": 7, "vd": 8}
    as_cbor = [cbor2.dumps([{labels[key]: value for key, value in one.items()} for one in pack]) for pack in packs]
    fraction = b"\x81\xa2\x00\x61t\x02\xc4\x82\x21\x19\x07\x21"  # 18.25 as 1825 * 10^-2
    return (*_json(*packs), *as_cbor, fraction, b"\xd9\xd9\xf7" + as_cbor[0])


def _columns() -> tuple[bytes, ...]:
    base = 1_772_971_530_000
    grid = {"v": 1, "tags": ["a/1", "a/2"], "time": [base, base + 1000], "value": [[1.5, 2.5], [None, 4]]}
    return (
        *_json(
            grid,
            {**grid, "quality": [["good", 0], [192, None]], "unit": ["kPa", "ppm"]},
            {**grid, "time": {"start": base, "step": 250}, "unit": "kPa"},
            {"v": 1, "tags": ["a"], "tag": [0, 0, 0], "time": "2026-03-08 20:00:00", "value": [1, "2.5", True]},
            {"v": 1, "tags": ["a", "b"], "value": [1, 2], "quality": "uncertain"},
        ),
        packed(["a/1", ("a/2", "kPa")], [1.5, 2.5, 3.5, 4.5], times=(RECEIVED_NS, RECEIVED_NS + 5)),
        packed(["a"], [1, 2, 3], times=(RECEIVED_NS, 10**9), kind=3, qualities=(192, 64, 0), single=True),
        packed(["a", "b"], [1, 2, 3], places=(1, 0, 1), times=(RECEIVED_NS,), qualities=(0, 1, 2)),
        packed(["a", "b"], [1, 2, 3], places=(1, 0, 1)),
    )


_SPARKPLUG_TOPICS = tuple(
    f"spBv1.0/plant/{kind}/edge-1" + ("/pump" if kind[0] == "D" else "")
    for kind in ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")
)


def sparkplug_story() -> list[Message]:
    """A session of a node and its device, and the birth of the next one."""
    node = EdgeNode()
    story = [
        node.birth(M("temp", 20.5, FLOAT, alias=1), M("in", -3, INT8, alias=2), tail=text_metric("fw", "1.2", 9)),
        node.device_birth("pump", M("flow", 5.25, FLOAT, alias=3), M("on", value=True, datatype=BOOLEAN, alias=4)),
        node.data(M(value=21.5, alias=1, time_ms=1500)),
        node.device_data("pump", M(value=6.5, alias=3), M(value=False, alias=4, more={"is_null": True})),
        node.device_data("pump", M(value=6.0, alias=3, time_ms=900, more={"is_historical": True})),
        node.device_data("pump", M("new", 7, INT64)),
        node.device_death("pump"),
        node.death(),
    ]
    node.bd_seq += 1
    return [*story, node.birth(M("temp", 20.5, FLOAT, alias=8))]


def as_input(messages: Sequence[Message], topics: Sequence[str]) -> bytes:
    return b"".join(_PART.pack(topics.index(topic), len(payload)) + payload for topic, payload in messages)


def _sparkplug() -> tuple[bytes, ...]:
    story = sparkplug_story()
    cuts = [story, story[:2], story[2:6], [story[7], story[0]], [story[1], story[0], story[3]], story[::-1]]
    return tuple(as_input(one, _SPARKPLUG_TOPICS) for one in cuts)


_CLOUD = {
    "id": 7,
    "line": "l-1",
    "ts": 1_772_971_530_000,
    "params": {"ch4": {"value": 1.2, "time": 1_772_971_530, "q": 0, "u": "%LEL"}, "co": {"value": "5", "q": True}},
    "rows": [[1, 2.5], [3, None]],
}

_MAPPED = MappedJsonSubscription.model_validate(
    {
        "topic": "cloud/{device}",
        "tag": "{device}/{line}/{tag}",
        "format": "mapped-json",
        "fields": {
            "values": [
                {"path": "$.params[*].value", "unit": "$.params[*].u", "scale": 2.0, "offset": 1},
                {"path": "$.params.ch4.value", "name": "first"},
                {"path": "$.rows[*][1]", "name": "row"},
            ],
            "tag": "$.id",
            "time": {"path": "$.ts", "form": "ms"},
            "words": {"line": "$.line"},
        },
    }
)

_CSV = CsvSubscription.model_validate(
    {
        "topic": "logger/{site}",
        "tag": "{site}/{tag}",
        "format": "csv",
        "columns": ["tag", "time", "value", "unit", "quality", "-"],
        "delimiter": ";",
        "decimal": ",",
    }
)


def _place(format_: str) -> dict[str, str]:
    return {"topic": f"{format_}/{{gateway}}", "tag": "{gateway}/{tag}"}


TARGETS = {
    one.format: one
    for one in (
        Target(
            "json",
            JsonSubscription.model_validate(_place("json")),
            ("json/g",),
            _json({"value": 1, "tag": "a", "time": 1.5}, [{"value": "2", "tag": "b", "unit": "ppm", "quality": "bad"}]),
        ),
        Target("senml", SenmlSubscription.model_validate(_place("senml")), ("senml/g",), _senml()),
        Target("columns", ColumnsSubscription.model_validate(_place("columns")), ("columns/g",), _columns()),
        Target("mapped-json", _MAPPED, ("cloud/d",), _json(_CLOUD, {"rows": [[0, 1]], "line": 1, "id": "x"})),
        Target(
            "csv",
            _CSV,
            ("logger/s",),
            (b"a;2026-03-08 20:00:00;1,5;kPa;good;x\nb;1772971530;2;;192;\n", b'"a";;"3,25";;;"y"\r\n\r\nb;;;;;\n'),
        ),
        Target("sparkplug", SparkplugSubscription(unit_property="engUnit"), _SPARKPLUG_TOPICS, _sparkplug()),
    )
}


def deliveries_of(messages: Sequence[Message], first: int = 0) -> Deliveries:
    return Deliveries.of(
        [
            Delivery("fuzz", topic, payload, RECEIVED_NS + n, retained=False, receipt=n)
            for n, (topic, payload) in enumerate(messages, first)
        ]
    )


def check(deliveries: Deliveries, readings: Readings, refused: Sequence[Refusal]) -> None:
    """Columns fit together, and every message ends somewhere."""
    count = len(readings)
    columns = (readings.time_ns, readings.value, readings.quality, readings.unit, readings.delivery)
    assert {len(column) for column in columns} == {count}
    assert np.all(np.diff(readings.delivery) >= 0)
    assert np.all(np.isnan(readings.value) <= (readings.quality == BAD))
    assert np.all(np.isnan(readings.value) | (np.abs(readings.value) <= 1e300))
    assert np.all((readings.tag >= 0) & (readings.tag < len(readings.names)))
    assert np.all((readings.unit >= 0) & (readings.unit < len(readings.units)))
    for one in refused:
        assert one.count > 0
        assert one.reason
        assert any(words in one.detail for words in ("got", "must not be empty", "comes from the topic")), one.detail
    ended = set(readings.delivery.tolist()) | {one.delivery.receipt - int(deliveries.receipt[0]) for one in refused}
    silent = len(deliveries) - len(ended)
    assert silent <= sum(readings.left_out.values()), "a message vanished"


def one_input(target: Target, data: bytes) -> None:
    """Decode what the bytes stand for, one message after the other, as one decoder would get them."""
    decoder = target.decoder()
    for number, message in enumerate(target.messages(data)):
        deliveries = deliveries_of([message], number)
        check(deliveries, *decoder.decode(deliveries))


def entry(name: str) -> Callable[[bytes], None]:
    """What a fuzzer calls."""
    target = TARGETS[name]
    return lambda data: one_input(target, data)
