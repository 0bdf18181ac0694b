"""Figures of data quality, by enterprise, site, kind or sensor, and the sensors that fall short; pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from model.batch import BAD, GOOD, UNCERTAIN
from model.plan import Plan
from model.sensor import Sensor
from model.text import Text
from pipeline.quality.presence import Heard


class By(StrEnum):
    """What figures are given of."""

    ENTERPRISE = "enterprise"
    SITE = "site"
    KIND = "kind"
    SENSOR = "sensor"


class Calibration(StrEnum):
    """How a sensor's calibration stands on a day."""

    VALID = "valid"
    DUE = "due"  # ends soon
    OVERDUE = "overdue"
    UNKNOWN = "unknown"  # nobody has said until when


@dataclass(frozen=True, slots=True)
class Limits:
    """What is asked for.

    Attributes:
        online_min: share of the time that a sensor is to be heard.
        completeness_min: share of the expected readings.
        calibration_days: a calibration that ends within so many days is due.

    """

    online_min: float
    completeness_min: float
    calibration_days: int


@dataclass(frozen=True, slots=True)
class SensorFigures:
    """One sensor over the period; shares are None where there is nothing to divide by.

    Attributes:
        online: share of the period in which it was heard.
        completeness: readings by those expected, at most 1.
        outage_s: longest time in which it was not heard.
        outage_begin_ns: where that begins; None = there was none.
        last_ns: last reading; None = none in the period or shortly before.

    """

    tag: str
    name: Text
    kind: str
    asset: str
    site: str
    enterprise: str
    is_judged: bool
    online: float | None
    completeness: float | None
    heard_ns: int
    readings: int
    expected: int
    good: int
    uncertain: int
    bad: int
    outage_s: float
    outage_begin_ns: int | None
    last_ns: int | None
    calibrated_until: date | None
    calibration: Calibration

    @property
    def is_never_heard(self) -> bool:
        return self.is_judged and self.readings == 0

    def is_short_of(self, limits: Limits) -> bool:
        """Whether it was heard too little, or too incompletely."""
        return (self.online is not None and self.online < limits.online_min) or (
            self.completeness is not None and self.completeness < limits.completeness_min
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of some sensors.

    Attributes:
        sensors: registered.
        heard: with a reading in the period.
        not_judged: that report on change only, or too slowly for this period; left out of the shares.
        never_heard: judged, and without a reading.
        online: mean of its sensors.
        completeness: received by expected, no sensor above 1.
        readings: distinct in time.
        good: share of the readings, as are ``uncertain`` and ``bad``.
        outage_s: the longest of all, with its sensor and where it begins.

    """

    id: str
    name: Text
    enterprise: str
    sensors: int
    heard: int
    not_judged: int
    never_heard: int
    online: float | None
    completeness: float | None
    readings: int
    good: float | None
    uncertain: float | None
    bad: float | None
    outage_s: float
    outage_begin_ns: int | None
    outage_tag: str
    calibration_due: int
    calibration_overdue: int
    calibration_unknown: int
    short: int


def sensor_figures(plan: Plan, heard: Heard, length_ns: int, limits: Limits, day: date) -> list[SensorFigures]:
    """Figures of every sensor, in the order of the plan.

    Args:
        plan: with the sensors that ``heard`` is about.
        heard: what was measured.
        length_ns: of the period.
        limits: for what is due.
        day: on which calibrations are looked at.

    """
    sites = {one.id: one.enterprise for one in plan.sites}
    assets = {one.id: one.site for one in plan.assets}
    made = []
    for at, sensor in enumerate(plan.sensors):
        site = assets[sensor.asset]
        is_judged, expected, readings = bool(heard.is_judged[at]), int(heard.expected[at]), int(heard.readings[at])
        outage_ns = int(heard.outage_ns[at])
        made.append(
            SensorFigures(
                sensor.tag,
                sensor.name,
                sensor.kind,
                sensor.asset,
                site,
                sites[site],
                is_judged,
                int(heard.heard_ns[at]) / length_ns if is_judged else None,
                min(readings, expected) / expected if is_judged else None,
                int(heard.heard_ns[at]),
                readings,
                expected,
                int(heard.quality[at, GOOD]),
                int(heard.quality[at, UNCERTAIN]),
                int(heard.quality[at, BAD]),
                outage_ns / 1e9,
                int(heard.outage_begin_ns[at]) if outage_ns else None,
                int(heard.last_ns[at]) if heard.has_last[at] else None,
                sensor.calibrated_until,
                calibration(sensor, day, limits.calibration_days),
            )
        )
    return made


def calibration(sensor: Sensor, day: date, days: int) -> Calibration:
    """How a sensor's calibration stands on a day; it holds up to and with its last one."""
    if sensor.calibrated_until is None:
        return Calibration.UNKNOWN
    if sensor.calibrated_until < day:
        return Calibration.OVERDUE
    return Calibration.DUE if sensor.calibrated_until <= day + timedelta(days=days) else Calibration.VALID


def grouped(plan: Plan, sensors: list[SensorFigures], by: By, limits: Limits) -> list[Group]:
    """Figures of all groups that have a sensor: in the order of the plan, sensors by tag."""
    of: Callable[[SensorFigures], str]
    match by:
        case By.ENTERPRISE:
            of, names = (lambda one: one.enterprise), {one.id: (one.name, one.id) for one in plan.enterprises}
        case By.SITE:
            of, names = (lambda one: one.site), {one.id: (one.name, one.enterprise) for one in plan.sites}
        case By.KIND:
            of, names = (lambda one: one.kind), {one.id: (one.name, "") for one in plan.kinds}
        case By.SENSOR:
            ordered = sorted(sensors, key=lambda one: one.tag)
            of, names = (lambda one: one.tag), {one.tag: (one.name, one.enterprise) for one in ordered}
    members: dict[str, list[SensorFigures]] = {}
    for one in sensors:
        members.setdefault(of(one), []).append(one)
    return [_group(key, *named, members[key], limits) for key, named in names.items() if key in members]


def _group(key: str, name: Text, enterprise: str, sensors: list[SensorFigures], limits: Limits) -> Group:
    judged = [one for one in sensors if one.is_judged]
    expected = sum(one.expected for one in judged)
    readings = sum(one.readings for one in sensors)
    longest = max(sensors, key=lambda one: one.outage_s)
    counts = {state: sum(one.calibration is state for one in sensors) for state in Calibration}
    return Group(
        id=key,
        name=name,
        enterprise=enterprise,
        sensors=len(sensors),
        heard=sum(one.readings > 0 for one in sensors),
        not_judged=len(sensors) - len(judged),
        never_heard=sum(one.is_never_heard for one in sensors),
        online=math.fsum(one.online or 0.0 for one in judged) / len(judged) if judged else None,
        completeness=sum(min(one.readings, one.expected) for one in judged) / expected if expected else None,
        readings=readings,
        good=sum(one.good for one in sensors) / readings if readings else None,
        uncertain=sum(one.uncertain for one in sensors) / readings if readings else None,
        bad=sum(one.bad for one in sensors) / readings if readings else None,
        outage_s=longest.outage_s,
        outage_begin_ns=longest.outage_begin_ns,
        outage_tag=longest.tag if longest.outage_s else "",
        calibration_due=counts[Calibration.DUE],
        calibration_overdue=counts[Calibration.OVERDUE],
        calibration_unknown=counts[Calibration.UNKNOWN],
        short=sum(one.is_short_of(limits) for one in sensors),
    )
