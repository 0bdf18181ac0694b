"""The screen of ``fengsui replay --at``: value by value why there was an alarm, or why there was none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from app.cli.screen import grade_text, out, say, show_time
from app.cli.tables import Table

if TYPE_CHECKING:
    from app.jobs.looking_back import Found
    from pipeline.hindsight.looking_back import GradeThen, RuleThen, Then

_EVENTS_SHOWN = 5


def show(found: Found, rules: list[RuleThen], speak: str, zone: str) -> None:
    then = found.then
    out.print(say("then_title", speak, tag=escape(then.tag), time=show_time(then.at_ns, zone)), style="bold")
    card = Table.grid(padding=(0, 2))
    card.add_row(say("then_reading", speak), _reading(then, speak, zone))
    earlier = (
        f"{show_time(e.time_ns, zone)[11:]}  {'–' if e.value is None else f'{e.value:g}'}" for e in then.readings
    )
    card.add_row(say("readings", speak), "\n".join(earlier))
    card.add_row(say("then_plan", speak), then.plan_version)
    since = show_time(then.played_from_ns, zone)
    card.add_row(say("then_out_of", speak), say(f"then_out_of_{found.out_of}", speak, time=since))
    out.print(card)
    keys = ("then_rule", "grade", "condition", "then_values", "then_says", "then_missing")
    table = Table(*(say(key, speak) for key in keys), box=None)
    for rule in rules:
        values = ", ".join(f"{name} = {'–' if x is None else f'{x:.4g}'}" for name, x in rule.operands.items())
        for at, grade in enumerate(rule.grades):
            table.add_row(
                escape(rule.rule) if at == 0 else "",
                grade_text(grade.grade, speak),
                escape(grade.condition),
                escape(values) if at == 0 else "",
                _says(grade, speak),
                _missing(grade, speak, zone),
            )
    out.print(table)
    _events(then, {rule.rule for rule in rules}, speak, zone)


def _reading(then: Then, speak: str, zone: str) -> str:
    one = then.reading
    if one is None:
        return say("then_none", speak)
    value = "–" if one.value is None else f"{one.value:g}"
    return f"{value} ({say(f'quality_{one.quality}', speak)}), {show_time(one.time_ns, zone)}"


def _says(grade: GradeThen, speak: str) -> str:
    if grade.is_off:
        return say("then_off", speak)
    return say(f"then_{grade.says}", speak) if grade.says else ""


def _missing(grade: GradeThen, speak: str, zone: str) -> str:
    if grade.is_on:
        return say("then_is_on", speak, time="–" if grade.since_ns is None else show_time(grade.since_ns, zone))
    parts = []
    if grade.wait_s is not None and grade.since_ns is not None:
        parts.append(say("then_waits", speak, wait=f"{grade.wait_s:.0f}", time=show_time(grade.since_ns, zone)[11:]))
    if grade.lacks is not None:
        unit = "" if grade.unit in {"", "1"} else f" {grade.unit}"
        key = "then_lacks" if grade.lacks > 0 else "then_beyond"
        parts.append(say(key, speak, amount=f"{abs(grade.lacks):.4g}{unit}"))
    return ", ".join(parts)


def _events(then: Then, rules: set[str], speak: str, zone: str) -> None:
    shown = [one for one in then.events if one.rule in rules][-_EVENTS_SHOWN:]
    if shown:
        out.print(say("then_events", speak))
    for one in shown:
        what = say(f"transition_{one.transition.value}", speak)
        out.print(f"  {show_time(one.time_ns, zone)}  {escape(one.rule)}  {grade_text(one.grade, speak)}  {what}")
