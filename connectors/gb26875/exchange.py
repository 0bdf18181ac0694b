"""What we say to one device and when, and what we notice of it: clock, duty checks, polls, resends, link.

Pure: time comes in as an argument and frames go out as bytes, so that hours of it are tested in no time.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from connectors.gb26875 import times
from connectors.gb26875.codes import DUTY_BIT, Type
from connectors.gb26875.frames import Command, Frame, encode
from connectors.gb26875.objects import objects
from connectors.gb26875.settings import Poll, Settings, byte_order, minutes_of
from connectors.gb26875.tags import device_name

_log = structlog.get_logger(__name__)

#: Frames of a device that are remembered to know one that is sent again.
REMEMBERED = 32
#: While so many commands are not confirmed, nothing more is asked for.
_ASKED_MAX = 16
#: A clock that stays wrong is not set more often than this.
_RESET_S = 600.0
_QUIET_S_MAX = 3600.0
_MINUTE_S = 60.0
_NEVER = float("inf")


@dataclass(slots=True)
class _Asked:
    """A command that is not confirmed yet."""

    frame: bytes
    sent_s: float
    resends: int = 0


class Exchange:
    """One device. Moments are monotonic seconds (``now_s``) and wall clock ns (``wall_ns``).

    Attributes:
        address: its six bytes.
        connected: whether it has a connection.

    """

    def __init__(self, address: bytes, settings: Settings, now_s: float, chance: random.Random) -> None:
        self.address = address
        self.connected = False
        self._settings = settings
        self._chance = chance
        self._centre, self._version = bytes(6), bytes((1, 1))
        self._sequence = 0
        self._asked: dict[bytes, _Asked] = {}
        self._remembered: dict[bytes, bool] = {}  # digest of a frame -> is it durable
        self._read = times.reader(settings.time_zone, settings.time_format)
        self._clock_offset_s: float | None = None
        self._resends = 0
        self._set_due_s, self._set_s = _NEVER, -_NEVER
        self._duty_due_s = now_s + self._duty_pause_s() if settings.duty_check_every_s else _NEVER
        self._duty_until_s: float | None = None
        self._duty_missed = 0
        self._duty_news: list[float] = []
        self._poll_due_s = [now_s + poll.every_s * chance.random() for poll in settings.polls]
        self._report_due_s = now_s + settings.report_every_s

    def connect(self, now_s: float) -> None:
        self.connected = True
        self._report_due_s = now_s
        if self._settings.clock_sync_every_s:
            self._set_due_s = now_s

    def disconnect(self, now_s: float) -> None:
        """Forget what the connection was waiting for; frames that are not durable come again."""
        self.connected = False
        self._report_due_s = now_s
        self._asked.clear()
        self._duty_until_s = None
        self._remembered = {digest: True for digest, durable in self._remembered.items() if durable}

    def heard(self, frame: Frame, received_ns: int) -> None:
        """Learn from any frame of the device: whom it takes us for, and what its clock shows."""
        self._centre, self._version = frame.destination, frame.version
        shown_ns = self._read(frame.time)
        if shown_ns is None:
            return
        self._clock_offset_s = (shown_ns - received_ns) / 1e9
        if self._settings.clock_sync_every_s and abs(self._clock_offset_s) > self._settings.clock_fault_s:
            self._set_due_s = min(self._set_due_s, self._set_s + _RESET_S)

    def again(self, frame: Frame) -> bool | None:
        """Whether this very frame came before: None = no, False = it is not durable yet, True = it is."""
        durable = self._remembered.get(_digest(frame))
        self._resends += durable is not None
        return durable

    def remember(self, frame: Frame, *, durable: bool) -> None:
        self._remembered[_digest(frame)] = durable
        while len(self._remembered) > REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    def answered(self, frame: Frame) -> None:
        """Note that the device confirmed, refused or responded to a command of ours."""
        asked = self._asked.pop(frame.sequence, None)
        if asked is not None and frame.command == Command.DENY:
            _log.warning("gb26875_command_denied", **self._about(asked))

    def check_duty(self, now_s: float) -> None:
        """Check the duty room (查岗) as soon as the device is connected."""
        self._duty_due_s = min(self._duty_due_s, now_s)

    def duty_answered(self) -> None:
        if self._duty_until_s is not None or self._duty_missed:
            self._duty_until_s, self._duty_missed = None, 0
            self._duty_news.append(0.0)

    def due(self, now_s: float, wall_ns: int) -> list[bytes]:
        """Frames to send to the device now."""
        if self._duty_until_s is not None and now_s >= self._duty_until_s:
            self._duty_until_s = None
            self._duty_missed += 1
            self._duty_news.append(float(self._duty_missed))
        if not self.connected:
            return []
        frames = self._to_resend(now_s) if self._asked else []
        if now_s >= self._set_due_s:
            self._set_s, self._set_due_s = now_s, now_s + self._settings.clock_sync_every_s
            frames.append(self._ask(Command.CONTROL, self._clock_setting(wall_ns), now_s, wall_ns))
        if now_s >= self._duty_due_s:
            frames += self._duty_check(now_s, wall_ns)
        for at, poll in enumerate(self._settings.polls):
            if now_s >= self._poll_due_s[at] and len(self._asked) < _ASKED_MAX:
                self._poll_due_s[at] = now_s + poll.every_s
                if poll.device is None or poll.device == int.from_bytes(self.address, "little"):
                    frames.append(self._ask(Command.REQUEST, self._request(poll, wall_ns), now_s, wall_ns))
        return frames

    def news(self, now_s: float) -> list[dict[str, float]]:
        """Signals to report now, in order."""
        news = [{"duty_missed": missed} for missed in self._duty_news]
        self._duty_news = []
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + self._settings.report_every_s
            report = {"link": float(self.connected), "resends": float(self._resends)}
            if self.connected and self._clock_offset_s is not None:
                report["clock_offset"] = round(self._clock_offset_s, 3)
            self._resends = 0
            news.append(report)
        return news

    def _to_resend(self, now_s: float) -> list[bytes]:
        frames = []
        for sequence, asked in list(self._asked.items()):
            if now_s - asked.sent_s < self._settings.reply_s_max:
                continue
            if asked.resends >= self._settings.resends_max:
                del self._asked[sequence]
                _log.warning("gb26875_command_unanswered", **self._about(asked))
                continue
            asked.sent_s, asked.resends = now_s, asked.resends + 1
            frames.append(asked.frame)
        return frames

    def _about(self, asked: _Asked) -> dict[str, str]:
        name = device_name(self.address, self._settings.device_address)
        return {"device": name, "type": Type(Frame(asked.frame).data[0]).name.lower()}

    def _ask(self, command: Command, data: bytes, now_s: float, wall_ns: int) -> bytes:
        sequence = self._sequence.to_bytes(2, byte_order(self._settings.sequence_order))
        self._sequence = (self._sequence + 1) & 0xFFFF
        frame = encode(sequence, self._version, self._label(wall_ns), self._centre, self.address, command, data)
        self._asked[sequence] = _Asked(frame, now_s)
        return frame

    def _label(self, wall_ns: int) -> bytes:
        return times.label(wall_ns, self._settings.time_zone, self._settings.time_format)

    def _clock_setting(self, wall_ns: int) -> bytes:
        return bytes((Type.SET_DEVICE_CLOCK, 1)) + self._label(wall_ns)

    def _duty_check(self, now_s: float, wall_ns: int) -> list[bytes]:
        every_s = self._settings.duty_check_every_s
        if _in_hours(self._settings.duty_quiet, wall_ns, self._settings.time_zone):
            self._duty_due_s = now_s + min(_QUIET_S_MAX, every_s or _QUIET_S_MAX) * self._chance.uniform(0.5, 1.5)
            return []
        self._duty_due_s = now_s + self._duty_pause_s() if every_s else _NEVER
        self._duty_until_s = now_s + self._settings.duty_minutes * _MINUTE_S
        data = bytes((Type.CHECK_DUTY, 1, self._settings.duty_minutes))
        return [self._ask(Command.CONTROL, data, now_s, wall_ns)]

    def _duty_pause_s(self) -> float:
        return self._settings.duty_check_every_s * self._chance.uniform(0.5, 1.5)

    def _request(self, poll: Poll, wall_ns: int) -> bytes:
        """Data of a request: which system or component, and for records how many, from when on."""
        kind = poll.type()
        of_device = kind >= Type.READ_DEVICE_STATE
        body = b"" if of_device else bytes((poll.system, poll.system_address))
        if "COMPONENT" in kind.name:
            order = byte_order(self._settings.component_address_order)
            body += bytes((poll.component,)) + int(poll.component_address, 16).to_bytes(4, order)
        if "OPERATION" in kind.name:
            body += bytes((poll.records,)) + self._label(wall_ns - int(poll.every_s * 1e9))
        elif of_device:
            body += b"\0"
        return bytes((kind, 1)) + body


def answers_duty(frame: Frame) -> bool:
    """Whether a frame says that somebody in the duty room pressed the key (type 24, bit 5)."""
    items, _ = objects(frame.data)
    return any(item.type == Type.DEVICE_OPERATION and item.body[0] >> DUTY_BIT & 1 for item in items)


def _digest(frame: Frame) -> bytes:
    return hashlib.blake2b(frame.raw, digest_size=16).digest()


def _in_hours(hours: str, wall_ns: int, zone: str) -> bool:
    begin, end = minutes_of(hours)
    if begin == end:
        return False
    now = datetime.fromtimestamp(wall_ns // 10**9, ZoneInfo(zone))
    minute = 60 * now.hour + now.minute
    return begin <= minute < end if begin < end else minute >= begin or minute < end
