"""The why-card of one alarm on the terminal: what was read, which limit, which rule, what happened since."""

from __future__ import annotations

from rich.panel import Panel
from rich.table import Table

from app.cli.screen import grade_text, out, say, show_time
from model.alarm import Alarm, AlarmEvent, Why
from model.plan import Plan


def show_alarm(alarm: Alarm, events: list[AlarmEvent], plan: Plan, speak: str, zone: str) -> None:
    rule = next((rule for rule in plan.rules if rule.id == alarm.rule), None)
    asset = next((asset.name.say(speak) for asset in plan.assets if asset.id == alarm.asset), alarm.asset)
    title = f"{grade_text(alarm.highest, speak)} {rule.name.say(speak) if rule else alarm.rule}"
    card = Table.grid(padding=(0, 2))
    card.add_row(say("id", speak), alarm.id)
    card.add_row(say("where", speak), f"{asset} · {alarm.tag}")
    card.add_row(say("state", speak), say(f"state_{alarm.state.value}", speak))
    card.add_row(say("since", speak), show_time(alarm.start_ns, zone))
    if alarm.why is not None:
        for name, text in _why_rows(alarm.why, speak, zone):
            card.add_row(say(name, speak), text)
    advice = next((a.text.say(speak) for a in rule.advice if a.grade == alarm.highest), "") if rule else ""
    if advice:
        card.add_row(say("advice", speak), advice)
    out.print(Panel(card, title=title))
    out.print(_history(events, speak, zone))


def _why_rows(why: Why, speak: str, zone: str) -> list[tuple[str, str]]:
    value = "–" if why.value is None else f"{why.value:g} {why.unit}"
    rows = [
        ("value", f"{value} ({say(f'quality_{why.quality}', speak)})"),
        ("condition", f"{why.condition}  ({show_time(why.since_ns, zone)} –)"),
    ]
    if why.scores:
        rows.append(("scores", ", ".join(f"{name} = {score:.4g}" for name, score in why.scores.items())))
    if why.margin is not None:
        rows.append(("margin", f"{why.margin:g} {why.unit}"))
    rows.append(("source_clause", why.rule_source))
    shown = (f"{show_time(e.time_ns, zone)[11:]}  {'–' if e.value is None else f'{e.value:g}'}" for e in why.readings)
    rows.append(("readings", "\n".join(shown)))
    rows.append(("plan_version", why.plan_version))
    return rows


def _history(events: list[AlarmEvent], speak: str, zone: str) -> Table:
    table = Table(title=say("history", speak))
    for key in ("since", "what", "grade", "value", "by"):
        table.add_column(say(key, speak))
    for event in events:
        value = "" if event.why is None or event.why.value is None else f"{event.why.value:g} {event.why.unit}"
        by = f"{event.by} {event.note}".strip()
        what = say(f"transition_{event.transition.value}", speak)
        table.add_row(show_time(event.time_ns, zone), what, grade_text(event.grade, speak), value, by)
    return table
