"""What the figures on ``nist_fire`` owe to the settings: a grid, and each series judged by the others' choice.

    python -m bench.fire_settings [--data ../shared/data]

The detector alone, on the grid of seconds, with the channel map and the parameters of the shipped pack but for those of
the grid. An alarm before ignition counts as false, after the prefix that is never scored (60 % of that time).
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.findings import Findings
from config.packs import load_packs
from connectors.channel_map import load_channel_map
from connectors.recording import Recording, load_recording
from detectors.parameters import build_for_assets
from model.detector import AssetInput, AssetView
from model.plan import DetectorSpec
from model.sensor import Kind

ROOT = Path(__file__).parent.parent
POINTS = (3.1, 3.5, 4.0, 4.5, 6.0)
HEAT_S = (15.0, 30.0, 60.0)
HEAT_K = ((0.5, 2.0), (1.0, 4.0), (2.0, 8.0), (4.0, 16.0))
SHIPPED = (3.1, 15.0, (1.0, 4.0))
UNTIL_S = 120
PREFIX_SHARE = 0.6


class Setting(NamedTuple):
    points: float
    heat_s: float
    heat_k: tuple[float, float]


class Judged(NamedTuple):
    """A series under a setting: whether it alarms before ignition, and how long after it; inf = never."""

    false: bool
    delay_s: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fire_settings")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args().data
    findings = Findings()
    packs = load_packs(["fire"], ROOT, findings)
    findings.raise_errors()
    spec = next(one for one in packs.detectors if one.id == "room_fire")
    kinds = {kind.id: kind for kind in packs.kinds}
    judged = judge_all(data / "nist_fire", spec, kinds)
    series = sorted({name for name, _ in judged})
    settings = sorted({setting for _, setting in judged})
    for setting in settings:
        mark = " <- shipped" if setting == SHIPPED else ""
        print(
            f"{setting.points} points, {setting.heat_s:g} s, {setting.heat_k} K: {said(judged, series, setting)}{mark}"
        )
    chosen = {left: best(judged, [one for one in series if one != left], settings) for left in series}
    left_out = [judged[left, setting] for left, setting in chosen.items()]
    print(f"each series by the choice of the others: {words(left_out)}; {dict(Counter(chosen.values()))}")
    for group, others in itertools.permutations(("fse_", "nrc_")):
        setting = best(judged, [one for one in series if one.startswith(group)], settings)
        rest = [one for one in series if one.startswith(others)]
        print(f"{others}* by the choice of {group}*: {said(judged, rest, setting)}; {tuple(setting)}")


def judge_all(folder: Path, spec: DetectorSpec, kinds: dict[str, Kind]) -> dict[tuple[str, Setting], Judged]:
    channel_map = load_channel_map(ROOT / "packs" / "fire" / "recordings" / "nist_fire.yaml")
    recording = load_recording(folder, channel_map)
    judged = {}
    for name in sorted({one.series for one in recording.sensors}):
        view, time_s, value = held(recording, name, kinds)
        for heat_s, heat_k in itertools.product(HEAT_S, HEAT_K):
            changed = {"heat_s": heat_s, "heat_low": heat_k[0], "heat_high": heat_k[1]}
            detector = build_for_assets(spec.detector, {**spec.parameters, **changed})
            time_ns = ((time_s - time_s[0] + 1) * 1_000_000_000).astype(np.int64)
            score = detector.update(detector.init(view), view, time_ns, value)[""]
            for points in POINTS:
                judged[name, Setting(points, heat_s, heat_k)] = _judged(time_s, score >= points)
    return judged


def held(
    recording: Recording, series: str, kinds: dict[str, Kind]
) -> tuple[AssetView, NDArray[np.float64], NDArray[np.float64]]:
    """A series as its detector sees it: every second, each sensor with its last value; ignition is at 2000-01-01."""
    ignition_ns = int(np.datetime64("2000-01-01", "ns").astype(np.int64))
    own = [at for at, one in enumerate(recording.sensors) if one.series == series]
    times = [(recording.time_ns[recording.sensor == at] - ignition_ns) / 1e9 for at in own]
    time_s = np.arange(min(float(one[0]) for one in times), UNTIL_S + 1.0)
    value = np.full((len(time_s), len(own)), np.nan)
    inputs = []
    for column, (at, at_s) in enumerate(zip(own, times, strict=True)):
        sensor = recording.sensors[at].sensor
        kind = kinds[sensor.kind]
        said_last = np.searchsorted(at_s, time_s, "right") - 1
        read = recording.value[recording.sensor == at][np.maximum(said_last, 0)]
        usable = (said_last >= 0) & (read >= kind.low) & (read <= kind.high)
        value[:, column] = np.where(usable, read, np.nan)
        inputs.append(AssetInput(sensor.tag, kind.id, kind.unit, sensor.position, sensor.period_s or kind.period_s))
    return AssetView(series, {}, tuple(inputs)), time_s, value


def _judged(time_s: NDArray[np.float64], alarmed: NDArray[np.bool_]) -> Judged:
    quiet = (time_s >= time_s[0] * (1 - PREFIX_SHARE)) & (time_s < 0)
    after = time_s[alarmed & (time_s >= 0)]
    return Judged(bool((alarmed & quiet).any()), float(after[0]) if len(after) else np.inf)


def best(judged: dict[tuple[str, Setting], Judged], series: Sequence[str], settings: Iterable[Setting]) -> Setting:
    """Every fire first, then no false alarm, then the shortest delay: median, then mean."""

    def cost(setting: Setting) -> tuple[int, int, float, float]:
        own = [judged[name, setting] for name in series]
        delay_s = [one.delay_s for one in own]
        missed = sum(np.isinf(delay_s))
        return int(missed), sum(one.false for one in own), float(np.median(delay_s)), float(np.mean(delay_s))

    return min(settings, key=cost)


def said(judged: dict[tuple[str, Setting], Judged], series: Sequence[str], setting: Setting) -> str:
    return words([judged[name, setting] for name in series])


def words(own: Sequence[Judged]) -> str:
    delay_s = [one.delay_s for one in own]
    found = int(np.isfinite(delay_s).sum())
    middle, most = np.median(delay_s), np.percentile(delay_s, 90)
    return f"{found} of {len(own)}, {sum(one.false for one in own)} false, median {middle:g} s, 90 % {most:g} s"


if __name__ == "__main__":
    main()
