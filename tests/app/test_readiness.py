"""``fengsui run`` asked how it stands: ready while all goes well, and a reason for each thing that does not."""

from __future__ import annotations

import http.client
import os
import signal
from pathlib import Path
from typing import Any

import msgspec

from tests.app.test_supervise import fengsui, pid_of, running
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Site, make_site
from tests.servers import HttpReceiver, Mosquitto, free_port, until

SOON_S = 30.0
HEALTH = "health: {loop_limit_s: 5, disconnected_s_max: 1, undelivered_s_max: 2}\n"


def watched_site(folder: Path, broker_port: int, webhook_url: str = "") -> tuple[Site, dict[str, int]]:
    """A site whose addresses are known beforehand."""
    site = make_site(folder, broker_port, webhook_url=webhook_url)
    ports = {name: free_port() for name in ("pipeline", "delivery")}
    text = site.config.read_text(encoding="utf-8")
    for name, port in ports.items():
        text = text.replace(f'{name}: "127.0.0.1:0"', f'{name}: "127.0.0.1:{port}"')
    site.config.write_text(text + HEALTH, encoding="utf-8")
    return site, ports


def ask(port: int, path: str = "/readyz") -> tuple[int, list[dict[str, Any]]]:
    """The answer's status and its reasons; 0 when there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read())["reasons"]
    except (OSError, http.client.HTTPException):
        return 0, []
    finally:
        connection.close()


def codes(port: int) -> set[tuple[str, str]]:
    return {(reason["code"], reason["subject"]) for reason in ask(port)[1]}


def is_ready(port: int) -> bool:
    return ask(port)[0] == 200


def test_given_a_broker_that_goes_and_comes_back_the_pipeline_says_so_and_is_ready_again(
    broker: Mosquitto, tmp_path: Path
) -> None:
    site, ports = watched_site(tmp_path / "site", broker.port)
    with running(site):
        until(lambda: is_ready(ports["pipeline"]) and is_ready(ports["delivery"]), "both are ready", SOON_S)
        assert fengsui("status", "--config", str(site.config)).stdout.count("yes") == 1
        broker.stop()
        until(lambda: ("source_disconnected", "district") in codes(ports["pipeline"]), "the reason", SOON_S)
        assert ask(ports["pipeline"])[0] == 503
        assert ask(ports["pipeline"], "/livez")[0] == 200
        assert is_ready(ports["delivery"])
        shown = fengsui("status", "--config", str(site.config)).stdout
        assert "a source is disconnected: district" in shown
        broker.start()
        until(lambda: is_ready(ports["pipeline"]), "ready again", SOON_S)


def test_given_a_receiver_that_hangs_the_delivery_names_the_sink(
    broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path
) -> None:
    site, ports = watched_site(tmp_path / "site", broker.port, receiver.url)
    receiver.may_answer.clear()
    with running(site), Publisher(broker.port, seed=1, rate_hz=200) as publisher:
        until(lambda: ("sink_failing", "duty-room") in codes(ports["delivery"]), "the sink", SOON_S)
        until(lambda: ("loop_stands", "sink-duty-room") in codes(ports["delivery"]), "its loop", SOON_S)
        assert ask(ports["delivery"], "/livez")[0] == 503
        publisher.finish()
        receiver.may_answer.set()
        until(lambda: is_ready(ports["delivery"]), "ready again", 60)


def test_given_a_delivery_that_is_stopped_dead_status_says_that_it_does_not_answer(
    broker: Mosquitto, tmp_path: Path
) -> None:
    site, ports = watched_site(tmp_path / "site", broker.port)
    with running(site):
        until(lambda: is_ready(ports["delivery"]), "ready", SOON_S)
        os.kill(pid_of(site, "delivery"), signal.SIGSTOP)
        shown = fengsui("status", "--config", str(site.config)).stdout
        assert "The delivery does not answer" in shown
