"""Each source against the certification suite, with a real broker, a real recording or devices on its other side."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from connectors import gb26875, replay
from connectors.mqtt import readings
from model.connector import Source
from tests.checks.sources import EVERY_REDELIVERING_SOURCE, EVERY_SOURCE, BoundedInbox, Rig, running
from tests.servers import Mosquitto, free_port, until
from tests.uitd import fleet

VERSIONS = ["3.1.1", "5"]
MAP = "channels: [{channel: p, kind: pipe_pressure, unit: kPa}]"


def mqtt_source(broker: Mosquitto, version: str, **settings: object) -> Source:
    given = {
        "host": "127.0.0.1",
        "port": broker.port,
        "version": version,
        "reconnect_delay_s_min": 0.05,
        "reconnect_delay_s_max": 0.2,
        "subscriptions": [{"topic": "district/{site}/{sensor}", "tag": "{site}/{sensor}"}],
    }
    return readings.build("district", readings.Settings.model_validate({**given, **settings}))


class Sensors:
    """Publishes with QoS 1 through the broker; each payload is its own number."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._numbers = itertools.count()

    def send(self, count: int) -> list[bytes]:
        client = Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self._broker.port)
        client.loop_start()
        payloads = [f'{{"value": {next(self._numbers)}}}'.encode() for _ in range(count)]
        for info in [client.publish("district/gas-station-1/ch4-03", payload, qos=1) for payload in payloads]:
            info.wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
        return payloads


def hang_up(broker: Mosquitto, source_id: str) -> None:
    """A second client of the same name makes the broker close the first one's connection."""
    intruder = Client(CallbackAPIVersion.VERSION2, client_id=source_id, clean_session=False)
    intruder.on_connect = lambda client, *_: client.disconnect()
    intruder.connect("127.0.0.1", broker.port)
    intruder.loop_forever()


@pytest.mark.parametrize(("version", "receive_path"), [(one, path) for one in VERSIONS for path in ("framed", "stock")])
@pytest.mark.parametrize("check", EVERY_SOURCE + EVERY_REDELIVERING_SOURCE, ids=lambda check: check.__name__)
def test_mqtt_is_a_good_source(
    check: Callable[[Rig], None], version: str, receive_path: str, broker: Mosquitto
) -> None:
    check(
        Rig(
            build=partial(mqtt_source, broker, version, receive_path=receive_path),
            send=Sensors(broker).send,
            break_connection=partial(hang_up, broker, "fengsui-district"),
            confirmed=lambda: broker.log().count("Received PUBACK from fengsui-district"),
        )
    )


@pytest.mark.parametrize("check", EVERY_SOURCE, ids=lambda check: check.__name__)
def test_replay_is_a_good_source(check: Callable[[Rig], None], tmp_path: Path) -> None:
    rows = "\n".join(f"2026-01-01 00:00:{n // 10:02d}.{n % 10}00,{n}" for n in range(500))
    (tmp_path / "line.csv").write_text(f"timestamp,p\n{rows}\n", encoding="utf-8")
    (tmp_path / "map.yaml").write_text(MAP, encoding="utf-8")
    settings = replay.Settings.model_validate(
        {"path": tmp_path / "line.csv", "map": tmp_path / "map.yaml", "speed": 100}
    )
    expected = [one.payload for one in replay.messages(replay.load(settings), settings, 0)]
    check(Rig(build=partial(replay.build, "line", settings), send=lambda _: expected))


@pytest.mark.parametrize("check", EVERY_SOURCE + EVERY_REDELIVERING_SOURCE, ids=lambda check: check.__name__)
def test_gb26875_is_a_good_source(check: Callable[[Rig], None]) -> None:
    settings = gb26875.Settings.model_validate({"host": "127.0.0.1", "port": free_port()})
    with fleet(settings.port) as devices:
        panel = devices.add(330100001)
        check(
            Rig(
                build=partial(gb26875.build, "panels", settings),
                send=panel.send_states,
                break_connection=panel.hang_up,
                confirmed=lambda: panel.tally.acknowledged,
                is_own=lambda delivery: delivery.topic.endswith("/report"),
            )
        )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_broker_is_found_again(version: str, how: signal.Signals, broker: Mosquitto) -> None:
    source, inbox = mqtt_source(broker, version), BoundedInbox()
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        broker.stop(how)
        until(lambda: not source.connected(), "the loss to be noticed")
        broker.start()
        until(source.connected, "the source to be connected again")
        sent = Sensors(broker).send(10)
        until(lambda: len(inbox.taken) >= 10, "10 deliveries")
    assert inbox.payloads() == sent
    assert source.connects == 2  # type: ignore[attr-defined]
