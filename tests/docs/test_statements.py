"""What the documents state about files, tests, metrics, log lines and formats is so."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from config.packs import check_packs
from config.settings import _SettingsFile
from model.batch import NO_TIME, Batch
from model.inputs import HumanAct, PlanChange, Tick
from model.plan import Plan
from model.sensor import Sensor
from model.text import Text
from pipeline.metrics import ArchiveMetrics, DeliveryMetrics, PipelineMetrics
from store.delivery_store import DeliveryStore
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore
from tests.docs.blocks import ROOT, blocks

SAFETY = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
FAULTS = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
HAZARDS = re.findall(r"^\| (H\d+) \| (.+?) \| (.+?) \| (.+?) \|$", SAFETY, re.MULTILINE)
LOG_CALLS = {"info", "warning", "error"}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/.]+\.py)`", SAFETY + FAULTS + ARCHITECTURE))))
def test_a_test_that_is_named_exists_and_holds_tests(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "def " in text


def test_every_hazard_has_an_invariant_and_a_test() -> None:
    assert [number for number, *_ in HAZARDS] == [f"H{n}" for n in range(1, len(HAZARDS) + 1)]
    assert len(HAZARDS) == len(re.findall(r"^\| H\d+ ", SAFETY, re.MULTILINE))
    assert all("`tests/" in tests for *_, tests in HAZARDS)


def test_the_metrics_table_lists_every_metric_and_no_other() -> None:
    def names(registry: CollectorRegistry) -> set[str]:
        return {f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()}

    listed = re.findall(r"^\| `(fengsui_\w+)` \|", OPERATIONS, re.MULTILINE)
    metrics = (PipelineMetrics(), DeliveryMetrics(), ArchiveMetrics())
    assert set(listed) == set().union(*(names(one.registry) for one in metrics))
    assert len(listed) == len(set(listed))


def log_lines() -> set[str]:
    found = set()
    for room in ("app", "pipeline", "connectors", "store"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                    continue
                called_on = node.func.value
                is_log = isinstance(called_on, ast.Name) and called_on.id in {"log", "_log"}
                if is_log and node.func.attr in LOG_CALLS and isinstance(node.args[0], ast.Constant):
                    found.add(str(node.args[0].value))
    return found


def test_every_log_line_is_explained() -> None:
    assert log_lines()
    assert {line for line in log_lines() if f"`{line}`" not in OPERATIONS} == set()


def test_every_key_of_the_configuration_is_explained() -> None:
    assert {
        key for key in _SettingsFile.model_fields if not re.search(rf"^\| .*`{key}[`.]", OPERATIONS, re.MULTILINE)
    } == set()


@pytest.mark.parametrize("command", re.findall(r"^sqlite3 .*$", OPERATIONS, re.MULTILINE))
def test_a_look_into_the_databases_works(command: str, tmp_path: Path) -> None:
    stores = {"pipeline.db": PipelineStore, "delivery.db": DeliveryStore}
    found = re.fullmatch(r'sqlite3 -readonly data/(\w+\.db) "(.+)"', command)
    assert found is not None
    store = stores[found[1]](tmp_path / found[1])
    with sqlite3.connect(f"file:{tmp_path / found[1]}?mode=ro", uri=True) as connection:
        connection.execute(found[2]).fetchall()
    connection.close()
    store.close()


def test_the_demo_in_the_readme_shows_rules_that_there_are() -> None:
    packs, _ = check_packs(["gas", "pipeline", "fire"], ROOT)
    rules = {(rule.name.en, grade.when) for rule in packs.rules for grade in rule.grades}
    shown = next(block.text for block in blocks(ROOT / "README.md") if block.language == "text")
    alarms = re.findall(r"^[\d:]+  \S \w+  (.+?)  .+?  .+?  (.+?)  new$", shown, re.MULTILINE)
    assert alarms
    assert set(alarms) <= rules


def test_every_room_has_its_floor_in_the_architecture() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}
    assert {room for room in rooms | {"packs"} if f"[{room}/](../{room})" not in ARCHITECTURE} == set()


def test_the_picture_is_one_file_in_two_languages_that_asks_nothing_of_the_network() -> None:
    path = ROOT / "docs/data-flow.svg"
    text = path.read_text(encoding="utf-8")
    said = "".join(ET.parse(path).getroot().itertext())
    for words in (
        "日志 journal",
        "准入 admission",
        "检测 detectors",
        "规则 rules",
        "报警状态机 alarm machine",
        "快照 snapshots",
    ):
        assert words in said
    assert re.findall(r"(?:href|src)\s*=|url\((?!#)|https?://(?!www\.w3\.org/)", text) == []


NAME = Text("名", "name")
PLAN = Plan("v", (), (), (), (), (), (Sensor("a/1", "k", "x", NAME), Sensor("a/2", "k", "x", NAME)), (), ())
ITEMS = [
    PlanChange(PLAN, 5),
    Batch(
        np.array([1, 0, 1], np.int32),
        np.array([10, NO_TIME, 30], np.int64),
        np.array([11, 21, 31], np.int64),
        np.array([0.5, np.nan, -1e300]),
        np.array([0, 2, 1], np.uint8),
    ),
    Tick(40, 41, "3f2a91c0"),
    HumanAct("c", "acknowledge", "alarm", "li", "备注", 50),
]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Records in two segments, all types of them."""
    folder = tmp_path / "journal"
    writer = Journal(folder, segment_bytes=300)
    for item in ITEMS:
        writer.append(item)
        writer.commit()
    writer.close()
    return folder


def read_as_documented(folder: Path) -> subprocess.CompletedProcess[str]:
    (program,) = [block.text for block in blocks(ROOT / "docs/journal.md") if block.name == "journal-reader"]
    return subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=False)


def test_the_documented_reader_gives_back_what_was_written(journal: Path) -> None:
    assert len(list(journal.glob("*.seg"))) > 1
    done = read_as_documented(journal)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [line[0] for line in lines] == [0, 1, 2, 3, 4, 5]
    assert lines[0][1] == "plan"
    assert lines[1][1:] == ["a/2", 10, 11, 0.5, 0]
    assert lines[2][1:4] + lines[2][5:] == ["a/1", NO_TIME, 21, 2]
    assert np.isnan(lines[2][4])
    assert lines[4][1:] == ["tick", {"boot": "3f2a91c0", "elapsed_ns": 41, "wall_ns": 40}]
    assert lines[5][2] == json.loads(msgspec.json.encode(HumanAct("c", "acknowledge", "alarm", "li", "备注", 50)))


def test_the_documented_reader_notices_a_changed_byte(journal: Path) -> None:
    last = max(journal.glob("*.seg"))
    data = bytearray(last.read_bytes())
    data[-1] ^= 1
    last.write_bytes(data)
    done = read_as_documented(journal)
    assert done.returncode == 1
    assert "no valid record at byte" in done.stderr


def test_the_documented_reader_notices_rows_without_their_plan(journal: Path) -> None:
    from store.journal import segment

    first = min(journal.glob("*.seg"))
    first.write_bytes(segment.pack_header(segment.FileHeader(0)))
    second = sorted(journal.glob("*.seg"))[1]
    head = second.read_bytes()[: segment.FILE_HEADER_BYTES]
    rows = segment.Record(1, 1, 1, bytes(29), plan=1, commit=segment.FILE_HEADER_BYTES)
    second.write_bytes(head + segment.pack(rows))
    done = read_as_documented(journal)
    assert done.returncode == 1
    assert "the plan of the rows at offset 1 is lost" in done.stderr


@pytest.mark.parametrize("version", [1, 2])
def test_the_documented_reader_reads_every_format(version: int) -> None:
    done = read_as_documented(ROOT / f"tests/golden/journal-v{version}")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)[0] for line in done.stdout.splitlines()] == list(range(460))
    assert done.stdout == read_as_documented(ROOT / "tests/golden/journal-v1").stdout


def test_a_record_takes_the_bytes_that_the_document_says(journal: Path) -> None:
    first = min(journal.glob("*.seg")).read_bytes()
    assert struct.unpack_from("<8sI", first) == (b"FENGSEG1", 2)
    assert struct.unpack_from("<IQqH6s", first, 12)[1:] == (0, 0, 0, bytes(6))
    assert zlib.crc32(first[:12] + first[16:40]) == struct.unpack_from("<I", first, 12)[0]
    magic, kind, number, offset, inputs, length, _, commit = struct.unpack_from("<IHHQIIII", first, 40)
    assert (magic, kind, number, offset, inputs, commit) == (0x49534E46, 4, 1, 0, 1, 40)
    assert first[40:44] == b"FNSI"
    assert json.loads(first[72 : 72 + length])["wall_ns"] == 5
