"""The table "What leads where" of docs/alarms.md as data, and the reader that takes it out of that page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

NORMAL, UNSEEN, SEEN, RETURNED = "normal", "unacknowledged", "acknowledged", "returned_unacknowledged"
LATCHED, LATCHED_SEEN = "latched_unacknowledged", "latched_acknowledged"
ACTIVE, OVER = (UNSEEN, SEEN), (RETURNED, LATCHED, LATCHED_SEEN)
OPEN = (*ACTIVE, *OVER)
STATES = (NORMAL, *OPEN)


class Way(NamedTuple):
    """Where it leads: of a rule as it comes, of a latching one, and what is told of it."""

    to: str
    latching: str
    event: str


def _always(states: tuple[str, ...], what: str, event: str, to: str = "") -> dict[tuple[str, str], Way]:
    return {(state, what): Way(to or state, to or state, event) for state in states}


TABLE: dict[tuple[str, str], Way] = {
    **_always((NORMAL,), "a grade comes on", "raised", UNSEEN),
    **_always(ACTIVE, "a higher grade comes on", "upgraded", UNSEEN),
    **_always(ACTIVE, "the highest grade goes off, a lower one stays", "downgraded"),
    (UNSEEN, "all grades go off"): Way(RETURNED, LATCHED, "returned"),
    (SEEN, "all grades go off"): Way(NORMAL, LATCHED_SEEN, "returned"),
    **_always((UNSEEN,), "acknowledge", "acknowledged", SEEN),
    **_always((RETURNED,), "acknowledge", "acknowledged", NORMAL),
    **_always((LATCHED,), "acknowledge", "acknowledged", LATCHED_SEEN),
    **_always((LATCHED_SEEN,), "reset", "reset", NORMAL),
    **_always(OVER, "a grade comes on", "re_raised", UNSEEN),
    **_always((SEEN,), "the time to alarm again is over", "realarmed", UNSEEN),
    **_always(ACTIVE, "it has been active for the time after which it is stale", "stale"),
    **_always(OPEN, "it begins to be hidden", "hidden"),
    **_always(ACTIVE, "it is no longer hidden", "shown", UNSEEN),
    **_always(OVER, "it is no longer hidden", "shown"),
    **_always(STATES, "comment", "commented"),
    **_always(STATES, "verdict", "verdict"),
}


def documented(page: Path) -> dict[tuple[str, str], Way]:
    """The same table as the page has it."""
    section = page.read_text(encoding="utf-8").split("## What leads where")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    found: dict[tuple[str, str], Way] = {}
    for who, what, leads, event in cells[2:]:
        before = _states(who, [state for state, said in found if said == what])
        for state in before:
            to = (_names(leads.split("latching:")[0]) or [state])[0]
            latching = _names(leads.split("latching:")[-1])[0] if "latching:" in leads else to
            assert (state, what) not in found, f"{page}: {state} and {what!r} stand there twice"
            found[state, what] = Way(to, latching, event.strip("`"))
    return found


def _states(who: str, told: list[str]) -> list[str]:
    if who == "any, also closed":
        return list(STATES)
    if who == "any but `normal`":
        return list(OPEN)
    if who == "the other three":
        return [state for state in OPEN if state not in told]
    return _names(who)


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)
