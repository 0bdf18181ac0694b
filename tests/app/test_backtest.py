"""``fengsui backtest``: a changed rule on the journal and the archive of a site, and on a recording."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.configured import Paths, read
from config.plan import load_plan
from model.batch import GOOD, Batch
from model.inputs import PlanChange, Tick
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "first"
NOW_NS = 1_767_542_400 * 10**9  # 2026-01-05 00:00, local time
SECONDS = 900
LEAK = range(600, 720)
SPAN = ("--from", "2026-01-05T00:01", "--to", "2026-01-05T00:15", "--warmup", "0")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site that ran for a quarter of an hour, with a leak to 30 %LEL in it."""
    shutil.copytree(EXAMPLE, tmp_path / "site")
    config = tmp_path / "site" / "fengsui.yaml"
    configured = read(config)
    plan = load_plan(configured)
    paths = Paths.under(configured.data_dir)
    journal = Journal(paths.journal)
    journal.append(PlanChange(plan, NOW_NS))
    sensors = sum(one.kind == "ch4_lel" for one in plan.sensors)
    for second in range(SECONDS):
        time_ns = np.full(sensors, NOW_NS + second * 10**9)
        value = np.full(sensors, 30.0 if second in LEAK else 1.0)
        rows = Batch(np.arange(sensors, dtype=np.int32), time_ns, time_ns, value, np.full(sensors, GOOD, np.uint8))
        journal.append(rows)
        journal.append(Tick(NOW_NS + (second + 1) * 10**9, (second + 1) * 10**9))
    journal.commit()
    journal.close()
    store = PipelineStore(paths.pipeline_db)
    store.note_plan(plan)
    store.close()
    return config


def run(config: Path, *arguments: str, lang: str = "en") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["backtest", "--config", str(config), "--lang", lang, *arguments])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def with_gas_limit(config: Path, changed: str) -> None:
    """Have the site's own copy of the pack, with another limit of the blue grade."""
    pack = config.parent / "gas-changed"
    shutil.copytree(Path(__file__).parents[2] / "packs" / "gas", pack, ignore=shutil.ignore_patterns("__pycache__"))
    rules = pack / "rules.yaml"
    text = rules.read_text(encoding="utf-8")
    assert text.count("value >= 25 %LEL") > 0
    rules.write_text(text.replace("value >= 25 %LEL", f"value >= {changed}"), encoding="utf-8")
    config.write_text(config.read_text(encoding="utf-8").replace("[gas,", "[./gas-changed,"), encoding="utf-8")


def test_what_runs_now_against_itself_is_the_same(config: Path) -> None:
    code, said = run(config, *SPAN)
    assert code == 0, said
    assert "Both give the same alarms" in said
    assert "两版规则的报警完全相同" in run(config, *SPAN, lang="zh")[1]


def test_with_a_higher_limit_the_alarms_are_blue_and_later_and_the_report_says_which(
    config: Path, tmp_path: Path
) -> None:
    with_gas_limit(config, "40 %LEL")
    report = tmp_path / "report.html"
    code, said = run(config, *SPAN, "--json", "--html", str(report))
    assert code == 0, said
    told = json.loads(said)
    own = [one for one in told["differences"] if one["before"]["rule"] == "gas.lel"]
    assert [one["change"] for one in own] == ["regraded"] * 2
    assert [one["after"]["grade"] for one in own] == [1, 1], "blue"
    assert [one["before"]["grade"] for one in own] == [2, 2], "yellow, at once"
    delays = [one["after"]["begin_ns"] - one["before"]["begin_ns"] for one in own]
    assert delays == [30 * 10**9] * 2, "the on-delay of blue"
    assert told["before"]["load"]["grades"]["yellow"] > told["after"]["load"]["grades"]["yellow"]
    page = report.read_text(encoding="utf-8")
    assert "gas-station-1/ch4-01" in page
    assert "http" not in page, "it needs nothing from elsewhere"


def test_three_times_the_same(config: Path) -> None:
    with_gas_limit(config, "40 %LEL")
    runs = [json.loads(run(config, *SPAN, "--json")[1]) for _ in range(3)]
    for one in runs:
        one.pop("took_s")
    assert runs[0] == runs[1] == runs[2]


def test_labelled_events_are_found_with_their_delay(config: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("start,end,name\n2026-01-05T00:10:00,2026-01-05T00:12:00,leak\n", encoding="utf-8")
    code, said = run(config, *SPAN, "--labels", str(labels), "--json")
    assert code == 0, said
    told = json.loads(said)["before"]["told"]
    assert told["delays_s"][0] is not None
    assert 0 <= told["delays_s"][0] <= 60
    labels.write_text("begin,end\n1,2\n", encoding="utf-8")
    code, said = run(config, *SPAN, "--labels", str(labels))
    assert code == 1
    assert "must have the columns start and end, got begin, end" in said


def test_a_recording_needs_the_changed_pack(config: Path, tmp_path: Path) -> None:
    code, said = run(config, "--recording", str(tmp_path))
    assert code == 2
    assert "must name the changed pack" in said


CHANNELS = """\
asset: {kind: room}
zone: Asia/Shanghai
train: {series: teacher}
channels:
  - {channel: "CH4_{place}_lel", kind: ch4_lel}
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two series of one detector every 10 s; one teaches, the other begins before 2000 and holds a leak."""
    folder = tmp_path / "recording"
    (folder / "series").mkdir(parents=True)
    (folder / "map.yaml").write_text(CHANNELS, encoding="utf-8")
    leak = [1.0] * 20 + [30.0] * 20 + [1.0] * 20
    for name, begin, values in (
        ("teacher", datetime.fromisoformat("2000-03-01"), [1.0] * 30 + [30.0] * 10 + [1.0] * 20),
        ("leak", datetime.fromisoformat("1999-12-31T23:58"), leak),
    ):
        rows = [f"{begin + timedelta(seconds=10 * at)},{value}" for at, value in enumerate(values)]
        text = "\n".join(["timestamp,CH4_N_lel", *rows]) + "\n"
        (folder / "series" / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_recording_gives_the_alarms_that_evaluate_gives_in_its_own_time(recording: Path, tmp_path: Path) -> None:
    listed, labels = tmp_path / "alarms.csv", tmp_path / "labels.csv"
    labels.write_text("series,start,end\nleak,2000-01-01 00:01:00,2000-01-01 00:04:00\n", encoding="utf-8")
    family = ("--pack", "gas", "--map", str(recording / "map.yaml"))
    evaluated = CliRunner().invoke(app, ["evaluate", str(recording), "--out", str(listed), *family])
    assert evaluated.exit_code == 0, evaluated.output
    code, said = run(
        tmp_path, "--recording", str(recording), "--changed", "gas", *family, "--labels", str(labels), "--json"
    )
    assert code == 0, said
    told = json.loads(said)
    with listed.open(encoding="utf-8") as text:
        rows = [(row["rule"], datetime.fromisoformat(row["start"])) for row in csv.DictReader(text)]
    zone = ZoneInfo("Asia/Shanghai")
    given = [
        (one["rule"], datetime.fromtimestamp(one["begin_ns"] / 1e9, zone).replace(tzinfo=None))
        for one in told["before"]["episodes"]
    ]
    assert sorted(rows) == sorted(given)
    assert ("gas.lel", datetime.fromisoformat("2000-01-01T00:01:20")) in given
    assert "gas.clock" not in {rule for rule, _ in given}, "a time before 2000 is moved on"
    assert told["before"]["told"]["delays_s"] == [20.0]
    assert told["differences"] == []


def test_where_nothing_ever_ran_another_configuration_can_be_named(config: Path) -> None:
    Paths.under(read(config).data_dir).pipeline_db.unlink()
    code, said = run(config, *SPAN)
    assert code == 1
    assert "not there yet" in said
    code, said = run(config, *SPAN, "--before", str(config))
    assert code == 0, said
