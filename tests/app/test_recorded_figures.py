"""What the shipped packs find on the recordings beside the project; the figures of bench/README.md must not fall."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def judged(shared_data: Path, name: str, alarms: Path) -> dict[str, float]:
    """The set's own ``score.py`` on what ``fengsui evaluate`` gives."""
    if not (shared_data / name).is_dir():
        pytest.skip(f"the set {name} is not at ../shared/data/{name}")
    evaluate = [sys.executable, "-m", "app.cli", "evaluate", str(shared_data / name), "--out", str(alarms)]
    subprocess.run(evaluate, cwd=ROOT, check=True, capture_output=True)
    score = [sys.executable, str(shared_data / "score.py"), name, str(alarms), "--json"]
    found: dict[str, float] = json.loads(subprocess.run(score, check=True, capture_output=True).stdout)
    return found


@pytest.mark.prove
def test_a_chemical_plant_shows_every_fault_that_can_be_seen_and_nothing_else(
    shared_data: Path, tmp_path: Path
) -> None:
    found = judged(shared_data, "tep", tmp_path / "alarms.csv")
    assert found["detected"] >= 8
    assert found["delay_median_s"] <= 1800
    assert found["false_per_quiet_hour"] <= 0.01


@pytest.mark.prove
def test_a_water_loop_is_judged_better_than_any_published_detector_does(shared_data: Path, tmp_path: Path) -> None:
    found = judged(shared_data, "skab", tmp_path / "alarms.csv")
    assert found["f1"] >= 0.80
    assert found["far_percent"] <= 15


@pytest.mark.prove
def test_series_of_any_kind_are_judged_with_few_false_alarms(shared_data: Path, tmp_path: Path) -> None:
    found = judged(shared_data, "nab", tmp_path / "alarms.csv")
    assert found["nab_standard_simplified"] >= 60
    assert found["false_per_sensor_day"] <= 0.15
