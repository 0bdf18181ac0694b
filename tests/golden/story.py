"""The story that the golden journals tell: what was appended, and in which commits.

A golden journal is made once by the version whose format it holds, and never again. What stands here made
``journal-v1`` and ``journal-v2``; a later format gets a journal of its own in the same way::

    .venv/bin/python -m tests.golden.story tests/golden/journal-vN

Beside it come the events that it gave then, and a digest of its inputs.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.batch import Batch
from model.inputs import Finding, HumanAct, Input, PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import begin, step
from store.journal.entries import Entry
from store.journal.writer import Journal
from tests.golden.make import line
from tests.pipeline.plans import START_NS, ns, plan
from tests.pipeline.runs import DETECTORS, RULES, SENSORS, long_run, to_input, whole_plan
from tests.pipeline.worlds import Beat

SEED, SECONDS, PLAN_CHANGES_AFTER_S = 4, 60, 30
SEGMENT_BYTES = 12_000


def second_plan() -> Plan:
    """The same sensors under other numbers, one more, and one rule less."""
    return plan(*RULES[:-1], kinds=whole_plan().kinds, sensors=[*reversed(SENSORS), ("e", "gas")], detectors=DETECTORS)


def commits() -> Iterator[list[Input]]:
    """Every commit with its inputs; a second is one commit."""
    change = PlanChange(whole_plan(), START_NS)
    state = begin(change, 0)
    yield [change]
    items: list[Input] = []
    renumbered = False
    for event in long_run(SEED, SECONDS):
        item = _renumbered(to_input(state, event)) if renumbered else to_input(state, event)
        step(state, state.next_offset, item)
        items.append(item)
        if isinstance(event, Beat):
            yield items
            items = []
            if event.wall_s >= PLAN_CHANGES_AFTER_S and not renumbered:
                renumbered = True
                change = PlanChange(second_plan(), ns(event.wall_s))
                step(state, state.next_offset, change)
                items.append(change)
    yield items


def _renumbered(item: Input) -> Input:
    if not isinstance(item, Batch):
        return item
    return replace(item, sensor=(len(SENSORS) - 1 - item.sensor).astype(np.int32))


def digest(entries: Iterable[Entry]) -> dict[str, object]:
    """What must never read differently; of a plan its version alone, because a plan may learn new keys."""
    found, inputs = hashlib.sha256(), 0
    for entry in entries:
        item = entry.item
        match item:
            case Batch():
                columns = (item.sensor, item.time_ns, item.received_ns, item.value, item.quality)
                said = b"".join(column.tobytes() for column in columns)
            case Tick():
                said = f"{item.wall_ns} {item.elapsed_ns}".encode()
            case HumanAct():
                said = f"{item.command_id} {item.act} {item.alarm_id} {item.by} {item.note}".encode()
            case Finding():
                said = f"{item.code} {item.subject} {item.is_wrong} {item.grade} {item.wall_ns}".encode()
            case PlanChange():
                said = f"{item.plan.version} {item.wall_ns}".encode()
        found.update(b"%d %d " % (entry.offset, len(said)) + said)
        inputs = entry.offset + (len(item) if isinstance(item, Batch) else 1)
    return {"inputs": inputs, "sha256": found.hexdigest()}


def main(folder: Path) -> None:
    """Write the journal and, beside it, its digest and the events that it gives."""
    journal = Journal(folder, segment_bytes=SEGMENT_BYTES)
    entries = []
    for items in commits():
        for item in items:
            journal.append(item)
        entries += journal.commit()
    journal.close()
    folder.with_suffix(".digest.json").write_text(json.dumps(digest(entries)) + "\n", encoding="utf-8")
    folder.with_suffix(".events.txt").write_text("\n".join(events(entries)) + "\n", encoding="utf-8")


def events(entries: Sequence[Entry]) -> list[str]:
    """What a replay brings about, a line an event."""
    first, *rest = entries
    assert isinstance(first.item, PlanChange), "a journal begins with a plan"
    state = begin(first.item, first.offset)
    return [line(event) for entry in rest for event in step(state, entry.offset, entry.item).events]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
