"""``fengsui run`` calls somebody outside while all goes well, and keeps still when something does not."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.app.test_readiness import ask, codes, is_ready, watched_site
from tests.app.test_supervise import fengsui, pid_of, running
from tests.servers import HttpReceiver, Mosquitto, until

SOON_S = 60.0


def beats(receiver: HttpReceiver) -> int:
    return sum(request.path == "/beat" for request in receiver.requests)


def test_given_a_heartbeat_it_is_withheld_while_the_broker_is_away_or_the_pipeline_hangs(
    broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path
) -> None:
    site, ports = watched_site(tmp_path / "site", broker.port)
    secret = site.folder / "beat.url"
    secret.write_text(f"{receiver.url}/beat\n", encoding="ascii")
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text(text + "heartbeat: {url_file: beat.url, interval_s: 1}\n", encoding="utf-8")
    with running(site):
        until(lambda: beats(receiver) >= 3, "three heartbeats", SOON_S)
        assert "heartbeat" not in alarms(site.config)

        broker.stop()
        until(lambda: ("source_disconnected", "district") in codes(ports["pipeline"]), "not ready", SOON_S)
        until(lambda: site.says("heartbeat withheld"), "said so in the log", SOON_S)
        before = beats(receiver)
        until(lambda: "system.source_disconnected" in alarms(site.config), "the system alarm", SOON_S)
        assert ask(ports["pipeline"])[0] == 503
        assert beats(receiver) <= before + 1
        broker.start()
        until(lambda: beats(receiver) >= before + 3, "heartbeats again", SOON_S)
        assert is_ready(ports["pipeline"])

        os.kill(pid_of(site, "pipeline"), signal.SIGSTOP)
        stopped_s = time.monotonic()
        until(lambda: time.monotonic() - stopped_s > 4 or None, "what was under way is over", SOON_S)
        before = beats(receiver)
        until(lambda: time.monotonic() - stopped_s > 7 or None, "three intervals", SOON_S)
        assert beats(receiver) == before
        os.kill(pid_of(site, "pipeline"), signal.SIGCONT)
        until(lambda: beats(receiver) > before, "heartbeats again", SOON_S)
    assert {request.path for request in receiver.requests} == {"/beat"}


def alarms(config: Path) -> str:
    return fengsui("alarms", "list", "--json", "--all", "--config", str(config)).stdout
