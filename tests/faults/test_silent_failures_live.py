"""Silent failures of the shipped processes, at the limits that are shipped: told inside and outside in time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.test_readiness import HEALTH, ask, is_ready, watched_site
from tests.app.test_supervise import pid_of, running
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Site
from tests.faults.harness.tell import Tell
from tests.servers import HttpReceiver, Mosquitto, http_receiver, until

UNREADY_S_MAX = WITHHELD_S_MAX = 30.0
UP_S = 90.0


@dataclass
class Live:
    site: Site
    broker: Mosquitto
    receiver: HttpReceiver

    def freeze(self, name: str) -> None:
        os.kill(pid_of(self.site, name), signal.SIGSTOP)


FAILURES: dict[str, tuple[str, Callable[[Live], None]]] = {
    "pipeline-frozen": ("pipeline", lambda live: live.freeze("pipeline")),
    "delivery-frozen": ("delivery", lambda live: live.freeze("delivery")),
    "broker-gone": ("pipeline", lambda live: live.broker.stop()),
    "receiver-hangs": ("delivery", lambda live: live.receiver.may_answer.clear()),
}


@pytest.mark.prove
@pytest.mark.parametrize("case", FAILURES)
def test_given_a_silent_failure_of_the_shipped_processes_it_is_told_in_time(
    case: str, broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path, tell: Tell
) -> None:
    site, ports = watched_site(tmp_path / "site", broker.port, receiver.url)
    with http_receiver() as outside:
        text = site.config.read_text(encoding="utf-8").replace(HEALTH, "")
        site.config.write_text(text + f'heartbeat: {{url: "{outside.url}/beat"}}\n', encoding="utf-8")
        process, fail = FAILURES[case]
        with running(site), Publisher(broker.port, seed=1, rate_hz=200) as publisher:
            until(lambda: is_ready(ports["pipeline"]) and is_ready(ports["delivery"]), "both are ready", UP_S)
            until(lambda: len(outside.requests) >= 2, "two heartbeats", UP_S)
            fail(Live(site, broker, receiver))
            failed_s = time.monotonic()
            last_s, seen = 0.0, len(outside.requests)
            unready_s = None
            while time.monotonic() - failed_s < 45 and not site.says("process hangs; killed"):
                if unready_s is None and ask(ports[process])[0] != 200:
                    unready_s = time.monotonic() - failed_s
                if len(outside.requests) > seen:
                    seen, last_s = len(outside.requests), time.monotonic() - failed_s
                time.sleep(0.2)
            if case == "broker-gone":
                broker.start()
            publisher.finish()
        tell(f"{case}: not ready after {unready_s or 0.0:.1f} s, last heartbeat after {last_s:.1f} s")
    assert unready_s is not None
    assert unready_s <= UNREADY_S_MAX
    assert last_s <= WITHHELD_S_MAX
