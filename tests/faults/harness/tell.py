"""A fixture: figures of the proofs are shown, not only asserted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Tell = Callable[[object], None]


@pytest.fixture
def tell(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Write one line to the terminal, past the capture."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def write(figures: object) -> None:
        with capsys.disabled():
            reporter.write_line(f"\n{request.node.name}: {figures}")

    return write
