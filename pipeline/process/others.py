"""What other sensors of the asset or site say as of a row or a tick: the last reading of each, in the journal's order.

A reading stands for its sensor until the next one, but says nothing about an instant that is too far from it. That of a
sensor that reports changes only does not age, but says nothing while its gateway is silent. Where several sensors are
meant and some say nothing, what is known lies between two bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import Records
from model.batch import GOOD, NO_TIME, Batch
from model.condition import Comparison
from model.plan import Plan
from model.state import added
from pipeline.process.other_kernels import (
    FUNCTIONS,
    LATEST_FIELDS,
    NEVER,
    OPERAND_FIELDS,
    OPERATORS,
    REACH_FIELDS,
    TEST_FIELDS,
    at_rows,
    at_slots,
)
from pipeline.process.windows import NO_GAP_NS, known_of
from rules.evidence import Known
from rules.language import call_of
from rules.operands import MODE, Call

_SINGLE = "single"
#: Low, high and doubtful, each [operands, n].
Found: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


@dataclass(slots=True)
class OthersState:
    """Of the ``p`` sensors that conditions on others name; ``c`` comparisons that are counted over a window.

    Attributes:
        latest: records [p] of ``LATEST_FIELDS``.
        met_ns: int64 [p, c], event time of the newest reading that met a comparison; ``NEVER`` = none.
        since_ns: int64 [p, c], no reading up to this event time was compared; ``NEVER`` = all were.

    """

    latest: Records
    met_ns: NDArray[np.int64]
    since_ns: NDArray[np.int64] = field(metadata=added())

    @classmethod
    def fresh(cls, sensors: int, tests: int) -> OthersState:
        latest = np.zeros(sensors, LATEST_FIELDS)
        latest["time_ns"], latest["value"] = NEVER, np.nan
        never = np.full((sensors, tests), NEVER, np.int64)
        return cls(latest, never, never.copy())


@dataclass(slots=True)
class Others:
    """What conditions ask of other sensors, for all programs of a plan.

    Attributes:
        names: by program, the operands that its rules name.
        sensors: int32 [p], the sensors that are asked, in the order of the plan.
        place_of: int32 [sensors], -1 = not asked.
        tests: the comparisons of ``met_ns``, by text.

    """

    names: tuple[tuple[str, ...], ...]
    sensors: NDArray[np.int32]
    place_of: NDArray[np.int32]
    tests: tuple[str, ...]
    state: OthersState
    _test_records: NDArray[np.void]
    _reach: NDArray[np.void]
    _operands: NDArray[np.void]
    _first_operand: NDArray[np.int64]
    _first_group: NDArray[np.int64]
    _group_of: NDArray[np.int32]
    _first_member: NDArray[np.int32]
    _members: NDArray[np.int32]
    _gateway_of: NDArray[np.int32]

    @property
    def has_news(self) -> bool:
        """Whether a reading came that no tick has seen."""
        return bool(self.state.latest["news"].any())

    def read(
        self,
        batch: Batch,
        fresh: NDArray[np.bool_],
        program_of: NDArray[np.int16],
        slot_of: NDArray[np.int32],
        silent: NDArray[np.int8],
    ) -> Found | None:
        """Take rows in, in their order; say what others are known to be at each.

        Args:
            batch: admitted rows.
            fresh: bool [n]; late rows change nothing, and nothing is known at them.
            program_of: int16 [sensors].
            slot_of: int32 [sensors].
            silent: int8 [gateways], 1 = nothing is heard of it.

        Returns:
            low, high, doubtful, each [most operands of a program, n]; None = no condition asks.

        """
        if not any(self.names):
            return None
        shape = max(len(names) for names in self.names), len(batch)
        low, high, doubtful = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.bool_)
        at_rows(
            np.ascontiguousarray(batch.sensor),
            np.minimum(batch.time_ns, batch.received_ns),
            np.ascontiguousarray(batch.value),
            batch.quality != GOOD,
            fresh,
            program_of, slot_of, self.place_of, self._gateway_of, silent.copy(),
            self.state.latest, self.state.met_ns, self.state.since_ns, self._test_records,
            self._reach,
            self._operands, self._first_operand, self._first_group, self._group_of, self._first_member, self._members,
            low, high, doubtful,
        )  # fmt: skip
        return low, high, doubtful

    def of_rows(
        self,
        program: int,
        found: Found | None,
        rows: NDArray[np.intp],
    ) -> Known:
        """The rows of one program, of what ``read`` found."""
        names = self.names[program]
        if found is None or not names:
            return Known({})
        low, high, doubtful = found
        own = np.ix_(np.arange(len(names)), rows)
        return known_of(names, low[own], high[own], doubtful[own])

    def news(
        self, program: int, own_ns: NDArray[np.int64], silent: NDArray[np.int8]
    ) -> tuple[NDArray[np.int64], Known]:
        """For each slot of a program: when the newest reading that no tick has seen came, and what all say then.

        Args:
            program: with operands on others.
            own_ns: int64 [m], event time of the sensor's own last reading; ``NEVER`` = none.
            silent: int8 [gateways].

        Returns:
            int64 [m], the later of both times, ``NEVER`` = there is no news; what is known.

        """
        return self._at_slots(program, own_ns, silent, NEVER)

    def as_of(self, program: int, slots: int, now_ns: int, silent: NDArray[np.int8]) -> Known:
        """What others say at one time, for each slot of a program."""
        return self._at_slots(program, np.full(slots, NEVER), silent, now_ns)[1]

    def seen(self) -> None:
        """A tick has seen all news."""
        self.state.latest["news"] = 0

    def _at_slots(
        self, program: int, own_ns: NDArray[np.int64], silent: NDArray[np.int8], now_ns: int
    ) -> tuple[NDArray[np.int64], Known]:
        names = self.names[program]
        shape = len(names), len(own_ns)
        low, high, doubtful = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.bool_)
        times = np.full(len(own_ns), NEVER, np.int64)
        at_slots(
            program, own_ns, now_ns, silent, self.state.latest, self.state.met_ns, self.state.since_ns,
            self._reach,
            self._operands, self._first_operand, self._first_group, self._group_of, self._first_member, self._members,
            times, low, high, doubtful,
        )  # fmt: skip
        return times, known_of(names, low, high, doubtful)

    def take_over(self, old: Others, sources: Mapping[int, int], recent: Records) -> None:
        """Go on over a change of plan.

        Args:
            old: of the plan before.
            sources: of the new plan's sensors whose readings mean what they meant before, their index in the old one.
            recent: the last readings of all sensors, for those that nobody asked before.

        """
        own, given = self.state, old.state
        before = np.array([sources.get(sensor, -1) for sensor in self.sensors.tolist()], np.intp)
        place = np.where(before >= 0, old.place_of[before] if len(old.place_of) else -1, -1)
        asked = np.flatnonzero(place >= 0)
        own.latest[asked] = given.latest[place[asked]]
        new = np.flatnonzero((place < 0) & (before >= 0))
        rings = recent[self.sensors[new]]
        newest = rings["at"] - 1
        heard = rings["time_ns"][np.arange(len(new)), newest] != NO_TIME
        for name in ("time_ns", "value"):
            own.latest[name][new[heard]] = rings[name][np.arange(len(new)), newest][heard]
        own.latest["doubtful"][new[heard]] = 1  # how good it was is not kept
        own.since_ns[:] = own.latest["time_ns"][:, None]
        for target, name in enumerate(self.tests):
            if name in old.tests:
                at = old.tests.index(name)
                own.met_ns[asked, target] = given.met_ns[place[asked], at]
                own.since_ns[asked, target] = given.since_ns[place[asked], at]


def bind_others(
    plan: Plan,
    named: Sequence[Sequence[str]],
    stale_ns: NDArray[np.int64],
    sensors: Sequence[NDArray[np.int32]],
    gateway_of: NDArray[np.int32],
) -> Others:
    """Find who is asked, with fresh state.

    Args:
        plan: as configured.
        named: by program (kind), the operands on others that its rules name.
        stale_ns: int64 [n], how far from an instant a reading of each sensor may be to say something about it.
        sensors: by program, int32 [m], the sensors by slot.
        gateway_of: int32 [n], which gateway carries a sensor; -1 = none that is watched.

    """
    groups = _Groups(plan)
    tests: dict[str, tuple[int, Comparison]] = {}
    records: list[tuple[int, int, int, float, int]] = []
    group_of: list[NDArray[np.int32]] = []
    for names, own in zip(named, sensors, strict=True):
        columns = []
        for name in names:
            call = call_of(name) or Call(_SINGLE, name)
            columns.append(groups.of_slots(call.base, own))
            records.append(_operand(call, tests, *groups.kind_of(call.base)))
        group_of.append(np.stack(columns, axis=1).ravel() if columns else np.empty(0, np.int32))
    asked = np.array(sorted({index for group in groups.members for index in group}), np.int32)
    place_of = np.full(len(plan.sensors), -1, np.int32)
    place_of[asked] = np.arange(len(asked), dtype=np.int32)
    made = np.zeros(len(tests), TEST_FIELDS)
    for at, (kind, test) in enumerate(tests.values()):
        made[at] = (kind, OPERATORS.index(test.operator), test.limit)
    state = OthersState.fresh(len(asked), len(tests))
    on_change = {kind.id for kind in plan.kinds if kind.on_change}
    lasting = np.array([plan.sensors[index].kind in on_change for index in asked], np.bool_)
    reach = np.zeros(len(asked), REACH_FIELDS)
    reach["before_ns"], reach["after_ns"] = np.where(lasting, NO_GAP_NS, stale_ns[asked]), stale_ns[asked]
    reach["carrier"] = np.where(lasting, gateway_of[asked], -1)
    counts = [len(group) for group in groups.members]
    flat = [index for group in groups.members for index in group]
    return Others(
        names=tuple(tuple(names) for names in named),
        sensors=asked,
        place_of=place_of,
        tests=tuple(tests),
        state=state,
        _test_records=made,
        _reach=reach,
        _operands=np.array(records, OPERAND_FIELDS),
        _first_operand=np.concatenate([[0], np.cumsum([len(names) for names in named])]).astype(np.int64),
        _first_group=np.concatenate([[0], np.cumsum([len(part) for part in group_of])]).astype(np.int64),
        _group_of=np.concatenate([np.empty(0, np.int32), *group_of]).astype(np.int32),
        _first_member=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        _members=place_of[np.array(flat, np.int32)] if flat else np.empty(0, np.int32),
        _gateway_of=gateway_of,
    )


def _operand(
    call: Call, tests: dict[str, tuple[int, Comparison]], name: str, kind: int
) -> tuple[int, int, int, float, int]:
    """A record of ``OPERAND_FIELDS``; a comparison that is counted over a window gets a column of its own."""
    test = call.argument if isinstance(call.argument, Comparison) else Comparison("", ">", 0.0)
    place = -1
    if call.span_ns:
        text = f"{name} {test.operator} {test.limit!r}"
        tests.setdefault(text, (kind, test))
        place = list(tests).index(text)
    return FUNCTIONS.index(call.function), call.span_ns, OPERATORS.index(test.operator), test.limit, place


class _Groups:
    """The sensors of one kind on one asset or site, made where they are asked for."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._kinds = {kind.id: at for at, kind in enumerate(plan.kinds)}
        self._mode = next((kind.id for kind in plan.kinds if kind.is_mode), "")
        site_of = {asset.id: asset.site for asset in plan.assets}
        self._within = {
            "asset": [sensor.asset for sensor in plan.sensors],
            "site": [site_of.get(sensor.asset, sensor.asset) for sensor in plan.sensors],
        }
        self._numbers: dict[str, dict[str, int]] = {}  # base -> scope -> group
        self.members: list[list[int]] = [[]]  # group 0 has none

    def kind_of(self, base: str) -> tuple[str, int]:
        """Its id and its place in the plan."""
        name = self._named(base)[1]
        return name, self._kinds[name]

    def of_slots(self, base: str, sensors: NDArray[np.int32]) -> NDArray[np.int32]:
        """int32 [m], the group that a word means for each of some sensors."""
        whose, kind = self._named(base)
        within = self._within[whose]
        own = self._numbers.get(base)
        if own is None:
            own = self._numbers[base] = {}
            for index, sensor in enumerate(self._plan.sensors):
                if sensor.kind == kind:
                    number = own.setdefault(within[index], len(self.members))
                    if number == len(self.members):
                        self.members.append([])
                    self.members[number].append(index)
        return np.array([own.get(within[index], 0) for index in sensors.tolist()], np.int32)

    def _named(self, base: str) -> tuple[str, str]:
        if base == MODE:
            return "asset", self._mode
        whose, _, kind = base.partition(".")
        return whose, kind
