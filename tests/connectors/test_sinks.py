"""Each sink against the certification suite, with a real server on its other side."""

from __future__ import annotations

import itertools
import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors import influxdb, webhook
from connectors.mqtt import alarms, readings
from model.connector import Message, Point
from tests import servers
from tests.checks.sinks import EVERY_SINK, Rig
from tests.checks.sources import BoundedInbox, running
from tests.servers import until

NUMBERS = itertools.count(1)


def points(count: int) -> list[Point]:
    begun_ns = time.time_ns() // 10**9 * 10**9
    series = f"s{next(NUMBERS)}"
    return [Point("reading", {"tag": series}, {"value": n + 0.5}, begun_ns + n * 10**6) for n in range(count)]


def event_messages(count: int) -> list[Message]:
    made = []
    for _ in range(count):
        number = next(NUMBERS)
        topic = {"site": "station", "asset": "pump", "tag": "station/ch4", "rule": "gas.lel", "grade": "red"}
        made.append(Message(f"event-{number}", "alarm-1", number, topic, json.dumps({"id": number}).encode()))
    return made


@pytest.fixture
def influx_rig(tmp_path: Path) -> Iterator[Rig[Point]]:
    port = servers.free_port()
    with ExitStack() as stack:

        def start() -> servers.VictoriaMetrics:
            return stack.enter_context(servers.victoria_metrics(tmp_path / "victoria", port))

        server = start()
        sink = influxdb.build("influx", influxdb.Settings(url=server.url, org="o", bucket="b"))  # type: ignore[arg-type]

        def arrived(items: Sequence[Point]) -> int:
            match = f'reading_value{{tag="{items[0].tags["tag"]}"}}'

            def found() -> int:
                return sum(len(set(zip(s["timestamps"], s["values"], strict=True))) for s in server.export(match))

            until(lambda: found() >= len(items), "the points to be found")
            return found()

        def interrupt() -> None:
            server.process.end()

        def restore() -> None:
            nonlocal server
            server = start()

        yield Rig(sink, points, arrived, interrupt, restore)
        sink.close()


@pytest.fixture
def webhook_rig(receiver: servers.HttpReceiver) -> Iterator[Rig[Message]]:
    sink = webhook.build("duty", webhook.Settings(url=receiver.url, allow_private=True))  # type: ignore[arg-type]

    def arrived(items: Sequence[Message]) -> int:
        taken = {one.headers.get("webhook-id") for one in receiver.requests}
        return len({item.id for item in items} & taken)

    yield Rig(sink, event_messages, arrived, receiver.close, receiver.open)
    sink.close()


@pytest.fixture
def alarms_rig(broker: servers.Mosquitto) -> Iterator[Rig[Message]]:
    place = {"host": "127.0.0.1", "port": broker.port, "connect_timeout_s": 1}
    sink = alarms.build(
        "alarms", alarms.Settings.model_validate({**place, "topic": "alarms/{site}/{grade}", "timeout_s": 2})
    )
    listening = {"reconnect_delay_s_min": 0.05, "reconnect_delay_s_max": 0.1}
    subscriptions = [{"topic": "alarms/{site}/{grade}", "tag": "{site}"}]
    listener = readings.build(
        "listener", readings.Settings.model_validate({**place, **listening, "subscriptions": subscriptions})
    )
    inbox = BoundedInbox()

    def arrived(items: Sequence[Message]) -> int:
        bodies = {item.body for item in items}
        until(lambda: bodies <= set(inbox.payloads()), "the messages at the listener")
        return len(bodies & set(inbox.payloads()))

    def restore() -> None:
        broker.start()
        until(listener.connected, "the listener to be back")

    with running(listener, inbox):
        until(listener.connected, "the listener")
        yield Rig(sink, event_messages, arrived, lambda: broker.stop(signal.SIGKILL), restore)
        sink.close()


@pytest.mark.parametrize("check", EVERY_SINK, ids=lambda check: check.__name__)
@pytest.mark.parametrize("rig", ["influx_rig", "webhook_rig", "alarms_rig"])
def test_it_is_a_good_sink(check: Callable[[Rig[Any]], None], rig: str, request: pytest.FixtureRequest) -> None:
    check(request.getfixturevalue(rig))
