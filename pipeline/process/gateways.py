"""A gateway that is down is one finding, not one a sensor.

All sensors of a gateway fall silent together when it does. Then one alarm says so, and the sensors' own silence is held
back until the gateway is heard again. Time is elapsed time without our own outages, as for a single sensor's silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.alarm import Alarm, Why
from model.batch import GOOD
from model.inputs import Tick
from model.sensor import Sensor
from pipeline.process.self_watch import GATEWAY_RULE, SYSTEM
from rules.alarm_machine import Subject
from rules.transitions import ACTIVE

#: Fewer sensors that report by the clock than this are their own witnesses.
SENSORS_MIN = 2
#: A gateway is silent after this, or after the shortest limit on its sensors' silence where that is shorter...
SILENT_S = 30.0
#: ...but not before its quickest sensor has missed its scans.
SILENT_PERIODS = 2.5
#: The sensors' silence is held back from here on: their alarms would otherwise come before that of the gateway. Also
#: how long each of them has to speak after the gateway is heard again.
HELD_PERIODS = 1.5
HELD_S_MIN = 3.0

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Gateways:
    """Those that are watched, in the order in which the plan's sensors name them.

    Attributes:
        ids: of the ``g`` gateways.
        assets: of each the one asset of its sensors, else ``system``.
        sizes: how many sensors each has.
        of: int32 [n], the gateway of each sensor; -1 = none that is watched.
        limit_ns: int64 [g], it is silent when nothing of it was heard for so long.
        held_ns: int64 [g], from which its sensors' silence is held back.
        grace_ns: int64 [n], how long a sensor has to speak after its gateway is heard again.

    """

    ids: tuple[str, ...]
    assets: tuple[str, ...]
    sizes: tuple[int, ...]
    of: NDArray[np.int32]
    limit_ns: NDArray[np.int64]
    held_ns: NDArray[np.int64]
    grace_ns: NDArray[np.int64]

    def subject(self, gateway: int) -> Subject:
        return Subject(GATEWAY_RULE.id, self.ids[gateway], self.assets[gateway], GATEWAY_RULE.latching)


@dataclass(slots=True)
class GatewayState:
    """Of all ``g`` gateways.

    Attributes:
        heard_ns: int64 [g], elapsed time of the tick before the last row of any of its sensors, or of the first tick.
        last_ns: int64 [g], wall time at which that row was received, or of the first tick.
        silent: int8 [g], 1 = its alarm is on.
        back_ns: int64 [g], elapsed time of the tick before it was heard again after its last alarm.
        withheld: int64 [g], how many of its sensors would have raised silence at the last tick.

    """

    heard_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    silent: NDArray[np.int8]
    back_ns: NDArray[np.int64]
    withheld: NDArray[np.int64]

    @classmethod
    def fresh(cls, gateways: int) -> GatewayState:
        never = np.full(gateways, _NEVER, np.int64)
        return cls(
            never, np.zeros(gateways, np.int64), np.zeros(gateways, np.int8), never.copy(), np.zeros(gateways, np.int64)
        )


def bind_gateways(
    sensors: Sequence[Sensor],
    period_s: NDArray[np.float64],
    regular: NDArray[np.bool_],
    silence_s: NDArray[np.float64],
) -> Gateways:
    """Find the gateways that can be watched.

    Args:
        sensors: of the plan.
        period_s: float64 [n], their scan periods.
        regular: bool [n], False = reports changes only, so that its silence is no news.
        silence_s: float64 [n], shortest limit on the sensor's own silence; inf = none.

    """
    members: dict[str, list[int]] = {}
    for index, sensor in enumerate(sensors):
        if sensor.gateway:
            members.setdefault(sensor.gateway, []).append(index)
    members = {name: own for name, own in members.items() if np.count_nonzero(regular[own]) >= SENSORS_MIN}
    of = np.full(len(sensors), -1, np.int32)
    assets, limits_s, held_s = [], [], []
    for gateway, own in enumerate(members.values()):
        of[own] = gateway
        within = {sensors[index].asset for index in own}
        assets.append(within.pop() if len(within) == 1 else SYSTEM)
        quickest_s = float(period_s[own][regular[own]].min())
        own_limit_s = min(SILENT_S, float(silence_s[own].min()))
        limits_s.append(max(own_limit_s, SILENT_PERIODS * quickest_s, HELD_S_MIN))
        held_s.append(max(HELD_S_MIN, HELD_PERIODS * quickest_s))
    return Gateways(
        ids=tuple(members),
        assets=tuple(assets),
        sizes=tuple(len(own) for own in members.values()),
        of=of,
        limit_ns=_ns(np.array(limits_s)),
        held_ns=_ns(np.array(held_s)),
        grace_ns=_ns(np.maximum(HELD_S_MIN, HELD_PERIODS * period_s)),
    )


def _ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(seconds * 1e9).astype(np.int64)


def hear(
    gateways: Gateways, state: GatewayState, sensor: NDArray[np.int32], received_ns: NDArray[np.int64], live_ns: int
) -> list[tuple[int, int]]:
    """Take note of fresh rows, good or bad: whoever speaks is not silent.

    Args:
        gateways: that are watched.
        state: changed in place.
        sensor: int32 [k], of the rows.
        received_ns: int64 [k].
        live_ns: elapsed time of the last tick.

    Returns:
        (gateway, row) of each gateway whose silence is over, with its first row.

    """
    if not gateways.ids:
        return []
    of = gateways.of[sensor]
    rows = np.flatnonzero(of >= 0)
    over: dict[int, int] = {}
    if state.silent.any():
        for row in rows[state.silent[of[rows]] == 1].tolist():
            over.setdefault(int(of[row]), row)
    for gateway in over:
        state.silent[gateway], state.back_ns[gateway] = 0, live_ns
    state.heard_ns[of[rows]] = live_ns
    state.last_ns[of[rows]] = received_ns[rows]  # of rows of one gateway the last one stays
    return list(over.items())


def fall_silent(gateways: Gateways, state: GatewayState, tick: Tick) -> list[int]:
    """Return the gateways whose silence the passing of time made an alarm.

    Args:
        gateways: that are watched.
        state: changed in place.
        tick: ``elapsed_ns`` without the system's own outages.

    """
    if not gateways.ids:
        return []
    unheard = state.heard_ns == _NEVER
    state.heard_ns[unheard], state.last_ns[unheard] = tick.elapsed_ns, tick.wall_ns
    due = (tick.elapsed_ns - state.heard_ns >= gateways.limit_ns) & (state.silent == 0)
    state.silent[due] = 1
    return [int(gateway) for gateway in np.flatnonzero(due)]


def held_back(gateways: Gateways, state: GatewayState, live_ns: int) -> NDArray[np.bool_]:
    """Sensors whose silence is not to raise an alarm at this tick: bool [n]."""
    held = gateways.of >= 0
    if gateways.ids:
        of = gateways.of[held]
        away = (state.silent == 1) | (live_ns - state.heard_ns >= gateways.held_ns)
        came_back = state.back_ns != _NEVER
        in_grace = came_back[of] & (live_ns - np.where(came_back, state.back_ns, 0)[of] < gateways.grace_ns[held])
        held[held] = away[of] | in_grace
    return held


def count_withheld(gateways: Gateways, state: GatewayState, withheld: NDArray[np.bool_]) -> None:
    """Keep how many sensors of each were held back at this tick; ``withheld``: bool [n]."""
    state.withheld[:] = np.bincount(gateways.of[withheld], minlength=len(gateways.ids))


def silence_why(gateways: Gateways, state: GatewayState, gateway: int, tick: Tick, plan_version: str) -> Why:
    """Say for how long nothing came, since when, and of how many sensors."""
    return Why(
        condition=f"silence >= {gateways.limit_ns[gateway] / 1e9:g} s",
        value=float(tick.elapsed_ns - state.heard_ns[gateway]) / 1e9,
        unit="s",
        quality=GOOD,
        scores={"sensors": float(gateways.sizes[gateway])},
        since_ns=int(state.last_ns[gateway]),
        on_delay_s=0.0,
        readings=(),
        rule_source=GATEWAY_RULE.source,
        plan_version=plan_version,
        margin=None,
    )


def keep_silent(gateways: Gateways, state: GatewayState, open_alarms: Iterable[Alarm]) -> None:
    """Let those be silent whose alarm is on: a reading ends it, whatever became of the state that raised it."""
    for alarm in open_alarms:
        if alarm.rule == GATEWAY_RULE.id and alarm.state in ACTIVE and alarm.tag in gateways.ids:
            state.silent[gateways.ids.index(alarm.tag)] = 1
