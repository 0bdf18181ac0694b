"""A rule made ready to judge the sensors of one kind, or the assets of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.alarm import Grade
from model.errors import ConditionError
from model.plan import Chatter, RuleSpec
from model.standing import is_standing
from pipeline.process.own import OwnSettings, begin_over, changed_slots
from pipeline.process.suppression import Suppression
from rules.evidence import ENTERS, GradeTest, Known
from rules.grading import Damping, Delays, GradingState
from rules.language import base_of, comparisons, operands, parse, resolve
from rules.operands import CALENDAR, is_of_others
from rules.variants import Settings, Variant, as_packed
from rules.words import Words

#: (slot int32 [n], time_ns int64 [n]) of rows -> bool [n].
AtLeast: TypeAlias = Callable[[NDArray[np.int32], NDArray[np.int64]], NDArray[np.bool_]]


@dataclass(slots=True)
class BoundRule:
    """Its state is by slot: one a sensor or asset."""

    spec: RuleSpec
    order: int  # place in the plan; breaks ties between events of one row
    tests: tuple[GradeTest, ...]  # of each grade, lowest first
    delays: Delays
    operands: frozenset[str]
    named: tuple[frozenset[str], ...]  # operands of each test
    lower_bounds: dict[str, AtLeast]  # operand -> which of its scores are lower bounds
    state: GradingState
    words: Words  # that its conditions may name
    is_standing: bool = False  # it judges how things stand, once a minute, and no readings
    yields: NDArray[np.bool_] | None = None  # [slots], where a detector on the whole asset judges instead
    looks_at_others: bool = False
    looks_at_clock: bool = False
    suppression: Suppression | None = None
    own: OwnSettings | None = None  # None = all slots have the pack's settings
    damping: Damping | None = None  # None = its alarms never chatter

    @property
    def named_at_all(self) -> frozenset[str]:
        """Operands of its grades and of what suppresses it."""
        return self.operands if self.suppression is None else self.operands | self.suppression.operands

    @property
    def looks_beside(self) -> bool:
        """Whether more than readings of its sensor decide."""
        return self.looks_at_others or self.looks_at_clock or self.suppression is not None

    def grade(self, level: int) -> Grade:
        return Grade.NONE if level == 0 else self.spec.grades[level - 1].grade

    def evidence(
        self, rows: Known, slots: NDArray[np.int32] | None = None, quality: NDArray[np.uint8] | None = None
    ) -> NDArray[np.int8]:
        """Judge rows: int8 [n, g]. What rests on readings that are not good raises, and clears nothing.

        Args:
            rows: what is known at them.
            slots: int32 [n], whose they are; None = all slots in order.
            quality: uint8 [n], of the readings that say it; None = as an operand.

        """
        if quality is None:
            quality = rows.low["quality"].astype(np.uint8)
        found = []
        for test, named in zip(self.tests_at(slots), self.named, strict=True):
            code = test.evidence(rows.low, quality, rows.high)
            doubts = {name: rows.doubtful[name] for name in sorted(named) if name in rows.doubtful}
            if doubts:
                sure = rows.without(doubts)
                code = np.where(code == ENTERS, code, test.evidence(sure.low, quality, sure.high))
            found.append(code)
        return np.stack(found, axis=1)

    def tests_at(self, slots: NDArray[np.int32] | None = None) -> tuple[GradeTest, ...]:
        """The tests of each grade for rows of these slots; None = all slots in order."""
        if self.own is None:
            return self.tests
        return self.own.every if slots is None else self.own.tests(self.tests, slots)

    def settings_at(self, slot: int) -> Variant:
        """What counts for one sensor or asset."""
        return as_packed(self.spec) if self.own is None else self.own.variants[self.own.of[slot]]

    def spans(self) -> list[tuple[float, float]]:
        """Lowest and highest limit of each comparison of each grade, in order."""
        if self.own is not None:
            return self.own.spans()
        return [(one.limit, one.limit) for test in self.tests for one in comparisons(test.condition)]

    def settle(self, settings: Settings | None, indices: NDArray[np.int32]) -> None:
        """Take settings by sensor (or asset); what is under way begins anew only where they are others.

        Args:
            settings: of the rule over the whole plan; None = the pack's for all.
            indices: int32 [slots], of the sensor or asset that each slot stands for.

        """
        before = self.own
        of = None if settings is None else settings.of[indices]
        if settings is None or of is None or not of.any():
            self.own, self.delays = None, delays_of(self.spec)
        else:
            counts = np.bincount(of, minlength=len(settings.variants))
            counts[0] += 1  # the pack's stay the first, used or not
            used = np.flatnonzero(counts)
            place = np.zeros(len(counts), np.int32)
            place[used] = np.arange(len(used), dtype=np.int32)
            self.own = OwnSettings.made([settings.variants[at] for at in used], place[of], self.words, self.tests)
            self.delays = self.own.delays()
        every = np.arange(len(indices))
        self.begin_over(changed_slots(before, self.own, as_packed(self.spec), (every, every)))

    def begin_over(self, slots: Sequence[int]) -> None:
        """Let what is under way in these slots, whose settings changed, begin anew."""
        if len(slots):
            some = np.array(slots, np.intp)
            off = (
                np.zeros((len(some), len(self.tests)), np.bool_)
                if self.own is None
                else self.own.off[self.own.of[some]]
            )
            begin_over(self.state, off, some)


def bind_rule(
    spec: RuleSpec,
    order: int,
    words: Words,
    lower_bounds: Mapping[str, AtLeast],
    slots: int,
    damping: Damping | None,
) -> BoundRule:
    """Make a rule ready, with fresh state.

    Args:
        spec: as configured.
        order: its place in the plan.
        words: that its conditions may name.
        lower_bounds: of those detectors whose scores can be lower bounds.
        slots: how many sensors or assets it judges.
        damping: None = its alarms never chatter.

    Raises:
        ConditionError: a condition names what is not there.

    """
    conditions = [resolve(parse(grade.when), words.units, words.states) for grade in spec.grades]
    named = frozenset(name for condition in conditions for name in operands(condition))
    if (standing := any(map(is_standing, named))) and not (spec.assets or all(map(is_standing, named))):
        raise ConditionError(
            f"rule {spec.id} names both what stands ({', '.join(sorted(named))}) and what readings say"
        )
    return BoundRule(
        spec=spec,
        order=order,
        tests=tuple(GradeTest(c, grade.deadband) for c, grade in zip(conditions, spec.grades, strict=True)),
        delays=delays_of(spec),
        operands=named,
        named=tuple(frozenset(operands(condition)) for condition in conditions),
        lower_bounds={name: at_least for name, at_least in lower_bounds.items() if name in named},
        state=GradingState.fresh(slots, len(spec.grades), damping),
        is_standing=standing and not spec.assets,
        words=words,
        looks_at_others=any(is_of_others(base_of(name)) for name in named),
        looks_at_clock=not named.isdisjoint(CALENDAR),
        suppression=None if spec.assets else Suppression.of(spec, words, slots),
        damping=damping,
    )


def damping_of(spec: RuleSpec, chatter: Chatter, *, on_change: bool = False) -> Damping | None:
    """What a rule's alarms chatter by.

    Args:
        spec: of the rule; it may say it itself.
        chatter: the plan's.
        on_change: its sensors report changes only, so that no second reading says it is over: nothing is held.

    """
    own = chatter if spec.chatter is None else spec.chatter
    if own.times < 2:
        return None
    return Damping(own.times, round(own.within_s * 1e9), 0 if on_change else round(own.hold_s * 1e9))


def delays_of(spec: RuleSpec) -> Delays:
    """As the pack has them."""
    return Delays(
        np.array([round(grade.on_delay_s * 1e9) for grade in spec.grades], np.int64),
        np.array([round(grade.off_delay_s * 1e9) for grade in spec.grades], np.int64),
    )
