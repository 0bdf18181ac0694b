"""Every bench must still run when its figures are wanted: small versions of what they do, on the real servers."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import asset_detectors, interpreted, servers, workload
from bench.__main__ import BENCHES, EXIT_USE, main
from bench.broker import absence, kill
from bench.figures import Effort, Figure
from bench.load import Load, packets
from bench.plot import Curve, exponent, svg
from bench.receivers import take_apart
from bench.sensors import tag
from bench.step import Warm, warm
from bench.trials import Ours, Peer
from detectors import ASSET_DETECTORS
from detectors.parameters import build_for_assets
from tests.connectors.formats.decoding import decode
from tests.servers import program

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> servers.Broker:
    program("mosquitto")
    with servers.broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def test_given_two_benches_when_run_then_one_document_holds_machine_and_figures() -> None:
    command = [sys.executable, "-m", "bench", "journal", "stages", "--quick", "--json", "-"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["machine"]["cores"] >= 1
    assert [bench["bench"] for bench in found["benches"]] == ["journal", "stages"]
    assert all(figure["median"] > 0 for bench in found["benches"] for figure in bench["figures"])


def test_given_a_name_that_is_no_bench_then_it_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "speed"])
    assert main() == EXIT_USE
    assert "got speed" in capsys.readouterr().err


@pytest.mark.parametrize("name", BENCHES)
def test_given_the_name_of_a_bench_then_it_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").run)


def test_given_a_load_when_the_pipeline_takes_it_then_nothing_is_lost_and_every_probe_raises(
    broker: servers.Broker, tmp_path: Path
) -> None:
    with servers.pipeline(tmp_path, port=broker.port, sensors=200) as pipeline:
        ours = Ours(broker, pipeline)
        for load in (
            Load(0, rate=1000, seconds=1, sensors=200),
            Load(0, rate=1000, seconds=0.5, sensors=200),
            Load(0, rate=40, seconds=1, readings=50, sensors=200, probes_per_s=4),
            Load(0, rate=40, seconds=1, readings=100, times=2, sensors=200, probes_per_s=4),
        ):
            trial = ours(load)
            assert trial.lost == 0
            assert 0 < trial.p50_ms <= trial.p99_ms < 10_000


@pytest.mark.parametrize("kind", ["minimal", "paho"])
def test_given_a_load_when_a_peer_takes_it_then_nothing_is_lost(broker: servers.Broker, kind: str) -> None:
    assert Peer(broker, kind)(Load(0, messages=2000, sensors=200)).lost == 0


@pytest.mark.parametrize("readings", [1, 50])
def test_given_a_burst_when_taken_apart_then_its_messages_times_and_values_are_those_asked_for(readings: int) -> None:
    made = packets(Load(0, readings=readings, sensors=200))
    time_ns = 1_800_000_000_000_000_000 + np.arange(10)
    data, probes = made.burst(0, time_ns, 5)
    acknowledgements, used, last_ns = take_apart(bytearray(data))
    assert (len(acknowledgements), used, last_ns, probes) == (10, len(data), time_ns[-1], 2)
    assert acknowledgements[-1] == b"\x40\x02\x00\x0a"
    payload = data[: len(data) // 10].partition(b"[" if readings > 1 else b"{")
    first = json.loads(payload[1] + payload[2])
    assert len(first) == 50 if readings > 1 else first["time"] == time_ns[0]


def test_given_a_burst_of_columns_when_decoded_then_its_readings_are_those_asked_for() -> None:
    load = Load(0, readings=20, times=4, sensors=10)
    time_ns = 1_800_000_000_000_000_000 + np.arange(1, 5) * 10**9
    data, probes = packets(load).burst(0, time_ns, 2)
    acknowledgements, used, last_ns = take_apart(bytearray(data))
    assert (len(acknowledgements), used, last_ns, probes) == (4, len(data), time_ns[-1], 2)
    payload = data[: len(data) // 4].partition(b"FSC1")
    found = decode("columns", payload[1] + payload[2])
    assert sorted(set(found.tags)) == [tag(sensor) for sensor in range(5)]
    assert sorted(set(found.times)) == [time_ns[0] - n * 10**6 for n in (3, 2, 1, 0)]


def test_given_quiet_readings_when_stepped_then_all_detectors_score_and_no_alarm_comes() -> None:
    on: Warm = warm(50)
    on.judge(workload.scattered(50, 50, 50, first_second=on.second)[0])
    assert len(on.state.bound.programs[0].detectors) == 5
    assert len(on.state.bound.plan.rules) == workload.RULES


def test_given_costs_in_proportion_then_the_exponent_is_one_and_the_plot_says_so() -> None:
    curve = Curve("cost", "sensors", "ms", [10, 100, 1000], [2, 20, 200])
    assert exponent(curve.x, curve.y) == pytest.approx(1)
    assert "exponent fitted: 1.00" in svg(curve)


def test_given_runs_then_a_figure_shows_least_middle_and_most() -> None:
    figure = Figure("rate", "msg/s", [3.0, 1.0, 2.0], ">= 1")
    assert "1 / 2 / 3 msg/s" in figure.line()
    assert figure.as_json()["median"] == 2.0
    assert Effort(quick=True, runs=1).count(100, 3) == 3


def test_a_broker_with_its_defaults_loses_what_it_acknowledged_and_ours_does_not() -> None:
    assert absence("defaults", 1_500).lost == 500
    assert absence("fast", 1_500).lost == 0


def test_every_detector_on_assets_is_measured_on_an_asset_that_it_fits() -> None:
    assert asset_detectors.CASES.keys() == ASSET_DETECTORS.keys()
    for name, case in asset_detectors.CASES.items():
        assert build_for_assets(name, case.parameters).fits(asset_detectors.example(case)), name


def test_the_naive_loop_runs_the_detectors_own_source() -> None:
    assert interpreted.cost_ns("cusum", 10, 2000) > 0


def test_of_a_safe_broker_that_is_killed_only_what_was_in_its_hands_is_lost() -> None:
    found = kill("safe")
    assert found.acknowledged > 1
    assert found.lost <= 1
