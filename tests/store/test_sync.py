"""What commit hands back is on the disk, not only in the kernel's cache: seen in the system calls of a real process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers

COMMIT = """
import os, pathlib, sys
from model.inputs import Tick
from store.journal.writer import Journal
journal = Journal(pathlib.Path(sys.argv[1]))
journal.append(Tick(1, 1))
journal.commit()
os.write(1, b"begun")
journal.append(Tick(2, 2))
{commit}
os.write(1, b"durable")
"""
IN_ONE = "journal.commit()"
IN_HALVES = "journal.begin_commit(); journal.finish_commit()"


@pytest.mark.parametrize("commit", [IN_ONE, IN_HALVES])
def test_a_commit_is_written_then_synced_and_only_then_handed_back(commit: str, tmp_path: Path) -> None:
    calls = traced(COMMIT.format(commit=commit), "pwrite64,fdatasync", tmp_path)
    written = next(at for at, call in enumerate(calls) if ".seg>" in call and "pwrite64(" in call)
    synced = next(at for at, call in enumerate(calls) if "fdatasync" in call and call.endswith("= 0"))
    handed_back = next(at for at, call in enumerate(calls) if '"durable"' in call)
    assert written < synced < handed_back


def test_a_commit_into_room_taken_beforehand_changes_nothing_but_data(tmp_path: Path) -> None:
    changing = "write,pwrite64,fdatasync,fsync,fallocate,ftruncate,openat,rename,unlink,unlinkat"
    calls = traced(COMMIT.format(commit=IN_ONE), changing, tmp_path)
    names = [call.split("(")[0].split()[-1] for call in calls]
    assert names[: names.index("write")] == ["pwrite64", "fdatasync"]


def traced(program: str, calls: str, tmp_path: Path) -> list[str]:
    """System calls of a program after it has written "begun"."""
    strace = servers.program("strace")
    trace = tmp_path / "trace"
    command = [strace, "-f", "-y", "-e", f"trace=write,{calls}", "-o", str(trace)]
    subprocess.run(
        [*command, sys.executable, "-c", program, str(tmp_path / "journal")], check=True, capture_output=True
    )
    return [line.rstrip() for line in trace.read_text().split('"begun"')[1].splitlines()[1:]]
