"""``fengsui demo`` as a new user runs it: from nothing to graded alarms and notices, and nothing left behind."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli.words import WORDS
from tests.faults.harness.lives import ROOT
from tests.faults.harness.tell import Tell
from tests.servers import Process, until

FIRST_ALARM_S_MAX = 60.0
DANGERS = ("Combustible gas above limit", "Pipeline pressure collapsing")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo said."""

    text: str
    alarms: int
    notices: int
    first_alarm_s: float  # after the district began to play; any alarm, so also one about a device
    first_danger_s: float  # the same of gas or a burst, to the next full 5 s
    took_s: float


def demo(folder: Path, *, seconds: int, speed: int) -> Shown:
    command = [sys.executable, "-m", "app.cli", "demo", "--plain", "--lang", "en", "--data-dir", str(folder)]
    begun_s = time.monotonic()
    done = subprocess.run(
        [*command, "--seconds", str(seconds), "--speed", str(speed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    over = re.fullmatch(said("demo_over", alarms=r"(\d+)", notices=r"(\d+)"), last)
    assert over, last
    first = re.search(r"First alarm: (\d+) s", done.stdout)
    assert first, done.stdout
    took_s = time.monotonic() - begun_s
    return Shown(done.stdout, int(over[1]), int(over[2]), float(first[1]), first_danger_s(done.stdout), took_s)


def first_danger_s(text: str) -> float:
    """Elapsed time of the first status line after an alarm of gas or of a burst."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if any(danger in line for danger in DANGERS))
    stamps = (re.match(r"\s*(\d+) s ", line) for line in lines[first:])
    return float(next(stamp[1] for stamp in stamps if stamp))


def said(phrase: str, **groups: str) -> str:
    """A phrase of the command line as a pattern, with these groups for its values."""
    return re.escape(WORDS[phrase].en).replace(r"\{", "{").replace(r"\}", "}").format(**groups)


def has_told(shown: Shown) -> None:
    for rule in DANGERS:
        assert rule in shown.text
    assert "red" in shown.text
    assert shown.alarms > 5
    assert shown.notices >= shown.alarms, "every alarm reaches the duty room"


def test_the_demo_shows_graded_alarms_tells_of_them_and_ends_all_its_processes(tmp_path: Path) -> None:
    shown = demo(tmp_path / "demo", seconds=30, speed=2)
    has_told(shown)
    assert shown.first_danger_s <= FIRST_ALARM_S_MAX / 2, "the story runs at twice its speed"
    log = (tmp_path / "demo" / "demo.log").read_text(encoding="utf-8")
    assert '"pipeline ended"' in log
    assert '"delivery ended"' in log
    assert "process died" not in log


def test_a_demo_that_is_told_to_end_takes_its_processes_along(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "demo", "--plain", "--lang", "en", "--data-dir", str(tmp_path)]
    shown = tmp_path / "shown.txt"
    running = Process(command, shown)
    try:
        until(lambda: WORDS["demo_webhook"].en in shown.read_text(encoding="utf-8"), "a running demo", 60)
    finally:
        running.end()
    log = (tmp_path / "demo.log").read_text(encoding="utf-8")
    assert '"pipeline ended"' in log
    assert '"delivery ended"' in log


@pytest.mark.prove
@pytest.mark.timeout(400)
def test_in_real_time_the_first_graded_alarm_comes_within_a_minute_of_the_command(tmp_path: Path, tell: Tell) -> None:
    shown = demo(tmp_path / "demo", seconds=75, speed=1)
    has_told(shown)
    started_s = shown.took_s - 75
    tell(
        f"first alarm {shown.first_alarm_s:.0f} s, first of gas or burst {shown.first_danger_s:.0f} s after the "
        f"district began; start and end took {started_s:.0f} s"
    )
    assert shown.first_danger_s <= FIRST_ALARM_S_MAX
