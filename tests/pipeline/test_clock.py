"""What a tick is made of on this machine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.runners.clock import BOOT_ID, SystemClock


def test_elapsed_time_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {time.CLOCK_BOOTTIME: 7_000, time.CLOCK_MONOTONIC: 5_000}
    monkeypatch.setattr(time, "clock_gettime_ns", shown.__getitem__)
    monkeypatch.setattr(time, "monotonic_ns", lambda: shown[time.CLOCK_MONOTONIC])
    assert SystemClock().tick().elapsed_ns == 7_000


def test_a_tick_names_the_start_of_the_machine(tmp_path: Path) -> None:
    assert SystemClock().tick().boot == BOOT_ID.read_text(encoding="ascii")[:8]
    (tmp_path / "boot_id").write_text("3f2a91c0-6d1e-4f57-9d35-0c8a4a4b7f11\n", encoding="ascii")
    assert SystemClock(tmp_path / "boot_id").tick().boot == "3f2a91c0"


def test_where_no_start_can_be_told_from_another_the_tick_names_none(tmp_path: Path) -> None:
    assert SystemClock(tmp_path / "not there").tick().boot == ""
