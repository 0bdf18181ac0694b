"""How alarms become incidents, as configured. Figures that no pack gives are these defaults: confirm them on site."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nearness:
    """What is near for alarms of one kind of sensor, or of asset where the asset is judged as a whole."""

    kind: str
    window_s: float
    near_m: float


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
