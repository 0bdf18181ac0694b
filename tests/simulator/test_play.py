"""The district through a real broker on a real socket."""

import json
import subprocess
import sys
import threading
import time

import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from simulator.play import Played, Publisher, messages, play
from tests.simulator.districts import ROOT, make


class Listener:
    """Subscribes to all of the district and keeps what comes."""

    def __init__(self, port: int) -> None:
        self.received: list[tuple[float, str, bytes]] = []
        self.changed = threading.Condition()
        self.ready = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = self._subscribe
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._keep
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.ready.wait(10), "no SUBACK within 10 s"

    def _subscribe(
        self, client: Client, _data: None, _flags: ConnectFlags, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        client.subscribe("district/+/+", qos=1)

    def _keep(self, _client: Client, _data: None, message: MQTTMessage) -> None:
        with self.changed:
            self.received.append((time.monotonic(), message.topic, message.payload))
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= count, 20), f"{len(self.received)} of {count}"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(broker_port):
    one = Listener(broker_port)
    yield one
    one.close()


def test_all_messages_arrive_once_in_order_at_more_than_300_a_second(broker_port, listener):
    district = make("demo", hour=9.5)
    publisher = Publisher("127.0.0.1", broker_port)
    publisher.open()
    played = play(district, publisher, speed=20.0, duration_s=80.0, stop=threading.Event())
    publisher.close()
    expected = [(m.topic, m.payload) for m in messages(district, district.rows(0, 80))]
    listener.wait_for(len(expected))
    assert [(topic, payload) for _, topic, payload in listener.received] == expected
    assert played.sent == played.acknowledged == len(expected)
    assert played.refused == 0
    lasted_s = listener.received[-1][0] - listener.received[0][0]
    assert len(expected) / lasted_s >= 300.0


def test_a_message_is_a_number_with_its_device_time_in_ms_and_nan_becomes_null():
    district = make("demo", hour=9.5)
    seen = [(m.topic, json.loads(m.payload)) for m in messages(district, district.rows(0, 600))]
    assert all(set(reading) == {"value", "time"} for _, reading in seen)
    assert all(isinstance(reading["time"], int) for _, reading in seen)
    assert {topic for topic, reading in seen if reading["value"] is None} == {"district/building-3/temperature-04"}


def test_the_play_keeps_to_the_clock_it_is_given():
    class Collector(Publisher):
        def publish(self, message):
            assert message.payload
            self.played.sent += 1

    times = iter([0.0, *[1000.0] * 100])  # after the start the clock is far ahead: everything is due
    collector = Collector("127.0.0.1", 1)
    district = make("demo")
    played = play(district, collector, speed=1.0, duration_s=2.0, stop=threading.Event(), now_s=lambda: next(times))
    assert isinstance(played, Played)
    assert played.sent == len(district.rows(0, 2))
    assert played.behind_s_max == pytest.approx(999.9)


def test_the_command_says_ready_plays_for_its_duration_and_says_what_it_sent(broker_port, listener):
    command = [sys.executable, "-m", "simulator", "play", "--port", str(broker_port), "--duration", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    ready, end = done.stdout.splitlines()
    assert ready.startswith("ready sensors=220 start=")
    assert "refused=0" in end
    listener.wait_for(int(end.split()[1].removeprefix("sent=")))
    newest_ms = max(
        json.loads(payload)["time"] for _, topic, payload in listener.received if "gas-station-2" not in topic
    )
    assert abs(newest_ms / 1e3 - time.time()) < 10.0


def test_a_second_broker_on_the_same_port_is_refused_in_one_line(broker_port):
    command = [sys.executable, "-m", "simulator", "broker", "--port", str(broker_port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr
