"""How large the noise of real sensors is, so that the simulator does not invent it.

``python -m simulator.noise_survey ../shared/data`` prints one line a quantity. The figures are copied by hand into
the ``noise`` of ``packs/*/scenario.yaml``; the recordings themselves are not needed to run the simulator. Only
rows in which nothing happens count: outside the releases, before the burst, before ignition.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Standard deviation of a normal distribution whose median absolute deviation is 1.
SIGMA_OF_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Quantity:
    """Which channels of which recordings show the noise of which quantity."""

    name: str
    folder: str
    channels: str  # regular expression, whole column name
    unit: str
    step_s: float  # rows are thinned to this step first, where they come faster


QUANTITIES = (
    Quantity("methane, open air", "metec_gas", r"CH4_(N|E|S|W|NE|NW|SE|SW)_ppm", "ppm", 60.0),
    Quantity("pressure head, 50 Hz", "transient_leaks", r"P_\d+m_m", "mH2O", 0.02),
    Quantity("pressure head, 1 s", "transient_leaks", r"P_\d+m_m", "mH2O", 1.0),
    Quantity("hydrocarbons in a room", "nist_fire", r"UH(Front|Rear)", "volume fraction", 5.0),
    Quantity("carbon monoxide in a room", "nist_fire", r"CO(Front|Rear)|CO-3", "volume fraction", 5.0),
    Quantity("air temperature in a room", "nist_fire", r"T[RF]\d+|Tree \d-\d+", "degC", 5.0),
    Quantity("smoke in a room", "nist_fire", r"Smoke Conc\.", "mg/m3", 10.0),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Noise of one channel; medians of these are what is quoted.

    ``white`` comes from first differences, ``slow`` from what is left of the deviation about a straight line.
    """

    white: float
    total: float
    rows: int


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _quiet(folder: Path, series: str, stamps: list[str]) -> NDArray[np.bool_]:
    """Rows of one series in which no event of its folder's labels.csv is on, and none has been on before."""
    quiet = np.ones(len(stamps), dtype=bool)
    times = [datetime.fromisoformat(stamp) for stamp in stamps]
    with (folder / "labels.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["series"] != series:
                continue
            starts = [datetime.fromisoformat(row[key]) for key in ("start", "operation_start") if row.get(key)]
            if not starts:
                continue
            # Gas lingers for an hour after a release; the two other sets never return to quiet.
            gas = folder.name == "metec_gas"
            end = datetime.fromisoformat(row["end"]) if gas else datetime.max  # noqa: DTZ901 - as the files, no zone
            lingering_s = 3600.0 if gas else 0.0
            quiet &= np.array([t < min(starts) or (gas and (t - end).total_seconds() > lingering_s) for t in times])
    return quiet


def _series(path: Path, wanted: re.Pattern[str]) -> tuple[list[str], dict[str, Floats]]:
    with gzip.open(path, "rt", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader)
        rows = list(reader)
    columns = [i for i, name in enumerate(header) if wanted.fullmatch(name)]
    values = {
        header[i]: np.array([float(row[i]) if _is_number(row[i]) else np.nan for row in rows], np.float64)
        for i in columns
    }
    return [row[0] for row in rows], values


def _figure(values: Floats) -> Figure | None:
    """Robust noise of one quiet channel.

    Args:
        values: float64 [n], evenly spaced; NaN = no row.

    Returns:
        None where fewer than 6 rows are left, or where the channel does not move at all.

    """
    difference = np.diff(values)
    difference = difference[np.isfinite(difference)]
    known = np.flatnonzero(np.isfinite(values))
    if len(difference) < 5:
        return None
    white = float(SIGMA_OF_MAD * np.median(np.abs(difference - np.median(difference))) / np.sqrt(2.0))
    line = np.polynomial.Polynomial.fit(known, values[known], 1)
    rest = values[known] - line(known)
    total = float(SIGMA_OF_MAD * np.median(np.abs(rest - np.median(rest))))
    return Figure(white, total, len(known)) if white > 0.0 else None


def survey(data: Path, quantity: Quantity) -> Iterator[Figure]:
    """Noise of each channel of a quantity, one figure a channel and recording."""
    folder = data / quantity.folder
    wanted = re.compile(quantity.channels)
    for path in sorted((folder / "series").glob("*.csv.gz")):
        stamps, channels = _series(path, wanted)
        if not channels:
            continue
        quiet = _quiet(folder, path.name.removesuffix(".csv.gz"), stamps)
        step_s = (datetime.fromisoformat(stamps[1]) - datetime.fromisoformat(stamps[0])).total_seconds()
        every = max(1, round(quantity.step_s / step_s))
        for values in channels.values():
            figure = _figure(np.where(quiet, values, np.nan)[::every])
            if figure is not None:
                yield figure


def main() -> int:
    """Print the survey; exit code 2 when the folder of recordings is not there."""
    parser = argparse.ArgumentParser(prog="python -m simulator.noise_survey", description="Noise of quiet recordings.")
    parser.add_argument("data", type=Path, help="folder that holds metec_gas, transient_leaks and nist_fire")
    data: Path = parser.parse_args().data
    sys.stdout.write("quantity | set | unit | white sigma | slow sigma | channels | rows\n")
    for quantity in QUANTITIES:
        if not (data / quantity.folder / "labels.csv").is_file():
            sys.stderr.write(f"{data / quantity.folder}: must hold labels.csv and series/, got nothing there\n")
            return 2
        figures = list(survey(data, quantity))
        white = float(np.median([f.white for f in figures]))
        total = float(np.median([f.total for f in figures]))
        slow = max(0.0, total**2 - white**2) ** 0.5
        rows = sum(f.rows for f in figures)
        sys.stdout.write(
            f"{quantity.name} | {quantity.folder} | {quantity.unit} | {white:.3g} | {slow:.3g} | "
            f"{len(figures)} | {rows}\n",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
