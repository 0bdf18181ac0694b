"""What commit hands back is on the disk, not only in the kernel's cache: seen in the system calls of a real process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests import servers

COMMIT = """
import os, pathlib, sys
from model.inputs import Tick
from store.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]))
os.write(1, b"begun")
journal.append(Tick(1, 1))
journal.commit()
os.write(1, b"durable")
"""


def test_a_commit_is_written_then_synced_and_only_then_handed_back(tmp_path: Path) -> None:
    strace = servers.program("strace")
    trace = tmp_path / "trace"
    command = [strace, "-f", "-y", "-e", "trace=write,fdatasync", "-o", str(trace)]
    subprocess.run([*command, sys.executable, "-c", COMMIT, str(tmp_path / "journal")], check=True, capture_output=True)
    calls = trace.read_text().split('"begun"')[1].splitlines()
    written = next(at for at, call in enumerate(calls) if ".seg>" in call and "write(" in call)
    synced = next(at for at, call in enumerate(calls) if ".seg>" in call and "fdatasync(" in call)
    handed_back = next(at for at, call in enumerate(calls) if '"durable"' in call)
    assert written < synced < handed_back
    assert calls[synced].rstrip().endswith("= 0")
