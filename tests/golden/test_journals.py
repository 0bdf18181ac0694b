"""A journal of every format there ever was reads for ever, and is replayed to the same events.

Where a later version means to judge otherwise, its change of ``journal-vN.events.txt`` shows it; the journals and their
digests never change.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from store.journal.entries import Entry
from store.journal.reader import JournalReader
from tests.golden import story

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
    then = (HERE / f"{golden.name}.events.txt").read_text(encoding="utf-8").splitlines()
    assert len(then) > 100
    assert story.events(entries(golden)) == then
