"""A burst of a pipeline and a leak of a town's network as the detectors see them: readings, score, alarm.

    python -m bench.leak_pictures [--data ../shared/data] [--out docs/detectors]

Readings: simulated by tsnet 0.3.1 (MIT licence) and by EPANET through wntr 1.5.0 (Revised BSD licence). Labels are read
for the grey bands alone.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gas_place import ROOT, asset
from bench.water_place import scored
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording
from detectors.pipelines.pressure_wave import PressureWave
from model.detector import AssetView

BURST, TOWN = "leak_03", "leak_05"
#: Seconds of the burst that are shown, before and after it.
BEFORE_S, AFTER_S = 6.0, 16.0
BURST_MIN, BLUE_SIGMA = 0.75, 2.2
WIDTH, LEFT, RIGHT = 860, 70, 20
COLOURS = ("#0369a1", "#c2410c", "#15803d", "#7e22ce", "#a16207")
DAY_NS = 86_400 * 10**9


@dataclass
class Picture:
    """Panels over one axis; ``panels``: name -> top, bottom, lowest and highest value."""

    title: str
    span: tuple[float, float]
    height: int
    panels: dict[str, tuple[int, int, float, float]]
    parts: list[str] = field(default_factory=list)

    def across(self, x: float) -> float:
        low, high = self.span
        return LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def up(self, panel: str, value: float) -> float:
        top, bottom, low, high = self.panels[panel]
        return bottom - min(max((value - low) / (high - low), 0.0), 1.0) * (bottom - top)

    def line(self, panel: str, x: NDArray[np.float64], value: NDArray[np.float64], colour: str) -> None:
        points = " ".join(
            f"{self.across(a):.1f},{self.up(panel, v):.1f}"
            for a, v in zip(x.tolist(), value.tolist(), strict=True)
            if not math.isnan(v)
        )
        self.parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1" points="{points}"/>')

    def dots(self, panel: str, x: NDArray[np.float64], value: NDArray[np.float64], colour: str) -> None:
        for a, v in zip(x.tolist(), value.tolist(), strict=True):
            self.parts.append(f'<circle cx="{self.across(a):.1f}" cy="{self.up(panel, v):.1f}" r="3" fill="{colour}"/>')

    def dashed(self, panel: str, value: float) -> None:
        at = self.up(panel, value)
        self.parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#64748b" stroke-dasharray="4 4"/>')

    def band(self, begin: float, end: float) -> None:
        top, bottom = min(p[0] for p in self.panels.values()), max(p[1] for p in self.panels.values())
        size = f'y="{top}" width="{self.across(end) - self.across(begin):.1f}" height="{bottom - top}"'
        self.parts.append(f'<rect x="{self.across(begin):.1f}" {size} fill="#e2e8f0"/>')

    def alarm(self, panel: str, begin: float, end: float) -> None:
        top, wide = self.panels[panel][1] + 5, self.across(end) - self.across(begin)
        at = f'x="{self.across(begin):.1f}" y="{top}" width="{wide:.1f}"'
        self.parts.append(f'<rect {at} height="8" fill="#2563eb"/>')

    def text(self, x: float, y: float, words: str, anchor: str = "middle", colour: str = "black") -> None:
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>')

    def write(self, file: Path, below: str, ticks: dict[float, str]) -> None:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" font-family="sans-serif">'
        for name, (top, bottom, low, high) in self.panels.items():
            size = f'width="{WIDTH - LEFT - RIGHT}" height="{bottom - top}"'
            self.parts.append(f'<rect x="{LEFT}" y="{top}" {size} fill="none" stroke="#94a3b8"/>')
            for tick in (low, (low + high) / 2.0, high):
                self.text(LEFT - 6, self.up(name, tick) + 4, f"{tick:g}", "end")
            middle = (top + bottom) / 2
            turned = f'transform="translate(18 {middle:.0f}) rotate(-90)"'
            self.parts.append(f'<text {turned} text-anchor="middle">{name}</text>')
        for at, words in ticks.items():
            self.text(self.across(at), self.height - 36, words)
        self.text((LEFT + WIDTH - RIGHT) / 2, self.height - 12, below)
        whole = [
            head,
            '<g font-size="12">',
            f'<rect width="{WIDTH}" height="{self.height}" fill="white"/>',
            f'<text x="{LEFT}" y="24" font-size="15">{self.title}</text>',
            *self.parts,
            "</g></svg>",
        ]
        file.write_text("\n".join(whole) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.leak_pictures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "detectors")
    given = parser.parse_args()
    burst(given.data / "transient_leaks", given.out / "pipeline-burst.svg")
    town(given.data / "water_leaks", given.out / "water-leak.svg")


def read(data: Path, pack: str, series: str) -> tuple[AssetView, NDArray[np.int64], NDArray[np.float64]]:
    channel_map = load_channel_map(ROOT / "packs" / pack / "recordings" / f"{data.name}.yaml")
    return asset(load_recording(data, channel_map), channel_map, series)


def label(data: Path, series: str) -> dict[str, str]:
    with (data / "labels.csv").open(encoding="utf-8", newline="") as rows:
        return next(row for row in csv.DictReader(rows) if row["series"] == series)


def moment_ns(text: str) -> int:
    return int(np.datetime64(text.replace(" ", "T"), "ns").astype(np.int64))


def burst(data: Path, file: Path) -> None:
    view, time_ns, value = read(data, "pipeline", BURST)
    known, detector = label(data, BURST), PressureWave()
    found = detector.update(detector.init(view), view, time_ns, value)
    second = (time_ns - moment_ns(known["start"])) / 1e9
    shown = (second >= -BEFORE_S) & (second <= AFTER_S)
    raised = float(second[(found[""] >= BURST_MIN) & shown][0])
    at = int(np.flatnonzero(second == raised)[0])
    title = f"A leak of {float(known['leak_percent']):.1f} % of the flow opens at {known['position_m']} m"
    panels = {"head, m, each from its mean": (50, 300, -3.0, 1.0), "evidence": (325, 385, 0.0, 1.0)}
    picture = Picture(title, (-BEFORE_S, AFTER_S), 450, panels)
    picture.band(0.0, AFTER_S)
    quiet = (second >= -BEFORE_S) & (second < 0.0)
    for column, one in enumerate(view.inputs):
        lower = value[shown, column] - value[quiet, column].mean()
        every = slice(None, None, 4)  # 12 a second are enough to see a front
        picture.line("head, m, each from its mean", second[shown][every], lower[every], COLOURS[column])
        words, place = f"{one.position.along_m:g} m", LEFT + 10 + 90 * column
        picture.text(place, 292, words, "start", COLOURS[column])
    picture.line("evidence", second[shown][::4], found[""][shown][::4], "#c2410c")
    picture.dashed("evidence", BURST_MIN)
    picture.alarm("evidence", raised, AFTER_S)
    told = f"{raised:.1f} s: {found['position_m'][at]:.0f} m ± {found['position_error_m'][at]:.0f} m"
    picture.text(picture.across(raised) + 8, 375, told, "start")
    ticks = {float(s): f"{s} s" for s in range(-5, 16, 5)}
    picture.write(file, "grey: the leak runs; bar: the alarm; dashed: its limit", ticks)


def town(data: Path, file: Path) -> None:
    view, time_ns, value = read(data, "water", TOWN)
    known = label(data, TOWN)
    heads, nights = (scored(name, view, time_ns, value) for name in ("network_leak", "district_night"))
    day = (time_ns - time_ns[0]) / DAY_NS
    begins = (moment_ns(known["start"]) - moment_ns("2021-03-01 00:00:00")) / DAY_NS
    raised = float(day[(heads[""] >= BLUE_SIGMA) & (day >= begins)][0])
    nearest = next(at for at, one in enumerate(view.inputs) if one.tag.endswith(known["nearest_sensor"]))
    head = value[:, nearest]
    low, high = math.floor(np.nanmin(head)), math.ceil(np.nanmax(head))
    inflow = np.nansum([value[:, at] for at, one in enumerate(view.inputs) if one.unit == "m3/h"], axis=0)
    panels = {
        "pumps, m3/h": (50, 120, 0.0, float(math.ceil(inflow.max() / 200.0) * 200)),
        "nearest head, m": (140, 210, float(low), float(high)),
        "night, m3/h": (230, 310, 40.0, 120.0),
        "heads, sigma": (330, 420, -4.0, 12.0),
    }
    title = f"A leak of {float(known['flow_peak_m3h']):.0f} m3/h in a town that draws 236"
    picture = Picture(title, (0.0, 21.0), 490, panels)
    picture.band(begins, 21.0)
    picture.line("pumps, m3/h", day[::4], inflow[::4], COLOURS[0])
    picture.line("nearest head, m", day[::4], head[::4], COLOURS[2])
    at = np.flatnonzero((time_ns + 8 * 3600 * 10**9) % DAY_NS == 5 * 3600 * 10**9)
    told = at[np.isfinite(nights["night_m3_h"][at])]
    picture.dots("night, m3/h", day[told], nights["night_m3_h"][told], COLOURS[3])
    picture.dashed("night, m3/h", float(np.nanmedian(nights["usual_m3_h"])))
    picture.line("heads, sigma", day[::4], heads[""][::4], "#c2410c")
    picture.dashed("heads, sigma", BLUE_SIGMA)
    picture.alarm("heads, sigma", raised, 21.0)
    ticks = {float(d): f"day {d}" for d in range(0, 22, 3)}
    picture.write(file, "grey: the leak runs; bar: the alarm; dashed: its limit, and the usual night", ticks)


if __name__ == "__main__":
    main()
