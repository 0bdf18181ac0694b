"""What a source knows of its broker: sessions that were forgotten, messages that were dropped, an old version."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from connectors.mqtt.care import BrokerCare, is_old
from connectors.mqtt.source import MqttSource
from model.connector import GapReason, Watchful
from tests.checks.sources import BoundedInbox, running
from tests.connectors.mqtt.test_readings import VERSIONS, publish, source_at
from tests.servers import Mosquitto, mosquitto, program, until

OTHER = "another-department"


def as_client(port: int, client_id: str, *, keep: bool) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=not keep)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(client.is_connected, f"{client_id} to be connected")
    return client


def leave(client: Client) -> None:
    client.disconnect()
    client.loop_stop()


def subscribed_and_gone(port: int) -> None:
    """Somebody else's session waits at the broker, with a queue of its own."""
    client = as_client(port, OTHER, keep=True)
    granted: list[bool] = []
    client.on_subscribe = lambda *_: granted.append(True)
    client.subscribe("district/#", qos=1)
    until(lambda: granted, "the subscription")
    leave(client)


def reasons(source: MqttSource) -> list[GapReason]:
    return [gap.reason for gap in source.gaps()]


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that keeps five messages a session and tells each second how it stands."""
    options = ("allow_anonymous true", "max_queued_messages 5", "sys_interval 1")
    with mosquitto(tmp_path / "forgetful", *options) as broker:
        yield broker


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_that_was_there_and_is_not_any_more_is_a_gap(version: str, broker: Mosquitto) -> None:
    source = source_at(broker.port, version=version)
    assert isinstance(source, Watchful)
    with running(source, BoundedInbox()):
        until(source.connected, "a connection")
        assert reasons(source) == [GapReason.SESSION_NEW]
        leave(as_client(broker.port, "fengsui-district", keep=False))  # who comes with a clean session ends ours
        until(lambda: source.connects >= 2 and source.connected(), "a new connection")
        assert set(reasons(source)) == {GapReason.SESSION_LOST}


def test_a_session_that_is_still_there_is_none(broker: Mosquitto) -> None:
    source = source_at(broker.port)
    with running(source, BoundedInbox()):
        until(source.connected, "a connection")
    assert reasons(source) == [GapReason.SESSION_NEW]
    source = source_at(broker.port)
    with running(source, BoundedInbox()):
        until(source.connected, "a connection")
    assert reasons(source) == []


def test_a_session_that_was_never_to_be_kept_is_not_missed(broker: Mosquitto) -> None:
    source = source_at(broker.port, session_expiry_s=0)
    with running(source, BoundedInbox()):
        until(source.connected, "a connection")
    assert reasons(source) == []


def test_what_the_broker_drops_is_a_gap_with_its_number(forgetful: Mosquitto) -> None:
    subscribed_and_gone(forgetful.port)
    source, inbox = source_at(forgetful.port), BoundedInbox()
    with running(source, inbox):
        until(lambda: source.figures().get("dropped") == 0, "the broker's own count")
        assert reasons(source) == [GapReason.SESSION_NEW]
        for n in range(12):
            publish(forgetful.port, b"%d" % n)
        until(lambda: source.figures()["dropped"] == 7, "the drops to be told")
        found = source.gaps()
    assert {gap.reason for gap in found} == {GapReason.BROKER_DROPPED}
    assert sum(gap.messages or 0 for gap in found) == 7
    assert inbox.payloads() == [b"%d" % n for n in range(12)], "what the broker tells of itself is no reading"


def test_what_was_dropped_before_we_came_is_told_and_counted_for_nobody(forgetful: Mosquitto) -> None:
    subscribed_and_gone(forgetful.port)
    for n in range(12):
        publish(forgetful.port, b"%d" % n)
    source = source_at(forgetful.port)
    until(lambda: "it has dropped 7 messages" in source.probe().message, "the broker to tell of its drops")
    with running(source, BoundedInbox()):
        until(lambda: source.figures().get("dropped") == 7, "the drops to be told")
        assert reasons(source) == [GapReason.SESSION_NEW]


def test_a_broker_that_began_anew_counts_from_nothing() -> None:
    care = BrokerCare("district", watch=True, session_kept=True)
    for dropped in (b"5", b"5", b"8", b"2", b"many", b"", b"-1", b"9" * 30):
        care.hear("$SYS/broker/publish/messages/dropped", dropped)
    assert [gap.messages for gap in care.gaps()] == [3, 2]


def test_a_broker_that_lets_nobody_read_its_state_is_a_broker_all_the_same(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic readwrite district/#\n", encoding="utf-8")
    with mosquitto(tmp_path / "silent", "allow_anonymous true", f"acl_file {rights}") as broker:
        source, inbox = source_at(broker.port), BoundedInbox()
        with running(source, inbox):
            until(source.connected, "a connection")
            publish(broker.port, b"a reading")
            until(lambda: inbox.taken, "the reading")
            assert source.probe().ok
        assert source.figures() == {}


def test_who_reads_the_state_of_the_broker_as_readings_gets_it(broker: Mosquitto) -> None:
    topics = [{"topic": "$SYS/broker/clients/{what}", "tag": "{what}"}]
    source, inbox = source_at(broker.port, subscriptions=topics, version="3.1.1"), BoundedInbox()
    with running(source, inbox):
        until(lambda: inbox.taken, "a word of the broker")


def test_it_can_be_left_alone(broker: Mosquitto) -> None:
    source = source_at(broker.port, watch_broker=False)
    with running(source, BoundedInbox()):
        until(source.connected, "a connection")
        assert "version" not in source.probe().message
    assert "$SYS" not in broker.log()


def test_the_version_is_told_and_an_old_one_complained_of(broker: Mosquitto) -> None:
    installed = broker_version()
    found = source_at(broker.port).probe()
    assert installed in found.message
    assert ("upgrade it" in found.message) == is_old(f"mosquitto version {installed}")


def broker_version() -> str:
    said = subprocess.run([program("mosquitto"), "-h"], capture_output=True, text=True, check=False).stdout
    return said.split()[2]


@pytest.mark.parametrize(
    ("said", "old"),
    [
        ("mosquitto version 2.0.15", True),
        ("mosquitto version 1.6.9", True),
        ("mosquitto version 2.0.16", False),
        ("mosquitto version 2.1.0", False),
        ("EMQX 4.0", False),
        ("", False),
    ],
)
def test_only_a_mosquitto_before_2_0_16_is_old(said: str, old: bool) -> None:  # noqa: FBT001
    assert is_old(said) is old


@contextmanager
def hanging_up(topic: bytes) -> Iterator[int]:
    """A broker that ends the connection on which somebody asks for this topic."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    try:
                        connection.recv(4096)
                        connection.sendall(b"\x20\x02\x00\x00")
                        while (packet := connection.recv(4096)) and topic not in packet:
                            if packet[0] == 0x82:
                                connection.sendall(b"\x90\x03" + packet[2:4] + b"\x01")
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_broker_that_hangs_up_on_the_question_is_not_asked_a_third_time() -> None:
    with hanging_up(b"$SYS/") as port:
        source = source_at(port, version="3.1.1")
        with running(source, BoundedInbox()):
            until(lambda: source.care.granted is False, "the question to be given up")
            until(source.connected, "a connection that stays")
            assert source.connects == 3
