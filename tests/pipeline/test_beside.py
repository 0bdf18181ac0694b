"""When rules that look beside their sensor are judged, and what comes of it: against a twin that keeps all readings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from model.alarm import Transition
from model.inputs import PlanChange, Tick
from pipeline.process.step import begin, step
from tests.naive.others import Heard, NaiveOthers, all_of, any_of, known
from tests.naive.windows import Says
from tests.pipeline.plans import START_NS, Row, grade, ns, rows, rule
from tests.pipeline.test_others import SENSORS, happenings, place, twin

S = 10**9
Verdict = bool | None
#: Each condition as a rule says it, and as a person works it out: own value, others by name -> true, false, unknown.
CONDITIONS: dict[str, tuple[tuple[str, ...], Callable[[Says, Callable[[str], Says]], Verdict]]] = {
    "value >= 25 and asset.fan == stopped and asset.people >= 10": (
        ("asset.fan", "asset.people"),
        lambda own, other: all_of(
            [
                known((">=", 25.0), own),
                known(("==", 0.0), other("asset.fan")),
                known((">=", 10.0), other("asset.people")),
            ]
        ),
    ),
    "count(site.gas >= 25 %LEL, 2 min) >= 2 or asset.fan != running": (
        ("count(site.gas >= 25 %LEL, 2 min)", "asset.fan"),
        lambda _, other: any_of(
            [
                known((">=", 2.0), other("count(site.gas >= 25 %LEL, 2 min)")),
                known(("!=", 1.0), other("asset.fan")),
            ]
        ),
    ),
    "max(site.gas) >= 25 and not (value < 10 or mode == maintenance)": (
        ("max(site.gas)", "mode"),
        lambda own, other: all_of(
            [
                known((">=", 25.0), other("max(site.gas)")),
                _not(any_of([known(("<", 10.0), own), known(("==", 1.0), other("mode"))])),
            ]
        ),
    ),
}


def _not(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


@dataclass
class Twin:
    """One rule without delays on the gas sensors: all that was read, what no tick has seen, and who is in alarm."""

    names: tuple[str, ...]
    judge: Callable[[Says, Callable[[str], Says]], Verdict]
    asks_itself: bool
    history: list[Heard] = field(default_factory=list)
    news: list[Heard] = field(default_factory=list)
    on: set[int] = field(default_factory=set)

    def row(self, one: Heard) -> None:
        self.history.append(one)
        self.news.append(one)
        if SENSORS[one.sensor][1] == "gas":
            self._judge(one.sensor, one.time_ns, bad=math.isnan(one.value))

    def tick(self) -> None:
        for sensor, (_, kind, *_) in enumerate(SENSORS):
            asked = {member for name in self.names for member in self._members(name, sensor)}
            newest = [one.time_ns for one in self.news if one.sensor in asked]
            if kind == "gas" and newest:
                last = [one.time_ns for one in self.history if one.sensor == sensor][-1:]
                self._judge(sensor, max([*last, max(newest)]), bad=False)
        self.news.clear()

    def _members(self, name: str, sensor: int) -> tuple[int, ...]:
        return twin(name, sensor).members

    def _judge(self, sensor: int, now_ns: int, *, bad: bool) -> None:
        """Doubt may raise; it ends an alarm only where all that is sure says that it is over."""
        itself = NaiveOthers("single", ">", 0.0, 0, (sensor,), frozenset(), 60 * S).at(
            self.history, now_ns, frozenset()
        )
        others = {name: twin(name, sensor).at(self.history, now_ns, frozenset()) for name in self.names}
        if self.judge(itself, others.__getitem__) is True:
            self.on.add(sensor)
            return
        unsure = Says(math.nan, math.nan)
        sure = {name: unsure if says.doubtful else says for name, says in others.items()}
        quality_in_doubt = bad or (self.asks_itself and (itself.doubtful or self._is_bad(sensor, now_ns)))
        if not quality_in_doubt and self.judge(itself, sure.__getitem__) is False:
            self.on.discard(sensor)

    def _is_bad(self, sensor: int, now_ns: int) -> bool:
        last = [one for one in self.history if one.sensor == sensor][-1:]
        return any(math.isnan(one.value) and abs(now_ns - one.time_ns) <= 60 * S for one in last)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("seed", range(6))
def test_a_rule_is_on_where_all_readings_together_say_so(condition: str, seed: int) -> None:
    names, judge = CONDITIONS[condition]
    state = begin(PlanChange(place(rule("r", grade("red", condition))), START_NS), 0)
    naive = Twin(names, judge, "value" in condition)
    on: set[str] = set()
    changes = 0
    for item in happenings(seed):
        if isinstance(item, Tick):
            events = step(state, state.next_offset, item).events
            naive.tick()
        else:
            news = _fresh(naive, item)
            events = step(state, state.next_offset, rows(news)).events if news else []
            for row in news:
                naive.row(Heard(row.sensor, ns(row.at_s or 0.0), row.value, row.quality == 1))
        for event in events:
            if event.rule == "r":
                changes += 1
                (on.discard if event.transition is Transition.RETURNED else on.add)(event.tag)
        assert on == {SENSORS[sensor][0] for sensor in naive.on}
    assert changes > 1


def _fresh(naive: Twin, items: list[Row]) -> list[Row]:
    """Rows that are newer than what their sensor said before; others are late, which another test is about."""
    newest = {one.sensor: one.time_ns for one in naive.history}
    return [row for row in items if ns(row.at_s or 0.0) > newest.get(row.sensor, -1)]
