"""Simulated user information transmission devices, on a thread of their own, for tests of their centre."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from simulator.uitd import wire
from simulator.uitd.device import Device, Habits, Tally

END_S = 10.0
SMOKE = wire.Component(1, 1, 42, 0x00030007, "3层东走廊烟感")

Result = TypeVar("Result")


class Panel:
    """One device, to be used from the test's thread."""

    def __init__(self, device: Device, fleet: Fleet) -> None:
        self.device = device
        self._fleet = fleet
        self._numbers = itertools.count()

    @property
    def tally(self) -> Tally:
        return self.device.tally

    def send(self, data: bytes) -> bytes:
        return self._fleet.do(lambda: self.device.send(data))

    def state(self, *states: str, of: wire.Component = SMOKE) -> bytes:
        """Say how a component is."""
        return self._fleet.do(
            lambda: self.device.send(wire.component_states([(of, ("normal", *states))], self.device.now()))
        )

    def send_states(self, count: int) -> list[bytes]:
        """So many frames, each of another component; returns them in order."""

        def send() -> list[bytes]:
            points = [wire.Component(1, 1, 42, next(self._numbers)) for _ in range(count)]
            return [
                self.device.send(wire.component_states([(point, ["normal"])], self.device.now())) for point in points
            ]

        return self._fleet.do(send)

    def write(self, raw: bytes) -> None:
        self._fleet.do(lambda: self.device.write(raw))

    def hang_up(self) -> None:
        self._fleet.do(self.device.hang_up)

    def go_half_open(self) -> None:
        self._fleet.do(self.device.go_half_open)

    def repeat(self) -> None:
        self._fleet.do(self.device.repeat)


class Fleet:
    """Devices that all report to one port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._running: list[asyncio.Task[None]] = []
        self._thread.start()

    def add(self, address: int, *, centre: int = 1, **habits: float | None) -> Panel:
        """A device that connects at once; without heartbeat and resends unless it is asked for them."""
        quiet = {"heartbeat_s": 3600.0, "resend_s": 3600.0, "reconnect_s": 0.02, "duty_answer_s": None}
        made = Habits(**(quiet | habits))

        def start() -> Device:
            device = Device(address, "127.0.0.1", self.port, centre=centre, habits=made)
            self._running.append(self._loop.create_task(device.run()))
            return device

        return Panel(self.do(start), self)

    def do(self, action: Callable[[], Result]) -> Result:
        async def act() -> Result:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(END_S)

    def end(self) -> None:
        async def cancel() -> None:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_S)
        self._loop.close()


@contextlib.contextmanager
def fleet(port: int) -> Iterator[Fleet]:
    devices = Fleet(port)
    try:
        yield devices
    finally:
        devices.end()
