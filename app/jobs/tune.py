"""``fengsui tune``: quiet recordings and a budget of false alarms in; a limit, what it finds, and a diff out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.jobs.evaluate import Family, plan_of
from config.packs import folder_of
from connectors.channel_map import load_channel_map
from connectors.recording import Recording, load_recording
from model.alarm import Grade
from model.batch import GOOD, Batch
from model.errors import FengsuiError
from model.plan import Plan, RuleSpec
from model.unit import factor_and_offset
from pipeline.tuning.candidates import Target, target
from pipeline.tuning.choice import COUNTED_MIN, Choice, choose, tuned
from pipeline.tuning.trials import Found, Shape, concerned, tried, usual_sizes
from rules.language import comparisons, parse, render

_NS = 10**9


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be tuned.

    Attributes:
        rule: its id.
        grade: None = the lowest.
        operand: whose limit; empty = the first detector's.
        budget: false alarms a sensor-month (an asset-month where the rule looks at whole assets).
        first_s: only so much of the beginning of each series is quiet; 0 = all of it.
        steps: sizes to try, unit of the kind; empty = 1, 3, 10 and 30 times the usual spread.
        ramps: the same an hour.
        kind: of the sensors that are disturbed; empty = all that the rule looks at.
        trials: of each size.

    """

    rule: str
    grade: Grade | None
    operand: str
    budget: float
    first_s: float
    steps: tuple[float, ...]
    ramps: tuple[float, ...]
    kind: str
    trials: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it.

    Attributes:
        condition: of the grade, as it is now.
        proposed: with the limit of the budget; empty where there is none.
        choice: of all sensors together.
        of_each: by tag of sensor or asset, most restless first; those without any alarm are left out.
        now: alarms a sensor-month with the limit of now.
        subjects: sensors, or assets.
        months: time of quiet readings, in sensor-months.
        needed_months: so many are enough to count.
        found: of each size, with the proposed limit; with that of now where there is none.
        beyond: higher grades whose limit now is not beyond the proposed one.
        diff: of rules.yaml.

    """

    condition: str
    proposed: str
    choice: Choice
    of_each: tuple[tuple[str, Choice], ...]
    now: float
    subjects: int
    months: float
    needed_months: float
    found: tuple[Found, ...]
    beyond: tuple[str, ...]
    diff: str


def tune(path: Path, family: Family, base: Path, wish: Wish, progress: Callable[[int, int], None]) -> Tuned:
    """Find the limit that keeps the budget on these quiet readings.

    Raises:
        FengsuiError: the recording or the wish does not fit.

    """
    recording = load_recording(path, load_channel_map(family.channels))
    plan = plan_of(family, base, recording)
    batch = quiet(recording, plan, wish.first_s)
    wanted = target(plan, wish.rule, wish.grade, wish.operand)
    if not concerned(plan, wanted.rule):
        raise FengsuiError(f"{path}: must have sensors that {wish.rule} looks at, got none")
    counted, choice = tuned(plan, batch, wanted, wish.budget)
    own_months = counted.months / counted.subjects
    each = [(tag, choose(counted, alarms, wish.budget, own_months)) for tag, alarms in counted.of_each.items()]
    limit = wanted.comparison.limit if choice.limit is None else choice.limit
    proposed = wanted.with_limit(limit)
    rule = _with_grade(wanted, limit)
    sensors = concerned(plan, wanted.rule, wish.kind)
    tries: list[tuple[Shape, float]] = _sizes(wish, batch, sensors)
    found = []
    for at, one in enumerate(tries):
        progress(at, len(tries))
        found.append(tried(plan, batch, rule, sensors, one, trials=wish.trials, seed=at + 1))
    now_at = int(np.argmin(np.abs(np.array(counted.limits) - wanted.comparison.limit)))
    is_new = choice.limit is not None and proposed.when != render(parse(wanted.grade.when))
    return Tuned(
        condition=wanted.grade.when,
        proposed=proposed.when if choice.limit is not None else "",
        choice=choice,
        of_each=tuple(sorted(each, key=lambda pair: -int(counted.of_each[pair[0]].sum()))),
        now=float(counted.alarms[now_at]) / counted.months,
        subjects=counted.subjects,
        months=counted.months,
        needed_months=COUNTED_MIN / wish.budget,
        found=tuple(found),
        beyond=tuple(_not_beyond(wanted, limit)) if is_new else (),
        diff=diff_of(folder_of(family.pack, base) / "rules.yaml", wanted, limit) if is_new else "",
    )


def quiet(recording: Recording, plan: Plan, first_s: float) -> Batch:
    """Readings in the units of their kinds, in the order of their time."""
    unit_of = {kind.id: kind.unit for kind in plan.kinds}
    pairs = [
        factor_and_offset(one.unit, unit_of[one.sensor.kind]) if one.unit else (1.0, 0.0) for one in recording.sensors
    ]
    factor, offset = np.array(pairs).reshape(-1, 2).T
    value = recording.value * factor[recording.sensor] + offset[recording.sensor]
    rows = len(recording)
    batch = Batch(recording.sensor, recording.time_ns, recording.time_ns, value, np.full(rows, GOOD, np.uint8))
    if first_s <= 0:
        return batch
    names = {one.series: at for at, one in enumerate(recording.sensors)}  # any number that the series has alone
    series = np.array([names[one.series] for one in recording.sensors])[recording.sensor]
    begins = np.full(len(recording.sensors), np.iinfo(np.int64).max)
    np.minimum.at(begins, series, recording.time_ns)
    return batch.take(recording.time_ns < begins[series] + int(first_s * _NS))


def diff_of(file: Path, wanted: Target, limit: float) -> str:
    """A unified diff of rules.yaml with the new limit, to be looked at and applied by a person.

    Raises:
        FengsuiError: the condition does not stand in one line of its own rule.

    """
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    at = _line_of(lines, wanted)
    old = wanted.comparison
    number = re.compile(rf"(\b{re.escape(old.operand)}\s*{re.escape(old.operator)}\s*)[-+0-9.eE]+")
    changed = number.sub(lambda found: f"{found[1]}{limit:.12g}", lines[at], count=1)
    if changed == lines[at]:
        raise FengsuiError(f"{file}:{at + 1}: must hold {render(old)!r} in one line, got {lines[at].strip()!r}")
    deadband = wanted.with_limit(limit).deadband
    if deadband != wanted.grade.deadband:
        changed = re.sub(r"(deadband:\s*)[-+0-9.eE]+", lambda found: f"{found[1]}{deadband:.12g}", changed, count=1)
    new = [*lines[:at], changed, *lines[at + 1 :]]
    name = f"{file.parent.name}/{file.name}"
    return "".join(difflib.unified_diff(lines, new, f"a/{name}", f"b/{name}"))


def _line_of(lines: Sequence[str], wanted: Target) -> int:
    """Where the grade of the rule stands."""
    within = False
    for at, line in enumerate(lines):
        if re.match(r"  \S", line):
            within = line.strip() == f"{wanted.rule.id}:"
        if within and line.strip().startswith(f"{wanted.grade.grade.name.lower()}:"):
            return at
    raise FengsuiError(f"{wanted.rule.id}: its grade {wanted.grade.grade.name.lower()} must stand in a line of its own")


def _with_grade(wanted: Target, limit: float) -> RuleSpec:
    return replace(wanted.rule, grades=(wanted.with_limit(limit),))


def _not_beyond(wanted: Target, limit: float) -> list[str]:
    """Higher grades on the same operand that the new limit has overtaken."""
    found = []
    for grade in wanted.rule.grades:
        for one in comparisons(parse(grade.when)):
            same = one.operand == wanted.comparison.operand and one.operator == wanted.comparison.operator
            overtaken = one.limit <= limit if wanted.rises else one.limit >= limit
            if grade.grade > wanted.grade.grade and same and overtaken:
                found.append(f"{grade.grade.name.lower()}: {grade.when}")
    return found


def _sizes(wish: Wish, batch: Batch, sensors: Sequence[int]) -> list[tuple[Shape, float]]:
    usual = usual_sizes(batch, sensors)
    steps, ramps = wish.steps or tuple(usual), wish.ramps or tuple(usual)
    return [*(("step", size) for size in steps), *(("ramp", size) for size in ramps)]
