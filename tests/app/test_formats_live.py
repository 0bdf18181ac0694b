"""Two brokers, every format, one pipeline: what is published in any of them stands in the journal, once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cbor2
import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from app.compose import runner
from app.configured import read
from model.batch import BAD, Batch
from pipeline.runners.embedded import EmbeddedRunner
from store.journal.reader import JournalReader
from tests import servers
from tests.connectors.formats.edge_node import FLOAT, EdgeNode, M
from tests.connectors.formats.gateway import packed

TAGS = [
    "json/a", "senml/a", "senml/b", "columns/a", "columns/b", "mapped/a", "csv/a", "plant/edge-1/pump/ch4", "plain/a",
]  # fmt: skip

SOURCES = """\
sources:
  - name: north
    connector: mqtt
    host: 127.0.0.1
    port: {north}
    subscriptions:
      - {{topic: "json/{{sensor}}", tag: "json/{{sensor}}"}}
      - {{topic: "senml/{{gateway}}", tag: "senml/{{tag}}", format: senml}}
      - {{topic: "columns/{{gateway}}", tag: "columns/{{tag}}", format: columns}}
      - {{format: sparkplug, group: plant}}
  - name: south
    connector: mqtt
    host: 127.0.0.1
    port: {south}
    version: "3.1.1"
    subscriptions:
      - topic: "cloud/{{device}}"
        tag: "mapped/{{tag}}"
        format: mapped-json
        fields: {{value: "$.params[*].value", tag: "$.params[*]~"}}
      - topic: "logger/{{site}}"
        tag: "csv/{{tag}}"
        format: csv
        columns: [tag, value]
        delimiter: ";"
        decimal: ","
      - {{topic: "elsewhere", tag: "plain/{{tag}}"}}
"""


def written(folder: Path, north: int, south: int) -> Path:
    name = "{zh: 名, en: name}"
    sensors = "\n".join(f"  - {{tag: {tag}, kind: ch4_lel, asset: a, name: {name}}}" for tag in TAGS)
    (folder / "registry.yaml").write_text(
        f"enterprises: [{{id: e, name: {name}}}]\ngrid_cells: [{{id: c, name: {name}}}]\n"
        f"sites: [{{id: s, name: {name}, enterprise: e, grid_cell: c}}]\nassets: [{{id: a, name: {name}, site: s}}]\n"
        f"sensors:\n{sensors}\n",
        encoding="utf-8",
    )
    file = folder / "fengsui.yaml"
    file.write_text(
        "packs: [gas]\nregistry: registry.yaml\n" + SOURCES.format(north=north, south=south), encoding="utf-8"
    )
    return file


@contextmanager
def at_work(file: Path) -> Iterator[EmbeddedRunner]:
    running = runner(read(file))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        servers.until(lambda: all(running.connections().values()), "both brokers")
        yield running
    finally:
        running.stop()
        thread.join(30)
        assert not thread.is_alive()


def publish(port: int, *messages: tuple[str, bytes], retain: bool = False) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def journaled(file: Path, running: EmbeddedRunner) -> list[tuple[str, float, int]]:
    tags = [sensor.tag for sensor in running.state.bound.plan.sensors]
    batches = [entry.item for entry in JournalReader(file.parent / "data" / "journal", 0).read()]
    return [
        (tags[sensor], value, quality)
        for batch in batches
        if isinstance(batch, Batch)
        for sensor, value, quality in zip(
            batch.sensor.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True
        )
    ]


def counts(running: EmbeddedRunner) -> dict[str, float]:
    return {name: running.metrics.readings.labels(name)._value.get() for name in ("north", "south")}


SOUTH_MESSAGES = [
    ("cloud/d", b'{"params": {"a": {"value": 10}}}'),
    ("logger/s", b"a;11,5\nb;x\n"),
    ("elsewhere", b'{"value": 12, "tag": "a"}'),
    ("elsewhere", b'{"value": 13, "tag": "unheard-of"}'),
]


def north_messages() -> list[tuple[str, bytes]]:
    node = EdgeNode()
    node.birth()
    return [
        ("json/a", b'{"value": 1}'),
        ("senml/g", json.dumps([{"n": "a", "v": 2}]).encode()),
        ("senml/g", cbor2.dumps([{0: "b", 2: 3}])),
        ("columns/g", json.dumps({"v": 1, "tags": ["a", "b"], "value": [4, 5]}).encode()),
        ("columns/g", packed(["b", "a"], [6.0, 7.0])),
        node.device_birth("pump", M("ch4", 8.5, FLOAT, alias=1)),
        node.device_data("pump", M(value=9.5, alias=1)),
        node.device_death("pump"),
        ("senml/g", b"[{"),
    ]


@pytest.fixture
def south(tmp_path: Path) -> Iterator[servers.Mosquitto]:
    with servers.mosquitto(tmp_path / "south") as running:
        yield running


def test_every_format_of_two_brokers_reaches_the_journal(
    tmp_path: Path, broker: servers.Mosquitto, south: servers.Mosquitto
) -> None:
    file = written(tmp_path, broker.port, south.port)
    publish(south.port, ("logger/s", b"a;99,5"), retain=True)
    with at_work(file) as running:
        publish(broker.port, *north_messages())
        publish(south.port, *SOUTH_MESSAGES)
        servers.until(lambda: len(journaled(file, running)) == 13, "13 readings")
        servers.until(lambda: running.metrics.unregistered._value.get() == 1, "the unknown tag")
        rows = journaled(file, running)
        servers.until(lambda: counts(running) == {"north": 10, "south": 3}, "their count")
        poison = {
            one.labels["reason"]: one.value
            for one in next(iter(running.metrics.poison.collect())).samples
            if one.name.endswith("_total")
        }
        retained = running.metrics.retained._value.get()
        left_out = running.metrics.left_out
        assert next(iter(left_out.collect())).samples == []
    good = sorted((value, tag) for tag, value, quality in rows if quality < BAD)
    assert good == [
        (1.0, "json/a"), (2.0, "senml/a"), (3.0, "senml/b"), (4.0, "columns/a"), (5.0, "columns/b"), (6.0, "columns/b"),
        (7.0, "columns/a"), (8.5, "plant/edge-1/pump/ch4"), (9.5, "plant/edge-1/pump/ch4"), (10.0, "mapped/a"),
        (11.5, "csv/a"), (12.0, "plain/a"),
    ]  # fmt: skip
    bad = [(tag, np.isnan(value)) for tag, value, quality in rows if quality == BAD]
    assert bad == [("plant/edge-1/pump/ch4", True)], "its device died"
    assert poison == {"not_json": 1, "bad_value": 1}
    assert retained == 1


def test_a_node_whose_birth_was_missed_is_asked_for_it_and_that_is_counted(
    tmp_path: Path, broker: servers.Mosquitto, south: servers.Mosquitto
) -> None:
    node = EdgeNode()
    asked = threading.Event()
    edge = Client(CallbackAPIVersion.VERSION2)
    edge.on_message = lambda *_: asked.set()
    edge.on_connect = lambda client, *_: client.subscribe("spBv1.0/plant/NCMD/+", qos=1)
    edge.connect("127.0.0.1", broker.port)
    edge.loop_start()
    file = written(tmp_path, broker.port, south.port)
    with at_work(file) as running:
        edge.publish(*node.device_data("pump", M(value=9.5, alias=1)), qos=1)
        servers.until(asked.is_set, "the rebirth")
        edge.publish(*node.birth())
        edge.publish(*node.device_birth("pump", M("ch4", 8.5, FLOAT, alias=1)))
        servers.until(lambda: journaled(file, running), "the birth")
        requests = running.metrics.requests.labels("north")._value
        servers.until(lambda: requests.get() == 1, "its count")
        assert running.metrics.left_out.labels("control")._value.get() == 2
    edge.disconnect()
    edge.loop_stop()
