"""``fengsui quality`` on an archive that the archiver made: figures, files, notices, exit codes."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.configured import read
from app.jobs.quality import Period, day_period
from app.jobs.quality_notice import file_name, span
from config.plan import load_plan
from model.batch import Batch
from model.inputs import Input, PlanChange, Tick
from store.archive.layout import all_files
from store.disk import LOCAL_DISK
from tests.docs.blocks import ROOT, blocks
from tests.store.archive.worlds import MINUTE, archive_all, merge_all, write

S = 10**9
DAY = "2026-01-15"
#: Of that day, midnight in Shanghai.
BEGIN = 1768406400 * S

CONFIG = """\
data_dir: data
packs: [pack]
registry: registry.yaml
quality: {calibration_days: 10}
"""
KINDS = """\
kinds:
  gauge: {name: {zh: 表, en: Gauge}, unit: kPa, low: 0, high: 1000, period_s: 60}
  contact: {name: {zh: 触点, en: Contact}, unit: "", low: 0, high: 1, period_s: 60, on_change: true}
"""
REGISTRY = """\
enterprises:
  - {id: works, name: {zh: "甲|厂", en: Works}, contact: 值班室 0418-1}
  - {id: ../mill, name: {zh: 乙厂, en: Mill}}
grid_cells: [{id: g, name: {zh: 网格, en: Cell}}]
sites:
  - {id: s1, name: {zh: 一站, en: Site 1}, enterprise: works, grid_cell: g}
  - {id: s2, name: {zh: 二站, en: Site 2}, enterprise: ../mill, grid_cell: g}
assets:
  - {id: a1, name: {zh: 房, en: Room}, site: s1}
  - {id: a2, name: {zh: 房, en: Room}, site: s2}
sensors:
  - {tag: steady, kind: gauge, asset: a1, calibrated_until: 2026-01-14}
  - {tag: half, kind: gauge, asset: a1, calibrated_until: 2026-01-25}
  - {tag: door, kind: contact, asset: a1}
  - {tag: dead, kind: gauge, asset: a2, calibrated_until: 2027-06-30}
  - {tag: whole, kind: gauge, asset: a2}
"""


def story(config: Path) -> list[Input]:
    """A day: ``half`` falls silent at noon, every tenth reading of ``steady`` is uncertain, ``dead`` says nothing."""
    items: list[Input] = [PlanChange(load_plan(read(config)), BEGIN - S)]
    for minute in range(24 * 60 + 15):
        at = BEGIN + minute * MINUTE
        here = [0, *([1] if minute < 720 else []), *([2] if minute == 5 else []), 4]
        count = len(here)
        quality = np.array([int(sensor == 0 and minute % 10 == 0) for sensor in here], np.uint8)
        times = np.full(count, at, np.int64)
        items += [Batch(np.array(here, np.int32), times, times + S, np.ones(count), quality), Tick(at + 2 * S, at)]
    return items


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "pack").mkdir()
    (folder / "pack" / "kinds.yaml").write_text(KINDS, encoding="utf-8")
    (folder / "registry.yaml").write_text(REGISTRY, encoding="utf-8")
    (folder / "fengsui.yaml").write_text(CONFIG, encoding="utf-8")
    write(folder / "data" / "journal", story(folder / "fengsui.yaml"), segment_bytes=200_000)
    archive_all(folder / "data" / "archive", folder / "data" / "journal")
    merge_all(folder / "data" / "archive", before=BEGIN // (86_400 * S) + 1, chunk_rows=1000)
    return folder / "fengsui.yaml"


def fengsui(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["quality", "--config", str(config), *map(str, arguments)])


def groups(config: Path, *arguments: object) -> dict[str, dict[str, object]]:
    done = fengsui(config, "--day", DAY, "--json", *arguments)
    assert done.exit_code == 0, done.output
    return {one["id"]: one for one in json.loads(done.stdout)["groups"]}


def test_given_a_day_each_enterprise_has_its_figures(config: Path) -> None:
    found = groups(config)
    works, mill = found["works"], found["../mill"]
    assert (works["sensors"], works["heard"], works["not_judged"], works["never_heard"]) == (3, 3, 1, 0)
    assert works["online"] == pytest.approx((1 + (719 + 3) / 1440) / 2)
    assert works["completeness"] == (1440 + 720) / 2880
    assert works["readings"] == 1440 + 720 + 1
    assert works["uncertain"] == 144 / 2161
    assert (works["outage_s"], works["outage_tag"]) == ((1440 - 722) * 60, "half")
    assert works["outage_begin_ns"] == BEGIN + 722 * MINUTE
    assert [works[f"calibration_{one}"] for one in ("due", "overdue", "unknown")] == [1, 1, 1]
    assert (mill["never_heard"], mill["online"], mill["completeness"], mill["short"]) == (1, 0.5, 0.5, 1)
    assert groups(config, "--enterprise", "works") == {"works": works}


def test_figures_come_by_site_kind_and_sensor_too(config: Path) -> None:
    assert list(groups(config, "--by", "site")) == ["s1", "s2"]
    kinds = groups(config, "--by", "kind")
    assert {key: (one["sensors"], one["online"] is None) for key, one in kinds.items()} == {
        "gauge": (4, False),
        "contact": (1, True),
    }
    sensors = groups(config, "--by", "sensor")
    assert list(sensors) == ["dead", "door", "half", "steady", "whole"]
    assert {key: one["online"] for key, one in sensors.items()} == {
        "dead": 0.0,
        "door": None,
        "half": pytest.approx(722 / 1440),
        "steady": 1.0,
        "whole": 1.0,
    }


def test_a_reading_shortly_before_the_period_reaches_into_it(config: Path) -> None:
    span = ("--from", f"{DAY}T12:01", "--to", f"{DAY}T13:00", "--by", "sensor", "--json")
    half = next(one for one in json.loads(fengsui(config, *span).stdout)["groups"] if one["id"] == "half")
    assert (half["readings"], half["online"]) == (0, pytest.approx(1 / 59))


def test_both_languages_show_the_table_and_what_is_left_out(config: Path) -> None:
    wide = {"COLUMNS": "200"}
    for lang, words in (
        ("zh", ("在线率", "75.06 %", "乙厂 (../mill)")),
        ("en", ("Online", "75.06 %", "Mill (../mill)")),
    ):
        arguments = ["quality", "--config", str(config), "--day", DAY, "--lang", lang]
        shown = CliRunner(env=wide).invoke(app, arguments).stdout
        assert [
            word for word in (*words, "1 个测点" if lang == "zh" else "1 sensors report") if word not in shown
        ] == []


def test_figures_are_written_for_spreadsheets(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    assert fengsui(config, "--day", DAY, "--by", "sensor", "--csv", path).exit_code == 0
    rows = {row["sensor"]: row for row in csv.DictReader(path.open(encoding="utf-8-sig"))}
    assert rows["steady"]["completeness"] == "1.0"
    assert rows["door"]["online"] == ""
    assert rows["dead"]["outage_begin"] == "2026-01-14 16:00:00"


def test_every_enterprise_gets_a_notice_that_says_what_is_short_and_what_is_asked(config: Path, tmp_path: Path) -> None:
    assert fengsui(config, "--day", DAY, "--notice", tmp_path / "zh").exit_code == 0
    assert fengsui(config, "--day", DAY, "--notice", tmp_path / "en", "--lang", "en").exit_code == 0
    names = sorted(path.name for path in (tmp_path / "zh").iterdir())
    assert [name.startswith(DAY) for name in names] == [True, True]
    assert f"{DAY}-works.md" in names
    shown = {block.name: block.text for block in blocks(ROOT / "docs" / "quality.md")}
    for lang in ("zh", "en"):
        assert (tmp_path / lang / f"{DAY}-works.md").read_text(encoding="utf-8") == shown[f"quality-notice-{lang}"]


def test_the_name_of_a_notice_leads_nowhere_else() -> None:
    period = day_period(date(2026, 1, 15), "Asia/Shanghai")
    names = [file_name(one, period) for one in ("works", "../mill", "..", "a/b", "厂" * 200)]
    assert len(set(names)) == 5
    assert [name for name in names if "/" in name or ".." in name or len(name.encode()) > 200] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--day", "yesterday"), 2),
        (("--day", DAY, "--from", f"{DAY}T00:00"), 2),
        (("--to", f"{DAY}T00:00"), 2),
        (("--from", f"{DAY}T12:00", "--to", f"{DAY}T12:00"), 2),
        (("--day", DAY, "--by", "colour"), 2),
        (("--day", DAY, "--enterprise", "nobody"), 3),
        (("--day", "2026-01-01"), 3),
    ],
)
def test_what_cannot_be_asked_ends_with_2_and_what_is_not_there_with_3(
    config: Path, arguments: tuple[str, ...], code: int
) -> None:
    assert fengsui(config, *arguments).exit_code == code


def test_a_period_is_a_day_of_the_zone_and_its_last_day_is_that_of_its_last_instant() -> None:
    period = day_period(date(2026, 1, 15), "Asia/Shanghai")
    assert period == Period(BEGIN, BEGIN + 86_400 * S, "Asia/Shanghai")
    assert period.last_day == date(2026, 1, 15)


def test_lengths_of_time_are_said_in_both_languages() -> None:
    assert [span(seconds, "zh") for seconds in (59.6, 61, 3_599, 7_260)] == [
        "1 分 0 秒",
        "1 分 1 秒",
        "59 分 59 秒",
        "2 小时 1 分",
    ]
    assert span(59.4, "en") == "59 s"


def test_a_file_that_does_not_read_is_named_and_ends_with_1(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("fengsui.yaml", "registry.yaml"):
        (folder / name).write_bytes((config.parent / name).read_bytes())
    (folder / "pack").symlink_to(config.parent / "pack")
    write(folder / "data" / "journal", story(config), segment_bytes=200_000)
    archive_all(folder / "data" / "archive", folder / "data" / "journal")
    spoilt = next(iter(all_files(folder / "data" / "archive", LOCAL_DISK))).path
    spoilt.write_bytes(b"PAR1")
    done = fengsui(folder / "fengsui.yaml", "--day", DAY)
    assert (done.exit_code, spoilt.name in done.stderr) == (1, True)
