"""The receiver at work on real sockets: what it confirms and when, what it asks, and what becomes of faults."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable

import pytest

from connectors import gb26875
from connectors.gb26875.frames import Command, Frame, encode
from connectors.gb26875.receiver import Receiver
from model.connector import Deliveries
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
from tests.servers import free_port, until
from tests.uitd import fleet


def test_a_worked_frame_is_confirmed_byte_for_byte_when_it_is_durable() -> None:
    with listening() as (source, inbox), Line(source.port) as line:
        line.send(worked.B)
        until(lambda: frames(inbox), "the frame")
        assert [(one.topic, one.payload) for one in frames(inbox)] == [(f"uitd/{ADDRESS}", worked.B)]
        confirm_all(source, inbox)
        confirmed = bytearray(line.frame().raw)
        confirmed[6:12] = worked.LABEL  # it is sent now, not then
        confirmed[-3] = sum(confirmed[2:-3]) & 0xFF
        assert bytes(confirmed) == worked.C


def test_a_damaged_frame_is_refused_at_once_and_its_resend_is_taken() -> None:
    damaged = bytearray(worked.A)
    damaged[30] ^= 0xFF
    with listening() as (source, inbox), Line(source.port) as line:
        line.send(bytes(damaged))
        refusal = line.frame()
        assert (refusal.command, refusal.sequence) == (Command.DENY, Frame(worked.A).sequence)
        assert frames(inbox) == []
        line.send(worked.A)
        until(lambda: frames(inbox), "the frame")
        assert source.denied == 1


def test_rubbish_between_frames_hides_none_of_them() -> None:
    with at_work(frame_s_max=0.3) as (_, inbox, devices):
        panel = devices.add(ADDRESS)
        sent = []
        for rubbish in (b"\0" * 50, b"@@", worked.A[:-1], b"##@@##", b"@"):
            panel.write(rubbish)
            sent.append(panel.state("fire"))
        until(lambda: len(frames(inbox)) == len(sent), "all frames", WAIT_S)
        assert [one.payload for one in frames(inbox)] == sent


def test_a_beginning_that_is_never_ended_does_not_swallow_the_fire_behind_it() -> None:
    longest = bytearray(worked.A[:27])
    longest[24:26] = (1024).to_bytes(2, "little")
    with listening(frame_s_max=0.3) as (source, inbox), Line(source.port) as line:
        line.send(bytes(longest) + worked.A)
        until(lambda: frames(inbox), "the frame")
        assert [one.payload for one in frames(inbox)] == [worked.A]


def test_a_frame_that_comes_again_is_confirmed_again_and_handed_over_once() -> None:
    with at_work() as (source, inbox, devices):
        panel = devices.add(ADDRESS)
        fire = panel.state("fire")
        until(lambda: frames(inbox), "the frame")
        panel.repeat()
        more = panel.state("fault")
        until(lambda: len(frames(inbox)) == 2, "the frame behind it")
        assert [one.payload for one in frames(inbox)] == [fire, more]
        confirm_all(source, inbox)
        until(lambda: panel.tally.acknowledged == 2, "their confirmations")
        panel.repeat()
        panel.repeat()
        until(lambda: panel.tally.acknowledged == 4, "two confirmations more")
        assert len(frames(inbox)) == 2
        assert (source.acknowledged, source.repeated) == (2, 2)


def test_a_restart_of_ours_brings_again_what_was_not_confirmed() -> None:
    port = free_port()
    with fleet(port) as devices:
        panel = devices.add(ADDRESS)
        sent = panel.state("fire")
        for _ in range(2):
            with listening(port=port) as (_, inbox):
                until(lambda inbox=inbox: frames(inbox), "the frame")
                assert [one.payload for one in frames(inbox)] == [sent]
        assert panel.tally.acknowledged == 0


@pytest.mark.parametrize("data", [bytes((140, 1)) + b"vendor", bytes((2, 9, 1)), bytes((61, 1, 1, 1))])
def test_what_cannot_be_understood_is_handed_over_and_confirmed_all_the_same(data: bytes) -> None:
    with at_work() as (source, inbox, devices):
        panel = devices.add(ADDRESS)
        panel.send(data)
        until(lambda: frames(inbox), "the frame")
        confirm_all(source, inbox)
        until(lambda: panel.tally.acknowledged == 1, "its confirmation")
    _, refused = gb26875.decoder(gb26875.Settings(port=0)).decode(Deliveries.of(inbox.taken))
    assert len(refused) == 1


@pytest.mark.parametrize(("command", "answer"), [(1, 6), (4, 6), (7, 3), (200, 3)])
def test_a_command_that_no_device_should_send_is_answered_so_that_it_ends(command: int, answer: int) -> None:
    raw = bytearray(encode(b"\1\0", b"\1\1", worked.LABEL, worked.DEVICE, worked.CENTRE, Command.SEND, b"\1\1"))
    raw[26] = command
    raw[-3] = sum(raw[2:-3]) & 0xFF
    with listening() as (source, inbox), Line(source.port) as line:
        line.send(bytes(raw))
        until(lambda: frames(inbox), "the frame")
        confirm_all(source, inbox)
        assert line.frame().command == answer


def test_heartbeats_are_answered_and_bother_nobody() -> None:
    with listening() as (source, inbox), Line(source.port) as line:
        line.send(b"\x16")
        assert line.read() == b"\x17"
        for data, reply in ((b"", b""), (b"\x16", b"\x17")):
            line.send(encode(b"\7\0", b"\1\1", worked.LABEL, worked.DEVICE, worked.CENTRE, Command.SEND, data))
            confirmed = line.frame()
            assert (confirmed.command, confirmed.sequence, confirmed.data) == (Command.CONFIRM, b"\7\0", reply)
        assert frames(inbox) == []


def test_versions_and_addresses_of_a_vendor_are_given_back_as_they_came() -> None:
    raw = encode(
        b"\1\0", b"\x10\0", worked.LABEL, b"\x0a\1\2\3\x1f\x90", b"\x0a\1\2\4\x1f\x91", Command.SEND, worked.E[27:-3]
    )
    with listening(device_address="ipv4") as (source, inbox), Line(source.port) as line:
        line.send(raw)
        until(lambda: frames(inbox), "the frame")
        confirm_all(source, inbox)
        confirmed = line.frame()
        assert (confirmed.version, confirmed.source, confirmed.destination) == (
            b"\x10\0",
            b"\x0a\1\2\4\x1f\x91",
            b"\x0a\1\2\3\x1f\x90",
        )
        assert frames(inbox)[0].topic == "uitd/10.1.2.3"


def test_the_clock_is_set_when_a_device_comes() -> None:
    with at_work(clock_sync_every_s=86400) as (_, inbox, devices):
        panel = devices.add(ADDRESS, clock_ahead_s=7200.0)
        panel.state()
        until(lambda: panel.tally.clock_sets == 1, "the clock to be set")
        until(lambda: reported(inbox, "clock_offset"), "the offset")
        assert 7190 < reported(inbox, "clock_offset")[0] < 7210


@pytest.mark.parametrize(("answers_after_s", "missed"), [(0.0, 0.0), (None, 1.0)])
def test_a_duty_check_ends_in_an_answer_or_in_its_absence(answers_after_s: float | None, missed: float) -> None:
    with at_work(duty_minutes=0 if answers_after_s is None else 10) as (source, inbox, devices):
        panel = devices.add(ADDRESS, duty_answer_s=answers_after_s)
        panel.state()
        until(lambda: reported(inbox, "link"), "the device")
        source.check_duty(ADDRESS)
        until(lambda: reported(inbox, "duty_missed") == [missed], "the outcome")
        assert panel.tally.duty_checks == 1


def test_what_was_asked_for_is_handed_over_without_being_confirmed() -> None:
    poll = {"read": "device_state", "every_s": 1}
    with at_work(polls=[poll]) as (_, inbox, devices):
        panel = devices.add(ADDRESS)
        panel.state()
        until(lambda: any(Frame(one.payload).command == Command.RESPONSE for one in frames(inbox)), "the response")
        assert panel.tally.denied == 0


def test_a_process_that_can_open_no_more_files_asks_now_and_then_and_takes_the_device_when_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accept, asked_s = socket.socket.accept, []

    def none_left(sock: socket.socket) -> object:
        asked_s.append(time.monotonic())
        if len(asked_s) <= 3:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(sock)

    with listening() as (source, inbox):
        monkeypatch.setattr(socket.socket, "accept", none_left)
        with Line(source.port) as line:
            line.send(worked.A)
            until(lambda: frames(inbox), "the frame")
    assert asked_s[2] - asked_s[0] > 0.2


def test_a_device_may_come_by_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening(host="::1", networks=["::1/128"]) as (source, inbox), Line(source.port, "::1") as line:
        line.send(worked.A)
        until(lambda: frames(inbox), "the frame")


def test_a_port_that_is_taken_is_named_and_listened_on_when_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        source = receiver(port=port)
        with running(source, BoundedInbox()):
            until(lambda: "in use" in source.last_error, "the error")
            assert not source.connected()
            other.close()
            until(source.connected, "the receiver to listen")
            assert source.last_error == ""


def test_a_probe_says_whether_we_can_listen_and_knows_one_who_does() -> None:
    assert receiver().probe().ok
    with listening() as (source, inbox):
        found = receiver(port=source.port).probe()
        assert found.ok, found.message
        assert "a centre of GB/T 26875.3 listens there already" in found.message
        assert inbox.taken == []
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = receiver(port=other.getsockname()[1]).probe()
        assert not found.ok
        assert "in use" in found.message


def test_the_threads_death_costs_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner begins a dead source again; devices then send what was not confirmed."""
    port = free_port()
    source, inbox = receiver(port=port), BoundedInbox()
    real: Callable[..., None] = Receiver._review
    with fleet(port) as devices:
        panel = devices.add(ADDRESS)

        def dies(self: Receiver, now_s: float) -> None:
            if frames(inbox):
                monkeypatch.setattr(Receiver, "_review", real)
                raise ValueError("a fault of ours")
            real(self, now_s)

        monkeypatch.setattr(Receiver, "_review", dies)
        panel.state("fire")
        with pytest.raises(ValueError, match="a fault of ours"):
            source.run(inbox)
        assert not source.connected()
        with running(source, inbox):
            until(lambda: len(frames(inbox)) == 2, "the frame again")
            confirm_all(source, inbox)
            until(lambda: panel.tally.acknowledged == 1, "its confirmation")
