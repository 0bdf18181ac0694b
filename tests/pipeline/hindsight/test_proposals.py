"""Proposals: what is lost, what is kept, what is chosen on which part, and when nothing may be proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from model.alarm import Grade, Verdict, beginning
from pipeline.hindsight.candidates import Candidate, candidates
from pipeline.hindsight.episodes import Episode
from pipeline.hindsight.proposals import Bounds, Case, Found, Refusal, Was, cases_of, outcome, proposed
from pipeline.hindsight.remedies import Means, trial_id
from pipeline.hindsight.verdicts import Told
from store.verdict_table import StoredVerdict
from tests.pipeline.plans import grade, ns, rule

HOUR = 3600.0
RULE = rule("r", grade("blue", "value >= 10"), grade("yellow", "value >= 25"), grade("red", "value >= 50"))
BOUNDS = Bounds(split_ns=ns(60 * HOUR), later_max_ns=60 * 10**9)
ON_60 = next(one for one in candidates(RULE) if one.remedy.means is Means.ON_DELAY and one.remedy.amount == 60.0)
ON_300 = next(one for one in candidates(RULE) if one.remedy.means is Means.ON_DELAY and one.remedy.amount == 300.0)


def episode(
    begin_s: float, length_s: float = 30.0, *, of: Grade = Grade.BLUE, at: str = "r", tag: str = "a", top_s: float = 0.0
) -> Episode:
    """Blue at once; the grade ``top_s`` later."""
    news = (ns(begin_s), ns(begin_s + top_s)) if top_s else (ns(begin_s),)
    levels = (Grade.BLUE, of) if top_s else (of,)
    return Episode(at, tag, "room", ns(begin_s), ns(begin_s + length_s), of, news, levels=levels)


def told(of: Episode, verdict: str = "") -> Told:
    alarm = replace(
        beginning(f"{of.tag}-{of.begin_ns}", "r", of.tag, "room", of.begin_ns), end_ns=of.end_ns, highest=of.grade
    )
    return alarm, StoredVerdict(Verdict(verdict), "", "li", of.begin_ns, of.begin_ns) if verdict else None


FALSE = [episode(HOUR * (4 * n + 1)) for n in range(24)]  # 30 s each, one every four hours of four days
REAL = [episode(HOUR * (30 * n + 3.5), 900.0, of=Grade.YELLOW, top_s=120.0) for n in range(3)]


def judged(false: Sequence[Episode] = FALSE, real: Sequence[Episode] = REAL) -> list[Told]:
    return [told(one, "false") for one in false] + [told(one, "real") for one in real]


def run(
    trials: dict[Candidate, Sequence[Episode]], given: Sequence[Told], *, before: Sequence[Episode] = (), **bounds: bool
) -> Found:
    """Trials under their candidates, beside the alarms of today."""
    made = [*(before or (*FALSE, *REAL))]
    for number, after in enumerate(trials.values()):
        made += [replace(one, rule=trial_id(number)) for one in after]
    return proposed("r", list(enumerate(trials)), made, given, replace(BOUNDS, **bounds))


def later(one: Episode, by_s: float) -> Episode:
    """Delayed at its begin; what comes after is as it was."""
    first = one.begin_ns + round(by_s * 1e9)
    return replace(one, begin_ns=first, news=(first, *one.news[1:]))


def test_what_spares_false_alarms_and_keeps_the_real_is_proposed_with_figures_of_both_parts() -> None:
    found = run({ON_60: [later(one, 45.0) for one in REAL]}, judged())
    assert found.refusal is None
    proposal = found.proposal
    assert proposal is not None
    assert (proposal.chosen.false_before, proposal.chosen.false_after) == (15, 0)
    assert (proposal.shown.false_before, proposal.shown.false_after) == (9, 0)
    assert (proposal.chosen.kept, proposal.shown.kept, proposal.real_shown) == (2, 1, 1)
    assert proposal.chosen.later_s == 45.0
    assert proposal.tags == ("a",)


def test_the_margin_is_the_next_rung_at_which_a_real_one_is_lost() -> None:
    found = run({ON_60: [later(one, 45.0) for one in REAL], ON_300: []}, judged())
    assert found.proposal is not None
    assert found.proposal.candidate is ON_60
    assert (found.proposal.edge, found.proposal.most) == (300.0, 300.0)
    kept = run({ON_60: [later(one, 45.0) for one in REAL], ON_300: [later(one, 50.0) for one in REAL]}, judged())
    assert kept.proposal is not None
    assert kept.proposal.edge is None


def test_the_margin_knows_real_ones_of_the_later_part_which_had_no_part_in_the_choice() -> None:
    found = run({ON_60: list(REAL), ON_300: REAL[:2]}, judged())
    assert found.proposal is not None
    assert found.proposal.edge == 300.0


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ([], "it does not come"),
        ([later(one, 61.0) for one in REAL], "it comes more than a minute later"),
        ([replace(one, grade=Grade.BLUE, levels=(Grade.BLUE, Grade.BLUE)) for one in REAL], "its grade is lower"),
        (
            [replace(one, begin_ns=one.begin_ns - 9, news=(one.begin_ns - 9,), levels=one.levels[1:]) for one in REAL],
            "on before",
        ),
        ([replace(one, news=(one.news[0], one.news[1] + 61 * 10**9)) for one in REAL], "its yellow comes too late"),
        ([replace(one, tag="b") for one in REAL], "it is another sensor's"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_a_change_that_loses_a_real_alarm_is_refused(after: list[Episode], why: str) -> None:
    found = run({ON_60: after}, judged())
    assert found.proposal is None, why
    assert found.refusal is Refusal.LOSES
    assert found.nearest is not None
    assert len(found.nearest.outcome.lost) == 2, "those of the earlier part"


def test_red_may_not_come_later_at_all_but_its_first_blue_may() -> None:
    red = episode(0.0, 900.0, of=Grade.RED, top_s=120.0)
    cases = [Case(red, Was.REAL)]
    assert outcome(cases, [later(red, 59.0)], BOUNDS).lost == ()
    a_second = replace(red, news=(red.news[0], red.news[1] + 10**9))
    assert outcome(cases, [a_second], BOUNDS).lost == (red,)


def test_an_orange_alarm_that_nobody_judged_is_kept_and_a_blue_one_is_told_of() -> None:
    orange, blue = episode(HOUR * 2, of=Grade.ORANGE), episode(HOUR * 2.5)
    given = [*judged(), told(orange), told(blue)]
    before = [*FALSE, *REAL, orange, blue]
    assert run({ON_60: list(REAL)}, given, before=before).refusal is Refusal.LOSES
    found = run({ON_60: [*REAL, orange]}, given, before=before)
    assert found.proposal is not None
    assert (found.proposal.chosen.kept, found.proposal.chosen.unjudged_lost) == (3, 1)


def test_what_fails_on_the_later_part_is_refused_and_nothing_else_is_taken_by_it() -> None:
    """The second change would have held on both; choosing it now would be choosing on the later part."""
    worse = [*REAL, *FALSE[:2]]  # both of the earlier part
    found = run({ON_60: REAL[:2], ON_300: worse}, judged())
    assert found.refusal is Refusal.FAILED
    assert found.nearest is not None
    assert found.nearest.candidate is ON_60
    assert len(found.nearest.outcome.lost) == 1


def test_the_choice_does_not_look_at_the_later_part() -> None:
    early = [one for one in FALSE if one.begin_ns < BOUNDS.split_ns]
    late = [one for one in FALSE if one.begin_ns >= BOUNDS.split_ns]
    found = run({ON_60: [*REAL, *late[:3]], ON_300: [*REAL, *early[:5]]}, judged())
    assert found.proposal is not None
    assert found.proposal.candidate is ON_60
    assert found.proposal.shown.false_after == 3


def test_of_changes_that_spare_about_as_much_the_one_that_costs_least_is_taken() -> None:
    limit = next(one for one in candidates(RULE) if one.remedy.means is Means.LIMIT)
    found = run({ON_60: [later(one, 45.0) for one in REAL], limit: [*REAL, FALSE[0]]}, judged())
    assert found.proposal is not None
    assert found.proposal.candidate is limit, "no real one comes later by it"


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (judged(FALSE[:4]), Refusal.FEW_FALSE),
        (judged(FALSE[:10]), Refusal.FEW_FALSE),  # none in the later part
        (judged(real=()), Refusal.NO_REAL),
        ([*judged(), told(episode(HOUR * 50, tag="a"), "real")], Refusal.UNSEEN),
    ],
    ids=["few", "none to show it on", "no real", "unseen"],
)
def test_where_the_data_do_not_suffice_nothing_is_proposed(given: list[Told], refusal: Refusal) -> None:
    assert run({ON_60: list(REAL)}, given).refusal is refusal


def test_without_real_alarms_it_has_to_be_asked_for() -> None:
    assert run({ON_60: []}, judged(real=()), before=FALSE, without_real=True).proposal is not None


def test_what_helps_little_or_not_at_all_is_no_proposal() -> None:
    assert run({ON_60: [*FALSE[4:], *REAL]}, judged()).refusal is Refusal.NOTHING_HELPS
    assert run({}, judged()).refusal is Refusal.NOTHING_TO_CHANGE


def test_real_alarms_of_other_sensors_are_held_against_a_change_too() -> None:
    elsewhere = [replace(one, tag="b") for one in REAL]
    given = judged(real=elsewhere)
    found = run({ON_60: elsewhere}, given, before=[*FALSE, *elsewhere])
    assert found.proposal is not None
    assert (found.proposal.tags, found.proposal.chosen.kept) == (("a",), 2)
    assert run({ON_60: []}, given, before=[*FALSE, *elsewhere]).refusal is Refusal.LOSES


def test_false_alarms_that_become_one_are_spared_but_for_one() -> None:
    merged = Episode("r", "a", "room", FALSE[0].begin_ns, FALSE[4].end_ns, Grade.BLUE, (FALSE[0].begin_ns,))
    told_of = outcome([Case(one, Was.FALSE) for one in FALSE[:5]], [merged], BOUNDS)
    assert (told_of.false_before, told_of.false_after) == (5, 1)


def test_an_alarm_of_the_replay_is_what_people_said_of_the_alarm_at_that_time() -> None:
    slow = told(replace(REAL[0], begin_ns=REAL[0].begin_ns + 5 * 10**9), "real")
    drill = told(FALSE[1], "drill")
    cases, unseen = cases_of("r", [*FALSE[:3], REAL[0]], [slow, told(FALSE[0], "false"), drill, told(FALSE[5], "real")])
    assert [one.was for one in cases] == [Was.FALSE, Was.OTHER, Was.UNJUDGED, Was.REAL]
    assert [one.start_ns for one in unseen] == [FALSE[5].begin_ns]
