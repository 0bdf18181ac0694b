"""``fengsui propose``: a change of a rule that would have spared false alarms and kept the real ones, to be signed.

Exit codes: 0 done (a refusal with its reason is an answer, too), 1 nothing ever ran here, or no such rule, 2 wrong
configuration or use.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.cli.quality_stuck import length
from app.cli.report_verdicts import precision_text, tally_data
from app.cli.screen import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    LangOption,
    given_span,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.configured import read
from model.alarm import Verdict
from model.text import Text

if TYPE_CHECKING:
    from app.jobs.propose import Proposals
    from pipeline.hindsight.candidates import Candidate
    from pipeline.hindsight.proposals import Found, Outcome, Proposal

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
_MONTH_H = 30 * 24.0
_TAGS_SHOWN = 8


def propose(
    rule: Annotated[str, typer.Argument(help="Id of a rule; by default every rule with false alarms.")] = "",
    config: ConfigOption = CONFIG_DEFAULT,
    begin: Annotated[str, typer.Option("--from", "--since", help="First time; by default 30 days before.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last time; by default now.")] = "",
    warmup: Annotated[float, typer.Option("--warmup", min=0, help="Hours in which detectors learn.")] = 24.0,
    split: Annotated[
        float, typer.Option("--split", min=0.1, max=0.9, help="Part of the time to choose by; the rest shows.")
    ] = 0.6,
    later: Annotated[
        float, typer.Option("--later", min=0, help="Seconds by which a real alarm may come later; red never.")
    ] = 60.0,
    tick: Annotated[int, typer.Option("--tick", min=1, max=10, help="Seconds judged together; fewer are slower.")] = 10,
    folder: Annotated[Path | None, typer.Option("--out", help="Folder to write the overrides to.")] = None,
    owner: Annotated[str, typer.Option("--owner", help="Who signs: the owner of the override.")] = "",
    *,
    red: Annotated[bool, typer.Option("--red", help="Try to loosen the limits of red, too.")] = False,
    without_real: Annotated[bool, typer.Option("--without-real", help="Also where no alarm was judged real.")] = False,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """按核实结论提出规则调整建议，并用历史数据验证。Changes of rules by what people said of their alarms."""
    from app.jobs import propose as job
    from app.jobs.backtest import Span

    if folder is not None and not owner.strip():
        raise typer.BadParameter("must name who signs when --out is given", param_hint="--owner")
    configured = read(config)
    speak, zone = language(lang, configured.language), configured.time_zone
    span = Span(*given_span(begin, end, zone, _MONTH_H), round(warmup * 3600e9))
    wanted = job.Wanted(rule, split, later, red, without_real)
    with Progress(*_COLUMNS, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("propose_trying", speak), total=1.0)
        found = job.propose(
            configured, span, wanted, tick_s=tick, progress=lambda part: progress.update(task, completed=part)
        )
    written = _written(found, folder, owner.strip(), zone) if folder is not None else None
    if as_json:
        print_json(_plain(found, written))
        return
    _show(found, speak, zone)
    if folder is not None:
        words = {"path": written, "owner": owner.strip(), "folder": folder}
        out.print(
            say("propose_written", speak, **words) if written else say("propose_nothing_written", speak),
            markup=False,
            soft_wrap=True,
        )


def _written(found: Proposals, folder: Path, owner: str, zone: str) -> Path | None:
    from app.jobs.override_file import write_overrides

    made = [(one.proposal, _reason(one.proposal)) for one in found.found if one.proposal is not None]
    today = datetime.fromtimestamp(time.time(), tz=ZoneInfo(zone)).date()
    return write_overrides(folder, made, found.plan, owner, today) if made else None


def _reason(proposal: Proposal) -> Text:
    words = {
        "false_before": proposal.chosen.false_before,
        "false_after": proposal.chosen.false_after,
        "shown_before": proposal.shown.false_before,
        "shown_after": proposal.shown.false_after,
        "kept": proposal.chosen.kept + proposal.shown.kept,
    }
    return Text(*(say("propose_reason", speak, **words) for speak in ("zh", "en")))


def _show(found: Proposals, speak: str, zone: str) -> None:
    times = {"begin": found.span.begin_ns, "split": found.split_ns, "end": found.span.end_ns}
    out.print(say("propose_title", speak, **{name: show_time(at, zone) for name, at in times.items()}), style="bold")
    if not found.found:
        out.print(say("propose_none", speak))
    names = {rule.id: rule.name.say(speak) for rule in found.plan.rules}
    for one in found.found:
        card = Table.grid(padding=(0, 2))
        for name, text, style in _rows(found, one, speak):
            card.add_row(escape(say(name, speak)), escape(text), style=style)
        out.print(Panel(card, title=escape(f"{one.rule} {names.get(one.rule, '')}".strip())))
    out.print(say("propose_how", speak), style="dim")


def _rows(found: Proposals, one: Found, speak: str) -> Iterator[tuple[str, str, str]]:
    tally = found.tallies.get(one.rule)
    if tally is not None:
        counts = {name: tally.count(Verdict(name)) for name in ("real", "false")}
        words = {"alarms": tally.alarms, "judged": tally.judged, "precision": precision_text(tally), **counts}
        yield "propose_verdicts", say("propose_counts", speak, **words), ""
    if one.proposal is None:
        yield "propose_refused", _refusal(found, one, speak), "yellow"
        return
    from pipeline.hindsight.proposals import Was

    proposal = one.proposal
    sources = {rule.id: rule.source for rule in found.plan.rules}
    source = sources[one.rule].say(speak)
    yield "propose_change", change_text(proposal.candidate, speak), "bold"
    more = f" +{len(proposal.tags) - _TAGS_SHOWN}" if len(proposal.tags) > _TAGS_SHOWN else ""
    yield "propose_where", ", ".join(proposal.tags[:_TAGS_SHOWN]) + more, ""
    yield "propose_chosen", _outcome(proposal.chosen, speak), ""
    yield "propose_shown", _outcome(proposal.shown, speak), ""
    yield "propose_margin", _margin(one, speak), ""
    yield "propose_source", source, ""
    real = sum(part.get(Was.REAL, 0) for part in one.counts)
    if not real:
        yield "propose_note", say("propose_without_real", speak), "red"
    elif not proposal.real_shown:
        yield "propose_note", say("propose_no_real_shown", speak), "yellow"
    if proposal.candidate.loosens_red:
        yield "propose_note", say("propose_red", speak, source=source), "bold white on red"


def change_text(candidate: Candidate, speak: str) -> str:
    """What is changed, from how much to how much."""
    grades = ", ".join(say(f"grade_{grade.name.lower()}", speak) for grade in candidate.grades)
    was, amount = (_amount(candidate, of) for of in (candidate.was, candidate.remedy.amount))
    thing = candidate.thing.removeprefix("limit of ")
    return say(f"propose_{candidate.remedy.means}", speak, grades=grades, thing=thing, was=was, amount=amount)


def _amount(candidate: Candidate, amount: float) -> str:
    if candidate.remedy.means in ("on_delay", "off_delay"):
        return length(amount)
    units = [limit.unit for change in candidate.changes for limit in change.limits]
    return f"{amount:g} {units[0] if units else ''}".rstrip()


def _outcome(told: Outcome, speak: str) -> str:
    words = {"before": told.false_before, "after": told.false_after, "kept": told.kept, "lost": len(told.lost)}
    text = say("propose_outcome", speak, later=length(told.later_s), **words)
    return text + (say("propose_unjudged", speak, count=told.unjudged_lost) if told.unjudged_lost else "")


def _margin(one: Found, speak: str) -> str:
    proposal = one.proposal
    assert proposal is not None  # noqa: S101 - asked of proposals alone
    if proposal.edge is not None:
        return say("propose_edge", speak, amount=_amount(proposal.candidate, proposal.edge))
    return say("propose_no_edge", speak, amount=_amount(proposal.candidate, proposal.most))


def _refusal(found: Proposals, one: Found, speak: str) -> str:
    from pipeline.hindsight.proposals import CHOOSE_MIN, SHOW_MIN, SPARES_MIN, Was

    tally = found.tallies.get(one.rule)
    early, late = one.counts
    words: dict[str, object] = {
        "false": tally.count(Verdict.FALSE) if tally is not None else 0,
        "early": early.get(Was.FALSE, 0),
        "late": late.get(Was.FALSE, 0),
        "choose_min": CHOOSE_MIN,
        "show_min": SHOW_MIN,
        "tried": one.tried,
        "spares": f"{SPARES_MIN:.0%}",
        "count": len(one.unseen),
        "ids": ", ".join(alarm[:8] for alarm in one.unseen[:_TAGS_SHOWN]),
    }
    if one.nearest is not None:
        told = one.nearest.outcome
        words |= {"before": told.false_before, "after": told.false_after, "lost": len(told.lost)}
        words["change"] = change_text(one.nearest.candidate, speak)
    return say(f"propose_{one.refusal}", speak, **words)


def _plain(found: Proposals, written: Path | None) -> dict[str, object]:
    return {
        "from_ns": found.span.begin_ns,
        "split_ns": found.split_ns,
        "to_ns": found.span.end_ns,
        "readings": found.readings,
        "written": str(written) if written else None,
        "rules": [
            {
                "rule": one.rule,
                "verdicts": tally_data(found.tallies[one.rule]) if one.rule in found.tallies else None,
                "cases": {"earlier": one.counts[0], "later": one.counts[1]},
                "tried": one.tried,
                "refusal": one.refusal,
                "unseen": one.unseen,
                "nearest": _change(one.nearest.candidate, one.nearest.outcome) if one.nearest else None,
                "proposal": _proposal(one.proposal) if one.proposal else None,
            }
            for one in found.found
        ],
    }


def _proposal(proposal: Proposal) -> dict[str, object]:
    return {
        **_change(proposal.candidate, proposal.chosen),
        "tags": proposal.tags,
        "shown": _figures(proposal.shown),
        "edge": proposal.edge,
        "most_tried": proposal.most,
        "real_shown": proposal.real_shown,
        "loosens_red": proposal.candidate.loosens_red,
    }


def _change(candidate: Candidate, told: Outcome) -> dict[str, object]:
    return {
        "means": candidate.remedy.means,
        "thing": candidate.thing,
        "grades": [grade.name.lower() for grade in candidate.grades],
        "was": candidate.was,
        "amount": candidate.remedy.amount,
        "chosen": _figures(told),
    }


def _figures(told: Outcome) -> dict[str, object]:
    return {
        "false_before": told.false_before,
        "false_after": told.false_after,
        "kept": told.kept,
        "lost": [{"tag": one.tag, "begin_ns": one.begin_ns, "grade": one.grade.name.lower()} for one in told.lost],
        "unjudged_lost": told.unjudged_lost,
        "later_s": told.later_s,
    }
