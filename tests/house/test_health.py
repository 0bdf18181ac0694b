"""The health check of the container tells a process that does its work from one that does not, and from none."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipeline.metrics import ready_gauge
from pipeline.watch.progress import Loops
from pipeline.watch.readiness import Watch
from pipeline.watch.server import serve
from tests import servers

CHECK = Path(__file__).parents[2] / "deploy" / "fengsui" / "healthy.py"


class Watched:
    """A process that is asked how it stands."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.watch = Watch(lambda: 0, ready_gauge(registry))
        self.address = f"http://127.0.0.1:{serve('127.0.0.1:0', registry, self.watch)}/readyz"


@pytest.fixture
def process() -> Iterator[Watched]:
    watched, stop = Watched(CollectorRegistry()), threading.Event()
    thread = threading.Thread(target=watched.watch.run, args=(stop,))
    thread.start()
    yield watched
    stop.set()
    thread.join()


def ready(process: Watched) -> None:
    process.watch.take_on(Loops(20), [])
    process.watch.look()


def check(*addresses: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-S", CHECK, *addresses], capture_output=True, text=True, check=False)


def test_a_ready_process_is_health(process: Watched) -> None:
    ready(process)
    done = check(process.address)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_that_is_not_ready_says_why(process: Watched) -> None:
    done = check(process.address)
    assert (done.returncode, done.stderr) == (1, "starting, nothing is judged yet\n")


def test_a_process_that_does_not_answer_is_named_beside_one_that_is_ready(process: Watched) -> None:
    ready(process)
    silent = f"http://127.0.0.1:{servers.free_port()}/readyz"
    done = check(process.address, silent)
    assert done.returncode == 1
    assert f"{silent} does not answer" in done.stderr


def test_what_answers_something_else_is_not_healthy(process: Watched) -> None:
    ready(process)
    done = check(process.address.replace("/readyz", "/metrics"))
    assert done.returncode == 1
    assert "does not say whether it is ready" in done.stderr
