"""Silent failures of the shipped processes, at the limits that are shipped: told inside and outside in time."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.app.test_readiness import HEALTH, ask, is_ready, watched_site
from tests.app.test_supervise import pid_of, running
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Site
from tests.faults.harness.tell import Tell
from tests.servers import HttpReceiver, Mosquitto, Relay, http_receiver, program, relay, until

UNREADY_S_MAX = WITHHELD_S_MAX = 30.0
OUTSIDE_S_MAX = 90.0
#: Of whoever expects the heartbeat outside, as docs/operations.md advises.
PATIENCE_S = 60.0
UP_S = 90.0


@dataclass
class Live:
    """A running site and what can be done to it; ``after`` undoes it at the end."""

    site: Site
    broker: Mosquitto
    between: Relay
    receiver: HttpReceiver
    after: ExitStack = field(default_factory=ExitStack)

    def freeze(self, name: str) -> None:
        os.kill(pid_of(self.site, name), signal.SIGSTOP)

    def kill_for_ever(self, name: str) -> None:
        """Kill a process, and each that the supervisor starts in its place."""
        over = threading.Event()

        def kill() -> None:
            while not over.wait(0.05):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid_of(self.site, name), signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        self.after.callback(thread.join)
        self.after.callback(over.set)

    def meddle(self, name: str, inject: str) -> None:
        """Let the kernel treat a process's system calls otherwise from now on."""
        call = inject.partition(":")[0]
        command = [program("strace"), "-f", "-qq", "-p", str(pid_of(self.site, name)), "-o", os.devnull]
        tracer = subprocess.Popen([*command, "-e", f"trace={call}", "-e", f"inject={inject}"])
        self.after.callback(tracer.wait)
        self.after.callback(tracer.kill)

    def hold(self, database: Path) -> None:
        """Be somebody else who has the database for himself."""
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        self.after.callback(other.close)


#: Who is to say that it is not ready, and what is done.
FAILURES: dict[str, tuple[str, Callable[[Live], None]]] = {
    "pipeline-frozen": ("pipeline", lambda live: live.freeze("pipeline")),
    "pipeline-killed": ("pipeline", lambda live: live.kill_for_ever("pipeline")),
    "journal-sync-hangs": ("pipeline", lambda live: live.meddle("pipeline", "fdatasync:delay_enter=60000000")),
    "disk-full": ("pipeline", lambda live: live.meddle("pipeline", "pwrite64,fallocate:error=ENOSPC")),
    "store-held": ("pipeline", lambda live: live.hold(live.site.paths.pipeline_db)),
    "broker-gone": ("pipeline", lambda live: live.broker.stop()),
    "broker-half-open": ("pipeline", lambda live: live.between.swallow(later_too=True)),
    "delivery-frozen": ("delivery", lambda live: live.freeze("delivery")),
    "delivery-killed": ("delivery", lambda live: live.kill_for_ever("delivery")),
    "delivery-store-held": ("delivery", lambda live: live.hold(live.site.paths.delivery_db)),
    "receiver-hangs": ("delivery", lambda live: live.receiver.may_answer.clear()),
    "receiver-gone": ("delivery", lambda live: live.receiver.close()),
}


def test_there_are_twelve() -> None:
    assert len(FAILURES) == 12


@contextlib.contextmanager
def at_work(
    folder: Path, broker: Mosquitto, receiver: HttpReceiver, beat: str
) -> Iterator[tuple[Live, dict[str, int]]]:
    """The shipped processes with the shipped limits behind a relay, readings coming in beside it."""
    with relay(broker.port) as between:
        site, ports = watched_site(folder, between.port, receiver.url)
        text = site.config.read_text(encoding="utf-8").replace(HEALTH, "")
        site.config.write_text(text + f'heartbeat: {{url: "{beat}"}}\n', encoding="utf-8")
        with running(site), Publisher(broker.port, seed=1, rate_hz=200) as publisher:
            until(lambda: is_ready(ports["pipeline"]) and is_ready(ports["delivery"]), "both are ready", UP_S)
            live = Live(site, broker, between, receiver)
            try:
                yield live, ports
            finally:
                live.after.close()
                if broker.process is None:
                    broker.start()
                publisher.finish()


@pytest.mark.prove
@pytest.mark.parametrize("case", FAILURES)
def test_given_a_silent_failure_of_the_shipped_processes_it_is_told_in_time(
    case: str, broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path, tell: Tell
) -> None:
    process, fail = FAILURES[case]
    with (
        http_receiver() as outside,
        at_work(tmp_path / "site", broker, receiver, f"{outside.url}/beat") as (live, ports),
    ):
        until(lambda: len(outside.requests) >= 2, "two heartbeats", UP_S)
        fail(live)
        failed_s = time.monotonic()
        last_s, seen = 0.0, len(outside.requests)
        unready_s = None
        while time.monotonic() - failed_s < 45 and not live.site.says("process hangs; killed"):
            if unready_s is None and ask(ports[process])[0] != 200:
                unready_s = time.monotonic() - failed_s
            if len(outside.requests) > seen:
                seen, last_s = len(outside.requests), time.monotonic() - failed_s
            time.sleep(0.2)
    tell(f"{case}: not ready after {unready_s or 0.0:.1f} s, last heartbeat after {last_s:.1f} s")
    assert unready_s is not None
    assert unready_s <= UNREADY_S_MAX
    assert last_s <= WITHHELD_S_MAX
    assert last_s + PATIENCE_S <= OUTSIDE_S_MAX
