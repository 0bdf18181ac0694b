"""``fengsui propose``: changes of rules by what people said of their alarms, each tried on the time in which they came.

Nothing is changed: a person signs, and ``fengsui apply`` makes it live.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.configured import Paths
from app.jobs.backtest import Archived, Progress, Span, played
from config.settings import Settings
from model.alarm import Verdict
from model.errors import FengsuiError
from model.plan import Plan
from pipeline.hindsight.candidates import Candidate, candidates
from pipeline.hindsight.episodes import Episode
from pipeline.hindsight.play import playable
from pipeline.hindsight.proposals import CHOOSE_MIN, SHOW_MIN, Bounds, Found, Refusal, proposed
from pipeline.hindsight.remedies import variants
from pipeline.hindsight.verdicts import Tally, Told, summed_up
from store.pipeline_reader import PipelineReader


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        rule: id; empty = every rule with false alarms.
        split: part of the time by which is chosen; the rest shows.
        later_s: no real alarm may come later by more.
        red: try to loosen the limits of red, too.
        without_real: propose also where no alarm was judged real.

    """

    rule: str = ""
    split: float = 0.6
    later_s: float = 60.0
    red: bool = False
    without_real: bool = False


@dataclass(frozen=True, slots=True)
class Proposals:
    """What came of it.

    Attributes:
        span: the time.
        split_ns: the later part begins here.
        plan: in force.
        tallies: verdicts by rule, in the same time.
        found: rule by rule.
        readings: that were played.

    """

    span: Span
    split_ns: int
    plan: Plan
    tallies: dict[str, Tally]
    found: tuple[Found, ...]
    readings: int


def propose(settings: Settings, span: Span, wanted: Wanted, *, tick_s: int, progress: Progress) -> Proposals:
    """Seek changes of rules that spare false alarms and lose no real one.

    Args:
        settings: of the site.
        span: the time by which is judged.
        wanted: what is asked for.
        tick_s: seconds that are judged together.
        progress: called with the part that is done.

    Raises:
        StoreError: the pipeline has never run with this data folder.
        FengsuiError: the rule is unknown.

    """
    reader = PipelineReader(Paths.under(settings.data_dir).pipeline_db)
    try:
        plan = reader.plan()
        told = list(reader.judged_alarms(span.begin_ns, span.end_ns))
    finally:
        reader.close()
    tallies = {one.rule: one for one in summed_up(told, lambda _: "").rules}
    rules = [one.rule for one in tallies.values() if one.count(Verdict.FALSE)]
    if wanted.rule:
        if wanted.rule not in tallies and wanted.rule not in {one.id for one in plan.rules}:
            raise FengsuiError(f"{wanted.rule}: no rule of the plan in force; `fengsui report verdicts` names those")
        rules = [wanted.rule]
    split_ns = span.begin_ns + round(wanted.split * (span.end_ns - span.begin_ns))
    bounds = Bounds(split_ns, round(wanted.later_s * 1e9), wanted.without_real)
    tried = _candidates(plan, [rule for rule in rules if _is_enough(tallies.get(rule))], red=wanted.red)
    remedies = [one.remedy for _, one in tried]
    made: list[Episode] = []
    readings = 0
    if remedies:
        own = variants(playable(plan), remedies)
        made, readings = played(Archived(settings, tick_s), own, span, progress)

    def found(rule: str) -> Found:
        own = [one for one in tried if one[1].remedy.rule == rule]
        refusal = _refused(plan, rule, tallies.get(rule), own, readings)
        return Found(rule, ({}, {}), refusal=refusal) if refusal else proposed(rule, own, made, _of(told, rule), bounds)

    return Proposals(span, split_ns, plan, tallies, tuple(found(rule) for rule in rules), readings)


def _is_enough(tally: Tally | None) -> bool:
    return tally is not None and tally.count(Verdict.FALSE) >= CHOOSE_MIN + SHOW_MIN


def _candidates(plan: Plan, rules: list[str], *, red: bool) -> list[tuple[int, Candidate]]:
    by_id = {rule.id: rule for rule in plan.rules}
    made = [
        one for rule in rules if rule in by_id for one in candidates(by_id[rule], plan.overrides, red=red)
    ]  # in the order in which ``variants`` numbers them
    return list(enumerate(made))


def _refused(
    plan: Plan, rule: str, tally: Tally | None, tried: list[tuple[int, Candidate]], readings: int
) -> Refusal | None:
    """What can be said without looking at the replay."""
    if rule not in {one.id for one in plan.rules}:
        return Refusal.NOT_THERE
    if not _is_enough(tally):
        return Refusal.FEW_FALSE
    if not tried:
        return Refusal.NOTHING_TO_CHANGE
    return None if readings else Refusal.NO_READINGS


def _of(told: list[Told], rule: str) -> list[Told]:
    return [one for one in told if one[0].rule == rule]
