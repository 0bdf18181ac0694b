"""What an instant of a whole asset costs in each detector on assets, and what its state weighs.

Each asset is of the size that one meets: a room with four sensors, a line with five stations, a process with 52. The
values are noise about a level, a second apart unless the detector's own grid is another; passes go on from the state of
the one before, past every warm-up that fits.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from bench.detectors import state_bytes
from bench.figures import Effort, Figure, Report
from detectors import ASSET_DETECTORS
from detectors.parameters import build_for_assets
from model.detector import AssetInput, AssetView
from model.plan import Parameter
from model.sensor import Position

INSTANTS = 20_000
LIVE_INSTANTS = 1


@dataclass(frozen=True, slots=True)
class Case:
    """An asset of the usual size: what its sensors measure (kind, unit), in turn, and settings without long waits."""

    inputs: int
    measured: tuple[tuple[str, str], ...]
    parameters: dict[str, Parameter]


CASES: dict[str, Case] = {
    "vote": Case(3, (("gas", "%LEL"),), {}),
    "combustion": Case(
        4,
        (("temperature", "degC"), ("smoke", "dB/m"), ("co", "ppm"), ("humidity", "%RH")),
        {"co_kinds": "co", "humidity_kinds": "humidity"},
    ),
    "neighbours": Case(8, (("gas", "ppm"),), {"floor": 0.2}),
    "network_heads": Case(
        27, (*(("head", "mH2O"),) * 20, *(("flow", "m3/h"),) * 3, *(("level", "m"),) * 4), {"warmup_s": 601200.0}
    ),
    "night_flow": Case(4, (("flow", "m3/h"), ("level", "m")), {}),
    "pca": Case(52, (("point", "1"),), {"warmup_s": 3600.0}),
    "pressure_wave": Case(5, (("pressure", "kPa"),), {"warmup_s": 30.0, "every_s": 0.02}),
    "volume_balance": Case(4, (("flow", "m3/h"), ("pressure", "kPa")), {"warmup_s": 3600.0}),
    "gas_evidence": Case(8, (*(("gas", "ppm"),) * 6, ("speed", "m/s"), ("wind", "deg")), {}),
}


def example(case: Case) -> AssetView:
    """Sensors a hundred metres apart, in a ring where a map is asked for."""
    made = []
    for n in range(case.inputs):
        angle = 2 * np.pi * n / case.inputs
        place = Position(40.0 + 1e-3 * float(np.cos(angle)), 116.0 + 1e-3 * float(np.sin(angle)), 100.0 * n)
        made.append(AssetInput(f"s{n:02}", *case.measured[n % len(case.measured)], place, 1.0))
    attributes = {"diameter_m": 0.5, "wave_speed_m_s": 1000.0, "source_a_lat": 40.0, "source_a_lon": 116.0}
    return AssetView("example", attributes, tuple(made))


def measure(name: str, case: Case, instants: int, repeat: int, instants_a_call: int) -> tuple[list[float], int]:
    """Cost of ``update``: us an instant, one figure a pass; and the bytes of the state."""
    detector = build_for_assets(name, case.parameters)
    asset = example(case)
    state = detector.init(asset)
    step_ns = round(detector.every_s * 1e9)
    value = 50.0 + np.random.default_rng(1).normal(0.0, 1.0, (instants, case.inputs))
    took_us = []
    for number in range(repeat + 1):
        time_ns = (np.arange(instants, dtype=np.int64) + 1 + number * instants) * step_ns
        begin_ns = time.perf_counter_ns()
        for at in range(0, instants, instants_a_call):
            rows = slice(at, at + instants_a_call)
            detector.update(state, asset, time_ns[rows], value[rows])
        took_us.append((time.perf_counter_ns() - begin_ns) / 1e3 / instants)
    return took_us[1:], state_bytes(state)


def run(effort: Effort) -> Report:
    instants = effort.count(INSTANTS, 2000)
    ways: tuple[tuple[str, int], ...] = (("in one call", instants), ("one a call, as live", LIVE_INSTANTS))
    report = Report("asset_detectors", f"update of one asset, {instants:,} instants")
    for name in ASSET_DETECTORS:
        case = CASES[name]
        weighs = 0
        for way, instants_a_call in ways:
            found, weighs = measure(name, case, instants, effort.runs, instants_a_call)
            report.figures.append(Figure(f"{name}, {case.inputs} sensors, {way}", "us/instant", found))
        report.figures.append(Figure(f"{name}, {case.inputs} sensors, state", "bytes", [float(weighs)]))
    return report
