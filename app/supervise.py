"""``fengsui run``: starts the processes, begins again what dies and says so, ends them all together."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.signals import on_stop
from model.errors import FengsuiError

log = structlog.get_logger("supervisor")

PAUSE_S_MIN, PAUSE_S_MAX = 0.5, 30.0
#: A process that ran so long has recovered: its next restart does not wait long.
HEALTHY_S = 60.0
DRAIN_S = 30.0
#: A configuration that is wrong at the start ends everything. One that was broken while we ran does not: the other
#: process still has its work, and the file may be mended.
EXIT_CONFIG = 2


@dataclass(slots=True)
class Child:
    """One supervised process."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    pause_s: float = PAUSE_S_MIN
    due_s: float = 0.0
    restarts: int = field(default=0)


def children(config: Path) -> list[Child]:
    return [
        Child(name, [sys.executable, "-m", "app.cli", name, "--config", str(config), "--supervised"])
        for name in ("pipeline", "delivery")
    ]


def claim(data_dir: Path) -> None:
    """See that no other ``fengsui run`` is at work in this data folder; it is ours until the process ends.

    Raises:
        FengsuiError: another one is, or the folder cannot be used.

    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(data_dir / "run.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FengsuiError(f"{data_dir}: another `fengsui run` is at work here; stop it first") from error
    except OSError as error:
        raise FengsuiError(f"{data_dir}: must be a folder that can be written, got: {error}") from error


class Supervisor:
    """Keeps the children running until ``stop``."""

    def __init__(self, own: Sequence[Child]) -> None:
        self._children = list(own)
        self._stop = threading.Event()
        self.failed = False

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> int:
        """Returns 0 after a stop, ``EXIT_CONFIG`` when a child says that its configuration is wrong."""
        on_stop(self.stop)
        while not self._stop.is_set():
            for child in self._children:
                self._tend(child)
            self._stop.wait(0.1)
        self._end_all()
        return EXIT_CONFIG if self.failed else 0

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due_s:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        if code == EXIT_CONFIG and child.restarts == 0:
            self.failed = True
            self.stop()
            return
        _forget(child)
        child.restarts += 1
        if now - child.started_s > HEALTHY_S:
            child.pause_s = PAUSE_S_MIN
        child.due_s = now + child.pause_s
        log.error("process died", process=child.name, exit_code=code, begins_again_in_s=child.pause_s)
        child.pause_s = min(child.pause_s * 2, PAUSE_S_MAX)

    @staticmethod
    def _start(child: Child) -> None:
        # The child holds the other end of its standard input, and ends when we are gone, however we went.
        child.process = subprocess.Popen(child.command, stdin=subprocess.PIPE)  # noqa: S603 - our own command line
        child.started_s = time.monotonic()
        log.info("process started", process=child.name, pid=child.process.pid, restarts=child.restarts)

    def _end_all(self) -> None:
        alive = [child for child in self._children if child.process is not None]
        for child in alive:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + DRAIN_S
        for child in alive:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("process did not end in time; killed", process=child.name, after_s=DRAIN_S)
                child.process.kill()
                child.process.wait()


def _forget(child: Child) -> None:
    """The process is dead; let go of its standard input."""
    if child.process is not None and child.process.stdin is not None:
        child.process.stdin.close()
    child.process = None
