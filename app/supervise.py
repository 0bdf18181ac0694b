"""``fengsui run``: starts the processes, begins again what dies or hangs and says so, ends them all together."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.notify import ALIVE, READY, STOPPING, systemd
from app.pulse import SILENCE_S_MAX, Listener
from app.signals import on_stop
from model.errors import FengsuiError

log = structlog.get_logger("supervisor")

PAUSE_S_MIN, PAUSE_S_MAX = 0.5, 30.0
#: A process that ran so long has recovered: its next restart does not wait long.
HEALTHY_S = 60.0
DRAIN_S = 30.0
LOOK_S = 0.1
#: systemd is told so often that all goes on.
TELL_S = 1.0
#: Who did not look for so long was stopped itself, and knows nothing of the others' pulses meanwhile.
AWAY_S = 5.0
#: A configuration that is wrong at the start ends everything. One that was broken while we ran does not: the other
#: processes still have their work, and the file may be mended.
EXIT_CONFIG = 2


@dataclass(slots=True)
class Child:
    """One supervised process."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    pulse: Listener | None = None
    started_s: float = 0.0
    pause_s: float = PAUSE_S_MIN
    due_s: float = 0.0
    restarts: int = field(default=0)


def children(config: Path, *, with_archive: bool = True) -> list[Child]:
    names = ("pipeline", "delivery", "archiver") if with_archive else ("pipeline", "delivery")
    return [
        Child(name, [sys.executable, "-m", "app.cli", name, "--config", str(config), "--supervised"]) for name in names
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
        self._tell = systemd()
        self._looked_s = time.monotonic()
        self._told_s = 0.0
        self._is_ready = False
        self.failed = False

    def stop(self) -> None:
        self._stop.set()

    def reload(self) -> None:
        """Hand a SIGHUP on to the pipeline; one that still starts reads the files anyway."""
        for child in self._children:
            if child.name == "pipeline" and child.process and child.pulse and child.pulse.heard_s is not None:
                child.process.send_signal(signal.SIGHUP)

    def run(self) -> int:
        """Returns 0 after a stop, ``EXIT_CONFIG`` when a child says that its configuration is wrong."""
        on_stop(self.stop, None if sys.stdin.isatty() else self.reload)  # a terminal that closes ends us
        while not self._stop.is_set():
            for child in self._children:
                self._tend(child)
            self._look()
            self._stop.wait(LOOK_S)
        self._tell(STOPPING)
        self._end_all()
        return EXIT_CONFIG if self.failed else 0

    def _look(self) -> None:
        """End what hangs; tell systemd while every loop of every process goes on."""
        now_s = time.monotonic()
        was_away, self._looked_s = now_s - self._looked_s > AWAY_S, now_s
        all_heard = True
        for child in self._children:
            if child.process is None or child.pulse is None:
                all_heard = False
                continue
            silent_s = child.pulse.silent_s(now_s, was_away=was_away)
            all_heard = all_heard and child.pulse.heard_s is not None and silent_s <= SILENCE_S_MAX
            if silent_s > SILENCE_S_MAX and child.process.poll() is None:
                log.error("process hangs; killed", process=child.name, silent_s=round(silent_s, 1))
                child.process.kill()
                child.process.wait(DRAIN_S)
        if all_heard and now_s - self._told_s >= TELL_S:
            self._told_s = now_s
            self._tell(ALIVE if self._is_ready else f"{READY}\n{ALIVE}")
            self._is_ready = True

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
        child.pulse = Listener()
        command = [*child.command, "--pulse", str(child.pulse.writer)]
        child.process = subprocess.Popen(  # noqa: S603 - our own command line
            command, stdin=subprocess.PIPE, pass_fds=(child.pulse.writer,)
        )
        child.pulse.begun()
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
    """The process is dead; let go of its pipes."""
    if child.process is not None and child.process.stdin is not None:
        child.process.stdin.close()
    child.process = None
    if child.pulse is not None:
        child.pulse.close()
        child.pulse = None
