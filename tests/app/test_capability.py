"""``fengsui capability``: asked of a snapshot as the pipeline leaves it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.configured import Paths, read
from config.plan import load_plan
from model.batch import GOOD, Batch
from model.inputs import PlanChange, Tick
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from store import snapshots

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "first"
NOW_NS = 1_767_542_400 * 10**9


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The smallest configuration, whose sensors have sent a minute of quiet readings."""
    shutil.copytree(EXAMPLE, tmp_path / "site")
    config = tmp_path / "site" / "fengsui.yaml"
    configured = read(config)
    plan = load_plan(configured)
    state = begin(PlanChange(plan, NOW_NS), 0)
    sensors = len(plan.sensors)
    for second in range(60):
        time_ns = np.full(sensors, NOW_NS + second * 10**9)
        value = np.full(sensors, 1.0)
        own = Batch(np.arange(sensors, dtype=np.int32), time_ns, time_ns, value, np.full(sensors, GOOD, np.uint8))
        step(state, state.next_offset, own)
    step(state, state.next_offset, Tick(NOW_NS + 60 * 10**9, 60 * 10**9))
    folder = Paths.under(configured.data_dir).snapshots
    folder.mkdir(parents=True)
    snapshots.save(folder, snapshot.take(state))
    return config


def run(config: Path, *arguments: str, lang: str = "en") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["capability", "--config", str(config), "--lang", lang, *arguments])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_it_tells_the_smallest_rise_of_each_kind_in_the_users_language(config: Path) -> None:
    code, said = run(config)
    assert code == 0, said
    assert "rise at one" in said
    assert "%LEL" in said
    assert "任一测点升" in run(config, lang="zh")[1]


def test_programs_get_the_same(config: Path) -> None:
    code, said = run(config, "--json")
    told = json.loads(said)
    assert code == 0
    assert told["horizons_s"] == [60.0, 600.0, 3600.0]
    assert all(one["working"] == one["sensors"] for one in told["found"])
    assert any(one["rises"] and one["smallest"][0] for one in told["found"])


def test_detectors_that_are_still_learning_are_named(config: Path) -> None:
    _, said = run(config, "--json")
    learning = {one["detector"]: one for one in json.loads(said)["learning"]}
    assert learning, "a minute is too short for any normal"
    for one in learning.values():
        assert (one["kind"], one["sensors"], one["warming"], one["stale"]) == ("ch4_lel", 2, 2, 0)
    assert "of 2 sensors 2 are still being learned" in " ".join(run(config)[1].split())
    assert "仍在学习" in run(config, lang="zh")[1]


def test_an_asset_that_is_not_there_is_refused_by_name(config: Path) -> None:
    code, said = run(config, "--asset", "moon")
    assert code == 1
    assert "--asset must be an asset with sensors, got moon" in said


def test_without_a_snapshot_it_says_what_is_missing(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "site")
    code, said = run(tmp_path / "site" / "fengsui.yaml")
    assert code == 1
    assert "must hold a snapshot, got none" in said
