"""``fengsui run``: starts the processes, begins again what dies and says so, ends them all together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.signals import on_stop

log = structlog.get_logger("supervisor")

PAUSE_S_MIN, PAUSE_S_MAX = 0.5, 30.0
#: A process that ran so long has recovered: its next restart does not wait long.
HEALTHY_S = 60.0
DRAIN_S = 30.0
#: A configuration error will not mend itself: there is no use in trying again.
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
        Child(name, [sys.executable, "-m", "app.cli", name, "--config", str(config)])
        for name in ("pipeline", "delivery")
    ]


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
        if code == EXIT_CONFIG:
            self.failed = True
            self.stop()
            return
        child.process = None
        child.restarts += 1
        if now - child.started_s > HEALTHY_S:
            child.pause_s = PAUSE_S_MIN
        child.due_s = now + child.pause_s
        log.error("process died", process=child.name, exit_code=code, begins_again_in_s=child.pause_s)
        child.pause_s = min(child.pause_s * 2, PAUSE_S_MAX)

    @staticmethod
    def _start(child: Child) -> None:
        child.process = subprocess.Popen(child.command)  # noqa: S603 - our own command line
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
