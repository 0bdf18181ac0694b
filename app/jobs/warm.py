"""``fengsui warm``: compile every kernel once, so that the first alarm does not wait for a compiler."""

from __future__ import annotations

import numpy as np

import connectors.mqtt.frames  # noqa: F401 - compiled when it is imported, as are the decoder's kernels
from config.packs import SHIPPED, check_packs, shipped
from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from model.batch import Batch
from model.connector import Deliveries, Delivery
from model.inputs import PlanChange, Tick
from model.plan import AlarmPolicy, Plan
from model.sensor import Asset, Enterprise, GridCell, Sensor, Site
from model.text import Text
from pipeline.process.step import begin, step

_NAME = Text("预热", "warm-up")
_START_NS = 1_767_542_400_000_000_000


def warm() -> int:
    """Run a few readings of every kind through everything; returns how many kinds."""
    message = Delivery(
        "warm", "warm", b'{"value": 1, "time": "2026-01-05 00:00:00"}', _START_NS, retained=False, receipt=1
    )
    MessageDecoder([Subscription(topic="warm", tag="warm")]).decode(Deliveries.of([message]))
    packs, _ = check_packs(shipped(), SHIPPED)
    kinds = packs.kinds
    plan = Plan(
        version="warm",
        enterprises=(Enterprise("warm", _NAME),),
        grid_cells=(GridCell("warm", _NAME),),
        sites=(Site("warm", _NAME, "warm", "warm"),),
        assets=(Asset("warm", _NAME, "warm"),),
        kinds=kinds,
        sensors=tuple(Sensor(kind.id, kind.id, "warm", _NAME) for kind in kinds),
        detectors=packs.detectors,
        rules=packs.rules,
        alarms=AlarmPolicy(),
    )
    state = begin(PlanChange(plan, _START_NS), 0)
    rows = len(kinds)
    for second in range(3):
        now = np.full(rows, _START_NS + second * 10**9, np.int64)
        middle = np.array([(kind.low + kind.high) / 2 for kind in kinds])
        batch = Batch(np.arange(rows, dtype=np.int32), now, now, middle, np.zeros(rows, np.uint8))
        step(state, state.next_offset, batch)
        step(state, state.next_offset, Tick(_START_NS + second * 10**9, second * 10**9))
    return rows
