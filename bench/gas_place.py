"""How often the gas detectors name the right group of equipment, on real releases from known places.

    python -m bench.gas_place [--data ../shared/data/metec_gas]

The shipped pack's detector on assets runs over each series of the set; its place is compared with that of the label
when the alarm would be raised, 10 and 30 minutes later, and at the end of the release. Releases from several places at
once, and series whose sensors have no places, are left out. Labels are read here alone.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.findings import Findings
from config.packs import load_packs
from connectors.channel_map import ChannelMap, load_channel_map
from connectors.recording import Recording, load_recording
from detectors.gas.gas_place import sources
from detectors.parameters import build_for_assets
from model.detector import AssetInput, AssetView, Columns

ROOT = Path(__file__).parent.parent
MINUTE_NS = 60 * 10**9
RAISED_MIN = 0.7
LATER_MIN = {"raised": 0, "10 min later": 10, "30 min later": 30, "end": 24 * 60}


@dataclass(frozen=True, slots=True)
class Release:
    """A label: times in ns, the group of equipment, the place."""

    begin_ns: int
    end_ns: int
    source: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a release at one of ``LATER_MIN``."""

    right: bool
    share: float
    away_m: float
    error_m: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gas_place", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "metec_gas")
    data = parser.parse_args().data
    channel_map = load_channel_map(ROOT / "packs" / "gas" / "recordings" / "metec_gas.yaml")
    recording = load_recording(data, channel_map)
    found: dict[str, list[Answer]] = {when: [] for when in LATER_MIN}
    for series in dict.fromkeys(one.series for one in recording.sensors):
        view, time_ns, value = asset(recording, channel_map, series)
        names, columns = list(sources(view)), scored(view, time_ns, value)
        for release in releases(data / "labels.csv", series):
            for when, answer in answers(release, names, time_ns, columns):
                found[when].append(answer)
    for when, given in found.items():
        if given:
            away, error = (np.array([getattr(one, name) for one in given]) for name in ("away_m", "error_m"))
            inside = np.count_nonzero(away <= error)
            print(
                f"{when}: right group {sum(one.right for one in given)} of {len(given)}, "
                f"probability it gives itself {np.median([one.share for one in given]):.2f}; place off by "
                f"{np.median(away):.0f} m, 90 % {np.percentile(away, 90):.0f} m; "
                f"inside its error {inside} of {len(given)}"
            )


def asset(
    recording: Recording, channel_map: ChannelMap, series: str
) -> tuple[AssetView, NDArray[np.int64], NDArray[np.float64]]:
    """One series as its asset: the view, its instants, and the values at them."""
    own = [at for at, one in enumerate(recording.sensors) if one.series == series]
    inputs = [(recording.sensors[at].sensor, recording.sensors[at].unit) for at in own]
    view = AssetView(
        series,
        channel_map.asset.attributes,
        tuple(AssetInput(one.tag, one.kind, unit, one.position, 60.0) for one, unit in inputs),
    )
    rows = np.isin(recording.sensor, own)
    time_ns, at = np.unique(recording.time_ns[rows], return_inverse=True)
    value = np.full((len(time_ns), len(own)), np.nan)
    value[at, np.searchsorted(own, recording.sensor[rows])] = recording.value[rows]
    return view, time_ns, value


def scored(view: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
    findings = Findings()
    packs = load_packs(["gas"], ROOT, findings)
    findings.raise_errors()
    spec = next(spec for spec in packs.detectors if spec.id == "release")
    detector = build_for_assets(spec.detector, spec.parameters)
    return detector.update(detector.init(view), view, time_ns, value)


def releases(labels: Path, series: str) -> Iterator[Release]:
    """The releases of a series that come from one place."""
    with labels.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["series"] == series and row["n_sources"] == "1":
                begin, end = (
                    int(np.datetime64(row[name].replace(" ", "T"), "ns").astype(np.int64)) for name in ("start", "end")
                )
                name = row["source"].lower().replace(".", "_")
                yield Release(begin, end, name, float(row["lat"]), float(row["lon"]))


def answers(
    release: Release, names: list[str], time_ns: NDArray[np.int64], columns: Columns
) -> Iterator[tuple[str, Answer]]:
    inside = (time_ns >= release.begin_ns) & (time_ns <= release.end_ns)
    raised = np.flatnonzero(inside & (columns[""] >= RAISED_MIN))
    if not len(raised):
        return
    for when, later_min in LATER_MIN.items():
        until = inside & (time_ns <= time_ns[raised[0]] + later_min * MINUTE_NS)
        said = np.flatnonzero(until & (time_ns >= time_ns[raised[0]]) & np.isfinite(columns["source"]))
        if len(said):
            at = said[-1]
            north = columns["lat"][at] - release.lat
            east = (columns["lon"][at] - release.lon) * math.cos(math.radians(release.lat))
            right = names[int(columns["source"][at]) - 1] == release.source
            away_m = 111_195.0 * math.hypot(north, east)
            yield (
                when,
                Answer(right, float(columns["source_share"][at]), away_m, float(columns["position_error_m"][at])),
            )


if __name__ == "__main__":
    main()
