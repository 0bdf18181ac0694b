"""Fixtures that any room may use; the servers behind them stand in ``tests/servers.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Mosquitto]:
    with servers.mosquitto(tmp_path / "mosquitto") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[servers.HttpReceiver]:
    with servers.http_receiver() as running:
        yield running


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.VictoriaMetrics]:
    with servers.victoria_metrics(tmp_path_factory.mktemp("victoria-metrics")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recordings that stand beside the project; a test that needs a set of them says so with ``recording_set``."""
    return Path(__file__).parent.parent.parent / "shared" / "data"
