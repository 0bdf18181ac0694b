"""Twelve hours of a real fence line with two releases: what the sensors read, the wind, the evidence, the alarms.

    python -m bench.gas_picture [--data ../shared/data/metec_gas] [--out docs/detectors/gas.svg]

Readings: METEC controlled releases by way of github.com/wsdaniels/DLQ, MIT licence, copyright 2026 William Daniels.
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gas_place import RAISED_MIN, ROOT, asset, scored
from bench.panels import COLOURS, LEFT, RIGHT, WIDTH, Panel, Panels, label
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording

SERIES, BEGIN, HOURS = "metec_8sensors_a", "2022-05-10T12:00", 12
METHANE, WIND, EVIDENCE = "methane, ppm", "wind, m/s", "evidence, min"
PANELS = Panels(
    0.0,
    HOURS,
    480,
    {
        METHANE: Panel(50, 210, 1.5, 40.0, (2.0, 5.0, 10.0, 20.0), logarithmic=True),
        WIND: Panel(230, 300, 0.0, 10.0, (0.0, 5.0, 10.0)),
        EVIDENCE: Panel(320, 420, 0.0, 4.0, (0.0, 2.0, 4.0)),
    },
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gas_picture", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "metec_gas")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "detectors" / "gas.svg")
    given = parser.parse_args()
    channel_map = load_channel_map(ROOT / "packs" / "gas" / "recordings" / "metec_gas.yaml")
    view, time_ns, value = asset(load_recording(given.data, channel_map), channel_map, SERIES)
    score = scored(view, time_ns, value)[""]
    begin_ns = int(np.datetime64(BEGIN, "ns").astype(np.int64))
    hour = (time_ns - begin_ns) / 3.6e12
    shown = (hour >= 0.0) & (hour <= HOURS)
    parts = [*releases(given.data / "labels.csv", begin_ns), *PANELS.frames()]
    for at, one in enumerate(view.inputs):
        if one.unit == "ppm":
            parts.append(PANELS.line(METHANE, hour[shown], value[shown, at], COLOURS[at % len(COLOURS)]))
        elif one.unit == "m/s":
            parts.append(PANELS.line(WIND, hour[shown], value[shown, at], "#334155"))
    parts += [PANELS.line(EVIDENCE, hour[shown], score[shown], "#c2410c"), *alarms(hour[shown], score[shown])]
    parts += [label(PANELS.across(h), PANELS.height - 36, f"{12 + h}:00") for h in range(0, HOURS + 1, 2)]
    parts.append(
        label((LEFT + WIDTH - RIGHT) / 2, PANELS.height - 12, "grey: a release; bar: the alarm; dashed: its limit")
    )
    given.out.write_text(PANELS.drawn("Two releases on an open site, 10 May 2022, UTC", parts), encoding="utf-8")


def releases(labels: Path, begin_ns: int) -> list[str]:
    """Grey bands over all panels, with the source's name."""
    parts = []
    with labels.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            times = (np.datetime64(row[name].replace(" ", "T"), "ns").astype(np.int64) for name in ("start", "end"))
            begin, end = ((int(t) - begin_ns) / 3.6e12 for t in times)
            if row["series"] == SERIES and 0.0 < begin < end < HOURS:
                parts.append(PANELS.span(begin, end, 50, 370, "#e2e8f0"))
                middle = PANELS.across((begin + end) / 2)
                parts.append(label(middle, 44, f"{row['source']} {row['rate_kg_h']} kg/h"))
    return parts


def alarms(hour: NDArray[np.float64], score: NDArray[np.float64]) -> list[str]:
    """The limit, and a bar from each raise until half an hour without evidence."""
    parts = [PANELS.limit(EVIDENCE, RAISED_MIN)]
    begun, last = math.nan, math.nan
    for h, s in [*zip(hour.tolist(), score.tolist(), strict=True), (math.inf, 0.0)]:
        if not math.isnan(begun) and h - last > 0.5:
            parts.append(PANELS.span(begun, last + 0.5, 425, 8, "#2563eb"))
            begun = math.nan
        if s >= RAISED_MIN and math.isnan(begun):
            begun = h
        if s >= RAISED_MIN / 4:
            last = h
    return parts


if __name__ == "__main__":
    main()
