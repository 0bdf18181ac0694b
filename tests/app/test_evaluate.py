"""``fengsui evaluate``: recordings in, a list of alarms out, through the product's own path."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.jobs import evaluate
from connectors.channel_map import Training, load_channel_map
from connectors.recording import load_recording
from model.errors import FengsuiError

BEGIN = datetime(2000, 1, 1)  # noqa: DTZ001 - a recording's own time, without a zone
MAP = """\
asset: {kind: room, attributes: {volume_m3: 60}}
places: {file: places.csv, channel: "CH4_{name}_lel", lat: lat, lon: lon}
channels:
  - {channel: "CH4_{place}_lel", kind: ch4_lel}
"""


def series(folder: Path, name: str, values: list[float], begin: datetime = BEGIN) -> None:
    """One detector, every 10 s."""
    (folder / "series").mkdir(exist_ok=True)
    rows = [f"{begin + timedelta(seconds=10 * at)},{value}" for at, value in enumerate(values)]
    with gzip.open(folder / "series" / f"{name}.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(["timestamp,CH4_N_lel", *rows]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "map.yaml").write_text(MAP, encoding="utf-8")
    (tmp_path / "places.csv").write_text("name,lat,lon\nN,40.1,-105.2\n", encoding="utf-8")
    series(tmp_path, "leak", [1.0] * 20 + [30.0] * 20 + [1.0] * 20)
    series(tmp_path, "quiet", [1.0] * 60)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["evaluate", "--lang", "en", *arguments])
    said = done.output if done.exception is None or isinstance(done.exception, SystemExit) else str(done.exception)
    return done.exit_code, said


def listed(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_an_alarm_is_listed_from_its_raise_to_its_return_in_the_time_of_the_recording(folder: Path) -> None:
    code, said = run(str(folder), "--out", str(folder / "out.csv"), "--pack", "gas", "--map", str(folder / "map.yaml"))
    assert (code, "Pack gas: 120 readings" in said) == (0, True)
    level = [row for row in listed(folder / "out.csv") if row["rule"] == "gas.lel"]
    assert [(row["series"], row["sensor"], row["grade"]) for row in level] == [("leak", "CH4_N_lel", "yellow")]
    assert level[0]["start"] == "2000-01-01T00:03:20.000"
    assert "2000-01-01T00:06:40.000" < level[0]["end"] < "2000-01-01T00:09:00.000"


def test_the_lowest_grade_to_list_can_be_chosen(folder: Path) -> None:
    given = (str(folder), "--out", str(folder / "out.csv"), "--pack", "gas", "--map", str(folder / "map.yaml"))
    run(*given, "--from", "red")
    assert listed(folder / "out.csv") == []
    assert run(*given, "--from", "purple")[0] == 2


def test_an_alarm_that_is_open_at_the_end_ends_with_its_series(folder: Path) -> None:
    series(folder, "leak", [1.0] * 20 + [30.0] * 20)
    run(str(folder), "--out", str(folder / "out.csv"), "--pack", "gas", "--map", str(folder / "map.yaml"))
    level = [row for row in listed(folder / "out.csv") if row["rule"] == "gas.lel"]
    assert [row["end"] for row in level] == ["2000-01-01T00:06:30.000"]


def test_alarms_about_the_instrument_are_counted_and_not_listed(folder: Path) -> None:
    series(folder, "drifted", [-8.0] * 100)
    done = evaluate.evaluate(folder, evaluate.Family("gas", folder / "map.yaml"), folder, lambda _, __: None)
    assert done.diagnostic == 1
    assert {one.series for one in done.found} == {"leak"}


def test_the_pack_follows_from_the_names_of_the_channels(tmp_path: Path) -> None:
    (tmp_path / "fence.csv").write_text("timestamp,CH4_N_ppm,wind_dir\n2022-05-01,2.0,90\n", encoding="utf-8")
    family = evaluate.fitting(tmp_path, evaluate.families("", tmp_path))
    assert (family.pack, family.channels.name) == ("gas", "metec_gas.yaml")


def test_channels_that_no_map_knows_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "noise.csv").write_text("timestamp,loudness\n2022-05-01,2.0\n", encoding="utf-8")
    with pytest.raises(FengsuiError, match=r"got none for \['timestamp', 'loudness'\].*--map"):
        evaluate.fitting(tmp_path, evaluate.families("gas", tmp_path))


def test_two_maps_that_fit_alike_are_not_chosen_between(folder: Path) -> None:
    twice = [evaluate.Family(name, folder / "map.yaml") for name in ("gas", "other")]
    with pytest.raises(FengsuiError, match=r"got gas \(map.yaml\), other \(map.yaml\)"):
        evaluate.fitting(folder / "series", twice)


def test_the_asset_and_its_sensors_places_come_from_the_channel_map(folder: Path) -> None:
    recording = load_recording(folder, load_channel_map(folder / "map.yaml"))
    assert (recording.asset.kind, recording.asset.attributes) == ("room", {"volume_m3": 60.0})
    assert {(one.sensor.position.lat, one.sensor.position.lon) for one in recording.sensors} == {(40.1, -105.2)}


def test_a_place_that_is_no_number_is_refused_by_name(folder: Path) -> None:
    (folder / "places.csv").write_text("name,lat,lon\nN,north,-105.2\n", encoding="utf-8")
    with pytest.raises(FengsuiError, match=r"places.csv: must have the columns .* 'north'"):
        load_recording(folder, load_channel_map(folder / "map.yaml"))


def test_training_rows_come_before_every_other_series_and_nowhere_else(folder: Path) -> None:
    series(folder, "normal", [float(at) for at in range(60)], BEGIN + timedelta(days=9))
    recording = load_recording(folder, load_channel_map(folder / "map.yaml"))
    trained = evaluate.with_training(recording, Training(series="normal*", rows=5))
    own = {one.series: at for at, one in enumerate(recording.sensors)}
    for name in ("leak", "quiet"):
        rows, before = trained.sensor == own[name], recording.sensor == own[name]
        assert trained.value[rows][:5].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert np.diff(trained.time_ns[rows]).tolist() == [10**10] * 4 + [10**11] + [10**10] * 59
        assert trained.time_ns[rows][5:].tolist() == recording.time_ns[before].tolist()
    assert np.count_nonzero(trained.sensor == own["normal"]) == 60


def test_what_alarms_in_the_training_rows_alone_is_not_listed(folder: Path) -> None:
    series(folder, "normal", [1.0] * 20 + [30.0] * 20 + [1.0] * 60)
    (folder / "map.yaml").write_text(MAP + 'train: {series: "normal*"}\n', encoding="utf-8")
    run(str(folder), "--out", str(folder / "out.csv"), "--pack", "gas", "--map", str(folder / "map.yaml"))
    level = [row["series"] for row in listed(folder / "out.csv") if row["rule"] == "gas.lel"]
    assert level == ["leak", "normal"]
