"""Alarms as a table, for the list of all and for those of an incident.

On a narrow terminal what belongs together stands in one column, so that there is room to say what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rich.console import JustifyMethod

from app.cli.screen import grade_text, out, say, show_time
from app.cli.tables import Table
from app.cli.why import Spoken, marks_of, shown_value
from model.alarm import Alarm

#: From so many characters a line on, everything has a column of its own.
_WIDE = 110


def alarm_table(
    alarms: Sequence[Alarm],
    names: Spoken,
    zone: str,
    incidents: Mapping[str, str] | None = None,
    memos: Collection[tuple[str, str]] = (),
) -> Table:
    """A line an alarm; with ``incidents``, to which each belongs; ``memos``: rule and tag of what has one."""
    speak = names.speak
    narrow = out.width < _WIDE
    keys = ["grade", "state", "what", "value", "since", "id"] + ["incident"] * (incidents is not None)
    heads = dict(zip(keys, (say(key, speak) for key in keys), strict=True))
    table = Table(title=say("alarms", speak))
    for key, head in (_stacked(heads) if narrow else heads).items():
        justify: JustifyMethod = "right" if key == "value" else "left"
        table.add_column(head, no_wrap=key != "what", ratio=1 if key == "what" else None, justify=justify)
    for alarm in alarms:
        words = marks_of(alarm, speak) + ([say("hidden_memo", speak)] if (alarm.rule, alarm.tag) in memos else [])
        marks = "".join(f" ({mark})" for mark in words)
        row = {
            "grade": grade_text(alarm.grade or alarm.highest, speak),
            "state": say(f"short_{alarm.state.value}", speak),
            "what": f"{names.rule(alarm.rule)}{marks}\n[dim]{names.asset(alarm.asset)} · {alarm.tag}[/]",
            "value": shown_value(alarm.why),
            "since": show_time(alarm.start_ns, zone)[5:],
            "id": alarm.id[:8],
        }
        if incidents is not None:
            row["incident"] = incidents.get(alarm.id, "")[:8]
        table.add_row(*(_stacked(row) if narrow else row).values(), style="dim" if alarm.hidden else "")
    return table


def _stacked(row: dict[str, str]) -> dict[str, str]:
    """A row of four columns: grade over state, what it is, value over time, alarm over incident."""
    ids = "\n".join(row[key] for key in ("id", "incident") if key in row)
    return {
        "grade": f"{row['grade']}\n {row['state']}",
        "what": row["what"],
        "value": f"{row['value']}\n{row['since']}",
        "id": ids,
    }
