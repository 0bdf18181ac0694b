"""What the benches judge: the pack in ``bench/pack`` (5 detectors, 20 rules, one kind) over any number of sensors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.sensors import KIND, NOISE, QUIET, SITE, tag
from config.findings import Findings
from config.packs import load_packs
from config.plan import make_plan
from config.registry import Registry
from model.batch import GOOD, Batch
from model.plan import Plan
from model.sensor import Asset, Enterprise, GridCell, Sensor, Site
from model.text import Text

PACK = Path(__file__).parent / "pack"
RULES = 20
START_NS = 1_767_542_400_000_000_000
SECOND_NS = 1_000_000_000

_NAME = Text("测试", "Bench")


def plan(sensors: int, *, rules: int = RULES) -> Plan:
    """Give the bench pack over so many sensors; other numbers of rules repeat the twenty or leave some out."""
    findings = Findings()
    packs = load_packs([str(PACK)], PACK.parent, findings)
    findings.raise_errors()
    chosen = tuple(
        replace(packs.rules[at % RULES], id=f"{packs.rules[at % RULES].id}.{at // RULES}") for at in range(rules)
    )
    registry = Registry(
        enterprises=(Enterprise("bench", _NAME),),
        grid_cells=(GridCell("bench", _NAME),),
        sites=(Site(SITE, _NAME, "bench", "bench"),),
        assets=(Asset("bench", _NAME, SITE),),
        sensors=tuple(Sensor(tag(sensor), KIND, "bench", _NAME) for sensor in range(sensors)),
    )
    return make_plan(replace(packs, rules=chosen), registry)


def scattered(sensors: int, rows: int, batch_rows: int, *, first_second: int = 0, seed: int = 1) -> list[Batch]:
    """Quiet readings, one a second of each sensor, in a new random order every second."""
    rng = np.random.default_rng(seed)
    seconds = -(-rows // sensors)
    sensor = np.concatenate([rng.permutation(sensors) for _ in range(seconds)])[:rows].astype(np.int32)
    place = np.arange(rows, dtype=np.int64)
    time_ns = START_NS + (first_second + place // sensors) * SECOND_NS + place % sensors * (SECOND_NS // sensors)
    return _cut(sensor, time_ns, rng, batch_rows)


def one_sensor(rows: int, batch_rows: int, *, first_second: int = 0, seed: int = 1) -> list[Batch]:
    """Quiet readings of one sensor alone, one a second."""
    rng = np.random.default_rng(seed)
    time_ns = START_NS + (first_second + np.arange(rows, dtype=np.int64)) * SECOND_NS
    return _cut(np.zeros(rows, np.int32), time_ns, rng, batch_rows)


def _cut(
    sensor: np.ndarray[tuple[int], np.dtype[np.int32]],
    time_ns: np.ndarray[tuple[int], np.dtype[np.int64]],
    rng: np.random.Generator,
    batch_rows: int,
) -> list[Batch]:
    value = np.round(rng.normal(QUIET, NOISE, len(sensor)), 2)
    whole = Batch(sensor, time_ns, time_ns, value, np.full(len(sensor), GOOD, np.uint8))
    return [whole.take(slice(begin, begin + batch_rows)) for begin in range(0, len(sensor), batch_rows)]
