"""An archiver killed at random instants of writing and merging loses no reading and doubles none.

The child is the shipped archiver on a journal that grows; each life ends by SIGKILL, and readers look on meanwhile.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.archive.layout import all_files, archived_to
from store.archive.reader import ArchiveReader
from store.archive.survey import survey
from store.disk import LOCAL_DISK
from tests.faults.harness.lives import ROOT
from tests.servers import until
from tests.store.archive.worlds import HOUR, NOON, archive_all, day_of_readings, held, merge_all, truth, write

HOURS = 30

#: Archives and merges for ever, as the process does, and says each thing that it has done.
LIFE = """
import pathlib, sys
from store.archive.archiver import Archiver
from store.archive.merge import days_to_merge, merge
folder, journal = map(pathlib.Path, sys.argv[1:])
print("ready", flush=True)
sys.stdin.readline()
archiver = Archiver(folder, journal, rows_max=400)
while True:
    cut = archiver.work()
    for day in days_to_merge(folder, 10**6):
        merge(folder, day, chunk_rows=50)
    if cut is None:
        print("done", flush=True)
        sys.stdin.readline()
"""


def begin(archive: Path, journal: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LIFE, str(archive), str(journal)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lives(tmp_path: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    archive, journal = tmp_path / "archive", tmp_path / "journal"
    write(journal, day_of_readings(NOON - HOUR, minutes=60 * HOURS, every_s=300), segment_bytes=500_000)
    everything = truth(journal)
    killed = 0
    following = begin(archive, journal)
    while killed < kills:
        life, following = following, begin(archive, journal)
        assert life.stdout is not None
        assert life.stdin is not None
        life.stdout.readline()
        life.stdin.write("go\n")
        life.stdin.flush()
        time.sleep(rng.random() * 0.3)  # not for luck: any instant is to be met
        os.kill(life.pid, signal.SIGKILL)
        life.wait()
        life.stdout.close()
        life.stdin.close()
        killed += 1
        assert held(ArchiveReader(archive, journal)) == everything
        if archived_to(archive) > len(everything):  # all is archived: once more from the beginning
            for file in all_files(archive, LOCAL_DISK):
                file.path.unlink()
            (archive / "position.json").unlink()
    following.kill()
    following.communicate()
    archive_all(archive, journal, rows_max=400)
    merge_all(archive)
    assert held(ArchiveReader(archive, journal)) == everything
    assert not [one.damaged for one in survey(archive, whole=True) if one.damaged]
    assert not list(archive.rglob("*.new"))


def test_an_archiver_that_is_killed_neither_loses_nor_doubles_a_reading(tmp_path: Path) -> None:
    lives(tmp_path, kills=4, seed=1)


@pytest.mark.prove
def test_an_archiver_that_is_killed_a_hundred_times_neither_loses_nor_doubles_a_reading(tmp_path: Path) -> None:
    lives(tmp_path, kills=100, seed=2)


def test_a_reader_beside_a_working_archiver_sees_every_reading_once_at_any_moment(tmp_path: Path) -> None:
    archive, journal = tmp_path / "archive", tmp_path / "journal"
    write(journal, day_of_readings(NOON - HOUR, minutes=60 * HOURS, every_s=300), segment_bytes=500_000)
    everything = [row for row in truth(journal) if row[1] == "b"]
    life = begin(archive, journal)
    assert life.stdout is not None
    assert life.stdin is not None
    looks = 0
    try:
        life.stdout.readline()
        life.stdin.write("go\n")
        life.stdin.flush()
        while archived_to(archive) < everything[-1][0] - 60:
            assert held(ArchiveReader(archive, journal), tags=["b"]) == everything
            looks += 1
        until(lambda: life.stdout is not None and life.stdout.readline() == "done\n", "the end of its work")
    finally:
        life.kill()
        life.communicate()
    assert looks > 3
    assert held(ArchiveReader(archive, journal), tags=["b"]) == everything
