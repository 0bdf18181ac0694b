"""Rows of one kind as columns: what each operand that a rule may name is known to be at each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch
from model.explanation import Explanation
from pipeline.process.binding import KindProgram
from pipeline.process.explain import Explainer
from rules.evidence import Known

_Column = TypeVar("_Column", bound=np.generic)
Columns = dict[str, NDArray[np.float64]]
#: (detector, score) of a row, and its place -> what explains them.
Explain: TypeAlias = Callable[[Iterable[tuple[str, float]], int], dict[str, Explanation]]


def columns_of(
    program: KindProgram,
    part: Batch,
    slots: NDArray[np.int32],
    fresh: NDArray[np.bool_],
    clock_fault: NDArray[np.bool_],
    beside: Known,
) -> tuple[Known, Explain]:
    """Take rows of a kind through its detectors and windows.

    Args:
        program: its state is changed in place.
        part: admitted rows.
        slots: int32 [n].
        fresh: bool [n]; of late rows nothing is known but what the reading itself says.
        clock_fault: bool [n].
        beside: what is known of others and of the time at the rows.

    """
    columns: Columns = {
        "value": part.value,
        "quality": part.quality.astype(np.float64),
        "clock_fault": clock_fault.astype(np.float64),
        **beside.low,
    }
    all_fresh = bool(fresh.all())
    rows = slice(None) if all_fresh else np.flatnonzero(fresh)
    seen = part.take(rows)
    by_slot = Batch(slots[rows], seen.time_ns, seen.received_ns, seen.value, seen.quality)
    explainer = Explainer(program.explaining, by_slot, program.doubles, program.kind.unit)
    scores = {bound.spec.id: bound.detector.update(bound.state, by_slot) for bound in program.detectors}
    high: Columns = {}
    doubtful: dict[str, NDArray[np.bool_]] = {}
    for series in program.series:
        known = series.read(by_slot, scores.get(series.base, seen.value))
        scores |= known.low
        high |= known.high
        doubtful |= known.doubtful
    if all_fresh:
        known = Known(columns | scores, {**high, **beside.high}, {**doubtful, **beside.doubtful})
        return known, partial(_of_seen, explainer, None)
    known = Known(
        columns | {name: _spread(score, rows, np.nan, len(part)) for name, score in scores.items()},
        {name: _spread(most, rows, np.nan, len(part)) for name, most in high.items()} | dict(beside.high),
        {name: _spread(doubt, rows, 0, len(part)) for name, doubt in doubtful.items()} | dict(beside.doubtful),
    )
    return known, partial(_of_seen, explainer, fresh)


def _spread(column: NDArray[_Column], rows: slice | NDArray[np.intp], fill: float, size: int) -> NDArray[_Column]:
    """Back to all rows, what is late between them."""
    spread = np.full(size, fill, column.dtype)
    spread[rows] = column
    return spread


def _of_seen(
    explainer: Explainer, fresh: NDArray[np.bool_] | None, scores: Iterable[tuple[str, float]], row: int
) -> dict[str, Explanation]:
    """Explain scores of a row, by its place among all; of rows that detectors did not see there is nothing to say."""
    if fresh is None:
        return explainer.explain(scores, row)
    return explainer.explain(scores, int(np.count_nonzero(fresh[:row]))) if fresh[row] else {}
