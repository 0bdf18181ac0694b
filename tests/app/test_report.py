"""``fengsui report alarms``: on the store and the readings of a site with one sensor that hovers at its limit."""

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
from pipeline.process.step import begin, step
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "first"
NOW_NS = 1_767_542_400 * 10**9  # 2026-01-05 00:00, local time
SPAN = ("--from", "2026-01-05T00:00", "--to", "2026-01-05T01:00", "--warmup", "0")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site that ran for an hour; its first sensor goes over 25 %LEL for 20 s, ten times."""
    shutil.copytree(EXAMPLE, tmp_path / "site")
    config = tmp_path / "site" / "fengsui.yaml"
    configured = read(config)
    plan = load_plan(configured)
    paths = Paths.under(configured.data_dir)
    journal, store = Journal(paths.journal), PipelineStore(paths.pipeline_db)
    store.note_plan(plan)
    journal.append(PlanChange(plan, NOW_NS))
    state = begin(PlanChange(plan, NOW_NS), 0)
    sensors = np.arange(sum(one.kind == "ch4_lel" for one in plan.sensors), dtype=np.int32)
    events = []
    for second in range(3600):
        time_ns = np.full(len(sensors), NOW_NS + second * 10**9)
        value = np.where(sensors == 0, 26.0 if second % 300 in range(200, 220) else 1.0, 1.0)
        rows = Batch(sensors, time_ns, time_ns, value, np.full(len(sensors), GOOD, np.uint8))
        for item in (rows, Tick(NOW_NS + (second + 1) * 10**9, (second + 1) * 10**9)):
            journal.append(item)
            events += step(state, state.next_offset, item).events
    store.record(events, [], state.next_offset)
    store.close()
    journal.commit()
    journal.close()
    return config


def run(config: Path, *arguments: str, lang: str = "en") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", "alarms", "--config", str(config), "--lang", lang, *arguments])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_it_names_who_alarms_most_and_a_remedy_with_its_price(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "alarms.html"
    code, said = run(config, *SPAN, "--json", "--html", str(page))
    assert code == 0, said
    told = json.loads(said)
    assert told["load"]["actors"][0]["tag"] == "gas-station-1/ch4-01"
    assert told["by_rule"]["gas.lel"] >= 10
    best = [one for one in told["remedies"] if one["rule"] == "gas.lel"]
    assert {one["means"] for one in best} >= {"on_delay", "off_delay"}
    assert all(one["after"] < one["before"] for one in best)
    assert {one["highest_lost"] for one in best if one["means"] == "on_delay"} == {"yellow"}, "its price is told"
    html = page.read_text(encoding="utf-8")
    assert "gas.lel" in html
    assert "http" not in html, "it needs nothing from elsewhere"


def test_it_speaks_both_languages(config: Path) -> None:
    code, said = run(config, *SPAN, "--no-remedies")
    assert code == 0, said
    assert "Per operator in 10 min, mean" in said
    assert "每席每 10 分钟平均" in run(config, *SPAN, "--no-remedies", lang="zh")[1]


def test_a_quiet_time_has_nothing_to_remedy(config: Path) -> None:
    code, said = run(config, "--from", "2026-01-06T00:00", "--to", "2026-01-06T01:00", "--warmup", "0", "--json")
    assert code == 0, said
    told = json.loads(said)
    assert told["load"]["alarms"] == 0
    assert told["remedies"] == []


def test_a_time_that_ends_before_it_begins_is_refused(config: Path) -> None:
    code, said = run(config, "--from", "2026-01-06T00:00", "--to", "2026-01-05T01:00")
    assert code == 2
    assert "must be before --to" in said
