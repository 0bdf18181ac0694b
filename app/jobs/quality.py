"""``fengsui quality``: the archive gone through once, for the figures of a period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from model.plan import Plan
from pipeline.quality.figures import Limits, SensorFigures, sensor_figures
from pipeline.quality.presence import Presence, watched
from pipeline.quality.stuck import Fleet, RunGauge
from pipeline.quality.stuck_limits import FleetRuns, judged
from store.archive.by_sensor import SensorReader


@dataclass(frozen=True, slots=True)
class Period:
    """From a time on, up to before another.

    Attributes:
        from_ns: its beginning.
        to_ns: its end.
        zone: in which days are meant.

    """

    from_ns: int
    to_ns: int
    zone: str

    @property
    def last_day(self) -> date:
        """The day of its last instant."""
        return datetime.fromtimestamp((self.to_ns - 1) // 10**9, tz=ZoneInfo(self.zone)).date()


def day_period(day: date, zone: str) -> Period:
    """A day from midnight to midnight."""
    begin, end = (datetime(one.year, one.month, one.day, tzinfo=ZoneInfo(zone)) for one in (day, day + timedelta(1)))
    return Period(int(begin.timestamp()) * 10**9, int(end.timestamp()) * 10**9, zone)


def measured(
    reader: SensorReader,
    plan: Plan,
    period: Period,
    limits: Limits,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[SensorFigures]:
    """Figures of every sensor of a plan.

    Args:
        reader: of the archive.
        plan: whose sensors are registered.
        period: to look at.
        limits: for what is due.
        progress: told how many readings were gone through.

    Raises:
        StoreError: the archive changes faster than it can be read.

    """
    over = watched(plan, period.from_ns, period.to_ns)
    presence = Presence(over)
    done = 0
    for part in reader.by_sensor(plan, over.read_from_ns, period.to_ns):
        presence.forget(part.anew)
        presence.take(part.sensor, part.time_ns, part.value, part.quality)
        done += len(part)
        if progress is not None:
            progress(done)
    return sensor_figures(plan, presence.result(), period.to_ns - period.from_ns, limits, period.last_day)


def measured_runs(
    reader: SensorReader,
    plan: Plan,
    fleets: Sequence[Fleet],
    period: Period,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[FleetRuns]:
    """How long readings of each fleet stand still.

    Raises:
        StoreError: the archive changes faster than it can be read.

    """
    gauges = [RunGauge(fleet, len(plan.sensors)) for fleet in fleets]
    done = 0
    for part in reader.by_sensor(plan, period.from_ns, period.to_ns):
        for gauge in gauges:
            gauge.forget(part.anew)
            gauge.take(part.sensor, part.time_ns, part.value, part.quality)
        done += len(part)
        if progress is not None:
            progress(done)
    length_s = (period.to_ns - period.from_ns) / 1e9
    return [judged(fleet, gauge.result(), length_s) for fleet, gauge in zip(fleets, gauges, strict=True)]
