"""Each promise is held by a line, and the fault suites fail when that line is taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness.mutant import Mutant, copied, suite

DAY = ("tests/simulation/test_day.py", "-k", "most_of_an_hour")
POWER = ("tests/simulation/test_power_loss.py", "-k", "two_thousand_images")
CRASHES = ("tests/faults/test_crash_points.py",)
REFUSED = ("tests/simulation/test_refused_calls.py",)

SYNC = Mutant(
    "journal without its sync",
    "store/journal/active_segment.py",
    "        must_sync(self.path, lambda: self._disk.sync(self.file))\n",
    "",
)
DEDUP = Mutant(
    "a second delivery judged like the first",
    "pipeline/process/step.py",
    """\
    news = np.flatnonzero(admitted.verdict != DUPLICATE)
    rows, offsets = admitted.batch.take(news), offsets[news]
    fresh = admitted.verdict[news] == ACCEPTED
""",
    """\
    news = np.arange(len(admitted.verdict))
    rows, offsets = admitted.batch.take(news), offsets[news]
    fresh = admitted.verdict[news] != LATE
""",
)
ACK = Mutant(
    "acknowledged at once",
    "pipeline/runners/embedded.py",
    "        is_under_way = self.room.begin_commit()\n",
    "        self._acknowledge(deliveries)\n        is_under_way = self.room.begin_commit()\n",
)
OUTBOX = Mutant(
    "outbox in a transaction of its own",
    "store/pipeline_store.py",
    """\
            if rows:
                connection.execute(_ADD_OUTBOX_ROW, [_columns(row) for row in rows])
            connection.execute(_MOVE_POSITION, {"one": 1, "offset": next_offset})
""",
    """\
            connection.execute(_MOVE_POSITION, {"one": 1, "offset": next_offset})
        if rows:
            with self._writing() as connection:
                connection.execute(_ADD_OUTBOX_ROW, [_columns(row) for row in rows])
""",
)
FLUSH = Mutant(
    "snapshot ahead of the store",
    "pipeline/runners/embedded.py",
    "        self._writer.flush()  # what a snapshot is behind of is not stepped again\n",
    "",
)
EARLY = Mutant(
    "delivered before it is sent",
    "pipeline/delivery/outbox.py",
    "        try:\n            self._sink.write([message])\n",
    "        self._store.delivered(self.name, due.seq, 0)\n        try:\n            self._sink.write([message])\n",
)
RENAME = Mutant(
    "new segment without the sync of its folder",
    "store/journal/active_segment.py",
    "        must_sync(folder, lambda: disk.sync_folder(folder))\n",
    "",
)
RETRY = Mutant(
    "failed sync taken for done",
    "store/journal/active_segment.py",
    '        raise JournalError(f"{path}: cannot write the journal: {error}") from error\n',
    "        del error\n",
)

prove = pytest.mark.prove


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("mutant", "tests"),
    [
        pytest.param(SYNC, DAY, id="day-sync"),
        pytest.param(DEDUP, DAY, id="day-dedup"),
        pytest.param(ACK, DAY, id="day-ack"),
        pytest.param(OUTBOX, DAY, id="day-outbox"),
        pytest.param(FLUSH, DAY, id="day-flush", marks=prove),
        pytest.param(EARLY, DAY, id="day-early", marks=prove),
        pytest.param(ACK, CRASHES, id="crash-ack", marks=prove),
        pytest.param(OUTBOX, CRASHES, id="crash-outbox", marks=prove),
        pytest.param(RENAME, POWER, id="power-rename", marks=prove),
        pytest.param(RETRY, REFUSED, id="refused-retry", marks=prove),
    ],
)
def test_without_the_line_the_suite_fails(mutant: Mutant, tests: tuple[str, ...], tmp_path: Path) -> None:
    done = suite(copied(tmp_path / "copy", mutant), *tests)
    assert done.returncode == 1, f"{mutant.name}: nobody noticed\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert "AssertionError" in done.stdout, f"{mutant.name}: it failed, but for another reason\n{done.stdout[-2000:]}"
