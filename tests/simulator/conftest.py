"""The district of the shipped packs, and a real broker in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from simulator.district import District
from tests.simulator.districts import ROOT, make


@pytest.fixture(scope="session")
def demo() -> District:
    return make("demo", hour=9.5)


@pytest.fixture(scope="session")
def quiet_day() -> District:
    return make("day")


@pytest.fixture(scope="session")
def day_with_events() -> District:
    return make("day-events")


@pytest.fixture
def broker_port() -> Iterator[int]:
    command = [sys.executable, "-m", "simulator", "broker", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready port="), line
            yield int(line.removeprefix("ready port="))
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
