"""The kernel refuses one system call of a real process that writes the real journal.

Acknowledging stops at that call, a failed sync is not tried again, and the next process recovers by itself. A full disk
is waited for. Each point is a process under strace.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from model.inputs import Tick
from store.journal.entries import Gap
from store.journal.reader import JournalReader
from store.journal.writer import Journal
from tests import servers

COMMITS = 220
POINTS = 200
QUICK = (1, 2, 5, 60)

#: Commits ticks that carry their number, says each number once it is durable, and ends with 7 when it may not go on.
WRITER = f"""
import os, pathlib, sys
from model.errors import JournalError, JournalFull
from model.inputs import Tick
from store.journal.writer import Journal
try:
    journal = Journal(pathlib.Path(sys.argv[1]), segment_bytes=4000)
    for number in range({COMMITS}):
        journal.append(Tick(number, number))
        durable = []
        while not durable:
            try:
                if sys.argv[2] == "halves":
                    journal.begin_commit()
                    durable = journal.finish_commit()
                else:
                    durable = journal.commit()
            except JournalFull:
                os.write(1, b"full\\n")
        os.write(1, b"durable %d\\n" % number)
except JournalError as error:
    os.write(2, str(error).encode())
    sys.exit(7)
"""


@dataclass
class Outcome:
    """What a writer did."""

    code: int
    durable: list[int]  # numbers that it said were durable
    calls: list[str]  # system calls from the one that was refused on; empty = none was
    error: str


def write(folder: Path, inject: str, form: str) -> Outcome:
    strace = servers.program("strace")
    trace = folder.with_suffix(".trace")
    call = inject.split(":", maxsplit=1)[0]
    command = [strace, "-f", "--seccomp-bpf", "-o", str(trace), "-e", f"trace=write,fdatasync,fsync,{call}"]
    command += ["-e", f"inject={inject}", sys.executable, "-c", WRITER, str(folder), form]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    refused = next((at for at, line in enumerate(lines) if "(INJECTED)" in line), len(lines))
    durable = [int(number) for number in re.findall(r"durable (\d+)", done.stdout)]
    return Outcome(done.returncode, durable, lines[refused:], done.stderr)


def check_recovery(folder: Path, durable: list[int]) -> None:
    """All that was said to be durable is there, in order, once; and another process writes on."""
    found = list(JournalReader(folder, 0).read_with_gaps())
    assert not [one for one in found if isinstance(one, Gap)]
    numbers = [one.item.wall_ns for one in found if isinstance(one.item, Tick)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= len(durable)
    journal = Journal(folder, segment_bytes=4000)
    assert journal.damage == []
    number = journal.next_offset
    journal.append(Tick(number, number))
    assert [entry.offset for entry in journal.commit()] == [number]
    journal.close()


def points(quick: tuple[int, ...]) -> list[object]:
    return [pytest.param(number, marks=() if number in quick else pytest.mark.prove) for number in range(1, POINTS + 1)]


def form_of(number: int) -> str:
    return "halves" if number % 2 else "one"


@pytest.mark.parametrize("number", points(QUICK))
def test_a_sync_that_fails_stops_the_acknowledging_and_is_not_tried_again(number: int, tmp_path: Path) -> None:
    folder, form = tmp_path / "journal", form_of(number)
    done = write(folder, f"fdatasync:error=EIO:when={number}", form)
    assert done.calls, "the point lies behind the end"
    assert done.code == 7
    assert "cannot write the journal: [Errno 5] Input/output error" in done.error
    assert not [call for call in done.calls[1:] if "sync" in call and "exit" not in call], "tried again"
    assert not [call for call in done.calls if "durable" in call], "acknowledged"
    check_recovery(folder, done.durable)


@pytest.mark.parametrize("number", points((1, 3, 80)))
def test_a_write_that_fails_stops_the_acknowledging(number: int, tmp_path: Path) -> None:
    folder, form = tmp_path / "journal", form_of(number)
    done = write(folder, f"pwrite64:error=EIO:when={number}", form)
    assert (done.code, bool(done.calls)) == (7, True)
    assert not [call for call in done.calls if "durable" in call or "fdatasync(" in call]
    check_recovery(folder, done.durable)


@pytest.mark.parametrize("number", points((1, 2, 90)))
def test_a_full_disk_is_waited_for_and_every_commit_goes_through(number: int, tmp_path: Path) -> None:
    folder, form = tmp_path / "journal", form_of(number)
    done = write(folder, f"pwrite64:error=ENOSPC:when={number}..{number + 2}", form)
    assert (done.code, done.durable) == (0, list(range(COMMITS)))
    assert sum('"full\\n"' in call for call in done.calls) >= 1
    check_recovery(folder, done.durable)


@pytest.mark.parametrize("number", [1, 2, 20])
def test_room_that_cannot_be_taken_is_waited_for(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    done = write(folder, f"fallocate:error=ENOSPC:when={number}..{number + 12}", "one")
    assert (done.code, done.durable) == (0, list(range(COMMITS)))
    check_recovery(folder, done.durable)


def test_a_file_system_without_fallocate_is_written_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    done = write(folder, "fallocate:error=EOPNOTSUPP", "halves")
    assert (done.code, done.durable) == (0, list(range(COMMITS)))
    check_recovery(folder, done.durable)


@pytest.mark.parametrize("number", [1, 6, 9])
def test_a_folder_that_cannot_be_synced_stops_the_acknowledging(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    done = write(folder, f"fsync:error=EIO:when={number}", "one")
    assert done.code == 7
    assert not [call for call in done.calls if "durable" in call or "fdatasync(" in call]
    check_recovery(folder, done.durable)
