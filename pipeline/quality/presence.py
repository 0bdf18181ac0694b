"""When sensors were heard and how completely they reported, gathered part by part; pure.

A sensor is heard from each of its readings on for three scan periods. What lies between is an outage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.batch import BAD
from model.plan import Plan

HEARD_PERIODS = 3
#: A sensor that is slower cannot be judged by a day: it would have to be looked for in the days before.
REACH_NS_MAX = 86_400 * 10**9
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at.

    Attributes:
        from_ns: beginning of the period.
        to_ns: its end, not in it.
        period_ns: int64 [m], scan period of each sensor; 0 = it is not judged by it.

    """

    from_ns: int
    to_ns: int
    period_ns: NDArray[np.int64]

    @property
    def read_from_ns(self) -> int:
        """Readings from here on matter: one before the beginning may reach into the period."""
        return self.from_ns - HEARD_PERIODS * int(self.period_ns.max(initial=0))


@dataclass(frozen=True, slots=True)
class Heard:
    """Of each sensor, over the period.

    Attributes:
        is_judged: bool [m]; the others report on change only, or too slowly for this period.
        heard_ns: int64 [m], time in which it was heard.
        readings: int64 [m], distinct in time.
        expected: int64 [m], by the scan period; 0 where it is not judged.
        quality: int64 [m, 3], readings that are good, uncertain, bad.
        outage_ns: int64 [m], the longest.
        outage_begin_ns: int64 [m], where it begins; the earliest of equal ones.
        last_ns: int64 [m], last reading before the end of the period, also of shortly before its beginning.
        has_last: bool [m], whether there is one.

    """

    is_judged: NDArray[np.bool_]
    heard_ns: NDArray[np.int64]
    readings: NDArray[np.int64]
    expected: NDArray[np.int64]
    quality: NDArray[np.int64]
    outage_ns: NDArray[np.int64]
    outage_begin_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    has_last: NDArray[np.bool_]


def watched(plan: Plan, from_ns: int, to_ns: int) -> Watched:
    """Look at a plan's sensors; those that report on change, or less than once a period, are not judged by it."""
    kinds = {kind.id: kind for kind in plan.kinds}
    period_ns = np.zeros(len(plan.sensors), np.int64)
    for at, sensor in enumerate(plan.sensors):
        kind = kinds[sensor.kind]
        one_ns = round((kind.period_s if sensor.period_s is None else sensor.period_s) * 1e9)
        if not kind.on_change and one_ns <= to_ns - from_ns and HEARD_PERIODS * one_ns <= REACH_NS_MAX:
            period_ns[at] = max(1, one_ns)
    return Watched(from_ns, to_ns, period_ns)


class Presence:
    """Takes readings as they are read, and says what they come to."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        count = len(watched.period_ns)
        self._last_ns = np.full(count, _NEVER, np.int64)
        self._heard_ns = np.zeros(count, np.int64)
        self._quality = np.zeros((count, 3), np.int64)
        self._outage_ns = np.zeros(count, np.int64)
        self._outage_begin_ns = np.full(count, watched.from_ns, np.int64)

    def forget(self, sensors: NDArray[np.int32]) -> None:
        """Begin anew with some sensors."""
        self._last_ns[sensors] = _NEVER
        self._heard_ns[sensors] = 0
        self._quality[sensors] = 0
        self._outage_ns[sensors] = 0
        self._outage_begin_ns[sensors] = self._watched.from_ns

    def take(
        self,
        sensor: NDArray[np.int32],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        quality: NDArray[np.uint8],
    ) -> None:
        """Take readings before the period's end; a sensor's stand together, and its times rise strictly.

        Args:
            sensor: int32 [n].
            time_ns: int64 [n].
            value: float64 [n]; what is not finite is bad.
            quality: uint8 [n].

        """
        if not len(sensor):
            return
        begin = np.flatnonzero(np.diff(sensor, prepend=-1))
        of = sensor[begin]
        before_ns = np.roll(time_ns, 1)
        before_ns[begin] = self._last_ns[of]
        silent_from_ns = self._silent_from(before_ns, sensor)
        self._heard_ns[of] += np.add.reduceat(self._heard_between(before_ns, silent_from_ns, time_ns), begin)
        outage_ns = np.where(self._watched.period_ns[sensor] > 0, time_ns - silent_from_ns, 0)
        longest = np.maximum.reduceat(outage_ns, begin)
        row = np.arange(len(sensor))
        is_longest = outage_ns == np.repeat(longest, np.diff(begin, append=len(sensor)))
        place = np.minimum.reduceat(np.where(is_longest, row, len(sensor)), begin)
        self._keep_longest(of, longest, silent_from_ns[place])
        is_in = time_ns >= self._watched.from_ns
        worst = np.where(np.isfinite(value), np.minimum(quality, BAD), BAD)
        for one in range(3):
            self._quality[of, one] += np.add.reduceat((is_in & (worst == one)).astype(np.int64), begin)
        self._last_ns[of] = time_ns[np.append(begin[1:], len(sensor)) - 1]

    def result(self) -> Heard:
        """What the readings so far come to; changes nothing."""
        sensor = np.arange(len(self._last_ns), dtype=np.int32)
        end_ns = np.full(len(sensor), self._watched.to_ns, np.int64)
        silent_from_ns = self._silent_from(self._last_ns, sensor)
        is_judged = self._watched.period_ns > 0
        tail_ns = np.where(is_judged, end_ns - silent_from_ns, 0)
        is_longest = tail_ns > self._outage_ns
        heard_ns = self._heard_ns + self._heard_between(self._last_ns, silent_from_ns, end_ns)
        length_ns = self._watched.to_ns - self._watched.from_ns
        return Heard(
            is_judged,
            np.where(is_judged, heard_ns, 0),
            self._quality.sum(axis=1),
            np.where(is_judged, length_ns // np.maximum(self._watched.period_ns, 1), 0),
            self._quality.copy(),
            np.where(is_longest, tail_ns, self._outage_ns),
            np.where(is_longest, silent_from_ns, self._outage_begin_ns),
            self._last_ns.copy(),
            self._last_ns != _NEVER,
        )

    def _silent_from(self, before_ns: NDArray[np.int64], sensor: NDArray[np.int32]) -> NDArray[np.int64]:
        """When a sensor is not heard any more after a reading; int64 [n], not before the period's beginning."""
        from_ns = self._watched.from_ns
        reach_ns = np.maximum(before_ns, from_ns - REACH_NS_MAX) + HEARD_PERIODS * self._watched.period_ns[sensor]
        return np.where(before_ns == _NEVER, from_ns, np.maximum(reach_ns, from_ns))

    def _heard_between(
        self, before_ns: NDArray[np.int64], silent_from_ns: NDArray[np.int64], until_ns: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        begin_ns = np.maximum(before_ns, self._watched.from_ns)
        heard_ns: NDArray[np.int64] = np.maximum(np.minimum(until_ns, silent_from_ns) - begin_ns, 0)
        return heard_ns

    def _keep_longest(
        self, sensors: NDArray[np.int32], outage_ns: NDArray[np.int64], begin_ns: NDArray[np.int64]
    ) -> None:
        longer = outage_ns > self._outage_ns[sensors]
        self._outage_ns[sensors[longer]] = outage_ns[longer]
        self._outage_begin_ns[sensors[longer]] = begin_ns[longer]
