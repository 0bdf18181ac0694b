"""One device: keeps a connection to the centre, sends, and sends again until it is confirmed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from simulator.uitd import wire


@dataclass(slots=True)
class Habits:
    """How a device behaves.

    Attributes:
        heartbeat_s: how often it sends its own state.
        clock_ahead_s: how far its clock is ahead.
        sets_clock: whether it obeys when the centre sets its clock.
        duty_answer_s: how long the person on duty takes to answer; None: nobody is there.
        resend_s: how long it waits for a confirmation.
        resends_max: how often it sends again before it gives the connection up and makes a new one.
        reconnect_s: pause before a new connection.

    """

    heartbeat_s: float = 30.0
    clock_ahead_s: float = 0.0
    sets_clock: bool = True
    duty_answer_s: float | None = 5.0
    resend_s: float = 10.0
    resends_max: int = 3
    reconnect_s: float = 1.0


@dataclass(slots=True)
class _Sent:
    raw: bytes
    at_s: float
    written: bool = False
    resends: int = 0  # on this connection


@dataclass(slots=True)
class Tally:
    """What became of a device's frames, and what the centre wanted of it."""

    sent: int = 0
    acknowledged: int = 0
    denied: int = 0
    resent: int = 0
    connects: int = 0
    clock_sets: int = 0
    duty_checks: int = 0
    confirmed: list[int] = field(default_factory=list)  # sequence numbers, in order


class Device:
    """A device of one address. Use it from its event loop alone.

    Args:
        address: its number.
        host, port: of the centre.
        centre: number of the centre.
        habits: how it behaves.
        seed: of its randomness.

    """

    def __init__(
        self, address: int, host: str, port: int, *, centre: int = 1, habits: Habits | None = None, seed: int = 1
    ) -> None:
        self.address = address
        self.centre = centre
        self.habits = habits or Habits()
        self.tally = Tally()
        self.own_states: Sequence[str] = ("normal",)
        self.heard: list[wire.Heard] = []
        self.chance = random.Random(f"{seed}/{address}")
        self._host, self._port = host, port
        self._sequence = 0
        self._unconfirmed: dict[int, _Sent] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._mute = False  # half open: nothing passes any more
        self._last = b""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        return self._writer is not None

    @property
    def unconfirmed(self) -> int:
        return len(self._unconfirmed)

    def now(self) -> datetime:
        """What its clock shows."""
        return datetime.now(UTC) + timedelta(seconds=self.habits.clock_ahead_s)

    def send(self, data: bytes) -> bytes:
        """Send data and keep it until it is confirmed; returns the frame."""
        sent = _Sent(self._frame(wire.SEND, data, self._sequence), 0.0)
        self._unconfirmed[self._sequence] = sent
        self._sequence = (self._sequence + 1) % 65536
        self.tally.sent += 1
        self._last = sent.raw
        self._put(sent)
        return sent.raw

    def write(self, raw: bytes) -> None:
        """Put bytes on the line as they are."""
        if self._writer is not None and not self._mute:
            self._writer.write(raw)

    def repeat(self) -> None:
        """Send the last frame once more, although it may be confirmed."""
        self.tally.resent += 1
        self.write(self._last)

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    def go_half_open(self) -> None:
        """From now on nothing passes, and the connection stays up."""
        self._mute = True

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        try:
            while True:
                with contextlib.suppress(OSError):
                    await self._connection()
                self._writer = None
                await asyncio.sleep(self.habits.reconnect_s)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._writer is not None:
                self._writer.close()

    async def _connection(self) -> None:
        reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._mute = False
        self.tally.connects += 1
        for sent in list(self._unconfirmed.values()):
            sent.resends = 0
            self._put(sent)
        watch = asyncio.create_task(self._watch())
        try:
            stream = bytearray()
            while data := await reader.read(65536):
                if self._mute:
                    continue
                stream += data
                for heard in wire.read(stream):
                    self._answer(heard)
        finally:
            watch.cancel()
            self._writer.close()

    async def _watch(self) -> None:
        """Heartbeats, and frames that nobody confirms."""
        loop = asyncio.get_running_loop()
        beat_s = loop.time() + self.habits.heartbeat_s
        while True:
            await asyncio.sleep(min(0.1, self.habits.resend_s / 4, self.habits.heartbeat_s / 4))
            now_s = loop.time()
            if now_s >= beat_s:
                beat_s = now_s + self.habits.heartbeat_s
                self.send(wire.device_state(self.own_states, self.now()))
            for sent in list(self._unconfirmed.values()):
                if now_s - sent.at_s < self.habits.resend_s:
                    continue
                if sent.resends >= self.habits.resends_max:
                    self.hang_up()
                    return
                sent.resends += 1
                self._put(sent)

    def _put(self, sent: _Sent) -> None:
        if self._writer is not None:
            sent.at_s = asyncio.get_running_loop().time()
            self.tally.resent += sent.written
            sent.written = True
            self.write(sent.raw)

    def _answer(self, heard: wire.Heard) -> None:
        self.heard.append(heard)
        if heard.command in {wire.CONFIRM, wire.DENY}:
            self.tally.denied += heard.command == wire.DENY
            if heard.command == wire.CONFIRM:
                self.tally.acknowledged += 1
                self.tally.confirmed.append(heard.sequence)
                self._unconfirmed.pop(heard.sequence, None)
            return
        if heard.command == wire.CONTROL:
            self.write(self._frame(wire.CONFIRM, b"", heard.sequence))
            self._obey(heard.data)
        elif heard.command == wire.REQUEST:
            self.write(self._frame(wire.RESPONSE, wire.device_state(self.own_states, self.now()), heard.sequence))

    def _obey(self, data: bytes) -> None:
        if data[0] == wire.SET_CLOCK:
            self.tally.clock_sets += 1
            if self.habits.sets_clock:
                self.habits.clock_ahead_s = 0.0
        elif data[0] == wire.CHECK_DUTY:
            self.tally.duty_checks += 1
            if self.habits.duty_answer_s is not None:
                task = asyncio.create_task(self._press_the_key(self.habits.duty_answer_s))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _press_the_key(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.send(wire.device_operation(["duty"], self.now()))

    def _frame(self, command: int, data: bytes, sequence: int) -> bytes:
        return wire.frame(command, data, sequence=sequence, source=self.address, destination=self.centre, at=self.now())
