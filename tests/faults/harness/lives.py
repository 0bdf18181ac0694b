"""Lives of the pipeline, short ones: forked from the nursery, or the shipped commands themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.harness.site import Site

ROOT = Path(__file__).parents[3]


class Nursery:
    """Handle of ``nursery.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self) -> int:
        return ask(self._process, "start")

    def end(self, pid: int, number: int) -> int:
        """Send the signal, wait for the end; returns the exit status, negative for a signal."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return ask(self._process, f"reap {pid}")


@contextmanager
def preloaded(module: str, *arguments: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that imports everything once, is ready, and then answers line by line."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def ask(process: subprocess.Popen[str], line: str) -> int:
    """One question to such a program."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


@contextmanager
def nursery(site: Site) -> Iterator[Nursery]:
    with preloaded("tests.faults.harness.nursery", site.config, site.log) as process:
        yield Nursery(process)


def command(site: Site, name: str) -> subprocess.Popen[bytes]:
    """Start a shipped command, in a process group of its own."""
    with site.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", name, "--config", str(site.config)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """The whole group at once, as a power switch would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
