"""``fengsui archive`` on a sound and on a damaged archive: what it shows, what it writes, and with which exit code."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from store.archive.layout import all_files
from store.disk import LOCAL_DISK
from tests.faults.harness.site import Site, make_site
from tests.store.archive.worlds import DAY, NOON, archive_all, day_of_readings, merge_all, truth, write


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Two days, the first merged; the last minutes are only in the journal."""
    made = make_site(tmp_path / "site", broker_port=9)
    write(made.paths.journal, day_of_readings(NOON, minutes=25) + day_of_readings(NOON + DAY, minutes=25))
    archive_all(made.folder / "data" / "archive", made.paths.journal)
    merge_all(made.folder / "data" / "archive", before=NOON // DAY + 1)
    return made


def fengsui(site: Site, *arguments: object, config: bool = True) -> Result:
    where = ["--config", str(site.config)] if config else []
    return CliRunner().invoke(app, ["archive", *map(str, arguments), *where])


def archive(site: Site) -> Path:
    return site.folder / "data" / "archive"


def test_the_days_are_listed_in_both_languages(site: Site) -> None:
    for lang, merged in (("zh", "已合并"), ("en", "merged")):
        done = fengsui(site, "list", "--lang", lang)
        assert done.exit_code == 0, done.output
        assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
            ["2026-11-26", "75"],
            ["2026-11-27", "60"],
        ]
        assert merged in done.stdout
    found = json.loads(fengsui(site, "list", "--json").stdout)
    assert [(one["files"], one["series"], one["is_merged"]) for one in found["days"]] == [(1, 3, True), (2, 3, False)]


def test_an_archive_without_anything_is_said_to_be_empty(tmp_path: Path) -> None:
    done = fengsui(make_site(tmp_path / "site", broker_port=9), "list")
    assert (done.exit_code, "nothing is archived yet" in done.output) == (0, True)


def test_readings_of_one_sensor_are_shown_with_those_that_are_only_in_the_journal(site: Site) -> None:
    everything = json.loads(fengsui(site, "show", "a", "--from", "2026-11-26T00:00Z", "--json").stdout)["readings"]
    assert len(everything) == 50
    assert everything[0] == {"time_ns": NOON, "value": 1.0 + NOON // 10**9 % 1000, "unit": "kPa", "quality": 0}
    last_hour = json.loads(fengsui(site, "show", "a", "--json").stdout)["readings"]
    assert last_hour == everything[25:]
    span = ("--from", "2026-11-26T20:05", "--to", "2026-11-26T12:10Z")  # the first in the zone of display
    assert len(json.loads(fengsui(site, "show", "a", *span, "--json").stdout)["readings"]) == 5
    shown = fengsui(site, "show", "a", *span, "--unit", "bar", "--lang", "en").stdout
    assert "2026-11-26 20:05:00" in shown
    assert "bar" in shown


def test_what_is_not_there_ends_with_3_and_what_cannot_be_with_2(site: Site) -> None:
    assert fengsui(site, "show", "nobody").exit_code == 3
    assert fengsui(site, "show", "a", "--from", "yesterday").exit_code == 2
    assert fengsui(site, "export", "day.xlsx").exit_code == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_export_holds_every_reading_in_time_order(site: Site, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out.{suffix}"
    done = fengsui(site, "export", path, "--tag", "[ab]", "--json")
    assert done.exit_code == 0, done.output
    if suffix == "csv":
        rows = list(csv.DictReader(path.open(encoding="utf-8")))
        offsets = [int(row["offset"]) for row in rows]
        assert rows[0]["time"] == "2026-11-26T12:00:00.000000000Z"
    else:
        table = pq.read_table(path)
        rows, offsets = table.drop_columns(["time", "received"]).to_pylist(), table["offset"].to_pylist()
    expected = sorted((row for row in truth(site.paths.journal) if row[1] in "ab"), key=lambda row: (row[3], row[0]))
    assert offsets == [row[0] for row in expected]
    assert [(row["tag"], float(row["value"]), row["unit"], row["quality"]) for row in rows] == [
        (row[1], row[5], row[2], "good") for row in expected
    ]
    assert json.loads(done.stdout)["rows"] == len(expected) == 100


def test_verify_finds_nothing_in_a_sound_archive_and_names_the_file_of_a_damaged_one(site: Site) -> None:
    assert "nothing is missing" in fengsui(site, "verify").stdout
    spoilt = next(iter(all_files(archive(site), LOCAL_DISK))).path
    data = bytearray(spoilt.read_bytes())
    data[pq.ParquetFile(spoilt).metadata.row_group(0).column(0).data_page_offset + 25] ^= 1
    spoilt.write_bytes(data)
    done = fengsui(site, "verify", "--archive", archive(site), "--json", config=False)
    assert done.exit_code == 1
    assert list(json.loads(done.stdout)["damaged"]) == [f"2026-11-26/{spoilt.name}"]
