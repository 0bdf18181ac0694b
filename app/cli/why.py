"""The why-card of one alarm on the terminal: what was read, which limit, which rule, what happened since."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.panel import Panel

from app.cli.screen import grade_text, out, say, show_time
from app.cli.tables import Table
from model.alarm import Alarm, AlarmEvent, Grade, Verdict, Why
from model.explanation import Explanation
from model.flag import Flag, FlagKind
from pipeline.delivery.names import Names
from store.pipeline_reader import PipelineReader


class Spoken:
    """What rules and assets are called, in the user's language."""

    def __init__(self, names: Names, speak: str) -> None:
        self.speak, self._names = speak, names

    def rule(self, rule: str) -> str:
        found = self._names.rule(rule)
        return found.name.say(self.speak) if found else rule

    def asset(self, asset: str) -> str:
        found = self._names.asset(asset)
        return found.name.say(self.speak) if found else asset

    def advice(self, rule: str, grade: Grade) -> str:
        found = self._names.rule(rule)
        cards = found.advice if found else ()
        return next((card.text.say(self.speak) for card in cards if card.grade == grade), "")


def spoken(reader: PipelineReader, speak: str) -> Spoken:
    """The names that the store knows.

    Raises:
        StoreError: no plan is in force yet.

    """
    plan = reader.plan()
    return Spoken(Names(plan, lambda: reader.earlier_plans(plan.version)), speak)


def shown_value(why: Why | None) -> str:
    return "" if why is None or why.value is None else f"{why.value:.4g} {why.unit}"


def track_record(last: Sequence[Verdict], speak: str) -> str:
    """How good the rule has been, by the verdicts on its other alarms."""
    if not last:
        return say("verdicts_not_yet", speak)
    return say("verdicts_of_rule", speak, judged=len(last), real=last.count(Verdict.REAL))


def marks_of(alarm: Alarm, speak: str) -> list[str]:
    """What is to be known of it beside its state, in words."""
    marks = [say("offline_mark", speak)] if alarm.offline else []
    marks += [say(f"hidden_{alarm.hidden}", speak)] if alarm.hidden else []
    marks += [say("mark_chattering", speak)] if alarm.chattering else []
    marks += [say("mark_stale", speak)] if alarm.stale else []
    if alarm.verdict:
        marks.append(say("mark_verdict", speak, verdict=say(f"verdict_{alarm.verdict}", speak)))
    return marks


def _memo_line(flag: Flag, zone: str) -> str:
    return escape(f"{flag.reason} ({flag.by}, {show_time(flag.since_ns, zone)}) {flag.id[:8]}")


def _flag_line(flag: Flag, speak: str, zone: str) -> str:
    until = say("flag_no_end", speak) if flag.until_ns is None else show_time(flag.until_ns, zone)
    by = " / ".join(filter(None, (flag.by, flag.approved_by)))
    state = say(f"flag_{flag.state.value}", speak)
    kind = say(f"hidden_{flag.kind.value}", speak)
    return escape(f"{kind} ({state}), {say('flag_until', speak)} {until}: {flag.reason} ({by}) {flag.id[:8]}")


def show_alarm(
    alarm: Alarm,
    events: list[AlarmEvent],
    names: Spoken,
    zone: str,
    last_verdicts: Sequence[Verdict] = (),
    flags: Sequence[Flag] = (),
) -> None:
    speak = names.speak
    title = f"{grade_text(alarm.highest, speak)} {names.rule(alarm.rule)}"
    card = Table.grid(padding=(0, 2))
    card.add_row(say("id", speak), alarm.id)
    card.add_row(say("where", speak), f"{names.asset(alarm.asset)} · {alarm.tag}")
    state = ", ".join([say(f"state_{alarm.state.value}", speak), *marks_of(alarm, speak)])
    card.add_row(say("state", speak), state)
    for flag in flags:
        if flag.kind is FlagKind.MEMO:
            card.add_row(f"[bold]{say('hidden_memo', speak)}[/]", _memo_line(flag, zone))
        else:
            card.add_row(say("hides_now", speak), _flag_line(flag, speak, zone))
    since = show_time(alarm.start_ns, zone)
    card.add_row(say("since", speak), since)
    if alarm.why is not None:
        for name, text in _why_rows(alarm.why, speak, zone):
            card.add_row(say(name, speak), text)
    card.add_row(say("verdicts_record", speak), track_record(last_verdicts, speak))
    if advice := names.advice(alarm.rule, alarm.highest):
        card.add_row(say("advice", speak), advice)
    out.print(Panel(card, title=title))
    out.print(_history(events, speak, zone))


def _why_rows(why: Why, speak: str, zone: str) -> list[tuple[str, str]]:
    rows = [
        ("value", f"{shown_value(why) or '–'} ({say(f'quality_{why.quality}', speak)})"),
        ("condition", f"{why.condition}  ({show_time(why.since_ns, zone)} –)"),
    ]
    if why.scores:
        rows.append(("scores", ", ".join(f"{name} = {score:.4g}" for name, score in why.scores.items())))
    if why.explanations:
        told = (explained(name, one, speak, zone) for name, one in why.explanations.items())
        rows.append(("explained", "\n".join(text for text in told if text)))
    if why.margin is not None:
        rows.append(("margin", f"{why.margin:g} {why.unit}"))
    rows.append(("source_clause", why.rule_source.say(speak)))
    shown = (f"{show_time(e.time_ns, zone)[11:]}  {'–' if e.value is None else f'{e.value:g}'}" for e in why.readings)
    rows.append(("readings", "\n".join(shown)))
    rows.append(("plan_version", why.plan_version))
    return rows


def explained(detector: str, told: Explanation, speak: str, zone: str) -> str:
    """What a detector knows beside its score, in words; empty where it knows nothing."""
    unit = f" {told.unit}" if told.unit not in {"", "1"} else ""
    words = []
    for key, amount in (("observed", told.observed), ("expected", told.expected)):
        if amount is not None:
            words.append(say(f"explained_{key}", speak, amount=f"{amount:.4g}{unit}"))
    if told.low is not None and told.high is not None:
        words.append(say("explained_usual", speak, amount=f"{told.low:.4g} … {told.high:.4g}{unit}"))
    elif told.low is not None or told.high is not None:
        end = f"≤ {told.high:.4g}" if told.high is not None else f"≥ {told.low:.4g}"
        words.append(say("explained_usual", speak, amount=f"{end}{unit}"))
    if told.since_ns is not None:
        words.append(say("explained_since", speak, time=show_time(told.since_ns, zone)))
    for one in told.contributors:
        share = "" if one.share is None else f" ({one.share:.0%})"
        words.append(say("explained_contributor", speak, tag=f"{one.tag}{share}"))
    if told.confidence is not None:
        words.append(say("explained_confidence", speak, share=_share(told.confidence)))
    return f"{detector}: {say('explained_between', speak).join(words)}" if words else ""


def _share(confidence: float) -> str:
    """As a percentage that is never rounded up to certainty."""
    digits = next((n for n in range(4) if round(100.0 * confidence, n) < 100.0), None)
    return "> 99.999 %" if digits is None else f"{100.0 * confidence:.{digits}f} %"


def _history(events: list[AlarmEvent], speak: str, zone: str) -> Table:
    table = Table(title=say("history", speak))
    for key in ("since", "what", "grade", "value", "by"):
        table.add_column(say(key, speak))
    for event in events:
        by = f"{event.by} {event.note}".strip()
        what = say(f"transition_{event.transition.value}", speak)
        if event.verdict:
            what = f"{what}: {say(f'verdict_{event.verdict}', speak)}"
        marks = [say(f"hidden_{event.hidden}", speak)] if event.hidden else []
        marks += [say("mark_chattering", speak)] if event.chattering else []
        marks += [say("offline_mark", speak)] if event.offline else []
        what += "".join(f" ({mark})" for mark in marks)
        table.add_row(show_time(event.time_ns, zone), what, grade_text(event.grade, speak), shown_value(event.why), by)
    return table
