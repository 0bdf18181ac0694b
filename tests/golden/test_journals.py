"""A journal of every format there ever was reads for ever, and gives the alarms that it gave then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.inputs import PlanChange
from pipeline.process.step import begin, step
from store.journal import Entry, JournalReader
from tests.golden import story
from tests.pipeline.plans import canonical

HERE = Path(__file__).parent
JOURNALS = sorted(path for path in HERE.glob("journal-v*") if path.is_dir())


@pytest.fixture(params=JOURNALS, ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy: reading must not depend on where a journal stands, and must not change it."""
    copy = tmp_path / request.param.name
    shutil.copytree(request.param, copy)
    return copy


def entries(folder: Path) -> list[Entry]:
    return list(JournalReader(folder, 0).read())


def test_it_holds_what_was_appended_then(golden: Path) -> None:
    then = json.loads((HERE / f"{golden.name}.digest.json").read_text(encoding="utf-8"))
    assert story.digest(entries(golden)) == then


def test_it_gives_the_events_that_it_gave_then(golden: Path) -> None:
    first, *rest = entries(golden)
    assert isinstance(first.item, PlanChange)
    state = begin(first.item, first.offset)
    found = canonical(event for entry in rest for event in step(state, entry.offset, entry.item).events)
    expected = (HERE / f"{golden.name}.events.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(found) == len(expected)
    for line, then in zip(found, map(json.loads, expected), strict=True):
        now = json.loads(line)
        assert {key: now[key] for key in then} == then  # a later version may say more, never something else
