"""``fengsui run`` in earnest: what dies is begun again and said so, and all of it ends together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.harness.lives import ROOT, command, kill_tree
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Followed, Site, make_site
from tests.servers import HttpReceiver, Mosquitto, until

UP_S_MAX = 60.0
PROCESSES = ("pipeline", "delivery", "archiver")


@contextmanager
def running(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """``fengsui run`` with all processes up; whatever is left of it at the end is killed."""
    process = command(site, "run")
    try:
        until(lambda: all(site.says(f"{name} runs") for name in PROCESSES), "all processes", UP_S_MAX)
        yield process
    finally:
        kill_tree(process)


def pid_of(site: Site, name: str) -> int:
    return int(str([line for line in site.says("process started") if line["process"] == name][-1]["pid"]))


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def fengsui(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_given_killed_children_they_are_begun_again_and_sigterm_ends_all_with_a_snapshot(
    broker: Mosquitto, receiver: HttpReceiver, tmp_path: Path
) -> None:
    site = make_site(tmp_path / "site", broker.port, webhook_url=receiver.url)
    with running(site) as supervisor, Publisher(broker.port, seed=1, rate_hz=200) as publisher:
        until(lambda: receiver.requests, "a notice")
        for name in PROCESSES:
            before = len(site.says(f"{name} runs"))
            os.kill(pid_of(site, name), signal.SIGKILL)
            until(lambda name=name, n=before: len(site.says(f"{name} runs")) > n, f"a new {name}", UP_S_MAX)
        died = [(line["process"], line["exit_code"]) for line in site.says("process died")]
        assert died == [(name, -signal.SIGKILL) for name in PROCESSES]
        publisher.finish()
        followed = Followed(site)
        until(lambda: followed.holds(publisher.identities()), "every reading in the journal", 30)
        until(lambda: told(receiver) >= set(site.outbox_ids()), "every notice at the receiver", 30)

        begun_s = time.monotonic()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(30) == 0
        assert time.monotonic() - begun_s < 30
        assert not any(alive(pid_of(site, name)) for name in PROCESSES)
        ended_at = int(str(site.says("pipeline ended")[-1]["offset"]))
        assert list(site.paths.snapshots.glob(f"{ended_at:020d}.*.npz")), "a snapshot at the journal's end"


def told(receiver: HttpReceiver) -> set[str]:
    return {request.headers["webhook-id"] for request in receiver.requests}


def test_given_one_that_runs_a_second_one_on_the_same_data_refuses_and_the_first_goes_on(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", broker_port=9)
    with running(site) as first:
        refusals = {
            "run": "another `fengsui run` is at work here; stop it first",
            "pipeline": "another process (fengsui pipeline) writes this file; stop it first",
            "delivery": "another process (fengsui delivery) writes this file; stop it first",
        }
        with ThreadPoolExecutor() as pool:
            second = pool.map(lambda name: fengsui(name, "--config", str(site.config)), refusals)
        for done, refusal in zip(second, refusals.values(), strict=True):
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            assert refusal in done.stderr
        assert first.poll() is None
        assert not site.says("process died")


def test_given_a_supervisor_killed_alone_its_processes_end_by_themselves(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", broker_port=9)
    with running(site) as supervisor:
        children = [pid_of(site, name) for name in PROCESSES]
        supervisor.kill()
        until(lambda: not any(alive(pid) for pid in children), "the end of all processes", 30)
        assert site.says("pipeline ended")


def test_given_a_wrong_configuration_it_says_where_and_ends_with_2(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", broker_port=9)
    for good, bad, place in (
        ("language: en", "language: fr", "fengsui.yaml:2 language: must be one of"),
        ("registry: registry.yaml", "registry: elsewhere.yaml", "elsewhere.yaml"),
    ):
        text = site.config.read_text(encoding="utf-8")
        site.config.write_text(text.replace(good, bad), encoding="utf-8")
        done = fengsui("run", "--config", str(site.config))
        assert done.returncode == 2, done.stderr
        assert place in done.stderr
        assert "Traceback" not in done.stderr
        site.config.write_text(text, encoding="utf-8")


def test_given_a_metrics_port_that_is_taken_the_process_says_so(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", broker_port=9)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        text = site.config.read_text(encoding="utf-8").replace('pipeline: "127.0.0.1:0"', f'pipeline: "{address}"')
        site.config.write_text(text, encoding="utf-8")
        done = fengsui("pipeline", "--config", str(site.config))
    assert done.returncode == 1
    assert f"metrics {address}: cannot be served there" in done.stderr
    assert "Traceback" not in done.stderr
