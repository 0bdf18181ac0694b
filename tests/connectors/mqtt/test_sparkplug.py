"""Sparkplug through a real broker: births, deaths by the will, rebirths that our source asks for, and our own STATE."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from connectors.formats.sparkplug_payload import FLOAT, REBIRTH, read_payload
from connectors.mqtt import readings
from model.batch import BAD, GOOD
from model.connector import Deliveries
from tests.checks.sources import BoundedInbox, running
from tests.connectors.formats.decoding import Row, decoded
from tests.connectors.formats.edge_node import EdgeNode, M
from tests.fuzz.targets import deliveries_of
from tests.servers import Mosquitto, relay, until

VERSIONS = ["3.1.1", "5"]
STATE = "spBv1.0/STATE/fengsui"


class Host:
    """Our source and its decoder, as the composition makes them; what came is decoded when it is asked for."""

    def __init__(self, broker: Mosquitto, **given: Any) -> None:
        own = {"format": "sparkplug", "tag": "{device}/{tag}", "node_tag": "{tag}", "reorder_timeout_s": 0.2}
        settings = readings.Settings.model_validate(
            {
                "host": "127.0.0.1",
                "port": given.pop("port", broker.port),
                "version": given.pop("version", "5"),
                "reconnect_delay_s_min": given.get("delay_s", 0.05),
                "reconnect_delay_s_max": given.pop("delay_s", 0.2),
                "keepalive_s": 1,
                "subscriptions": [{**own, **given}],
            }
        )
        source, self.decoder = readings.together("plant", settings)
        assert isinstance(source, readings.MqttSource)
        self.source = source
        self.inbox = BoundedInbox()
        self.rows: list[Row] = []
        self.left_out: dict[str, int] = {}
        self.refused: list[str] = []
        self._read = 0

    def hear(self) -> list[Row]:
        new = self.inbox.taken[self._read :]
        self._read += len(new)
        events = [one for one in new if not one.retained]
        found = decoded(self.decoder, *((one.topic, one.payload) for one in events))  # type: ignore[arg-type]
        self.rows += found.rows
        self.refused += found.reasons
        for label, count in found.left_out.items():
            self.left_out[label] = self.left_out.get(label, 0) + count
        if new:
            self.source.acknowledge(new[-1].receipt)
        return self.rows

    def tags(self) -> list[str]:
        return [row.tag for row in self.hear()]


class Plant:
    """An edge node on the broker: a will, births when it is asked, data when it is told."""

    def __init__(self, broker: Mosquitto, *, bd_seq: int = 0, qos: int = 0, waits_for: str = "") -> None:
        self.node = EdgeNode(bd_seq=bd_seq)
        self.rebirths = 0
        self.online = threading.Event()
        self._qos = qos
        self._waits_for = waits_for
        self._client = Client(CallbackAPIVersion.VERSION2)
        topic, payload = self.node.death()
        self._client.will_set(topic, payload, qos=1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _on_connect(self, client: Client, *_: object) -> None:
        client.subscribe([("spBv1.0/plant/NCMD/edge-1", 1), (self._waits_for or "-", 1)])

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        if message.topic.endswith("/NCMD/edge-1"):
            payload: Any = read_payload(message.payload)
            assert [one.name.decode() for one in payload.metrics] == [REBIRTH]
            assert payload.metrics[0].boolean_value
            assert payload.timestamp > 10**12
            self.rebirths += 1
            self.give_birth()
        elif json.loads(message.payload)["online"]:
            self.online.set()
        else:
            self.online.clear()

    def give_birth(self) -> None:
        self.say(self.node.birth(M("temp", 20.5, FLOAT, alias=1), time_ms=now_ms()))
        self.say(self.node.device_birth("pump", M("flow", 5.25, FLOAT, alias=2), time_ms=now_ms()))

    def say(self, message: tuple[str, bytes]) -> None:
        self._client.publish(*message, qos=self._qos)

    def die(self) -> None:
        """Without a word, so that the broker says it."""
        sock = self._client.socket()
        assert sock is not None
        self._client.on_disconnect = None
        self._client.loop_stop()
        sock.close()

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def now_ms() -> int:
    return time.time_ns() // 10**6


@contextmanager
def plant(broker: Mosquitto, **given: Any) -> Iterator[Plant]:
    own = Plant(broker, **given)
    try:
        yield own
    finally:
        own.leave()


@contextmanager
def listener(broker: Mosquitto, topic: str) -> Iterator[list[MQTTMessage]]:
    heard: list[MQTTMessage] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _, __, message: heard.append(message)
    client.on_connect = lambda own, *_: own.subscribe(topic, qos=1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", [0, 1])
def test_a_session_from_birth_to_death_reaches_us(version: str, qos: int, broker: Mosquitto) -> None:
    host = Host(broker, version=version)
    with running(host.source, host.inbox):
        until(host.source.connected, "a connection")
        with plant(broker, bd_seq=7, qos=qos) as edge:
            edge.give_birth()
            edge.say(edge.node.data(M(value=21.5, alias=1, time_ms=5)))
            edge.say(edge.node.device_data("pump", M(value=6.5, alias=2, time_ms=6)))
            until(lambda: len(host.hear()) >= 4, "births and data")
            edge.die()
            until(lambda: len(host.hear()) >= 6, "the death")
    assert [(row.tag, row.quality) for row in host.rows] == [
        *(("temp", GOOD), ("pump/flow", GOOD), ("temp", GOOD), ("pump/flow", GOOD)),
        *(("temp", BAD), ("pump/flow", BAD)),
    ]
    assert host.rows[2] == Row("temp", 21.5, 5_000_000)
    assert host.source.asked == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_after_a_restart_of_ours_the_node_is_asked_for_a_rebirth_and_gives_it(version: str, broker: Mosquitto) -> None:
    host = Host(broker, version=version)
    with running(host.source, host.inbox), plant(broker) as edge:
        until(host.source.connected, "a connection")
        edge.say(edge.node.data(M(value=21.5, alias=1)))
        until(lambda: host.hear() or host.refused, "the data that cannot be read")
        assert host.refused == ["no_birth"]
        until(lambda: "pump/flow" in host.tags(), "the births that were asked for")
        edge.say(edge.node.data(M(value=22.5, alias=1)))
        until(lambda: [row.value for row in host.hear()][-1:] == [22.5], "data that can be read")
        assert (edge.rebirths, host.source.asked) == (1, 1)


def test_nodes_that_are_named_are_asked_at_our_start(broker: Mosquitto) -> None:
    with plant(broker) as edge:
        host = Host(broker, nodes=["plant/edge-1"])
        with running(host.source, host.inbox):
            until(lambda: "temp" in host.tags(), "its birth")
        assert edge.rebirths == 1


def test_a_message_that_got_lost_is_noticed_and_one_that_was_overtaken_is_not(broker: Mosquitto) -> None:
    host = Host(broker)
    with running(host.source, host.inbox), plant(broker) as edge:
        until(host.source.connected, "a connection")
        edge.give_birth()
        first, second = (edge.node.device_data("pump", M(value=float(n), alias=2)) for n in range(2))
        edge.say(second)
        edge.say(first)
        until(lambda: len(host.hear()) == 4, "both")
        edge.node.data(M(value=1.0, alias=1))  # never sent
        edge.say(edge.node.data(M(value=2.0, alias=1)))
        until(lambda: host.hear() and edge.rebirths, "the rebirth")
        until(lambda: len(host.hear()) == 7, "its births")
    assert (edge.rebirths, host.source.asked) == (1, 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_as_primary_host_we_are_online_while_we_listen_and_offline_when_we_leave(
    version: str, broker: Mosquitto
) -> None:
    host = Host(broker, version=version, primary_host="fengsui")
    with listener(broker, STATE) as heard, plant(broker, waits_for=STATE) as edge:
        with running(host.source, host.inbox):
            until(edge.online.is_set, "a node that waits for us")
            assert host.source.connected()
            edge.give_birth()
            until(lambda: "temp" in host.tags(), "its birth")
        until(lambda: not edge.online.is_set(), "that we left")
        until(lambda: len(heard) > 1, "the same at the other listener")
        states = [json.loads(message.payload) for message in heard]
    assert [one["online"] for one in states][:2] == [True, False]
    assert not any(one["online"] for one in states[1:]), "the will may say it once more"
    assert states[0]["timestamp"] == states[1]["timestamp"]
    assert all(message.qos == 1 for message in heard)
    with listener(broker, STATE) as kept:
        until(lambda: kept, "the retained state")
        assert (json.loads(kept[0].payload)["online"], kept[0].retain) == (False, True)


def test_when_our_connection_breaks_the_broker_says_so_and_then_we_say_that_we_are_back(broker: Mosquitto) -> None:
    with relay(broker.port) as between, listener(broker, STATE) as heard:
        host = Host(broker, primary_host="fengsui", port=between.port, delay_s=1.0)
        with running(host.source, host.inbox):
            until(lambda: heard, "that we are there")
            between.cut()
            until(lambda: len(heard) >= 3, "the will and that we are back")
        states = [json.loads(message.payload) for message in heard[:3]]
    assert [one["online"] for one in states] == [True, False, True]
    assert states[1]["timestamp"] == states[0]["timestamp"] <= states[2]["timestamp"]


@pytest.mark.parametrize("version", VERSIONS)
def test_who_says_that_we_are_gone_is_answered_and_no_reading_comes_of_it(version: str, broker: Mosquitto) -> None:
    host = Host(broker, version=version, primary_host="fengsui")
    with running(host.source, host.inbox), listener(broker, STATE) as heard:
        until(lambda: heard, "that we are there")
        liar = Client(CallbackAPIVersion.VERSION2)
        liar.connect("127.0.0.1", broker.port)
        liar.loop_start()
        liar.publish(STATE, b'{"online": false, "timestamp": 5}', qos=1, retain=True).wait_for_publish(10)
        liar.publish(STATE, b"OFFLINE", qos=1).wait_for_publish(10)
        until(lambda: len(heard) >= 4, "our answer")
        with plant(broker) as edge:
            edge.give_birth()
            until(lambda: "temp" in host.tags(), "a birth after it")
        liar.disconnect()
        liar.loop_stop()
    online = [json.loads(one.payload)["online"] for one in heard if one.payload != b"OFFLINE"]
    assert online[:3] == [True, False, True]
    assert heard[0].payload in {one.payload for one in heard[2:]}
    assert all(one.topic != STATE for one in host.inbox.taken)
    assert host.refused == []


def test_a_probe_says_nothing_of_us(broker: Mosquitto) -> None:
    host = Host(broker, primary_host="fengsui")
    with listener(broker, STATE) as heard:
        found = host.source.probe()
        assert found.ok, found.message
        assert "spBv1.0/+/DDATA/+/+" in found.message
        host.source.stop()
        marker = Client(CallbackAPIVersion.VERSION2)
        marker.connect("127.0.0.1", broker.port)
        marker.loop_start()
        marker.publish(STATE, b"marker", qos=1).wait_for_publish(10)
        until(lambda: heard, "the marker")
        marker.disconnect()
        marker.loop_stop()
    assert [one.payload for one in heard] == [b"marker"]


def test_a_retained_birth_is_no_news_and_announces_nothing(broker: Mosquitto) -> None:
    """Somebody retained it against the rules; what it says may be of another session."""
    node = EdgeNode()
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish(*node.birth(M("temp", 1.0, FLOAT, alias=1)), qos=1, retain=True).wait_for_publish(10)
    host = Host(broker, version="3.1.1")
    with running(host.source, host.inbox):
        until(lambda: host.inbox.taken, "the retained birth")
        assert host.inbox.taken[0].retained
        client.publish(*node.data(M(value=2.0, alias=1)), qos=1).wait_for_publish(10)
        until(lambda: host.hear() or host.refused, "the data")
    client.disconnect()
    client.loop_stop()
    assert (host.rows, host.refused) == ([], ["no_birth"])


def test_only_one_subscription_may_be_the_primary_host() -> None:
    def settings(*hosts: str) -> readings.Settings:
        subscriptions = [{"format": "sparkplug", "group": str(n), "primary_host": host} for n, host in enumerate(hosts)]
        return readings.Settings.model_validate({"host": "h", "subscriptions": subscriptions})

    assert settings("a", "a").filters[-1] == ("spBv1.0/STATE/a", 0)
    with pytest.raises(ValueError, match="one primary_host at most"):
        settings("a", "b")


def test_messages_on_our_own_presence_are_told_from_others_of_the_same_length() -> None:
    settings = readings.Settings.model_validate(
        {"host": "h", "subscriptions": [{"format": "sparkplug", "primary_host": "fengsui"}]}
    )
    source, _ = readings.together("p", settings)
    assert isinstance(source, readings.MqttSource)
    topics = [STATE, STATE[:-1] + "j", STATE[:-1], STATE]
    payloads = [(topic, b'{"online":true}') for topic in topics]
    deliveries = Deliveries.of([])
    assert source._voice.listen(deliveries) is None
    assert source._voice.listen(deliveries_of(payloads)).tolist() == [False, True, True, False]  # type: ignore[union-attr]
    assert source._voice.overheard == 2
