"""A liquid pipeline with a pump, a throttle valve and a daily cycle, and the pressure wave of a burst on it.

The burst is worked out by the method of characteristics (Wylie and Streeter, "Fluid Transients in Systems", 1993,
chapter 3): waves run both ways at the wave speed, are damped by friction, come back from pump and valve, and end in
the new steady state, with more flow in and less out. The flow's own speed is left out beside the wave speed
(1.3 against 1,100 m/s), and friction is that of steady flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.sensor import Asset, Sensor, Site
from simulator.noise import stream, wandering
from simulator.plant import DAY_S, Clock, Effect, Floats, PlannedEvent, Sensors

GRAVITY = 9.80665

#: Reaches of the grid; the time step is the time a wave needs for one of them.
REACHES = 200

#: How long a transient is followed; its last state then holds.
COURSE_S = 600.0

#: After a repair the line needs this long to be as before.
REFILL_S = 300.0

#: Discharge coefficient of a hole in a pipe wall, liquid.
DISCHARGE = 0.62


@dataclass(frozen=True, slots=True)
class Line:
    """Pipe and fluid, SI. Heads in m of the fluid."""

    length_m: float
    diameter_m: float
    wall_m: float
    density: float
    bulk_pa: float
    young_pa: float
    friction: float  # Darcy
    flow_m3_s: float
    inlet_head_m: float
    shutoff_head_m: float  # of the pump
    tank_head_m: float  # behind the valve at the far end
    cycle: float  # share by which the flow varies over the day

    @property
    def area(self) -> float:
        return float(np.pi * self.diameter_m**2 / 4.0)

    @property
    def wave_speed(self) -> float:
        """``sqrt((K / rho) / (1 + K D (1 - mu^2) / (E e)))``, anchored throughout (Korteweg; Wylie and Streeter)."""
        anchored = 1.0 - 0.3**2
        stiffness = 1.0 + self.bulk_pa * self.diameter_m * anchored / (self.young_pa * self.wall_m)
        return float(np.sqrt(self.bulk_pa / self.density / stiffness))

    @property
    def slope(self) -> float:
        """Friction head per metre and squared flow (Darcy and Weisbach), m / m / (m3/s)^2."""
        return self.friction / (2.0 * GRAVITY * self.diameter_m * self.area**2)

    @property
    def pump(self) -> float:
        """Droop of the pump's curve, head = shut-off head - pump * Q^2."""
        return (self.shutoff_head_m - self.inlet_head_m) / self.flow_m3_s**2

    def head(self, position_m: Floats, flow_m3_s: Floats) -> Floats:
        """Steady head along the line at a given flow, m."""
        value: Floats = self.shutoff_head_m - (self.pump + self.slope * position_m) * flow_m3_s**2
        return value


@dataclass(frozen=True, slots=True)
class Transient:
    """What the burst changed, on the grid.

    Attributes:
        step_s: s.
        head: float64 [steps, REACHES + 1], change of the head, m of fluid.
        flow: float64 [steps, REACHES + 1], change of the flow, m3/s, just downstream of each node.

    """

    step_s: float
    head: Floats
    flow: Floats


def burst(line: Line, *, flow_m3_s: float, position_m: float, hole_mm: float, opening_s: float) -> Transient:
    """Follow a burst from steady flow for ``COURSE_S``.

    Args:
        line: pipe and fluid.
        flow_m3_s: flow before the burst.
        position_m: where; moved to the next node of the grid.
        hole_mm: diameter of the hole.
        opening_s: time in which it opens.

    """
    reach_m = line.length_m / REACHES
    step_s = reach_m / line.wave_speed
    impedance = line.wave_speed / (GRAVITY * line.area)  # head per flow
    friction = line.slope * reach_m
    valve = (float(line.head(np.array(line.length_m), np.array(flow_m3_s))) - line.tank_head_m) / flow_m3_s**2
    node = min(max(round(position_m / reach_m), 1), REACHES - 1)
    hole = DISCHARGE * np.pi * (hole_mm * 1e-3) ** 2 / 4.0 * np.sqrt(2.0 * GRAVITY)

    head = line.head(np.linspace(0.0, line.length_m, REACHES + 1), np.array(flow_m3_s))
    left, right = np.full(REACHES + 1, flow_m3_s), np.full(REACHES + 1, flow_m3_s)  # flow into and out of a node
    steps = int(COURSE_S / step_s)
    heads, flows = np.empty((steps, REACHES + 1)), np.empty((steps, REACHES + 1))
    heads[0], flows[0] = head, right
    for i in range(1, steps):
        # C+ reaches nodes 1..N with what left the node upstream; C- reaches 0..N-1 with what enters the next.
        plus = head[:-1] + impedance * right[:-1] - friction * right[:-1] * np.abs(right[:-1])
        minus = head[1:] - impedance * left[1:] + friction * left[1:] * np.abs(left[1:])
        head, left, right = np.empty_like(head), np.empty_like(left), np.empty_like(right)
        head[1:-1] = 0.5 * (plus[:-1] + minus[1:])
        opened = hole * min(1.0, i * step_s / opening_s)
        # H = mean - (Z / 2) * opened * sqrt(H), a quadratic in sqrt(H).
        half = 0.25 * impedance * opened
        head[node] = (np.sqrt(half**2 + head[node]) - half) ** 2
        left[1:-1] = (plus[:-1] - head[1:-1]) / impedance
        right[1:-1] = (head[1:-1] - minus[1:]) / impedance
        right[0] = left[0] = _pump_flow(line, impedance, float(minus[0]))
        head[0] = minus[0] + impedance * right[0]
        left[-1] = right[-1] = _valve_flow(valve, impedance, float(plus[-1]) - line.tank_head_m)
        head[-1] = plus[-1] - impedance * left[-1]
        heads[i], flows[i] = head, right
    return Transient(step_s, heads - heads[0], flows - flows[0])


def _pump_flow(line: Line, impedance: float, minus: float) -> float:
    """``shut-off - pump Q^2 = minus + Z Q`` for Q."""
    root = np.sqrt(impedance**2 + 4.0 * line.pump * (line.shutoff_head_m - minus))
    return float((root - impedance) / (2.0 * line.pump))


def _valve_flow(valve: float, impedance: float, drive: float) -> float:
    """``valve Q |Q| = drive - Z Q`` for Q; it turns round when the tank's head is the higher one."""
    size = (np.sqrt(impedance**2 + 4.0 * valve * abs(drive)) - impedance) / (2.0 * valve)
    return float(np.copysign(size, drive))


class PipelinePlant:
    """One line with pressure transmitters (kPa) and flow meters (m3/h) along it."""

    def __init__(
        self, *, site: Site, assets: tuple[Asset, ...], sensors: tuple[Sensor, ...], line: Line,
        elevation_m: tuple[tuple[float, ...], tuple[float, ...]], clock: Clock, seed: int,
    ) -> None:  # fmt: skip
        self.site, self.assets, self.sensors, self.line = site, assets, sensors, line
        self._clock = clock
        self._along = np.array([s.position.along_m or 0.0 for s in sensors])
        self._is_flow = np.array([s.kind == "pipe_flow" for s in sensors])
        self._is_head = np.array([s.kind == "pipe_head" for s in sensors])
        self._elevation = np.interp(self._along, *elevation_m)
        self._demand = stream(seed, site.id)

    def _flow(self, t_s: Floats) -> Floats:
        """Flow without any burst, m3/s: two peaks a day and a slow wandering."""
        day = 2.0 * np.pi * (self._clock.day_s + t_s) / DAY_S
        cycle = 0.6 * np.cos(day - 2.0 * np.pi * 10.0 / 24.0) + 0.4 * np.cos(2.0 * day - 2.0 * np.pi * 16.0 / 24.0)
        slow = wandering(np.full(len(t_s), self._demand), t_s, np.full(len(t_s), 1800.0), salt=20)
        flow: Floats = self.line.flow_m3_s * (1.0 + self.line.cycle * (cycle + 0.1 * slow))
        return flow

    def values(self, sensor: Sensors, t_s: Floats) -> Floats:
        flow = self._flow(t_s)
        head = self.line.head(self._along[sensor], flow) - self._elevation[sensor]
        kpa = head * self.line.density * GRAVITY / 1e3
        value: Floats = np.where(self._is_flow[sensor], flow * 3600.0, np.where(self._is_head[sensor], head, kpa))
        return value

    def effects(self, event: PlannedEvent) -> list[Effect]:
        if event.kind != "burst":
            message = f"{event.kind} at {event.place}: a pipeline plays burst, got {event.kind!r}"
            raise ValueError(message)
        flow = float(self._flow(np.array([event.at_s]))[0])
        change = burst(
            self.line,
            flow_m3_s=flow,
            position_m=event.figure("position_m"),
            hole_mm=event.figure("hole_mm"),
            opening_s=event.figure("opening_s"),
        )
        times = change.step_s * np.arange(len(change.head))
        lasts_s = event.until_s - event.at_s
        if np.isfinite(lasts_s):
            times = np.arange(0.0, lasts_s + REFILL_S + change.step_s, change.step_s)
        fade = np.clip(1.0 - (times - lasts_s) / REFILL_S, 0.0, 1.0) if np.isfinite(lasts_s) else np.ones(len(times))
        rows = np.minimum(np.arange(len(times)), len(change.head) - 1)
        nodes = np.rint(self._along / self.line.length_m * REACHES).astype(np.int64)
        found = []
        for i, node in enumerate(nodes.tolist()):
            scale = 1.0 if self._is_head[i] else self.line.density * GRAVITY / 1e3
            course = change.flow[rows, node] * 3600.0 if self._is_flow[i] else change.head[rows, node] * scale
            found.append(Effect(i, event.at_s, change.step_s, course * fade))
        return found
