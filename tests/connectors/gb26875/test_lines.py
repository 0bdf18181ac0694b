"""Connections that are lost, come again, belong to strangers, say nothing, flood, or are very many."""

from __future__ import annotations

import contextlib

import pytest

from connectors.gb26875.frames import Frame
from connectors.gb26875.receiver import Receiver
from tests.checks.sources import BoundedInbox, running
from tests.connectors.gb26875 import worked
from tests.connectors.gb26875.desk import (
    ADDRESS,
    WAIT_S,
    Line,
    at_work,
    confirm_all,
    frames,
    listening,
    receiver,
    reported,
)
from tests.servers import until


def test_a_device_that_goes_quiet_with_its_line_up_is_lost_and_found_again() -> None:
    with at_work(silent_s_max=0.6, report_every_s=3600) as (source, inbox, devices):
        panel = devices.add(ADDRESS, heartbeat_s=0.2, reconnect_s=1.0)
        until(lambda: reported(inbox, "link") == [1.0], "the link")
        panel.go_half_open()
        until(lambda: reported(inbox, "link")[:2] == [1.0, 0.0], "the loss to be noticed")
        until(lambda: reported(inbox, "link")[:3] == [1.0, 0.0, 1.0], "the device to come again")
        assert source.disconnects == 1


def test_a_device_that_does_not_hear_us_is_confirmed_on_its_next_connection() -> None:
    """Its line lets nothing through any more: it gives it up, comes again, and sends what nobody confirmed."""
    with at_work() as (source, inbox, devices):
        panel = devices.add(ADDRESS, resend_s=0.1, resends_max=1)
        first = panel.state()
        until(lambda: frames(inbox), "the first frame")
        panel.go_half_open()
        confirm_all(source, inbox)
        until(lambda: panel.tally.connects > 1, "a new connection", WAIT_S)
        until(lambda: panel.device.unconfirmed == 0, "the confirmation", WAIT_S)
        assert {one.payload for one in frames(inbox)} == {first}


def test_a_device_that_comes_again_takes_its_old_lines_place() -> None:
    with listening() as (source, inbox), Line(source.port) as old, Line(source.port) as new:
        old.send(worked.E)
        until(lambda: frames(inbox), "the frame")
        new.send(worked.A)
        until(lambda: len(frames(inbox)) == 2, "the second frame")
        assert old.is_closed()
        confirm_all(source, inbox)
        assert new.frame().sequence == Frame(worked.A).sequence
        assert (source.void, source.acknowledged) == (1, 1)


def test_a_gateway_may_speak_for_several_devices_on_one_line() -> None:
    other = bytearray(worked.E)
    other[12] += 1
    other[-3] += 1
    with listening() as (source, inbox), Line(source.port) as line:
        line.send(worked.E + bytes(other))
        until(lambda: reported(inbox, "link", ADDRESS + 1) and reported(inbox, "link"), "both links")
        confirm_all(source, inbox)
        assert [line.frame().destination for _ in range(2)] == [worked.DEVICE, bytes(other[12:18])]
    assert source.connects == 2


CLOSED_BY = {
    "silence of a stranger": ({"first_frame_s_max": 0.3}, b""),
    "a byte now and then": ({"first_frame_s_max": 0.3}, b"@"),
    "endless rubbish": ({}, b"\0" * 80_000),
}


@pytest.mark.parametrize("name", CLOSED_BY)
def test_who_never_sends_a_frame_is_sent_away(name: str) -> None:
    changed, rubbish = CLOSED_BY[name]
    with listening(**changed) as (source, _), Line(source.port) as line:
        with contextlib.suppress(ConnectionError):
            line.send(rubbish)
        assert line.is_closed()
        assert source.connected()


def test_who_reads_nothing_of_what_is_confirmed_to_him_is_sent_away() -> None:
    with listening() as (source, inbox), Line(source.port) as line:
        line.send(worked.A)
        until(lambda: frames(inbox), "the frame")
        confirm_all(source, inbox)
        line.frame()
        with contextlib.suppress(OSError):
            for _ in range(20_000):
                line.send(worked.A * 100)
        until(lambda: source.disconnects == 1, "the end of the connection", WAIT_S)


def test_only_who_belongs_here_is_heard() -> None:
    stranger = bytearray(worked.A)
    stranger[12] += 1
    stranger[-3] += 1
    with listening(devices=[ADDRESS]) as (source, inbox), Line(source.port) as line:
        line.send(bytes(stranger) + worked.A)
        until(lambda: frames(inbox), "the frame")
        assert [one.payload for one in frames(inbox)] == [worked.A]
        assert source.refused == 1
    with listening(networks=["10.0.0.0/8"]) as (source, _), Line(source.port) as line:
        assert line.is_closed()
        assert source.refused == 1
    with listening(networks=["127.0.0.0/8"], connections_max=1) as (source, inbox), Line(source.port) as line:
        line.send(worked.A)
        until(lambda: frames(inbox), "the frame")
        with Line(source.port) as one_too_many:
            assert one_too_many.is_closed()


def test_a_device_that_should_be_there_and_is_not_is_reported_as_lost() -> None:
    with listening(devices=[ADDRESS], report_every_s=1) as (_, inbox):
        until(lambda: reported(inbox, "link") == [0.0], "the report")


def test_one_device_that_floods_waits_while_the_others_go_on() -> None:
    with at_work(unacknowledged_max=5) as (source, inbox, devices):
        loud, quiet = devices.add(ADDRESS), devices.add(ADDRESS + 1)
        until(lambda: loud.device.connected and quiet.device.connected, "both devices")
        for _ in range(50):  # each sending a piece of its own
            loud.state()
            until(lambda: source.received >= min(5, loud.tally.sent), "the first frames")
        quiet.state("fire")
        until(lambda: any(one.topic.endswith(str(ADDRESS + 1)) for one in frames(inbox)), "the quiet one's fire")
        assert sum(one.topic.endswith(str(ADDRESS)) for one in frames(inbox)) < 50
        until(lambda: _confirmed(source, inbox) and loud.tally.acknowledged == 50, "the flood to pass", WAIT_S)


def _confirmed(source: Receiver, inbox: BoundedInbox) -> bool:
    confirm_all(source, inbox)
    return True


def test_while_nobody_takes_its_frames_a_device_is_not_read_and_loses_none() -> None:
    source, inbox = receiver(unacknowledged_max=10**6), BoundedInbox(room=0)
    with running(source, inbox):
        until(source.connected, "the receiver to listen")
        with Line(source.port) as line:
            sent = line.send_until_held_back()
            assert source.received < sent
            assert source.received < 2000 + 16384 // len(worked.E) + 1
            inbox.make_room(10**9)
            until(lambda: source.received >= sent, "all frames", WAIT_S)


def test_five_hundred_devices_at_once() -> None:
    with at_work(report_every_s=3600) as (source, inbox, devices):
        panels = [devices.add(ADDRESS + n) for n in range(500)]
        sent = {panel.state("fire") for panel in panels}
        until(lambda: len(frames(inbox)) == 500, "a frame of each", 60)
        assert {one.payload for one in frames(inbox)} == sent
        confirm_all(source, inbox)
        until(lambda: all(panel.tally.acknowledged == 1 for panel in panels), "a confirmation for each", 60)
        assert (source.connects, source.disconnects, source.acknowledged) == (500, 0, 500)
