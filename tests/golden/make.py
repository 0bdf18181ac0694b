"""Makes a golden folder with the code of this very moment: ``python -m tests.golden.make tests/golden/NAME``.

What a version has written, every later one must read. So a folder is made once, when a format or the meaning of a
state is new, and never again; ``test_golden.py`` goes on from it for ever.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from model.alarm import AlarmEvent
from model.inputs import PlanChange
from model.plan import Plan
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from store import snapshots
from store.journal.writer import Journal
from tests.pipeline.plans import START_NS, kind, plan
from tests.pipeline.runs import DETECTORS, RULES, SENSORS, long_run, to_input
from tests.pipeline.worlds import Act, Event

#: A story in which, at the cut, alarms stand in many states, delays run, rows wait to be sorted and a gap is open.
SEED, SECONDS, CUT = 238, 40, 57
RULES_KEPT, DETECTORS_KEPT = {"level", "normal", "stuck", "quiet"}, {"mean", "sum", "stuck", "quiet"}


def golden_plan() -> Plan:
    """Rules and detectors of the long runs on one kind, and a kind whose rows are sorted first."""
    kinds = (kind("gas", period_s=10.0), kind("slow", period_s=10.0, lateness_s=3.0))
    kept = [spec for spec in RULES if spec.id in RULES_KEPT]
    rules = [spec if spec.id == "level" else replace(spec, kinds=("gas",)) for spec in kept]
    detectors = [replace(spec, kinds=("gas",)) for spec in DETECTORS if spec.id in DETECTORS_KEPT]
    return plan(*rules, kinds=kinds, sensors=SENSORS, detectors=detectors)


def story() -> list[Event]:
    """A long run in which people act a quarter as often, so that the journal stays small."""
    happenings = long_run(SEED, SECONDS)
    acts = [happening for happening in happenings if isinstance(happening, Act)]
    kept = {id(act) for act in acts[3::4]}
    return [happening for happening in happenings if not isinstance(happening, Act) or id(happening) in kept]


def line(event: AlarmEvent) -> str:
    """What is compared of an event."""
    parts = (event.offset, event.id, event.rule, event.tag, event.transition, event.state, event.grade.name)
    return " ".join(str(part) for part in (*parts, event.time_ns, "offline" if event.offline else "live"))


def make(folder: Path) -> None:
    """Write journal, snapshot and the events that both must lead to."""
    journal = Journal(folder / "journal")
    first = PlanChange(golden_plan(), START_NS)
    state = begin(first, journal.append(first))
    lines: list[str] = []
    for number, happening in enumerate(story()):
        item = to_input(state, happening)
        lines += map(line, step(state, journal.append(item), item).events)
        if number == CUT:
            snapshots.save(folder / "snapshots", snapshot.take(state))
    journal.commit()
    journal.close()
    (folder / "journal" / "lock").unlink()
    (folder / "events.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
