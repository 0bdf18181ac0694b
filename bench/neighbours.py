"""How soon a drifting zero is found among the eight sensors of a real fence line, and what raises falsely there.

    python -m bench.neighbours [--data ../shared/data/metec_gas]

The readings are real, the drift is added to one sensor after the other from the end of the warm-up on. Beside the
pack's detector stand ``pca`` on the same sensors, with the same warm-up and an hour of smoothing, and ``creep``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gas_place import ROOT, asset
from config.findings import Findings
from config.packs import load_packs
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording
from detectors.parameters import build, build_for_assets
from model.batch import Batch
from model.detector import AssetView, SensorGroup

SERIES, WARMUP_DAYS, LIMIT = "metec_8sensors_a", 2.0, 5.0
Values = NDArray[np.float64]
#: Instants of an alarm, and whom it names: the place of a sensor, 0 = nobody.
Alarmed = Callable[[Values], tuple[NDArray[np.bool_], Values]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "metec_gas")
    channel_map = load_channel_map(ROOT / "packs" / "gas" / "recordings" / "metec_gas.yaml")
    view, time_ns, value = asset(load_recording(parser.parse_args().data, channel_map), channel_map, SERIES)
    fence = [at for at, one in enumerate(view.inputs) if one.kind == "ch4_ppm"]
    view = replace(view, inputs=tuple(view.inputs[at] for at in fence))
    value = np.ascontiguousarray(value[:, fence])
    day = (time_ns - time_ns[0]) / 86_400e9
    for name, alarmed in detectors(view, time_ns).items():
        on, _ = alarmed(value)
        print(f"{name}: {episodes(on)} alarms in {day[-1] - WARMUP_DAYS:.2f} days without a drift")
        for a_day in (0.5, 1.0, -1.0, 2.0, -2.0):
            print("  " + found(alarmed, value, day, a_day))


def detectors(view: AssetView, time_ns: NDArray[np.int64]) -> dict[str, Alarmed]:
    findings = Findings()
    specs = {spec.id: spec for spec in load_packs(["gas"], ROOT, findings).detectors}
    findings.raise_errors()
    ours = build_for_assets("neighbours", specs["fence_neighbours"].parameters)
    peer = build_for_assets("pca", {"every_s": 60.0, "smooth_s": 3600.0, "warmup_s": WARMUP_DAYS * 86_400})
    creep = build("creep", specs["fence_creep"].parameters)

    def by_neighbours(value: Values) -> tuple[NDArray[np.bool_], Values]:
        columns = ours.update(ours.init(view), view, time_ns, value)
        return columns[""] >= LIMIT, columns["contributor"]

    def by_pca(value: Values) -> tuple[NDArray[np.bool_], Values]:
        columns = peer.update(peer.init(view), view, time_ns, value)
        return columns["q"] >= 1.0, columns["contributor"]

    def by_creep(value: Values) -> tuple[NDArray[np.bool_], Values]:
        group = SensorGroup(tuple(one.tag for one in view.inputs), np.full(value.shape[1], 60.0))
        sensor = np.tile(np.arange(value.shape[1], dtype=np.int32), len(time_ns))
        times = np.repeat(time_ns, value.shape[1])
        batch = Batch(sensor, times, times, value.ravel(), np.zeros(len(sensor), np.uint8))
        scores = creep.update(creep.init(group), batch).reshape(value.shape)
        high = np.nan_to_num(scores, nan=-np.inf)
        return (high >= 1.0).any(axis=1), np.argmax(high, axis=1) + 1.0

    return {"neighbours": by_neighbours, "pca": by_pca, "creep": by_creep}


def episodes(on: NDArray[np.bool_]) -> int:
    """Alarms, those within six hours being one."""
    at = np.flatnonzero(on)
    return int(np.count_nonzero(np.diff(at) > 360)) + bool(len(at))


def found(alarmed: Alarmed, value: Values, day: Values, a_day: float) -> str:
    hours, named = [], 0
    for sensor in range(value.shape[1]):
        drifted = value.copy()
        drifted[:, sensor] += a_day * np.clip(day - WARMUP_DAYS, 0.0, None)
        on, who = alarmed(drifted)
        at = np.flatnonzero(on & (day > WARMUP_DAYS))
        if len(at):
            hours.append(24.0 * (day[at[0]] - WARMUP_DAYS))
            named += int(who[at[0]] == sensor + 1)
    took = f", after {np.median(hours):.0f} h (median; {min(hours):.0f} to {max(hours):.0f})" if hours else ""
    raised = f"raised for {len(hours)} of {value.shape[1]} sensors"
    return f"{a_day:+g} ppm a day: {raised}, the right one named for {named}{took}"


if __name__ == "__main__":
    main()
