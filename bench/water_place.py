"""Which logger the water detectors name for a leak, and what size they give it, on simulated leaks of a known place.

    python -m bench.water_place [--data ../shared/data/water_leaks]

The shipped pack's detectors on assets run over each series of the set. The logger that is named is compared with the
one nearest to the leak when the alarm is raised, a day and three days later, and at the end; the size of the night flow
with the true one, median of the last week. Chance: any logger. Labels are read here alone.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gas_place import ROOT, asset
from config.findings import Findings
from config.packs import load_packs
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording
from detectors.parameters import build_for_assets
from model.detector import AssetView, Columns

DAY_NS = 86_400 * 10**9
RAISED_SIGMA = 2.2
LATER_DAYS = {"raised": 0.0, "a day later": 1.0, "three days later": 3.0, "end": 99.0}
ZONE_H = 8.0


@dataclass(frozen=True, slots=True)
class Leak:
    """A label: when it begins (ns), its place, its size."""

    begin_ns: int
    x_m: float
    y_m: float
    m3_h: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was named: which nearest logger to the leak it is (1 = the nearest), how far away, and its share."""

    nth: int
    away_m: float
    share: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.water_place", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "water_leaks")
    data = parser.parse_args().data
    channel_map = load_channel_map(ROOT / "packs" / "water" / "recordings" / "water_leaks.yaml")
    recording = load_recording(data, channel_map)
    places = read_places(data / "sensor_locations.csv")
    found: dict[str, list[Answer]] = {when: [] for when in LATER_DAYS}
    anywhere: list[float] = []
    sizes: list[float] = []
    for series, leak in read_leaks(data / "labels.csv").items():
        view, time_ns, value = asset(recording, channel_map, series)
        away = {
            at: math.hypot(places[name][0] - leak.x_m, places[name][1] - leak.y_m)
            for at, one in enumerate(view.inputs)
            if (name := one.tag.rsplit("/", 1)[-1]) in places
        }
        anywhere += away.values()
        heads = scored("network_leak", view, time_ns, value)
        for when, answer in answers(leak, away, time_ns, heads).items():
            found[when].append(answer)
        last = time_ns > time_ns[-1] - 7 * DAY_NS
        nights = scored("district_night", view, time_ns, value)["leak_m3_h"]
        sizes.append(float(np.median(nights[last])) / leak.m3_h)
    print(f"chance: the nearest 1 in {len(away)}, off by {np.median(anywhere):.0f} m in the median")
    for when, given in found.items():
        nearest = sum(one.nth == 1 for one in given)
        metres = np.array([one.away_m for one in given])
        print(
            f"{when}: the nearest {nearest} of {len(given)}, one of the nearest three "
            f"{sum(one.nth <= 3 for one in given)}; off by {np.median(metres):.0f} m, 90 % "
            f"{np.percentile(metres, 90):.0f} m; share it gives itself {np.mean([one.share for one in given]):.2f}"
        )
    print(f"size by night, last week / true: {min(sizes):.2f}, median {np.median(sizes):.2f}, {max(sizes):.2f}")


def read_places(file: Path) -> dict[str, tuple[float, float]]:
    with file.open(encoding="utf-8", newline="") as rows:
        return {row["sensor"]: (float(row["x_m"]), float(row["y_m"])) for row in csv.DictReader(rows)}


def read_leaks(labels: Path) -> dict[str, Leak]:
    """Each series that has a leak."""
    with labels.open(encoding="utf-8", newline="") as rows:
        return {
            row["series"]: Leak(
                int(np.datetime64(row["start"].replace(" ", "T"), "ns").astype(np.int64)) - round(ZONE_H * 3.6e12),
                float(row["x_m"]),
                float(row["y_m"]),
                float(row["flow_peak_m3h"]),
            )
            for row in csv.DictReader(rows)
            if row["start"]
        }


def scored(name: str, view: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
    findings = Findings()
    packs = load_packs(["water"], ROOT, findings)
    findings.raise_errors()
    spec = next(spec for spec in packs.detectors if spec.id == name)
    detector = build_for_assets(spec.detector, spec.parameters)
    return detector.update(detector.init(view), view, time_ns, value)


def answers(leak: Leak, away: dict[int, float], time_ns: NDArray[np.int64], columns: Columns) -> dict[str, Answer]:
    """What was said at each of ``LATER_DAYS``; nothing where no alarm was raised."""
    raised = np.flatnonzero((time_ns >= leak.begin_ns) & (columns[""] >= RAISED_SIGMA))
    said = {}
    for when, days in LATER_DAYS.items():
        if len(raised):
            at = int(np.searchsorted(time_ns, time_ns[raised[0]] + round(days * DAY_NS), side="right")) - 1
            named = int(columns["logger"][at]) - 1
            nth = 1 + sum(other < away[named] for other in away.values())
            said[when] = Answer(nth, away[named], float(columns["share"][at]))
    return said


if __name__ == "__main__":
    main()
