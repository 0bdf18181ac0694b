"""Real releases of gas through the shipped pack, judged by the data's own scoring."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.jobs import evaluate

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


@pytest.mark.prove
def test_releases_on_an_open_site_are_found_with_few_false_alarms(tmp_path: Path) -> None:
    if not (DATA / "metec_gas").is_dir():
        pytest.skip(f"needs the set metec_gas in {DATA}")
    family = evaluate.fitting(DATA / "metec_gas", evaluate.families("", ROOT))
    alarms = tmp_path / "alarms.csv"
    evaluate.write(evaluate.evaluate(DATA / "metec_gas", family, ROOT, lambda _, __: None).found, alarms, local=False)
    score = [sys.executable, str(DATA / "score.py"), "metec_gas", str(alarms), "--json"]
    judged = json.loads(subprocess.run(score, check=True, capture_output=True, text=True).stdout)
    assert judged["detected"] >= 0.95 * judged["events"]
    assert judged["by_chance_percent"] <= 10.0
    assert judged["false_per_sensor_day"] <= 0.2
    assert judged["delay_median_s"] <= 600.0
    assert judged["place_median_m"] <= 10.0
