"""``fengsui quality stuck`` on an archive that the archiver made: a fleet with one stuck sensor, and the proposal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.cli.quality_stuck import length
from app.configured import read
from config.plan import load_plan
from model.batch import Batch
from model.inputs import Input, PlanChange, Tick
from tests.docs.blocks import ROOT, blocks
from tests.store.archive.worlds import MINUTE, archive_all, write

S = 10**9
#: 2026-01-15, midnight in Shanghai.
BEGIN = 1_768_406_400 * S
SENSORS = 8
SPAN = ("--from", "2026-01-15T00:00", "--to", "2026-01-16T00:00")

KINDS = """\
kinds:
  gauge: {name: {zh: 表, en: Gauge}, unit: kPa, low: 0, high: 1000, period_s: 60}
  tank: {name: {zh: 液位, en: Level}, unit: m, low: 0, high: 10, period_s: 60}
"""
DETECTORS = """\
detectors:
  gauge_flat: {detector: flatline, kinds: [gauge], parameters: {tolerance: 0.5}}
"""
RULES = """\
rules:
  gauge.stuck:
    name: {zh: 压力表不动, en: Gauge is stuck}
    kinds: [gauge]
    source: {zh: 工程缺省值, en: engineering default}
    grades:
      blue: {when: "gauge_flat >= 6 h and value > 10", off_delay: 2 min}
"""
ADVICE = "advice: {gauge.stuck: {blue: {zh: 看, en: Look}}}\n"


def registry() -> str:
    name = "{zh: 名, en: Name}"
    sensors = [f"  - {{tag: p{at}, kind: gauge, asset: a}}\n" for at in range(SENSORS)]
    return (
        f"enterprises: [{{id: e, name: {name}}}]\ngrid_cells: [{{id: g, name: {name}}}]\n"
        f"sites: [{{id: s, name: {name}, enterprise: e, grid_cell: g}}]\nassets: [{{id: a, name: {name}, site: s}}]\n"
        f"sensors:\n{''.join(sensors)}  - {{tag: tank-1, kind: tank, asset: a}}\n"
    )


def story(config: Path) -> list[Input]:
    """A day: gauges move every 10 minutes, ``p1`` rests for 20 once, ``p7`` stands still; all good, by the minute."""
    items: list[Input] = [PlanChange(load_plan(read(config)), BEGIN - S)]
    for minute in range(24 * 60 + 15):
        at, moved = BEGIN + minute * MINUTE, minute // 10 % 2
        values = np.full(SENSORS, 100.0 + moved)
        values[7] = 300.0
        if 600 <= minute < 620:
            values[1] = 100.0
        times = np.full(SENSORS, at, np.int64)
        sensors = np.arange(SENSORS, dtype=np.int32)
        items += [Batch(sensors, times, times + S, values, np.zeros(SENSORS, np.uint8)), Tick(at + 2 * S, at)]
    return items


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "pack").mkdir()
    for name, text in (("kinds", KINDS), ("detectors", DETECTORS), ("rules", RULES), ("advice", ADVICE)):
        (folder / "pack" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "registry.yaml").write_text(registry(), encoding="utf-8")
    path = folder / "fengsui.yaml"
    path.write_text("data_dir: data\npacks: [pack]\nregistry: registry.yaml\n", encoding="utf-8")
    write(folder / "data" / "journal", story(path), segment_bytes=200_000)
    archive_all(folder / "data" / "archive", folder / "data" / "journal")
    return path


def stuck(config: Path, *arguments: str) -> Result:
    arguments = ("quality", "stuck", "--config", str(config), *arguments)
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, arguments)


def test_given_a_fleet_with_one_stuck_sensor_it_is_left_out_and_the_limit_follows_the_others(config: Path) -> None:
    done = stuck(config, *SPAN, "--json")
    assert done.exit_code == 0, done.output
    (fleet,) = json.loads(done.stdout)["fleets"]
    assert (fleet["measured"], fleet["sensors"], fleet["only"]) == (8, 8, "value > 10 kPa")
    assert fleet["left_out"] == [{"tag": "p7", "longest_s": 1439 * 60.0}]
    assert 540 <= fleet["p50_s"] <= 540 * 1.05
    assert fleet["longest_s"] == 29 * 60  # it had stood there for ten minutes when it came to rest
    assert (fleet["now_s"], fleet["proposed_s"]) == (6 * 3600.0, 44 * 60.0)


def test_the_output_of_the_guide_is_what_comes(config: Path) -> None:
    shown = {block.name: block.text for block in blocks(ROOT / "docs" / "quality.md")}
    done = stuck(config, *SPAN, "--lang", "en")
    assert done.exit_code == 0, done.output
    assert [line.rstrip() for line in done.stdout.splitlines()] == shown["quality-stuck"].splitlines()
    assert "疑似卡滞" in stuck(config, *SPAN, "--lang", "zh").stdout


def test_less_than_a_day_is_said_to_be_little(config: Path) -> None:
    span = ("--from", "2026-01-15T00:00", "--to", "2026-01-15T12:00")
    assert "Less than a day" in stuck(config, *span, "--lang", "en").stdout


def test_kinds_without_a_flatline_detector_and_times_without_readings_end_with_3(config: Path) -> None:
    assert stuck(config, *SPAN, "--kind", "tank").exit_code == 3
    assert stuck(config, "--from", "2026-01-01T00:00", "--to", "2026-01-02T00:00").exit_code == 3
    assert stuck(config, "--to", "2026-01-02T00:00").exit_code == 2


def test_nothing_is_written(config: Path) -> None:
    before = {path: path.read_bytes() for path in config.parent.rglob("*.yaml")}
    stuck(config, *SPAN)
    assert {path: path.read_bytes() for path in config.parent.rglob("*.yaml")} == before


def test_lengths_are_in_the_unit_that_suits_them() -> None:
    assert [length(one) for one in (None, 0.02, 119.0, 120.0, 7_199.0, 7_200.0)] == [
        "-",
        "0.02 s",
        "119 s",
        "2 min",
        "120 min",
        "2 h",
    ]
