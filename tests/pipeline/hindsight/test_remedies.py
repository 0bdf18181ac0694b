"""Remedies: what may help, what it leaves, what it would have lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.alarm import Grade
from model.plan import RuleSpec
from pipeline.hindsight.episodes import Episode, episodes
from pipeline.hindsight.play import Play, playable, slices
from pipeline.hindsight.remedies import Means, Remedy, outcome, remedies, variants
from tests.pipeline.plans import START_NS, Row, grade, ns, plan, rows, rule

HIGH = rule("gas.high", grade("blue", "value >= 10"), grade("red", "value >= 50"))


def episode(begin_s: float, end_s: float, *, name: str = "gas.high", of: Grade = Grade.BLUE) -> Episode:
    return Episode(name, "a", "station", ns(begin_s), ns(end_s), of, (ns(begin_s),))


def by_means(of: RuleSpec, made: list[Episode]) -> dict[Means, Remedy]:
    return {one.means: one for one in remedies(of, made)}


def test_short_alarms_ask_for_an_on_delay_as_long_as_they_are_but_red_is_never_delayed() -> None:
    found = by_means(HIGH, [episode(100.0 * n, 100.0 * n + 20) for n in range(10)])[Means.ON_DELAY]
    assert found.amount == 30.0
    assert [one.on_delay_s for one in found.changed.grades] == [30.0, 0.0]


def test_short_gaps_ask_for_an_off_delay_as_long_as_they_are() -> None:
    found = by_means(HIGH, [episode(100.0 * n, 100.0 * n + 20) for n in range(10)])[Means.OFF_DELAY]
    assert found.amount == 120.0
    assert [one.off_delay_s for one in found.changed.grades] == [120.0, 120.0]


def test_a_deadband_is_a_twentieth_of_the_lowest_limit() -> None:
    assert by_means(HIGH, [])[Means.DEADBAND].amount == pytest.approx(0.5)
    joined = rule("gas.high", grade("blue", "value >= 10 or quality == bad"))
    assert Means.DEADBAND not in by_means(joined, [])


def test_what_is_so_already_is_no_remedy() -> None:
    done = rule("gas.high", grade("blue", "value >= 10", on_s=600.0, off_s=3600.0, deadband=1.0))
    assert remedies(done, [episode(100.0 * n, 100.0 * n + 20) for n in range(10)]) == []


def test_long_alarms_and_long_gaps_ask_for_nothing() -> None:
    found = by_means(HIGH, [episode(20_000.0 * n, 20_000.0 * n + 4000) for n in range(5)])
    assert found.keys() == {Means.DEADBAND}


def test_each_remedy_is_tried_beside_the_rule_as_it_is() -> None:
    """A value that hovers at the limit chatters; an off-delay leaves one alarm and loses none that matters."""
    whole = plan(rule("gas.high", grade("blue", "value >= 10")))
    hovering = rows(Row(0, 10.0 * n, 10.2 if n % 2 else 9.9) for n in range(61))

    def made(of: list[RuleSpec]) -> list[Episode]:
        run = Play(playable(replace(whole, rules=tuple(of))), START_NS)
        for part in slices([hovering], START_NS, ns(700)):
            run.judge(part)
        return episodes(run.events)

    before = made(list(whole.rules))
    assert len(before) == 30
    wanted = remedies(whole.rules[0], before)
    found = {one.remedy.means: one for one in outcome(wanted, made(list(variants(playable(whole), wanted).rules)))}
    assert {one.before for one in found.values()} == {30}
    assert (found[Means.OFF_DELAY].after, found[Means.OFF_DELAY].lost) == (1, 0)
    assert found[Means.ON_DELAY].after == 0
    assert found[Means.DEADBAND].after == 1


def test_a_remedy_says_which_alarms_it_would_have_lost() -> None:
    wanted = [Remedy("gas.high", Means.ON_DELAY, 600.0, HIGH)]
    lasting = [episode(0, 4000), episode(5000, 5010), episode(6000, 6010, of=Grade.ORANGE)]
    found = outcome(wanted, lasting)[0]
    assert (found.before, found.after, found.lost) == (3, 0, 3)
    assert (found.highest_lost, found.long_lost) == (Grade.ORANGE, 1)
    kept = [replace(episode(600, 4000), rule="~0")]
    found = outcome(wanted, lasting + kept)[0]
    assert (found.after, found.lost, found.long_lost, found.later_s) == (1, 2, 0, 600.0)
