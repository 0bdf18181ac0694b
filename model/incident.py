"""Incidents (研判): alarms that tell of one thing, put together, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.alarm import Grade
from model.sensor import Position


class IncidentKind(StrEnum):
    """What holds the alarms of an incident together."""

    LOCAL = "local"  # they are near each other: by the asset graph, the site, in space, and in time
    WIDE = "wide"  # so many places at once that it is one thing: an earthquake, a cut cable
    FLOOD = "flood"  # no thing at all: more alarms than a person can read (ISA-18.2); it counts them


class IncidentChange(StrEnum):
    """What an event reports."""

    OPENED = "opened"
    JOINED = "joined"
    FIRST_OUT_CHANGED = "first_out_changed"
    UPGRADED = "upgraded"
    MERGED = "merged"
    SPLIT = "split"
    WATCH_POINT = "watch_point"
    CLOSED = "closed"


class IncidentAct(StrEnum):
    """What a person can do about incidents: ``HumanAct.act``, with the incident's id as ``alarm_id``."""

    MERGE = "merge"  # with the incidents ``about``
    SPLIT = "split"  # the alarms ``about`` off


class Certainty(StrEnum):
    """How the probable source is known, the surest first."""

    LOCATED = "located"  # by detectors that find places, with their error
    NEAR_FIRST = "near_first"  # at the first alarm's place; several alarms tell of it, their spread is the error
    ONLY_FIRST = "only_first"  # one place alone tells of it


@dataclass(frozen=True, slots=True)
class FirstOut:
    """The alarm that began it, by event time."""

    alarm_id: str
    rule: str
    tag: str
    asset: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class ProbableSource:
    """Where it probably comes from."""

    certainty: Certainty
    asset: str
    tag: str
    position: Position
    error_m: float | None  # two deviations where it is located, else how far the alarms spread; None: not known


@dataclass(frozen=True, slots=True)
class Lift:
    """A combination that lifts the grade of an incident."""

    combination: str  # Combination.id
    grade: Grade
    at_ns: int


@dataclass(frozen=True, slots=True)
class WatchPoint:
    """Where a declared chain may go on."""

    chain: str  # Chain.id
    step: int  # of the chain's steps, from 0
    asset: str
    since_ns: int
    distance_m: float | None = None  # from the chain's beginning; None: not known


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands after an event: what a list needs, of bounded size."""

    id: str
    kind: IncidentKind
    is_open: bool
    grade: Grade  # the highest so far: of its alarms, or what a combination lifted it to
    start_ns: int  # event time of the first alarm
    last_ns: int  # event time of the newest alarm
    first_out: FirstOut
    source: ProbableSource
    alarms: int
    alarms_open: int
    folded: int  # alarms that others explain
    by_grade: dict[str, int]
    by_rule: dict[str, int]  # the most frequent ones
    by_asset: dict[str, int]  # the most frequent ones
    rules: int
    assets: int
    lifts: tuple[Lift, ...] = ()
    watch_points: tuple[WatchPoint, ...] = ()
    by_hand: bool = False  # a person merged or split it
    merged_into: str = ""
    offline: bool = False  # it began as news about the past
    peak: int = 0  # of a flood: most alarms within ten minutes


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One immutable line of an incident's history; ids as of ``AlarmEvent``."""

    id: str
    incident_id: str
    offset: int
    change: IncidentChange
    previous_grade: Grade
    at_ns: int  # receive time of the row, or wall time of the tick or act
    joined: tuple[str, ...]  # ids of alarms that belong to it from here on
    others: tuple[str, ...]  # ids of incidents that it took in, or that it was split from
    tells: bool  # it is sent out
    incident: Incident
    by: str = ""
    note: str = ""
    watch_points: tuple[WatchPoint, ...] = ()  # new ones
    combination: str = ""  # that lifted it
