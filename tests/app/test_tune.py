"""``fengsui tune``: a budget in, a diff out that a person can look at and apply."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from config.packs import check_packs

PACKS = Path(__file__).parents[2] / "packs"
MAP = 'channels: [{channel: "{place}_lel", kind: ch4_lel}]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three days of a detector with restless clean air, and the pack gas to change."""
    shutil.copytree(PACKS / "gas", tmp_path / "gas")
    (tmp_path / "map.yaml").write_text(MAP, encoding="utf-8")
    (tmp_path / "quiet").mkdir()
    value = np.random.default_rng(4).exponential(1.2, 3 * 8640)
    rows = (f"{datetime(2026, 1, 1) + timedelta(seconds=10 * at)},{one:.2f}" for at, one in enumerate(value))  # noqa: DTZ001
    with gzip.open(tmp_path / "quiet" / "a.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(["timestamp,N_lel", *rows]) + "\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    given = [str(folder / "quiet"), "--pack", str(folder / "gas"), "--map", str(folder / "map.yaml")]
    given += ["--out", str(folder / "gas.diff"), "--trials", "4", *arguments]
    done = CliRunner().invoke(app, ["tune", *given, "--lang", "en"])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_the_diff_applies_and_the_pack_is_sound_after_it(folder: Path) -> None:
    code, said = run(folder, "--rule", "gas.lel", "--grade", "yellow", "--budget", "40")
    assert code == 0, said
    assert "Proposed: value >= 12.1 %LEL" in said
    subprocess.run(["patch", "-p1", "--quiet", "--input", str(folder / "gas.diff")], cwd=folder, check=True)
    changed = (folder / "gas" / "rules.yaml").read_text(encoding="utf-8").splitlines()
    before = (PACKS / "gas" / "rules.yaml").read_text(encoding="utf-8").splitlines()
    differing = [(old, new) for old, new in zip(before, changed, strict=True) if old != new]
    assert len(differing) == 1
    assert "value >= 25 %LEL" in differing[0][0]
    packs, _ = check_packs([str(folder / "gas")], folder)
    rule = next(one for one in packs.rules if one.id == "gas.lel")
    assert rule.grades[1].when == "value >= 12.1 %LEL"


def test_what_it_says_is_there_for_programs_too(folder: Path) -> None:
    code, said = run(folder, "--rule", "gas.lel", "--budget", "40", "--step", "20", "--ramp", "5", "--json")
    told = json.loads(said)
    assert code == 0
    assert told["choice"]["basis"] == "counted"
    assert [(one["shape"], one["size"]) for one in told["found"]] == [("step", 20.0), ("ramp", 5.0)]
    assert told["found"][0]["found"] == told["found"][0]["trials"] > 0


def test_a_budget_beyond_what_can_be_counted_is_extrapolated_and_overtaken_grades_are_named(folder: Path) -> None:
    code, said = run(folder, "--rule", "gas.lel", "--budget", "0.001")
    assert code == 0
    assert "about 0.001 a sensor-month by the tail" in said
    assert "Higher grades must move too: yellow: value >= 25 %LEL" in said


def test_readings_too_short_for_the_budget_propose_nothing(folder: Path) -> None:
    code, said = run(folder, "--rule", "gas.lel", "--first", "0.2", "--budget", "1")
    assert code == 3
    assert "about 3 sensor-months are needed" in said
    assert not (folder / "gas.diff").exists()


def test_a_rule_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    code, said = run(folder, "--rule", "gas.none", "--budget", "1")
    assert code == 1
    assert "--rule must be one of gas.lel" in said
