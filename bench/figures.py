"""A measured figure with its spread, and what it was measured on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Detail: TypeAlias = dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity over all runs. ``role``: ``ours``, or the ``limit`` or ``peer`` measured beside it."""

    name: str
    unit: str
    runs: list[float]
    target: str = ""
    role: str = "ours"
    note: str = ""

    def line(self) -> str:
        if not self.runs:
            return f"  {self.name:<58} n/a  {self.note}"
        low, middle, high = min(self.runs), statistics.median(self.runs), max(self.runs)
        numbers = f"{_short(low)} / {_short(middle)} / {_short(high)} {self.unit}"
        target = f"target {self.target}" if self.target else f"({self.role})"
        return f"  {self.name:<58} {numbers:<40} {target}{'  ' + self.note if self.note else ''}"

    def as_json(self) -> dict[str, object]:
        made: dict[str, object] = {
            "name": self.name,
            "unit": self.unit,
            "role": self.role,
            "target": self.target,
            "note": self.note,
            "runs": self.runs,
        }
        if self.runs:
            made |= {"min": min(self.runs), "median": statistics.median(self.runs), "max": max(self.runs)}
        return made


@dataclass(slots=True)
class Report:
    """What one bench found."""

    bench: str
    how: str  # what was done, one line
    figures: list[Figure] = field(default_factory=list)
    detail: Detail = field(default_factory=dict)  # configuration and side observations

    def text(self) -> str:
        lines = [f"{self.bench}: {self.how}", *(figure.line() for figure in self.figures)]
        lines += [f"    {key}: {value}" for key, value in self.detail.items()]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        figures = [figure.as_json() for figure in self.figures]
        return {"bench": self.bench, "how": self.how, "figures": figures, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: ``quick`` says whether it still works, the other gives figures to publish."""

    quick: bool
    runs: int

    def seconds(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    def count(self, full: int, quick: int) -> int:
        return quick if self.quick else full


def machine() -> dict[str, str | int | float]:
    """Name what the figures hold for."""
    import numba  # noqa: PLC0415 - takes a second
    import numpy as np  # noqa: PLC0415

    return {
        "cores": os.cpu_count() or 0,
        "cpu": _cpu(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "mosquitto": mosquitto_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "command": f"python -m bench {' '.join(sys.argv[1:])}".strip(),
    }


def mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def mosquitto_version() -> str:
    program = mosquitto()
    if program is None:
        return "not installed"
    shown = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\S+)", shown)
    return found.group(1) if found else "unknown"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8")) if info.exists() else None
    return found.group(1) if found else platform.machine()


def _short(value: float) -> str:
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.2f} M"
    if size >= 1e4:
        return f"{value / 1e3:.1f} k"
    return f"{value:.0f}" if size >= 100 else f"{value:.3g}"
