"""Twelve hours of a real fence line with two releases: what the sensors read, the wind, the evidence, the alarms.

    python -m bench.gas_picture [--data ../shared/data/metec_gas] [--out docs/detectors/gas.svg]

Readings: METEC controlled releases by way of github.com/wsdaniels/DLQ, MIT licence, copyright 2026 William Daniels.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gas_place import RAISED_MIN, ROOT, asset, scored
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording

SERIES, BEGIN, HOURS = "metec_8sensors_a", "2022-05-10T12:00", 12
WIDTH, LEFT, RIGHT = 860, 70, 20
COLOURS = ("#0369a1", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#be123c", "#0f766e", "#475569")
#: Name, top and bottom in the picture, lowest and highest value; a logarithmic axis where the lowest is above 0.
PANELS = {
    "methane, ppm": (50, 210, 1.5, 40.0),
    "wind, m/s": (230, 300, 0.0, 10.0),
    "evidence, min": (320, 420, 0.0, 4.0),
}
HEIGHT = 480


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
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        '<g font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">Two releases on an open site, 10 May 2022, UTC</text>',
        *releases(given.data / "labels.csv", begin_ns),
        *(part for name in PANELS for part in frame(name)),
    ]
    for at, one in enumerate(view.inputs):
        if one.unit == "ppm":
            parts.append(line("methane, ppm", hour[shown], value[shown, at], COLOURS[at % len(COLOURS)]))
        elif one.unit == "m/s":
            parts.append(line("wind, m/s", hour[shown], value[shown, at], "#334155"))
    parts += [line("evidence, min", hour[shown], score[shown], "#c2410c"), *alarms(hour[shown], score[shown])]
    parts += [label(across(h), HEIGHT - 36, f"{12 + h}:00") for h in range(0, HOURS + 1, 2)]
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "grey: a release; bar: the alarm; dashed: its limit"))
    given.out.write_text("\n".join([*parts, "</g></svg>"]) + "\n", encoding="utf-8")


def across(hour: float) -> float:
    return LEFT + hour / HOURS * (WIDTH - LEFT - RIGHT)


def up(panel: str, value: float) -> float:
    top, bottom, low, high = PANELS[panel]
    share = math.log(max(value, low) / low) / math.log(high / low) if low > 0.0 else (value - low) / (high - low)
    return bottom - min(max(share, 0.0), 1.0) * (bottom - top)


def line(panel: str, hour: NDArray[np.float64], value: NDArray[np.float64], colour: str) -> str:
    points = " ".join(
        f"{across(h):.1f},{up(panel, v):.1f}"
        for h, v in zip(hour.tolist(), value.tolist(), strict=True)
        if not math.isnan(v)
    )
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1" points="{points}"/>'


def frame(panel: str) -> list[str]:
    top, bottom, low, high = PANELS[panel]
    ticks: Sequence[float] = (2.0, 5.0, 10.0, 20.0) if low > 0.0 else (0.0, high / 2, high)
    size = f'width="{WIDTH - LEFT - RIGHT}" height="{bottom - top}"'
    parts = [f'<rect x="{LEFT}" y="{top}" {size} fill="none" stroke="#94a3b8"/>']
    parts += [f'<text x="{LEFT - 6}" y="{up(panel, t) + 4:.0f}" text-anchor="end">{t:g}</text>' for t in ticks]
    middle = (top + bottom) / 2
    parts.append(f'<text transform="translate(18 {middle:.0f}) rotate(-90)" text-anchor="middle">{panel}</text>')
    return parts


def releases(labels: Path, begin_ns: int) -> list[str]:
    """Grey bands over all panels, with the source's name."""
    parts = []
    with labels.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            times = (np.datetime64(row[name].replace(" ", "T"), "ns").astype(np.int64) for name in ("start", "end"))
            begin, end = ((int(t) - begin_ns) / 3.6e12 for t in times)
            if row["series"] == SERIES and 0.0 < begin < end < HOURS:
                wide = across(end) - across(begin)
                parts.append(f'<rect x="{across(begin):.1f}" y="50" width="{wide:.1f}" height="370" fill="#e2e8f0"/>')
                parts.append(label((across(begin) + across(end)) / 2, 44, f"{row['source']} {row['rate_kg_h']} kg/h"))
    return parts


def alarms(hour: NDArray[np.float64], score: NDArray[np.float64]) -> list[str]:
    """The limit, and a bar from each raise until half an hour without evidence."""
    limit = up("evidence, min", RAISED_MIN)
    parts = [f'<path d="M{LEFT} {limit:.1f}H{WIDTH - RIGHT}" stroke="#64748b" stroke-dasharray="4 4"/>']
    begun, last = math.nan, math.nan
    for h, s in [*zip(hour.tolist(), score.tolist(), strict=True), (math.inf, 0.0)]:
        if not math.isnan(begun) and h - last > 0.5:
            wide = across(min(last + 0.5, HOURS)) - across(begun)
            parts.append(f'<rect x="{across(begun):.1f}" y="425" width="{wide:.1f}" height="8" fill="#2563eb"/>')
            begun = math.nan
        if s >= RAISED_MIN and math.isnan(begun):
            begun = h
        if s >= RAISED_MIN / 4:
            last = h
    return parts


def label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle">{text}</text>'


if __name__ == "__main__":
    main()
