"""The health check of the container tells a running pipeline from one that stands still, and from none."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import start_http_server

from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from tests import servers

CHECK = Path(__file__).parents[2] / "deploy" / "fengsui" / "healthy.py"


@pytest.fixture
def pipeline() -> Iterator[tuple[PipelineMetrics, str]]:
    metrics = PipelineMetrics()
    server, thread = start_http_server(0, "127.0.0.1", metrics.registry)
    yield metrics, f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


def check(*addresses: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-S", CHECK, *addresses], capture_output=True, text=True, check=False)


def test_a_fresh_tick_is_health(pipeline: tuple[PipelineMetrics, str]) -> None:
    metrics, address = pipeline
    metrics.last_tick.set(time.time())
    done = check(address)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_old_tick_is_not(pipeline: tuple[PipelineMetrics, str]) -> None:
    metrics, address = pipeline
    metrics.last_tick.set(time.time() - 60)
    done = check(address)
    assert done.returncode == 1
    assert "the last tick is 6" in done.stderr


def test_a_process_that_does_not_answer_is_named(pipeline: tuple[PipelineMetrics, str]) -> None:
    metrics, address = pipeline
    metrics.last_tick.set(time.time())
    silent = f"http://127.0.0.1:{servers.free_port()}/metrics"
    done = check(address, silent)
    assert done.returncode == 1
    assert f"{silent} does not answer" in done.stderr


def test_the_metrics_of_the_delivery_alone_are_not_enough() -> None:
    server, thread = start_http_server(0, "127.0.0.1", DeliveryMetrics().registry)
    try:
        done = check(f"http://127.0.0.1:{server.server_port}/metrics")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert done.returncode == 1
    assert "no address shows" in done.stderr
