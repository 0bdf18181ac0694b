"""Slow, obvious twin of ``detectors.fire.combustion``: a room as a list of dictionaries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetInput, AssetView

FAMILIES = ("heat", "radiation", "smoke", "co", "air")


def combustion(
    detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]
) -> dict[str, list[float]]:
    sensors = [_sensor(detector, one) for one in asset.inputs]
    found: dict[str, list[float]] = {name: [] for name in detector.units("")}
    gathered, last_ns = 0.0, None
    for now_ns, row in zip(time_ns.tolist(), value.tolist(), strict=True):
        since_s = detector.every_s if last_ns is None else (now_ns - last_ns) / 1e9
        last_ns, dt_s = now_ns, min(since_s, 5 * detector.every_s)
        said = [s["family"] is not None and abs(v) <= 1e100 for s, v in zip(sensors, row, strict=True)]
        for sensor, v, speaks in zip(sensors, row, said, strict=True):
            if speaks:
                _hear(sensor, sensor["convert"](v), dt_s, detector.hold_s)
            else:
                sensor["silent_s"] += since_s
                sensor.update(shown=0.0, before=0.0)
        for family in {sensor["family"] for sensor in sensors}:
            showing = [s for s in sensors if s["family"] == family and s["shown"] >= 0.01]
            for sensor in showing if len(showing) > 1 else ():
                sensor["points"] = max(sensor["points"], sensor["shown"])
        points = _families(sensors, row, said)
        total = sum(points.values())
        if total < detector.nuisance or any(y and s["points"] >= 0.01 for s, y in zip(sensors, said, strict=True)):
            gathered = min(max(gathered + dt_s / detector.gather_s * (total - detector.nuisance), 0.0), 3.0)
        active = sum(s["points"] >= 0.01 and s["family"] in FAMILIES for s in sensors)
        slow = (points["smoke"] + points["co"]) / total if total > 0 else 0.0
        scored = {"": total + gathered, **points, "smouldering": slow, "sensors": float(active)}
        for name, column in found.items():
            column.append(scored[name] if any(said) else math.nan)
    return found


def _sensor(detector: Any, one: AssetInput) -> dict[str, Any]:
    family, convert = None, None
    ppm = {"ppb": 1e-3, "ppm": 1.0, "%VOL": 1e4, "%": 1e4, "1": 1e6}
    if one.kind == detector.co_kinds:
        family, convert = "co", lambda v: v * ppm[one.unit]
    elif one.kind == detector.product_kinds:
        family, convert = "air", lambda v: v * ppm[one.unit] / 1e4
    elif one.kind == detector.o2_kinds:
        family, convert = "air", lambda v: -v * ppm[one.unit] / 1e4
    elif one.kind == detector.humidity_kinds:
        family, convert = "humidity", lambda v: v
    elif one.unit == "°F":
        family, convert = "heat", lambda v: (v + 459.67) * 5 / 9 - 273.15
    elif one.unit == "1/m":
        family, convert = "smoke", lambda v: 10 * v
    limits = {name: (getattr(detector, f"{name}_low"), getattr(detector, f"{name}_high")) for name in FAMILIES}
    heat = family == "heat"
    return {
        "family": family,
        "convert": convert,
        "limits": {**limits, "humidity": (5.0, 20.0)}.get(str(family)),
        "learn_s": detector.heat_s if heat else detector.learn_s,
        "usual_s": 3 * detector.learn_s if heat else detector.learn_s,
        "slow_s": 10 * detector.heat_s if heat else max(3600.0, detector.learn_s),
        "period_s": one.period_s,
        "warmup_s": max(detector.warmup_s, 3.5 * one.period_s),
        **dict.fromkeys(
            ("heard_s", "silent_s", "mean", "usual", "variance", "last", "scan_s", "shown", "before", "points"), 0.0
        ),
    }


def _hear(sensor: dict[str, Any], now: float, dt_s: float, hold_s: float) -> None:
    if sensor["silent_s"] > 10 * sensor["learn_s"] or sensor["heard_s"] == 0:
        sensor.update(heard_s=0.0, mean=now, usual=now, last=now, variance=0.0)
    sensor["silent_s"] = 0.0
    heard_s = sensor["heard_s"]
    warm = heard_s >= sensor["warmup_s"]
    scans = max(3.5 * heard_s / sensor["warmup_s"], 1.0)
    low, high = sensor["limits"]
    least = max(low, 4 * math.sqrt(sensor["variance"]) * (1 + 3 / scans))
    rise = now - max(sensor["mean"], sensor["usual"])
    shown = 3 * min(max((rise - least) / max(high - low, high - least), 0.0), 1.0) if warm else 0.0

    sensor["scan_s"] += dt_s
    if now != sensor["last"] or sensor["scan_s"] >= sensor["period_s"]:
        if rise <= least or not warm:
            weight = sensor["scan_s"] / (min(heard_s, 600.0) + sensor["scan_s"])
            sensor["variance"] += weight * ((now - sensor["last"]) ** 2 / 2 - sensor["variance"])
        sensor.update(before=sensor["shown"], last=now, scan_s=0.0)
    sensor["shown"] = shown
    sensor["points"] = max(sensor["points"] * math.exp(-dt_s / hold_s), min(shown, sensor["before"]))

    calm = rise <= least
    memory_s = (sensor["learn_s"] if calm else sensor["slow_s"]) if warm else heard_s
    usual_s = (sensor["usual_s"] if calm else max(sensor["usual_s"], 3600.0)) if warm else heard_s
    sensor["mean"] += dt_s / (memory_s + dt_s) * (now - sensor["mean"])
    sensor["usual"] += dt_s / (usual_s + dt_s) * (now - sensor["usual"])
    sensor["heard_s"] += dt_s


def _families(sensors: list[dict[str, Any]], row: list[float], said: list[bool]) -> dict[str, float]:
    def best(family: str) -> list[float]:
        return sorted([s["points"] for s in sensors if s["family"] == family and s["points"] >= 0.01] + [0.0, 0.0])[-2:]

    points = {name: min(sum(best(name)), 3.0) for name in FAMILIES}
    hot = [
        s["convert"](v)
        for s, v, speaks in zip(sensors, row, said, strict=True)
        if s["family"] == "heat" and speaks and s["points"] >= 0.01
    ]
    hottest = max(hot, default=-math.inf)
    active = sum(s["points"] >= 0.01 and s["family"] in FAMILIES for s in sensors)
    share = min(max((hottest - 35) / 15, 0.0), 1.0) if active > 1 else 0.0
    points["heat"] = min(sum(best("heat")) * (1 + share), 3.5 + 2.5 * share)
    speaking = [y for s, y in zip(sensors, said, strict=True) if s["family"] == "co"]
    alone = bool(speaking) and not any(speaking)
    smoke = sum(best("smoke")) * (1 - best("humidity")[-1] / 6)
    points["smoke"] = min(2 * smoke, 6.0) if alone else min(smoke, 2.5)
    return points
