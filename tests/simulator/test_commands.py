import csv
import json
import math

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from simulator import __main__ as command
from tests.simulator.districts import make


def run(monkeypatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["simulator", *words])
    return command.main()


def test_the_registry_command_writes_the_registry(monkeypatch, tmp_path, demo):
    assert run(monkeypatch, "registry", "--out", str(tmp_path / "registry.yaml")) == 0
    assert YAML(typ="safe").load(tmp_path / "registry.yaml") == demo.registry()


def test_csv_and_parquet_hold_the_same_readings(monkeypatch, tmp_path):
    span = ("--profile", "day-events", "--from", "36000", "--duration", "3700")
    assert run(monkeypatch, "readings", *span, "--out", str(tmp_path / "a.csv")) == 0
    assert run(monkeypatch, "readings", *span, "--out", str(tmp_path / "a.parquet")) == 0
    with (tmp_path / "a.csv").open(newline="") as file:
        from_csv = [(row["time"], row["tag"], float(row["value"] or "nan")) for row in csv.DictReader(file)]
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert len(from_csv) == len(table) == len(make("day-events").rows(36_000, 39_700))
    for (stamp, tag, value), row in zip(from_csv, table, strict=True):
        assert (tag, stamp) == (row["tag"], row["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        assert value == row["value"] or (math.isnan(value) and row["value"] is None)


def test_the_truth_command_lists_events_and_faults_by_start(monkeypatch, capsys):
    assert run(monkeypatch, "truth") == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["kind"] for e in entries if not e["fault"]] == ["cooking", "steam", "leak", "burst", "smouldering"]
    assert [e["start_s"] for e in entries] == sorted(e["start_s"] for e in entries)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("registry", "--profile", "night"), "must be one of day, day-events, demo, got 'night'"),
        (("readings", "--out", "a.txt", "--duration", "1"), "must end in .csv or .parquet, got 'a.txt'"),
        (("registry", "--packs", "nowhere"), "must hold packs with a scenario.yaml, got none"),
    ],
)
def test_a_wrong_argument_gives_one_line_and_exit_code_2(monkeypatch, capsys, words, complaint):
    assert run(monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
