"""A rule made ready to judge the sensors of one kind, or the assets of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.alarm import Grade
from model.errors import ConditionError
from model.plan import RuleSpec
from model.standing import is_standing
from rules.evidence import GradeTest
from rules.grading import Delays, GradingState
from rules.language import operands, parse, resolve

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
    lower_bounds: dict[str, AtLeast]  # operand -> which of its scores are lower bounds
    state: GradingState
    is_standing: bool = False  # it judges how things stand, once a minute, and no readings
    yields: NDArray[np.bool_] | None = None  # [slots], where a detector on the whole asset judges instead

    def grade(self, level: int) -> Grade:
        return Grade.NONE if level == 0 else self.spec.grades[level - 1].grade


def bind_rule(
    spec: RuleSpec, order: int, units: Mapping[str, str], lower_bounds: Mapping[str, AtLeast], slots: int
) -> BoundRule:
    """Make a rule ready, with fresh state.

    Args:
        spec: as configured.
        order: its place in the plan.
        units: of all operands.
        lower_bounds: of those detectors whose scores can be lower bounds.
        slots: how many sensors or assets it judges.

    Raises:
        ConditionError: a condition names what is not there.

    """
    conditions = [resolve(parse(grade.when), units) for grade in spec.grades]
    delays = Delays(
        np.array([round(grade.on_delay_s * 1e9) for grade in spec.grades], np.int64),
        np.array([round(grade.off_delay_s * 1e9) for grade in spec.grades], np.int64),
    )
    named = frozenset(name for condition in conditions for name in operands(condition))
    if (standing := any(map(is_standing, named))) and not (spec.assets or all(map(is_standing, named))):
        raise ConditionError(
            f"rule {spec.id} names both what stands ({', '.join(sorted(named))}) and what readings say"
        )
    return BoundRule(
        spec=spec,
        order=order,
        tests=tuple(GradeTest(c, grade.deadband) for c, grade in zip(conditions, spec.grades, strict=True)),
        delays=delays,
        operands=named,
        lower_bounds={name: at_least for name, at_least in lower_bounds.items() if name in named},
        state=GradingState.fresh(slots, len(spec.grades)),
        is_standing=standing and not spec.assets,
    )
