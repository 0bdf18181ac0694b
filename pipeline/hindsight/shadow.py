"""A proposed plan beside the one in force, over the same inputs as they come: what each tells that the other does not.

Both begin from one saved state of the live pipeline, so that all that differs comes from the change. What the live one
does is not touched: this reads the journal, as every cursor does, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from model.alarm import AlarmEvent
from model.batch import Batch
from model.heartbeat import HEARTBEAT
from model.inputs import Input, PlanChange, Proposal, Tick
from model.plan import Plan
from pipeline.hindsight.episodes import Difference, Episode, differences, episodes
from pipeline.process import snapshot
from pipeline.process.step import State, step
from rules.transitions import ACTIVE
from store.journal.entries import Entry
from store.snapshots import Snapshot

#: So many events of each are kept; before that the oldest go, and are counted.
EVENTS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Older:
    """An alarm from before the shadow began that is on in one of the two alone."""

    rule: str
    tag: str
    on_live: bool
    on_shadow: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """How the two stand.

    Attributes:
        live, shadow: versions of the plans.
        begin_ns, now_ns: wall time of the first and of the newest tick that both have taken.
        inputs: taken.
        live_alarms, shadow_alarms: that began since.
        differences: of them.
        older: alarms from before that are on in one alone.
        left_out: events that there was no room to keep.

    """

    live: str
    shadow: str
    begin_ns: int
    now_ns: int
    inputs: int
    live_alarms: int
    shadow_alarms: int
    differences: tuple[Difference, ...]
    older: tuple[Older, ...]
    left_out: int


class _Track:
    """One of the two."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.events: list[AlarmEvent] = []
        self.left_out = 0

    def step(self, item: Input) -> None:
        told = step(self.state, self.state.next_offset, item).events
        self.events += [one for one in told if one.rule != HEARTBEAT]
        if len(self.events) > EVENTS_MAX:
            over = len(self.events) - EVENTS_MAX // 2
            self.left_out += over
            del self.events[:over]

    def episodes(self) -> list[Episode]:
        return episodes(self.events)

    def active(self) -> set[tuple[str, str]]:
        return {(one.rule, one.tag) for one in self.state.alarms.open_alarms() if one.state in ACTIVE}


class Shadow:
    """Takes the journal's entries behind the saved state, in order."""

    def __init__(self, begun: Snapshot, proposed: Plan) -> None:
        """Begin both.

        Raises:
            StoreError: the saved state is of another program version.

        """
        self._live, self._shadow = _Track(snapshot.restore(begun)), _Track(snapshot.restore(begun))
        self._proposed = proposed
        self._shadow.step(PlanChange(proposed, self._live.state.clock.wall_ns))
        self._older = self._live.active()
        self._begin_ns = self._live.state.clock.wall_ns
        self._place = self._places()
        self._begun_at = self._live.state.next_offset

    @property
    def next_offset(self) -> int:
        """Of the journal: what is to be taken next."""
        return self._live.state.next_offset

    @property
    def is_applied(self) -> bool:
        """Whether the live one has taken the proposed plan over."""
        return self._live.state.bound.plan.version == self._proposed.version

    def take(self, entry: Entry) -> None:
        """Step one entry of the journal by both."""
        item = entry.item
        self._live.state.next_offset = entry.offset
        self._live.step(item)
        match item:
            case PlanChange():
                self._place = self._places()  # the shadow keeps its own plan
            case Batch():
                own = self._place[item.sensor]
                known = np.flatnonzero(own >= 0)
                if len(known):
                    self._shadow.step(replace(item.take(known), sensor=own[known]))
            case Proposal():
                pass
            case _:
                self._shadow.step(item)
        if isinstance(item, Tick) and not self._begin_ns:
            self._begin_ns = item.wall_ns

    def seen(self) -> Seen:
        live, shadow = self._live.episodes(), self._shadow.episodes()
        on = self._live.active(), self._shadow.active()
        return Seen(
            live=self._live.state.bound.plan.version,
            shadow=self._proposed.version,
            begin_ns=self._begin_ns,
            now_ns=self._live.state.clock.wall_ns,
            inputs=self.next_offset - self._begun_at,
            live_alarms=len(live),
            shadow_alarms=len(shadow),
            differences=tuple(differences(live, shadow)),
            older=tuple(
                Older(*key, on_live=key in on[0], on_shadow=key in on[1])
                for key in sorted(self._older)
                if (key in on[0]) != (key in on[1])
            ),
            left_out=self._live.left_out + self._shadow.left_out,
        )

    def _places(self) -> np.ndarray:
        """Of each sensor of the live plan its number in the proposed one; -1 = it is gone there."""
        index = self._shadow.state.bound.tag_index
        tags: Iterable[str] = (one.tag for one in self._live.state.bound.plan.sensors)
        return np.array([index.get(tag, -1) for tag in tags], np.int32)
