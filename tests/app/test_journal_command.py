"""``fengsui journal`` on sound and on damaged journals: what it shows, what it writes, and with which exit code."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from model.inputs import PlanChange
from store.journal.reader import JournalReader, segments
from store.journal.writer import Journal
from tests.pipeline.plans import START_NS, plan
from tests.store.inputs import batch_of

GOLDEN = Path(__file__).parents[1] / "golden"
JOURNALS = sorted(path for path in GOLDEN.glob("journal-v*") if path.is_dir())
ROWS = {"reading": 274, "tick": 60, "act": 124, "plan": 2}


@pytest.fixture(params=JOURNALS, ids=lambda path: path.name)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    copy = tmp_path / "journal"
    shutil.copytree(request.param, copy)
    return copy


def fengsui(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["journal", *map(str, arguments)])


def lines(done: Result) -> list[dict[str, object]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def spoil(journal: Path, segment: int) -> None:
    """A byte in the middle of a segment."""
    path = segments(journal)[segment]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_sound_journal_is_said_to_be_sound_in_both_languages(journal: Path) -> None:
    zh, en = fengsui("verify", "--journal", journal), fengsui("verify", "--journal", journal, "--lang", "en")
    assert (zh.exit_code, en.exit_code) == (0, 0)
    assert "输入 0 至 460：读数 274，时钟 60，操作 124，规则 2" in zh.stdout
    assert "全部可读，无缺失" in zh.stdout
    assert "inputs 0 to 460: 274 readings, 60 ticks, 124 acts, 2 plans" in en.stdout
    assert "All of it reads, nothing is missing." in en.stdout


def test_verify_ends_with_1_and_names_what_is_missing(journal: Path) -> None:
    spoil(journal, 1)
    done = fengsui("verify", "--journal", journal, "--lang", "en")
    assert done.exit_code == 1
    assert "inputs are missing from" in done.stdout
    found = json.loads(fengsui("verify", "--journal", journal, "--json").stdout)
    reader = JournalReader(journal, 0)
    list(reader.read())
    first = reader.damage[0]
    assert found["damage"][0]["gap"] == {"first": first.gap.first, "next": first.gap.next}
    assert (found["damage"][0]["reason"], found["damage"][0]["segment"]) == ("checksum", segments(journal)[1].name)
    assert found["inputs_missing"] >= first.gap.inputs


def test_inspect_shows_every_file_and_the_same_as_json(journal: Path) -> None:
    shown = fengsui("inspect", "--journal", journal, "--lang", "en")
    assert shown.exit_code == 0
    found = json.loads(fengsui("inspect", "--journal", journal, "--json").stdout)
    assert [one["file"] for one in found["segments"]] == [path.name for path in segments(journal)]
    for one in found["segments"]:
        assert str(one["first_offset"]) in shown.stdout
        assert START_NS <= one["first_ns"] <= one["last_ns"]
    assert [version for one in found["segments"] for version in one["plans"]] == [
        entry.item.plan.version for entry in JournalReader(journal, 0).read() if isinstance(entry.item, PlanChange)
    ]
    counted = {kind: sum(one["records"].get(kind, 0) for one in found["segments"]) for kind in ("tick", "act", "plan")}
    assert counted == {kind: ROWS[kind] for kind in counted}
    assert sum(one["readings"] for one in found["segments"]) == found["readings"] == ROWS["reading"]


def test_everything_comes_out_once_in_every_form(journal: Path, tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.csv", "x.parquet"):
        done = fengsui("export", tmp_path / name, "--journal", journal, "--lang", "en")
        assert done.exit_code == 0, done.output
        assert ": 460 rows" in done.stdout
    as_json = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        as_csv = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "x.parquet")
    assert [one["offset"] for one in as_json] == list(range(460))
    assert [int(one["offset"]) for one in as_csv] == list(range(460))
    assert table["offset"].to_pylist() == list(range(460))
    assert {kind: sum(one["type"] == kind for one in as_json) for kind in ROWS} == ROWS
    assert [one["tag"] or None for one in as_csv] == [one.get("tag") for one in as_json] == table["tag"].to_pylist()
    assert table["received"].cast("int64").to_pylist() == [one.get("received_ns") for one in as_json]
    assert not list(tmp_path.glob("*.part"))


def test_a_reading_is_named_by_the_plan_of_its_time(journal: Path) -> None:
    told: list[str] = []
    for entry in JournalReader(journal, 0).read():
        if isinstance(entry.item, PlanChange):
            tags = [sensor.tag for sensor in entry.item.plan.sensors]
        elif hasattr(entry.item, "sensor"):
            told += [tags[sensor] for sensor in entry.item.sensor]
    found = lines(fengsui("export", "-", "--journal", journal, "--type", "reading"))
    assert [one["tag"] for one in found] == told


def test_a_part_is_chosen_by_offsets_by_times_by_tags_and_by_types(journal: Path) -> None:
    everything = lines(fengsui("export", "-", "--journal", journal))
    part = lines(fengsui("export", "-", "--journal", journal, "--from", 300, "--to", 310))
    assert part == everything[300:310]
    at = [one.get("received_ns", one.get("time_ns")) for one in everything]
    begin, end = START_NS + 10 * 10**9, START_NS + 20 * 10**9
    part = lines(
        fengsui("export", "-", "--journal", journal, "--from", "2025-10-09T16:53:30", "--to", "2025-10-09T08:53:40Z")
    )
    assert part == [one for one, when in zip(everything, at, strict=True) if begin <= when < end]
    part = lines(fengsui("export", "-", "--journal", journal, "--tag", "a", "--tag", "[cd]"))
    assert part == [one for one in everything if one.get("tag") in {"a", "c", "d"}]
    part = lines(fengsui("export", "-", "--journal", journal, "--type", "act", "--type", "plan"))
    assert part == [one for one in everything if one["type"] in {"act", "plan"}]
    assert part[0]["detail"]["plan"]["version"]


def test_a_gap_comes_out_as_one(journal: Path) -> None:
    spoil(journal, 1)
    gaps = [one for one in JournalReader(journal, 0).read_with_gaps() if hasattr(one, "inputs")]
    found = lines(fengsui("export", "-", "--journal", journal, "--type", "gap"))
    assert [(one["offset"], one["detail"]) for one in found] == [(gap.first, {"inputs": gap.inputs}) for gap in gaps]


def test_an_export_that_begins_late_reads_no_more_than_it_must_and_knows_the_plan(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    writer = Journal(folder, segment_bytes=1)
    for item in (PlanChange(plan(), 1), batch_of(3, 1), batch_of(3, 4)):
        writer.append(item)
        writer.commit()
    writer.close()
    for path in segments(folder)[:2]:
        path.write_bytes(b"")  # not even looked at
    found = lines(fengsui("export", "-", "--journal", folder, "--from", 5))
    assert [(one["offset"], one["tag"], one["value"]) for one in found] == [(5, "a", 5.0), (6, "a", 6.0)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "x.txt"), "must end in .jsonl, .csv, .parquet, or be -, got 'x.txt'"),
        (("export", "-", "--from", "yesterday"), "must be an offset, or a time such as 2026-11-24T08:00"),
        (
            ("export", "-", "--type", "readings"),
            "must be of reading, tick, act, plan, proposal, finding, gap, got 'readings'",
        ),
    ],
)
def test_wrong_use_is_told_and_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    done = fengsui(*arguments, "--journal", JOURNALS[0])
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_a_journal_that_is_not_there_is_told() -> None:
    done = fengsui("inspect", "--journal", "/nowhere")
    assert done.exit_code == 2
