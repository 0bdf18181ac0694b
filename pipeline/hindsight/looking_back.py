"""How one sensor stood with every rule at a moment of the past: what was known, what each grade said, what it lacked.

The inputs of the time before are stepped once more, for this sensor and those beside it alone, so that a day takes
seconds. The last reading before the moment is judged a second time on a copy of the state as it was before it: that
gives the operands, which the state itself does not keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.alarm import AlarmEvent, Evidence, Grade
from model.batch import Batch
from model.condition import Comparison
from model.inputs import Input, PlanChange, Tick
from model.plan import Plan
from pipeline.process import snapshot
from pipeline.process.admission import ACCEPTED, DUPLICATE, admit
from pipeline.process.binding import KindProgram
from pipeline.process.bound_rule import BoundRule
from pipeline.process.columns import columns_of
from pipeline.process.recent import readings
from pipeline.process.step import State, begin, step
from rules.evidence import CLEARS, ENTERS, HOLDS, SAYS_NOTHING, Known
from rules.grading import NEVER

#: Sites with more sensors are not played whole.
SITE_SENSORS_MAX = 200
#: What evidence is called.
SAYS = {ENTERS: "holds", HOLDS: "near", CLEARS: "over", SAYS_NOTHING: "unknown"}


@dataclass(frozen=True, slots=True)
class GradeThen:
    """One grade of a rule.

    Attributes:
        grade: its colour.
        condition: as it counted for this sensor.
        says: of the last reading: holds, near (inside the deadband), over, unknown; for a rule on assets empty.
        is_on: whether the grade was on.
        is_off: switched off for this sensor by an override or a selector.
        since_ns: when its condition began to hold; None = it did not.
        wait_s: what of the on-delay was left; None where nothing waited.
        on_delay_s: of it.
        lacks: how far the operand was from the limit, where the condition is one comparison; negative = beyond it.
        unit: of that.

    """

    grade: Grade
    condition: str
    says: str
    is_on: bool
    is_off: bool
    since_ns: int | None
    wait_s: float | None
    on_delay_s: float
    lacks: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class RuleThen:
    """One rule; ``operands`` holds what its conditions name, None = not known."""

    rule: str
    subject: str
    grade: Grade
    operands: dict[str, float | None]
    grades: tuple[GradeThen, ...]


@dataclass(frozen=True, slots=True)
class ReadingThen:
    """As it was judged: with the time and the quality that counted."""

    time_ns: int
    value: float | None
    quality: int


@dataclass(frozen=True, slots=True)
class Then:
    """The sensor at the moment.

    Attributes:
        played_from_ns: what was before is not known here; a normal learned earlier is not, either.
        reading: the last one that counted, as it was judged; None = there was none.
        readings: the last ones.
        events: of its alarms in the time that was played, the newest last.

    """

    tag: str
    at_ns: int
    played_from_ns: int
    plan_version: str
    reading: ReadingThen | None
    readings: tuple[Evidence, ...]
    rules: tuple[RuleThen, ...]
    events: tuple[AlarmEvent, ...]


def around(plan: Plan, tag: str) -> Plan:
    """The plan for a sensor and those of its site, at which conditions may look; of a large one its asset alone."""
    asset = next((one.asset for one in plan.sensors if one.tag == tag), "")
    site = next((one.site for one in plan.assets if one.id == asset), None)
    beside = {one.id for one in plan.assets if one.site == site}
    of_site = tuple(one for one in plan.sensors if one.asset in beside)
    if 0 < len(of_site) <= SITE_SENSORS_MAX:
        return replace(plan, sensors=of_site)
    return replace(plan, sensors=tuple(one for one in plan.sensors if one.asset == asset))


class Narrowing:
    """Makes inputs of a whole plan into those of ``around`` it; what people did is left out."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._place = np.empty(0, np.int32)

    def narrow(self, item: Input) -> Batch | Tick | PlanChange | None:
        """None = nothing of it is left."""
        match item:
            case PlanChange():
                change = replace(item, plan=around(item.plan, self._tag))
                where = {one.tag: at for at, one in enumerate(change.plan.sensors)}
                self._place = np.array([where.get(one.tag, -1) for one in item.plan.sensors], np.int32)
                return change
            case Batch():
                own = self._place[item.sensor]
                kept = own >= 0
                if not kept.any():
                    return None
                part = item.take(np.flatnonzero(kept))
                return Batch(own[kept], part.time_ns, part.received_ns, part.value, part.quality)
            case Tick():
                return item
        return None


def look_back(inputs: Iterable[Batch | Tick | PlanChange], tag: str, at_ns: int) -> Then | None:
    """Step inputs up to a moment and tell how the sensor stood; None = no plan of them knows it.

    Args:
        inputs: narrowed, a plan first.
        tag: of the sensor.
        at_ns: by our own clock; what was received later is left out.

    """
    kept = list(_until(inputs, at_ns))
    if not kept or not isinstance(kept[0], PlanChange):
        return None
    last = _last_of(kept, tag)
    state: State = begin(kept[0], 0)
    witness: State | None = None
    events: list[AlarmEvent] = []
    from_ns = kept[0].wall_ns
    for number, item in enumerate(kept[1:], 1):
        if number == last:
            witness = snapshot.restore(snapshot.take(state))
        events += step(state, state.next_offset, item).events
        if isinstance(item, Tick) and from_ns == kept[0].wall_ns:
            from_ns = item.wall_ns
    index = state.bound.tag_index.get(tag)
    if index is None:
        return None
    row = kept[last] if last is not None else None
    known, reading = (
        _judged_again(witness, row, index) if witness is not None and isinstance(row, Batch) else (None, None)
    )
    return Then(
        tag=tag,
        at_ns=at_ns,
        played_from_ns=from_ns,
        plan_version=state.bound.plan.version,
        reading=reading,
        readings=readings(state.recent, index),
        rules=(*_of_sensor(state, index, known, at_ns), *_of_asset(state, index, at_ns)),
        events=tuple(one for one in events if one.tag in (tag, state.bound.plan.sensors[index].asset)),
    )


def _until(inputs: Iterable[Batch | Tick | PlanChange], at_ns: int) -> Iterable[Batch | Tick | PlanChange]:
    for item in inputs:
        if isinstance(item, Tick) and item.wall_ns > at_ns:
            return
        if isinstance(item, Batch):
            rows = np.flatnonzero(item.received_ns <= at_ns)
            if len(rows):
                yield item if len(rows) == len(item) else item.take(rows)
        else:
            yield item


def _last_of(kept: Sequence[Batch | Tick | PlanChange], tag: str) -> int | None:
    """Place of the last batch with a reading of the sensor, under the plan that counts at the end."""
    found, index = None, -1
    for number, item in enumerate(kept):
        if isinstance(item, PlanChange):
            index = next((at for at, one in enumerate(item.plan.sensors) if one.tag == tag), -1)
        elif isinstance(item, Batch) and (item.sensor == index).any():
            found = number
    return found


def _judged_again(state: State, batch: Batch, index: int) -> tuple[Known | None, ReadingThen | None]:
    """What was known at the sensor's last reading of a batch; the state is used up."""
    admitted = admit(state.admission, batch, state.bound.pause_ns)
    own = np.flatnonzero((admitted.batch.sensor == index) & (admitted.verdict != DUPLICATE))
    if not len(own):
        return None, None
    bound, kind = state.bound, int(state.bound.program_of[index])
    program = bound.programs[kind]
    news = np.flatnonzero(admitted.verdict != DUPLICATE)
    batch, fresh = admitted.batch.take(news), admitted.verdict[news] == ACCEPTED
    others = bound.others.read(batch, fresh, bound.program_of, bound.slot_of, state.gateways.silent)
    rows = np.flatnonzero(bound.program_of[batch.sensor] == kind)
    part, slots = batch.take(rows), bound.slot_of[batch.sensor[rows]]
    beside = bound.others.of_rows(kind, others, rows)
    beside = replace(beside, low={**beside.low, **bound.calendar.columns(program.calendar, part.time_ns)})
    known, _ = columns_of(program, part, slots, fresh[rows], admitted.clock_fault[news][rows], beside)
    at = np.flatnonzero(part.sensor == index)[-1:]
    value = float(part.value[at[0]])
    shown = ReadingThen(int(part.time_ns[at[0]]), None if np.isnan(value) else value, int(part.quality[at[0]]))
    return known.at(at, known.low.keys()), shown


def _of_sensor(state: State, index: int, known: Known | None, at_ns: int) -> list[RuleThen]:
    program = state.bound.programs[state.bound.program_of[index]]
    slot = int(state.bound.slot_of[index])
    over_time = _over_time(state, program, slot, at_ns)
    return [_rule_then(rule, slot, program.group.tags[slot], known, over_time, at_ns) for rule in program.rules]


def _of_asset(state: State, index: int, at_ns: int) -> list[RuleThen]:
    asset = state.bound.plan.sensors[index].asset
    return [
        _rule_then(rule, program.names.index(asset), asset, None, {}, at_ns)
        for program in state.bound.asset_programs
        if asset in program.names
        for rule in program.rules
    ]


def _over_time(state: State, program: KindProgram, slot: int, at_ns: int) -> dict[str, float]:
    """What the passing of time alone says of the sensor, such as its silence."""
    tick = Tick(at_ns, state.clock.live_ns)
    said = {one.spec.id: one.detector.advance(one.state, tick) for one in program.detectors}
    scores = {name: float(score[slot]) for name, score in said.items() if score is not None}
    return scores | {name: float(column[slot]) for name, column in program.standing.read_off(tick).items()}


def _rule_then(
    rule: BoundRule, slot: int, subject: str, known: Known | None, over_time: dict[str, float], at_ns: int
) -> RuleThen:
    known = _with_time(rule, known, over_time)
    says = ["" for _ in rule.tests]
    values: dict[str, float | None] = {}
    if known is not None and rule.operands <= known.low.keys():
        evidence = rule.evidence(known, np.array([slot], np.int32))[0]
        says = [SAYS.get(int(one), "unknown") for one in evidence]
    for name in sorted(rule.operands):
        found = known.low.get(name) if known is not None else None
        values[name] = None if found is None or not np.isfinite(found[0]) else float(found[0])
    settings, state = rule.settings_at(slot), rule.state
    grades = []
    for at, spec in enumerate(settings.grades):
        begun_ns = int(state.begun_ns[slot, at])
        began, is_on = begun_ns != NEVER, bool(state.on[slot, at])
        waits = began and not is_on
        lacks, unit = _lacks(rule, slot, at, values)
        grades.append(
            GradeThen(
                grade=spec.grade,
                condition=spec.when,
                says=says[at],
                is_on=is_on,
                is_off=settings.off[at],
                since_ns=begun_ns if began else None,
                wait_s=max(0.0, spec.on_delay_s - (at_ns - begun_ns) / 1e9) if waits else None,
                on_delay_s=spec.on_delay_s,
                lacks=lacks,
                unit=unit,
            )
        )
    return RuleThen(rule.spec.id, subject, rule.grade(int(state.level[slot])), values, tuple(grades))


def _with_time(rule: BoundRule, known: Known | None, over_time: dict[str, float]) -> Known | None:
    """A rule that time alone can meet is looked at as of the moment, not as of the last reading."""
    named = rule.operands & over_time.keys()
    if not named:
        return known
    columns = {name: np.array([over_time[name]]) for name in named}
    quality = {"quality": np.zeros(1), "value": np.full(1, np.nan)}
    low = dict(known.low) if known is not None else quality
    return Known({**quality, **low, **columns})


def _lacks(rule: BoundRule, slot: int, at: int, values: dict[str, float | None]) -> tuple[float | None, str]:
    condition = rule.tests_at(np.array([slot], np.int32))[at].condition
    if not isinstance(condition, Comparison):
        return None, ""
    value = values.get(condition.operand)
    if value is None or condition.operator in ("==", "!="):
        return None, ""
    limit = float(np.ravel(condition.limit)[0])  # by sensor where overrides made it so
    lacks = limit - value if condition.operator in (">", ">=") else value - limit
    return lacks, rule.words.units.get(condition.operand, "")
