"""``fengsui report alarms``: what the alarms of a time asked of people, which came most often, and what could be done.

The alarms are those that were given; remedies are tried on the archive of the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.configured import Paths
from app.jobs.backtest import Archived, Progress, Span, played
from config.settings import Settings
from model.alarm import AlarmEvent
from model.plan import Plan
from pipeline.hindsight.episodes import Episode, episodes, within
from pipeline.hindsight.load import Load, load
from pipeline.hindsight.play import playable
from pipeline.hindsight.remedies import Tried, outcome, remedies, variants
from store.pipeline_reader import PipelineReader

_PAGE = 5000
#: Remedies are sought for so many rules, those that alarm most.
_RULES_MAX = 5


@dataclass(frozen=True, slots=True)
class AlarmReport:
    """What came of it.

    Attributes:
        begin_ns: of the time.
        end_ns: of the time.
        desks: operators who share the alarms.
        plan: in force, for the names.
        load: figures by ISA-18.2.
        busiest: alarms by rule, most first.
        tried: remedies for the busiest rules, best first; empty where none was sought or the archive has no readings.
        readings: on which they were tried.

    """

    begin_ns: int
    end_ns: int
    desks: int
    plan: Plan
    load: Load
    busiest: tuple[tuple[str, int], ...]
    tried: tuple[Tried, ...]
    readings: int


def alarm_report(
    settings: Settings,
    begin_ns: int,
    end_ns: int,
    desks: int,
    *,
    warmup_ns: int,
    try_remedies: bool,
    progress: Progress,
) -> AlarmReport:
    """Sum up the alarms of a time.

    Args:
        settings: of the site.
        begin_ns: of the time.
        end_ns: of the time.
        desks: operators who share the alarms.
        warmup_ns: time before it in which detectors learn, for the remedies.
        try_remedies: look for remedies and try them on the archive.
        progress: called with the part that is done.

    Raises:
        StoreError: the pipeline has never run with this data folder.

    """
    reader = PipelineReader(Paths.under(settings.data_dir).pipeline_db)
    try:
        plan = reader.plan()
        made = within(episodes(_all_events(reader)), begin_ns, end_ns)
    finally:
        reader.close()
    counted: dict[str, int] = {}
    for one in made:
        counted[one.rule] = counted.get(one.rule, 0) + len(one.news)
    busiest = tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))
    span = Span(begin_ns, end_ns, warmup_ns)
    found, rows = _tried(settings, plan, made, busiest, span, progress) if try_remedies else ((), 0)
    return AlarmReport(begin_ns, end_ns, desks, plan, load(made, begin_ns, end_ns, desks), busiest, found, rows)


def _tried(
    settings: Settings,
    plan: Plan,
    made: list[Episode],
    busiest: tuple[tuple[str, int], ...],
    span: Span,
    progress: Progress,
) -> tuple[tuple[Tried, ...], int]:
    by_id = {rule.id: rule for rule in plan.rules}
    wanted = [
        remedy
        for rule, alarms in busiest[:_RULES_MAX]
        if rule in by_id and alarms > 1
        for remedy in remedies(by_id[rule], made)
    ]
    if not wanted:
        return (), 0
    own = variants(playable(plan), wanted)
    replayed, rows = played(Archived(settings), own, span, progress)
    if not rows:
        return (), 0
    found = outcome(wanted, replayed)
    order = {rule: at for at, (rule, _) in enumerate(busiest)}
    helpful = [one for one in found if one.after < one.before]
    return tuple(
        sorted(helpful, key=lambda one: (order[one.remedy.rule], one.highest_lost, one.long_lost, one.lost, one.after))
    ), rows


def _all_events(reader: PipelineReader) -> Iterator[AlarmEvent]:
    """All, for an alarm of the time may have begun before it."""
    seq = 0
    while page := reader.events_after(seq, _PAGE):
        yield from (event for _, event in page)
        seq = page[-1][0]
