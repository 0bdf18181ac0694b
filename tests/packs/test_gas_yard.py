"""The simulated yard: a release is found with its place, and an ordinary day is quiet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.findings import Findings
from config.packs import load_packs
from detectors.gas.gas_place import sources
from detectors.parameters import build_for_assets
from model.detector import AssetInput, AssetView, Columns
from simulator.district import District
from simulator.scenario import load

ROOT = Path(__file__).parents[2]
START_NS = 1_767_542_400_000_000_000
UNITS = {"ch4_ppm": "ppm", "wind_speed": "m/s", "wind_direction": "deg"}


def watched(profile: str, seed: int, from_s: int, until_s: int) -> tuple[AssetView, Columns]:
    """What the shipped detector says of the fence line, minute by minute."""
    district = District([load(ROOT / "packs/gas/scenario.yaml")], profile=profile, seed=seed, start_ns=START_NS)
    yard = next(asset for plant in district.plants for asset in plant.assets if asset.kind == "gas_site")
    own = [at for at, sensor in enumerate(district.sensors) if sensor.asset == yard.id]
    sensors = [district.sensors[at] for at in own]
    inputs = [AssetInput(one.tag, one.kind, UNITS[one.kind], one.position, one.period_s or 0.0) for one in sensors]
    rows = district.rows(from_s, until_s)
    minute = np.arange(from_s + 60, until_s + 1, 60) * 1000
    value = np.full((len(minute), len(own)), np.nan)
    for column, at in enumerate(own):
        mine = rows.sensor == at
        last = np.searchsorted(rows.t_ms[mine], minute, side="right") - 1
        value[last >= 0, column] = rows.value[mine][last[last >= 0]]
    findings = Findings()
    spec = next(spec for spec in load_packs(["gas"], ROOT, findings).detectors if spec.id == "release")
    detector, view = (
        build_for_assets(spec.detector, spec.parameters),
        AssetView(yard.id, yard.attributes, tuple(inputs)),
    )
    return view, detector.update(detector.init(view), view, START_NS + minute * 1_000_000, value)


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_release_in_the_yard_is_found_within_a_quarter_of_an_hour_at_the_right_place(seed: int) -> None:
    view, found = watched("day-events", seed, 41_400, 50_400)
    raised = np.flatnonzero(found[""] >= 0.7)
    assert 90 <= raised[0] < 105  # the release begins after 90 min
    assert list(sources(view))[int(found["source"][raised[-1]]) - 1] == "filter"
    assert found["position_error_m"][raised[-1]] < 20.0


def test_an_ordinary_half_day_gives_no_alarm() -> None:
    _, found = watched("day", 1, 0, 43_200)
    assert np.nanmax(found[""]) < 0.7
