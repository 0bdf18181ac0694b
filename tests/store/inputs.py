"""Inputs of every sort for tests of the stores."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from model.batch import Batch
from model.inputs import HumanAct, Input, PlanChange, Proposal, Tick
from tests.pipeline.plans import grade, plan, rule

INT64 = st.integers(-(2**63), 2**63 - 1)
PLAN = plan(rule("r", grade("red", "value >= 50.5 %LEL", 1.5)))


@st.composite
def batches(draw: st.DrawFn, rows_min: int = 0, rows_max: int = 6) -> Batch:
    n = draw(st.integers(rows_min, rows_max))

    def column(elements: st.SearchStrategy[float], dtype: type[np.generic]) -> np.ndarray:
        return np.array(draw(st.lists(elements, min_size=n, max_size=n)), dtype)

    return Batch(
        column(st.integers(0, 2**31 - 1), np.int32),
        column(INT64, np.int64),
        column(INT64, np.int64),
        column(st.floats(), np.float64),
        column(st.integers(0, 2), np.uint8),
    )


def inputs(rows_min: int = 0) -> st.SearchStrategy[Input]:
    text = st.text(st.characters(codec="utf-8"), max_size=10)
    return st.one_of(
        batches(rows_min),
        st.builds(Tick, INT64, INT64, text),
        st.builds(HumanAct, text, text, text, text, text, INT64),
        st.just(PlanChange(PLAN, 7)),
        st.builds(Proposal, text, text, text, text, st.tuples(text), INT64, INT64),
    )


def plain(item: Input) -> object:
    """Comparable, bit for bit: a NaN equals itself."""
    if isinstance(item, Batch):
        return [(column.dtype.str, column.tobytes()) for column in columns(item)]
    return item


def columns(batch: Batch) -> list[np.ndarray]:
    return [batch.sensor, batch.time_ns, batch.received_ns, batch.value, batch.quality]


def count(item: Input) -> int:
    return len(item) if isinstance(item, Batch) else 1


def batch_of(rows: int, first: int = 0) -> Batch:
    """Rows whose value is their number."""
    number = np.arange(first, first + rows)
    return Batch(
        np.zeros(rows, np.int32), number * 10, number * 10 + 1, number.astype(np.float64), np.zeros(rows, np.uint8)
    )
