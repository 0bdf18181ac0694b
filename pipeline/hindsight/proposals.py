"""Which change of a rule would have spared false alarms and kept every real one.

It is chosen on an earlier part of a time and shown on a later one, which has no part in the choice. An orange or red
alarm that nobody has judged is kept like a real one: it may have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from model.alarm import Alarm, Grade, Verdict
from pipeline.hindsight.candidates import Candidate
from pipeline.hindsight.episodes import Episode
from pipeline.hindsight.remedies import Means, trial_id
from pipeline.hindsight.verdicts import OWED_FROM, Told

#: Alarms of a replay may begin and end so much beside those that were given.
_SLACK_NS = 60 * 10**9
#: False alarms needed to choose by, and to show the choice on.
CHOOSE_MIN, SHOW_MIN = 5, 3
#: A change that spares less than this part of the false alarms is no help.
SPARES_MIN = 0.3
#: Of changes that spare nearly as much as the best, the one that costs least is taken.
_NEARLY = 0.1
#: An off-delay comes last: it holds alarms on, and what is real meanwhile is no news.
_GENTLE = (Means.DEADBAND, Means.ON_DELAY, Means.LIMIT, Means.OFF_DELAY)


class Was(StrEnum):
    """What an alarm of the past was, for this purpose."""

    REAL = "real"
    FALSE = "false"
    OWED = "owed"  # orange or red, and nobody has judged it
    UNJUDGED = "unjudged"  # less than that
    OTHER = "other"  # a test, a drill, works


#: These must not be lost.
KEPT = (Was.REAL, Was.OWED)


class Refusal(StrEnum):
    """Why nothing is proposed for a rule."""

    NOT_THERE = "not_there"  # the plan in force does not have the rule
    NO_READINGS = "no_readings"  # the archive has none of that time
    FEW_FALSE = "few_false"
    NO_REAL = "no_real"  # no real alarm shows what would be lost
    UNSEEN = "unseen"  # a real alarm does not come again on the archive: what keeps it cannot be shown
    NOTHING_TO_CHANGE = "nothing_to_change"
    NOTHING_HELPS = "nothing_helps"
    LOSES = "loses"  # every change that helps would lose a real alarm
    FAILED = "failed"  # what was chosen on the earlier part did not hold on the later one


@dataclass(frozen=True, slots=True)
class Case:
    """One alarm as the present rule gives it on the recorded readings, and what it was."""

    episode: Episode
    was: Was


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a candidate makes of the cases of a part of the time.

    Attributes:
        false_before: false alarms.
        false_after: alarms that are left of them.
        kept: real ones, and those that count as real, that still come.
        lost: those that do not come, come too late or with a lower grade.
        unjudged_lost: of blue and yellow ones that nobody judged.
        later_s: by how much the latest of the kept comes later.

    """

    false_before: int
    false_after: int
    kept: int
    lost: tuple[Episode, ...]
    unjudged_lost: int
    later_s: float

    @property
    def spares(self) -> float:
        """Part of the false alarms."""
        return (self.false_before - self.false_after) / self.false_before if self.false_before else 0.0


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate, its place in the play of ``variants``, and what it makes of a part of the time."""

    at: int
    candidate: Candidate
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that helps, for a person to sign.

    Attributes:
        candidate: the change.
        tags: sensors, or assets, that it is for: those that gave false alarms in the earlier part. Real alarms of the
            rule on others are held against it all the same.
        chosen: what it makes of the earlier part.
        shown: what it makes of the later part.
        edge: the least amount on the same ladder that would have lost a real alarm in all of the time; None = none did.
        most: the greatest amount of that ladder.
        real_shown: alarms in the later part that were judged real.

    """

    candidate: Candidate
    tags: tuple[str, ...]
    chosen: Outcome
    shown: Outcome
    edge: float | None
    most: float
    real_shown: int


@dataclass(frozen=True, slots=True)
class Found:
    """What is proposed for a rule, or why nothing is.

    Attributes:
        rule: id.
        counts: how many cases of each kind there are in the earlier and in the later part.
        tried: how many changes.
        proposal: None = it is refused.
        refusal: why; None = there is a proposal.
        nearest: of a refusal: the change that came nearest, and what it lost.
        unseen: of a refusal: real alarms that do not come again.

    """

    rule: str
    counts: tuple[dict[Was, int], dict[Was, int]]
    tried: int = 0
    proposal: Proposal | None = None
    refusal: Refusal | None = None
    nearest: Tried | None = None
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a proposal has to keep to.

    Attributes:
        split_ns: the later part begins here.
        later_max_ns: no real alarm may come later by more; red not at all.
        without_real: propose also where no real alarm shows what would be lost.

    """

    split_ns: int
    later_max_ns: int
    without_real: bool = False


def cases_of(rule: str, made: Sequence[Episode], told: Iterable[Told]) -> tuple[list[Case], list[Alarm]]:
    """Alarms of the replay with what they were; and real alarms that do not come again on the recorded readings.

    Args:
        rule: whose alarms.
        made: episodes of the replay under the present rule.
        told: alarms that were given, with their verdicts.

    """
    given: dict[str, list[Told]] = {}
    for alarm, verdict in told:
        if alarm.rule == rule:
            given.setdefault(alarm.tag, []).append((alarm, verdict))
    seen: set[str] = set()
    cases = []
    for episode in (one for one in made if one.rule == rule):
        about = [one for one in given.get(episode.tag, []) if _same_time(one[0], episode)]
        seen |= {alarm.id for alarm, _ in about}
        cases.append(Case(episode, _was(episode, about)))
    real = [
        alarm
        for of_tag in given.values()
        for alarm, verdict in of_tag
        if verdict is not None and verdict.verdict is Verdict.REAL
    ]
    return cases, [alarm for alarm in real if alarm.id not in seen]


def _same_time(alarm: Alarm, episode: Episode) -> bool:
    ends = alarm.end_ns is None or episode.begin_ns <= alarm.end_ns + _SLACK_NS
    return ends and (episode.end_ns is None or alarm.start_ns - _SLACK_NS <= episode.end_ns)


def _was(episode: Episode, about: Sequence[Told]) -> Was:
    verdicts = {verdict.verdict for _, verdict in about if verdict is not None}
    if Verdict.REAL in verdicts:
        return Was.REAL
    if not about or any(verdict is None for _, verdict in about):
        highest = max([episode.grade, *(alarm.highest for alarm, _ in about)])
        return Was.OWED if highest >= OWED_FROM else Was.UNJUDGED
    return Was.FALSE if Verdict.FALSE in verdicts else Was.OTHER


def proposed(
    rule: str,
    tried: Sequence[tuple[int, Candidate]],
    made: Sequence[Episode],
    told: Sequence[Told],
    bounds: Bounds,
) -> Found:
    """Choose a change of one rule on the earlier part and show it on the later one, or say why not.

    Args:
        rule: id.
        tried: its candidates, each with its place in the play of ``variants``.
        made: all episodes of that play.
        told: alarms that were given in the same time, with their verdicts.
        bounds: what has to be kept to.

    """
    cases, unseen = cases_of(rule, made, told)
    tags = tuple(sorted({one.episode.tag for one in cases if _is_early(one, bounds) and one.was is Was.FALSE}))
    own = [one for one in cases if one.episode.tag in tags or one.was in KEPT]
    concerned = {one.episode.tag for one in own}
    early = [one for one in own if _is_early(one, bounds)]
    late = [one for one in own if not _is_early(one, bounds)]
    counts = _counts(early), _counts(late)
    found = Found(rule, counts, len(tried))
    refusal = _too_little(counts, bounds)
    if refusal is not None:
        return replace(found, refusal=refusal)
    missing = tuple(alarm.id for alarm in unseen if alarm.tag in tags)
    if missing:
        return replace(found, refusal=Refusal.UNSEEN, unseen=missing)
    runs = {
        at: [replace(one, rule=rule) for one in made if one.rule == trial_id(at) and one.tag in concerned]
        for at, _ in tried
    }
    outcomes = [Tried(at, one, outcome(early, _part(runs[at], bounds, early=True), bounds)) for at, one in tried]
    best = _chosen(outcomes)
    if not isinstance(best, Tried):
        refusal, nearest = best
        return replace(found, refusal=refusal, nearest=nearest)
    shown = outcome(late, _part(runs[best.at], bounds, early=False), bounds)
    if shown.lost or shown.spares < SPARES_MIN:
        return replace(found, refusal=Refusal.FAILED, nearest=replace(best, outcome=shown))
    further = [one for one in outcomes if _is_beyond(one.candidate, best.candidate)]
    losing = (one for one in further if outcome(own, runs[one.at], bounds).lost)
    edge = next((one.candidate.remedy.amount for one in losing), None)
    most = max((one.candidate for one in [best, *further]), key=_amount_of_change).remedy.amount
    proposal = Proposal(best.candidate, tags, best.outcome, shown, edge, most, counts[1].get(Was.REAL, 0))
    return replace(found, proposal=proposal)


def _too_little(counts: tuple[dict[Was, int], dict[Was, int]], bounds: Bounds) -> Refusal | None:
    early, late = counts
    if early.get(Was.FALSE, 0) < CHOOSE_MIN or late.get(Was.FALSE, 0) < SHOW_MIN:
        return Refusal.FEW_FALSE
    if not (early.get(Was.REAL, 0) + late.get(Was.REAL, 0)) and not bounds.without_real:
        return Refusal.NO_REAL
    return None


def _chosen(outcomes: Sequence[Tried]) -> Tried | tuple[Refusal, Tried | None]:
    """The best that loses nothing, or why there is none."""
    if not outcomes:
        return Refusal.NOTHING_TO_CHANGE, None
    helpful = [one for one in outcomes if one.outcome.spares >= SPARES_MIN]
    if not helpful:
        return Refusal.NOTHING_HELPS, None
    keeping = [one for one in helpful if not one.outcome.lost]
    if not keeping:
        return Refusal.LOSES, min(helpful, key=lambda one: (len(one.outcome.lost), one.outcome.false_after))
    least = min(one.outcome.false_after for one in keeping)
    near = [one for one in keeping if one.outcome.false_after <= least + _NEARLY * one.outcome.false_before]
    return min(near, key=_cost)


def _cost(one: Tried) -> tuple[bool, int, float, int, int, int]:
    candidate, told = one.candidate, one.outcome
    means = _GENTLE.index(candidate.remedy.means)
    return candidate.loosens_red, told.unjudged_lost, told.later_s, means, len(candidate.grades), one.at


def _is_beyond(one: Candidate, best: Candidate) -> bool:
    """Whether it changes the same thing by more; ladders rise from what is now."""
    return one.ladder == best.ladder and _amount_of_change(one) > _amount_of_change(best)


def _amount_of_change(one: Candidate) -> float:
    return abs(one.remedy.amount - one.was)


def outcome(cases: Sequence[Case], after: Sequence[Episode], bounds: Bounds) -> Outcome:
    """Hold what a changed rule gives against what the present one gave."""
    by_tag: dict[str, list[Episode]] = {}
    for one in after:
        by_tag.setdefault(one.tag, []).append(one)
    false = [one.episode for one in cases if one.was is Was.FALSE]
    guarded = [one.episode for one in cases if one.was in KEPT]
    others = [one.episode for one in cases if one.was in (Was.UNJUDGED, Was.OTHER)]
    late = [(one, _later_ns(one, by_tag.get(one.tag, []))) for one in guarded]
    kept = [by_ns for one, by_ns in late if by_ns is not None and _is_in_time(one, by_ns, bounds)]
    lost = tuple(one for one, by_ns in late if by_ns is None or not _is_in_time(one, by_ns, bounds))
    unjudged = [one.episode for one in cases if one.was is Was.UNJUDGED]
    about_others, noisy = [*guarded, *others], {one.tag for one in false}
    left = sum(
        not any(one.tag == other.tag and one.overlaps(other) for other in about_others)
        for tag in noisy
        for one in by_tag.get(tag, [])
    )
    return Outcome(
        false_before=len(false),
        false_after=left,
        kept=len(kept),
        lost=lost,
        unjudged_lost=sum(not any(one.overlaps(other) for other in by_tag.get(one.tag, [])) for one in unjudged),
        later_s=max((max(by_ns) for by_ns in kept), default=0) / 1e9,
    )


def _is_in_time(one: Episode, by_ns: tuple[int, int], bounds: Bounds) -> bool:
    first_ns, top_ns = by_ns
    top_max_ns = 0 if one.grade is Grade.RED else bounds.later_max_ns
    return first_ns <= bounds.later_max_ns and top_ns <= top_max_ns


def _later_ns(one: Episode, after: Sequence[Episode]) -> tuple[int, int] | None:
    """By how much its first news, and those of its highest grade, come later; None = one of them does not come.

    An alarm that was on already is no news, however real what happens then is.
    """
    about = [other for other in after if other.overlaps(one)]
    if not one.news:  # hidden by design: nobody was told, so it is enough that it is there
        return (0, 0) if about else None
    news = [pair for other in about for pair in zip(other.news, other.levels, strict=True) if pair[0] >= one.begin_ns]
    first = min((at for at, _ in news), default=None)
    top = min((at for at, level in news if level >= one.grade), default=None)
    if first is None or top is None:
        return None
    top_ns = min(
        (at for at, level in zip(one.news, one.levels, strict=True) if level >= one.grade), default=one.begin_ns
    )
    return first - one.begin_ns, top - top_ns


def _part(made: Sequence[Episode], bounds: Bounds, *, early: bool) -> list[Episode]:
    return [one for one in made if (one.begin_ns < bounds.split_ns) == early]


def _is_early(case: Case, bounds: Bounds) -> bool:
    return case.episode.begin_ns < bounds.split_ns


def _counts(cases: Sequence[Case]) -> dict[Was, int]:
    return {was: sum(one.was is was for one in cases) for was in Was}
