"""How alarms become incidents, as configured. Figures that no pack gives are these defaults: confirm them on site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.alarm import Grade
from model.sensor import Relation
from model.text import Text


@dataclass(frozen=True, slots=True)
class Nearness:
    """What is near for alarms of one kind of sensor, or of asset where the asset is judged as a whole."""

    kind: str
    window_s: float
    near_m: float


class At(StrEnum):
    """How near each other the parts of a combination must be, or a child its parent."""

    ASSET = "asset"  # on one asset
    SITE = "site"
    LINKED = "linked"  # on one asset or on those that its links of the named relations lead to
    INCIDENT = "incident"  # anywhere in the incident


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a combination: an alarm that is on, what a sensor reads, or what the registry says of the asset."""

    rules: tuple[str, ...] = ()  # an alarm of one of these
    kinds: tuple[str, ...] = ()  # or of a rule on a sensor of one of these kinds
    grade: Grade = Grade.BLUE  # at least
    reading: str = ""  # kind of sensor
    attribute: str = ""  # of the asset
    at_least: float | None = None  # what is read, in the unit of the kind, or the attribute
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Combination:
    """Things that are worse together than each by itself."""

    id: str
    name: Text
    source: Text
    terms: tuple[Term, ...]  # all of them
    at: At
    within_s: float  # an alarm counts for so long after it is over
    grade: Grade  # to which it lifts the incident
    advice: Text


@dataclass(frozen=True, slots=True)
class Explains:
    """A parent whose alarm explains those of its children: they are counted, and not shown one by one."""

    id: str
    source: Text
    rules: tuple[str, ...]  # of the parent
    children: tuple[str, ...]  # rules
    at: At
    relations: tuple[Relation, ...] = ()  # with LINKED: what the child's asset is to the parent's
    up_to: Grade = Grade.YELLOW  # higher ones are always shown


@dataclass(frozen=True, slots=True)
class ChainStep:
    """What may follow, and where."""

    what: Text
    advice: Text
    here: bool  # on the asset itself
    relations: tuple[Relation, ...]  # on assets that links of these relations lead to
    near_m: float  # and on those so near; 0 = none
    confirmed_by: tuple[str, ...] = ()  # rules whose alarm on a watch point says that it has come to this


@dataclass(frozen=True, slots=True)
class Chain:
    """Events that are known to bring about others (次生衍生)."""

    id: str
    name: Text
    source: Text
    rules: tuple[str, ...]  # an alarm of one of these begins it
    grade: Grade  # at least
    steps: tuple[ChainStep, ...]


@dataclass(frozen=True, slots=True)
class IncidentPlan:
    """The part of a plan that the second stage goes by."""

    window_s: float = 600.0  # alarms of one incident follow each other within this, by event time
    near_m: float = 120.0  # in space
    linked_m: float = 1000.0  # along the asset graph, all links of a way together
    links_max: int = 3  # of a way
    quiet_s: float = 300.0  # from the end of its last alarm to its own
    absorb_s: float = 86_400.0  # an incident takes in alarms for so long
    wide_incidents: int = 20  # so many unrelated ones...
    wide_within_s: float = 60.0  # ...within so long are one wide one
    flood_window_s: float = 600.0  # ISA-18.2: a flood begins with more than ten alarms in ten minutes...
    flood_begins: int = 10
    flood_ends: int = 5  # ...and ends with fewer than five
    by_kind: tuple[Nearness, ...] = ()
    combinations: tuple[Combination, ...] = ()
    explains: tuple[Explains, ...] = ()
    chains: tuple[Chain, ...] = ()
