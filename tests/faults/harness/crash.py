"""Lives of one incident, killed by the kernel at a system call that is named beforehand."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import servers
from tests.faults.harness.lives import ask, preloaded

#: What changes a file or its name, or makes that durable.
CALLS = (
    *("write", "pwrite64", "writev", "fallocate", "ftruncate", "fsync", "fdatasync"),
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat"),
)
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


@dataclass(frozen=True, slots=True)
class Point:
    """Just before the process's ``number``-th call of this name."""

    call: str
    number: int
    file: str  # in the data folder; digits and digests left out, empty = the folder itself

    def __str__(self) -> str:
        return f"{self.call} {self.number} ({self.file or 'data'})"


class Lives:
    """Handle of ``incident.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def whole(self, folder: Path) -> int:
        """Live to the end, on what is in the folder; returns the exit status."""
        return ask(self._process, f"reap {ask(self._process, f'live {folder}')}")

    def counted(self, folder: Path) -> list[Point]:
        """Live to the end; returns every changing call that was made in the data folder, in order."""
        assert self._watched(folder, []) == 0
        return list(_points(folder))

    def killed(self, folder: Path, at: Point) -> tuple[int, Point]:
        """Live until that call; returns the exit status, and the last call of all."""
        status = self._watched(folder, ["-e", f"inject={at.call}:signal=KILL:when={at.number}"])
        return status, list(_points(folder))[-1]

    def _watched(self, folder: Path, options: list[str]) -> int:
        life = ask(self._process, f"trace {folder}")
        command = [servers.program("strace"), "-y", "-o", str(_trace(folder)), "-e", f"trace={','.join(CALLS)}"]
        with subprocess.Popen([*command, *options, "-p", str(life)], stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            said = strace.stderr.readline()
            os.kill(life, signal.SIGCONT)
            status = ask(self._process, f"reap {life}")
            strace.wait(10)
        assert "attached" in said, said
        return status


@contextmanager
def lives(config: Path) -> Iterator[Lives]:
    with preloaded("tests.faults.harness.incident", config) as process:
        yield Lives(process)


def one_of_each(points: list[Point]) -> list[Point]:
    """Of each kind of call on each kind of file the one in the middle of its kind; in order."""
    kinds: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        kinds.setdefault((point.call, re.split("[/-]", point.file)[0]), []).append(point)
    chosen = {of_kind[len(of_kind) // 2] for of_kind in kinds.values()}
    return [point for point in points if point in chosen]


def _trace(folder: Path) -> Path:
    return folder / "trace"


def _points(folder: Path) -> Iterator[Point]:
    data, made = re.escape(str(folder / "data")), Counter[str]()
    inside = re.compile(rf'[<"]{data}(?:/([^<>"]*))?[>"]')
    for line in _trace(folder).read_text(encoding="utf-8", errors="replace").splitlines():
        if call := _CALL.match(line):
            made[call[1]] += 1
            if file := inside.search(line):
                kind = re.sub(r"[0-9a-f]{16}", "#", re.sub(r"\d{20}", "#", file[1] or ""))
                yield Point(call[1], made[call[1]], kind)
