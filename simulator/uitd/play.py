"""Plays devices against a centre until the time is over, and says what became of their frames."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import fields

from simulator.uitd import wire
from simulator.uitd.device import Device, Tally
from simulator.uitd.script import DevicePart, Moment, PointPart, Script

#: Points whose state goes into one frame at the start.
_TOGETHER = wire.OBJECTS_MAX
_DRAIN_S = 10.0


class Player:
    """One device with its points and what happens to them."""

    def __init__(self, device: Device, part: DevicePart) -> None:
        self.device = device
        self._part = part
        self._points = {point.id: point for point in part.points}
        self._values = {point.id: point.value for point in part.points if point.analog is not None}

    async def run(self) -> None:
        """Send what there is to say; the device's own ``run`` keeps the connection."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events())
            for point in self._part.points:
                if point.analog is not None:
                    tasks.create_task(self._measure(point, point.analog))

    async def _events(self) -> None:
        """Say that all is well, then play what happens."""
        now = self.device.now()
        self.device.send(wire.device_state(["normal"], now))
        for begin in range(0, len(self._part.points), _TOGETHER):
            states = [(point.of_wire(), ["normal"]) for point in self._part.points[begin : begin + _TOGETHER]]
            self.device.send(wire.component_states(states, now))
        begun_s = asyncio.get_running_loop().time()
        for event in sorted(self._part.events, key=lambda one: one.at):
            await asyncio.sleep(begun_s + event.at - asyncio.get_running_loop().time())
            self._play(event)

    async def _measure(self, point: PointPart, kind: int) -> None:
        while True:
            value = self._values[point.id] + self.device.chance.gauss(0.0, point.noise)
            self.device.send(wire.analog(point.of_wire(), kind, value, self.device.now()))
            await asyncio.sleep(point.every_s)

    def _play(self, event: Moment) -> None:
        device, now = self.device, self.device.now()
        if event.point is not None:
            if event.value is not None:
                self._values[event.point] = event.value
            if event.state is not None:
                component = self._points[event.point].of_wire()
                device.send(wire.component_states([(component, ["normal", *event.state])], now))
        elif event.system is not None:
            states = ["normal", *(event.state or ())]
            device.send(wire.system_state(event.system, event.system_address, states, now))
        elif event.device is not None:
            device.own_states = ("normal", *event.device)
            device.send(wire.device_state(device.own_states, now))
        elif event.operation is not None:
            device.send(wire.device_operation(event.operation, now))
        elif event.garbage is not None:
            device.write(device.chance.randbytes(event.garbage))
        elif event.do is not None:
            (device.hang_up if event.do == "hang_up" else device.go_half_open)()
        for _ in range(event.repeat or 0):
            device.repeat()


def players(script: Script, host: str, port: int, seed: int) -> list[Player]:
    return [
        Player(Device(part.address + copy, host, port, habits=part.habits(), seed=seed), part)
        for part in script.devices
        for copy in range(part.copies)
    ]


async def play(everyone: list[Player], duration_s: float, stop: asyncio.Event) -> Tally:
    """Play until the time is over or ``stop`` is set; then wait a little for the last confirmations."""
    lines = [asyncio.create_task(player.device.run()) for player in everyone]
    playing = [asyncio.create_task(player.run()) for player in everyone]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), duration_s)
    await _end(playing)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_confirmed(everyone), 0.0 if stop.is_set() else _DRAIN_S)
    await _end(lines)
    return total(player.device.tally for player in everyone)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _confirmed(everyone: list[Player]) -> None:
    while any(player.device.unconfirmed for player in everyone):  # noqa: ASYNC110 - devices tell nobody
        await asyncio.sleep(0.05)


def total(tallies: Iterator[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        for field in fields(Tally):
            setattr(whole, field.name, getattr(whole, field.name) + getattr(tally, field.name))
    return whole
