"""What is said to a device and when: hours of it, played in no time, for no clock is read."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from connectors import gb26875
from connectors.gb26875 import times
from connectors.gb26875.codes import Type
from connectors.gb26875.exchange import REMEMBERED, Exchange, answers_duty
from connectors.gb26875.frames import Command, Frame, encode
from tests.connectors.gb26875 import worked

SECOND_NS = 10**9
#: Monday 2026-03-09 00:00 in Shanghai, where the play begins.
MIDNIGHT_NS = worked.SENT_NS - (14 * 3600 + 5 * 60 + 30) * SECOND_NS


class Play:
    """One device and its centre, from midnight on."""

    def __init__(self, **changed: object) -> None:
        settings = gb26875.Settings.model_validate({"port": 0, "clock_sync_every_s": 0} | changed)
        self.device = Exchange(worked.DEVICE, settings, 0.0, random.Random(7))
        self.now_s = 0.0
        self.said: list[tuple[float, Frame]] = []
        self.news: list[tuple[float, dict[str, float]]] = []

    def hear(self, frame: bytes, clock_ahead_s: float = 0.0) -> None:
        label = times.label(self.wall_ns + int(clock_ahead_s * SECOND_NS), "Asia/Shanghai", "binary")
        heard = Frame(frame)
        sent = encode(
            heard.sequence, heard.version, label, heard.source, heard.destination, Command(heard.command), heard.data
        )
        self.device.heard(Frame(sent), self.wall_ns)

    @property
    def wall_ns(self) -> int:
        return MIDNIGHT_NS + int(self.now_s * SECOND_NS)

    def until(self, seconds: float, *, confirms: bool = True) -> list[tuple[float, Frame]]:
        """Go on in steps of a second; what is said is confirmed at once, or never."""
        before = len(self.said)
        while self.now_s < seconds:
            self.now_s += 1.0
            for raw in self.device.due(self.now_s, self.wall_ns):
                self.said.append((self.now_s, Frame(raw)))
                if confirms:
                    self.device.answered(Frame(Frame(raw).reply(Command.CONFIRM, worked.LABEL)))
            self.news += [(self.now_s, one) for one in self.device.news(self.now_s)]
        return self.said[before:]


def told(play: Play, signal: str) -> list[tuple[float, float]]:
    return [(at, one[signal]) for at, one in play.news if signal in one]


def test_the_clock_is_set_at_each_connection_and_once_a_day() -> None:
    play = Play(clock_sync_every_s=86400)
    assert play.until(10) == []
    play.hear(worked.E)
    play.device.connect(play.now_s)
    first, second = play.until(11 + 86400)
    for at, frame in (first, second):
        assert (frame.command, frame.data[:2]) == (Command.CONTROL, bytes((Type.SET_DEVICE_CLOCK, 1)))
        assert times.reader("Asia/Shanghai", "binary")(frame.data[2:]) == MIDNIGHT_NS + int(at) * SECOND_NS
        assert (frame.source, frame.destination) == (worked.CENTRE, worked.DEVICE)
    assert (first[0], second[0]) == (11, 86411)
    assert (first[1].sequence, second[1].sequence) == (b"\0\0", b"\1\0")


def test_a_clock_that_is_wrong_is_set_again_but_not_for_ever() -> None:
    play = Play(clock_sync_every_s=86400)
    play.device.connect(0)
    for second in range(3600):
        play.until(second)
        play.hear(worked.E, clock_ahead_s=-3600)
    assert [at for at, _ in play.said] == [1, 601, 1201, 1801, 2401, 3001]


def test_a_command_that_is_not_confirmed_is_sent_three_times_more_and_then_given_up() -> None:
    play = Play(clock_sync_every_s=86400)
    play.device.connect(0)
    with capture_logs() as logs:
        play.until(100, confirms=False)
    assert [at for at, _ in play.said] == [1, 11, 21, 31]
    assert len({frame.raw for _, frame in play.said}) == 1
    assert [(one["event"], one["type"]) for one in logs] == [("gb26875_command_unanswered", "set_device_clock")]


def test_a_command_that_is_refused_is_not_sent_again() -> None:
    play = Play(clock_sync_every_s=86400)
    play.device.connect(0)
    ((_, frame),) = play.until(5, confirms=False)
    with capture_logs() as logs:
        play.device.answered(Frame(frame.reply(Command.DENY, worked.LABEL)))
    assert play.until(100) == []
    assert [(one["event"], one["device"]) for one in logs] == [("gb26875_command_denied", "330100001")]


def test_the_worked_duty_check_is_what_is_sent() -> None:
    play = Play(duty_minutes=10)
    play.hear(worked.E)
    play.device.connect(0)
    play.device.check_duty(0)
    ((_, frame),) = play.until(1)
    worked_check = Frame(worked.D)
    assert (frame.command, frame.data, frame.version) == (worked_check.command, worked_check.data, worked_check.version)
    assert (frame.source, frame.destination) == (worked_check.source, worked_check.destination)


def test_a_duty_room_that_answers_and_one_that_does_not() -> None:
    play = Play(duty_minutes=10)
    play.device.connect(0)
    for checked_s, answered_s in ((0, 300), (1000, None), (2000, None), (3000, 3050)):
        play.until(checked_s)
        play.device.check_duty(play.now_s)
        if answered_s is not None:
            play.until(answered_s)
            play.device.duty_answered()
    play.until(4000)
    assert told(play, "duty_missed") == [(301, 0.0), (1601, 1.0), (2601, 2.0), (3051, 0.0)]


def test_a_late_answer_says_that_somebody_is_there_now() -> None:
    play = Play(duty_minutes=1)
    play.device.connect(0)
    play.device.check_duty(0)
    play.until(90)
    play.device.duty_answered()
    play.until(100)
    assert told(play, "duty_missed") == [(61, 1.0), (91, 0.0)]


def test_nobody_is_blamed_for_a_line_that_broke() -> None:
    play = Play(duty_minutes=10)
    play.device.connect(0)
    play.device.check_duty(0)
    play.until(60)
    play.device.disconnect(play.now_s)
    play.until(2000)
    assert told(play, "duty_missed") == []


def test_duty_checks_come_at_random_about_as_often_as_asked_and_never_in_quiet_hours() -> None:
    play = Play(duty_check_every_s=3600, duty_quiet="22:00-06:00")
    play.device.connect(0)
    for hour in range(24 * 8):
        play.until(3600 * hour)
        play.device.duty_answered()
    checks = [at for at, frame in play.said if frame.data[0] == Type.CHECK_DUTY]
    hours = Counter(int(at) % 86400 // 3600 for at in checks)
    assert all(6 <= hour < 22 for hour in hours)
    assert set(hours) == set(range(6, 22))
    assert 16 * 8 * 0.7 < len(checks) < 16 * 8 * 1.3
    assert len({round(at % 3600) for at in checks}) > 60


@pytest.mark.parametrize(
    ("poll", "data"),
    [
        ({"read": "system_state", "system": 11, "system_address": 2}, "3d 01 0b 02"),
        ({"read": "component_state", "component": 42, "component_address": "00030007"}, "3e 01 01 01 2a 07 00 03 00"),
        ({"read": "component_analog", "component": 91, "component_address": "00010001"}, "3f 01 01 01 5b 01 00 01 00"),
        ({"read": "system_operation", "records": 5}, "40 01 01 01 05 00 00 17 08 03 1a"),
        ({"read": "system_version"}, "41 01 01 01"),
        ({"read": "system_configuration"}, "42 01 01 01"),
        ({"read": "component_configuration"}, "43 01 01 01 00 00 00 00 00"),
        ({"read": "system_time"}, "44 01 01 01"),
        ({"read": "device_state"}, "51 01 00"),
        ({"read": "device_operation", "records": 5}, "54 01 05 00 00 17 08 03 1a"),
        ({"read": "device_version"}, "55 01 00"),
        ({"read": "device_configuration"}, "56 01 00"),
        ({"read": "device_time"}, "58 01 00"),
    ],
)
def test_each_thing_that_can_be_read_is_asked_for_in_its_own_form(poll: dict[str, object], data: str) -> None:
    play = Play(polls=[{"every_s": 3600, **poll}])
    play.device.connect(0)
    said = play.until(3 * 3600)
    assert len(said) == 3
    assert {frame.command for _, frame in said} == {Command.REQUEST}
    first = bytes.fromhex(data)
    head = len(first) - (6 if "operation" in str(poll["read"]) else 0)  # records: from an hour before on
    assert {frame.data[:head] for _, frame in said} == {first[:head]}
    if head < len(first):
        asked_from = times.reader("Asia/Shanghai", "binary")(said[0][1].data[head:])
        assert asked_from == MIDNIGHT_NS + int(said[0][0] - 3600) * SECOND_NS


def test_a_device_that_answers_nothing_is_not_asked_more_and_more() -> None:
    play = Play(polls=[{"read": "device_state", "every_s": 1}] * 10, reply_s_max=60)
    play.device.connect(0)
    assert len(play.until(50, confirms=False)) == 16


def test_only_the_device_that_is_meant_is_asked() -> None:
    play = Play(polls=[{"read": "device_state", "every_s": 60, "device": 7}])
    play.device.connect(0)
    assert play.until(600) == []


def test_link_clock_and_resends_are_reported_each_minute_and_changes_at_once() -> None:
    play = Play()
    play.until(90)
    assert told(play, "link") == [(60, 0.0)]
    play.hear(worked.E, clock_ahead_s=12)
    play.device.connect(play.now_s)
    frame = Frame(worked.A)
    assert play.device.again(frame) is None
    play.device.remember(frame, durable=False)
    play.until(100)
    assert [play.device.again(frame) for _ in range(3)] == [False] * 3
    play.device.remember(frame, durable=True)
    assert play.device.again(frame) is True
    play.until(155)
    play.device.disconnect(play.now_s)
    play.until(230)
    assert told(play, "link") == [(60, 0.0), (91, 1.0), (151, 1.0), (156, 0.0), (216, 0.0)]
    assert told(play, "resends") == [(60, 0.0), (91, 0.0), (151, 4.0), (156, 0.0), (216, 0.0)]
    assert told(play, "clock_offset") == [(91, 12.0), (151, 12.0)]


def test_what_was_not_durable_when_the_line_broke_is_new_when_it_comes_again() -> None:
    play = Play()
    pending, done = Frame(worked.A), Frame(worked.B)
    play.device.remember(pending, durable=False)
    play.device.remember(done, durable=True)
    play.device.disconnect(0)
    assert play.device.again(pending) is None
    assert play.device.again(done) is True


def test_frames_that_differ_in_anything_are_not_the_same_frame() -> None:
    """Devices that never count their frames must not lose the second alarm of a second."""
    play = Play()
    play.device.remember(Frame(worked.A), durable=True)
    other = bytearray(worked.A)
    other[32] += 1
    other[-3] += 1
    assert play.device.again(Frame(bytes(other))) is None


def test_only_so_many_frames_are_remembered() -> None:
    play = Play()
    for n in range(10 * REMEMBERED):
        play.device.remember(Frame(worked.A + n.to_bytes(2, "little")), durable=True)
    assert len(play.device._remembered) == REMEMBERED


def test_the_key_of_the_duty_room_is_bit_five_of_the_devices_operation() -> None:
    def pressed(data: bytes) -> bool:
        raw = encode(b"\0\0", b"\1\1", worked.LABEL, worked.DEVICE, worked.CENTRE, Command.SEND, data)
        return answers_duty(Frame(raw))

    assert pressed(bytes((24, 1, 1 << 5, 3)) + worked.LABEL)
    assert pressed(bytes((24, 2, 1, 3, 1 << 5, 3)))
    assert not pressed(bytes((24, 1, 1 << 4, 3)))
    assert not pressed(bytes((4, 1, 1, 1, 1 << 5, 3)))
    assert not pressed(b"")


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70000},
        {"port": 1, "tag": "{device}/{signal}"},
        {"port": 1, "tag": "{device}/{component_address}/{signal}/{floor}"},
        {"port": 1, "device_tag": "{device}"},
        {"port": 1, "system_tag": "{device} {system}/{signal}"},
        {"port": 1, "signals": ["smoke"]},
        {"port": 1, "analogs": [{"type": 5, "signal": "p", "unit": "kPa", "resolution": 1}]},
        {"port": 1, "analogs": [{"type": 130, "signal": "p", "unit": "furlong", "resolution": 1}]},
        {"port": 1, "time_zone": "Asia/Nowhere"},
        {"port": 1, "duty_quiet": "ten to six"},
        {"port": 1, "devices": [-1]},
        {"port": 1, "devices": [1 << 48]},
        {"port": 1, "networks": ["10.0.0.1/8"]},
        {"port": 1, "polls": [{"read": "everything", "every_s": 1}]},
        {"port": 1, "polls": [{"read": "device_state", "every_s": 60, "component_address": "xyz"}]},
        {"port": 1, "colour": "red"},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        gb26875.Settings.model_validate(wrong)
