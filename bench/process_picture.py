"""A fault of a chemical plant: two of its 52 sensors, what ``pca`` makes of all of them, and the alarm.

    python -m bench.process_picture [--data ../shared/data/tep] [--out docs/detectors/process.svg]

Readings: Tennessee Eastman process, simulated, copyright 1998-2002 The Board of Trustees of the University of Illinois.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.jobs.evaluate import with_training
from bench.gas_place import ROOT, asset
from bench.panels import COLOURS, LEFT, RIGHT, WIDTH, Panel, Panels, label
from config.findings import Findings
from config.packs import load_packs
from connectors.channel_map import load_channel_map
from connectors.recording import load_recording
from detectors.parameters import build_for_assets
from model.detector import Columns

SERIES, FAULT_HOUR, WARMUP_ROWS = "fault11", 8.0, 500
VALVE, TEMPERATURE, Q = "cooling valve, %", "reactor, °C", "q, 1 = limit"
SENSORS = {VALVE: "XMV_10", TEMPERATURE: "XMEAS_9"}
RAISED, OFF_HOURS = 1.0, 1.0  # of plant.process_relation
PANELS = Panels(
    4.0,
    20.0,
    470,
    {
        VALVE: Panel(50, 160, 30.0, 55.0, (30.0, 40.0, 50.0)),
        TEMPERATURE: Panel(180, 260, 120.0, 120.8, (120.0, 120.4, 120.8)),
        Q: Panel(280, 400, 0.1, 10.0, (0.1, 1.0, 10.0), logarithmic=True),
    },
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.process_picture", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tep")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "detectors" / "process.svg")
    given = parser.parse_args()
    channel_map = load_channel_map(ROOT / "packs" / "plant" / "recordings" / "tep.yaml")
    recording = with_training(load_recording(given.data, channel_map), channel_map.train)
    view, time_ns, value = asset(recording, channel_map, SERIES)
    findings = Findings()
    spec = next(spec for spec in load_packs(["plant"], ROOT, findings).detectors if spec.id == "process_state")
    findings.raise_errors()
    detector = build_for_assets(spec.detector, spec.parameters)
    found = detector.update(detector.init(view), view, time_ns, value)
    tags = [one.tag.partition("/")[2] for one in view.inputs]
    given.out.write_text(picture(tags, value, found), encoding="utf-8")


def picture(tags: list[str], value: NDArray[np.float64], found: Columns) -> str:
    hour = (np.arange(len(value)) - WARMUP_ROWS) * 0.05
    shown = (hour >= PANELS.begin_hour) & (hour <= PANELS.end_hour)
    parts = [PANELS.span(FAULT_HOUR, PANELS.end_hour, 50, 350, "#e2e8f0"), *PANELS.frames()]
    for at, (panel, tag) in enumerate(SENSORS.items()):
        own = value[:, tags.index(tag)]
        parts += [PANELS.limit(panel, float(edge)) for edge in (own[:WARMUP_ROWS].min(), own[:WARMUP_ROWS].max())]
        parts.append(PANELS.line(panel, hour[shown], own[shown], COLOURS[at * 2]))
    parts += [PANELS.limit(Q, RAISED), PANELS.line(Q, hour[shown], found["q"][shown], COLOURS[1])]
    parts += alarms(hour[shown], found["q"][shown])
    first = int(np.argmax((found["q"] >= RAISED) & (hour >= FAULT_HOUR)))
    told = (
        f"{60 * (hour[first] - FAULT_HOUR):.0f} min after the fault: {tags[int(found['contributor'][first]) - 1]} says "
        f"{found['observed'][first]:.1f}, the others expect {found['expected'][first]:.1f}"
    )
    parts.append(label(PANELS.across(hour[first]) + 6, 272, told, "start"))
    parts += [label(PANELS.across(h), 434, f"{h} h") for h in range(4, 21, 2)]
    dashed = "dashed: range of the warm-up, and the limit"
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, 458, f"grey: the fault; bar: the alarm; {dashed}"))
    return PANELS.drawn("Cooling water of a reactor changes at random (fault 11), 52 sensors", parts)


def alarms(hour: NDArray[np.float64], q: NDArray[np.float64]) -> Iterator[str]:
    """A bar from each raise until an hour without one."""
    high = hour[q >= RAISED]
    for run in np.split(high, np.flatnonzero(np.diff(high) > OFF_HOURS) + 1):
        if len(run):
            yield PANELS.span(float(run[0]), float(run[-1]) + OFF_HOURS, 405, 8, "#2563eb")


if __name__ == "__main__":
    main()
