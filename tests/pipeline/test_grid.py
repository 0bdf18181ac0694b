"""From readings to instants of a grid, against a slow, obvious model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.process.grid import RING, Grid, GridState, instants

SECOND = 10**9
Given = tuple[int, float, float]  # input, time in s, value
Told = tuple[int, int, float, tuple[float | None, ...]]  # asset, row, time in s, values


def grid(inputs: Sequence[int], *, patience: int = 3, stale_s: float = 5.0) -> Grid:
    """One asset for each number of inputs, an instant a second."""
    first = np.concatenate([[0], np.cumsum(inputs)]).astype(np.int32)
    asset_of = np.repeat(np.arange(len(inputs)), inputs).astype(np.int32)
    return Grid(SECOND, patience, 10 * SECOND, first, asset_of, np.full(len(asset_of), round(stale_s * SECOND)))


def told(on: Grid, state: GridState, rows: Sequence[Given], *, cuts: Sequence[int] = ()) -> Iterator[Told]:
    edges = [0, *sorted(cuts), len(rows)]
    for begin, end in itertools.pairwise(edges):
        part = rows[begin:end]
        source = np.array([row[0] for row in part], np.int32)
        time_ns = np.array([round(row[1] * SECOND) for row in part], np.int64)
        value, quality = np.array([row[2] for row in part], np.float64), np.zeros(len(part), np.uint8)
        for found in instants(on, state, source, time_ns, value, quality):
            for at in range(len(found.asset)):
                asset = int(found.asset[at])
                width = int(on.first_input[asset + 1] - on.first_input[asset])
                values = tuple(None if np.isnan(v) else float(v) for v in found.value[at, :width])
                yield asset, begin + int(found.row[at]), found.time_ns[at] / SECOND, values


def naive(on: Grid, rows: Sequence[Given]) -> Iterator[Told]:
    """Keeps every row for ever, and looks through all of them at each instant."""
    for asset in range(len(on.first_input) - 1):
        own = list(range(on.first_input[asset], on.first_input[asset + 1]))
        seen: list[tuple[int, int, float]] = []
        reached: int | None = None
        for number, (source, time_s, value) in enumerate(rows):
            if source not in own:
                continue
            now_ns = round(time_s * SECOND)
            seen.append((source, now_ns, value))
            reached = -(-now_ns // SECOND) - 1 if reached is None else reached
            passed = [max((t // SECOND for s, t, _ in seen if s == i), default=None) for i in own]
            newest = max(one for one in passed if one is not None)
            until = max(min(-(10**9) if one is None else one for one in passed), newest - on.patience)
            reached = max(reached, until - RING)
            while reached < until:
                reached += 1
                values = tuple(_as_of(seen, i, reached * SECOND, int(on.stale_ns[i])) for i in own)
                if any(found is not None for found in values):
                    yield asset, number, float(reached), tuple(None if v is None or np.isnan(v) else v for v in values)


def _as_of(seen: Sequence[tuple[int, int, float]], source: int, at_ns: int, stale_ns: int) -> float | None:
    before = [(t, v) for s, t, v in seen if s == source and t <= at_ns]
    return before[-1][1] if before and at_ns - before[-1][0] <= stale_ns else None


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Given], list[int]]:
    """Rows whose times rise for each input, with lags and gaps."""
    clocks = [draw(st.sampled_from([0.0, 0.5, 2.0])) for _ in range(4)]
    rows: list[Given] = []
    for _ in range(draw(st.integers(1, 40))):
        source = draw(st.integers(0, 3))
        clocks[source] += draw(st.sampled_from([0.25, 0.5, 1.0, 1.0, 1.0, 3.0, 20.0, 500.0]))
        rows.append((source, clocks[source], draw(st.sampled_from([1.0, 2.0, 3.0, float("nan")]))))
    return rows, draw(st.lists(st.integers(0, len(rows)), max_size=4))


@given(stories())
def test_given_any_rows_when_offered_in_any_batches_then_the_instants_are_those_of_the_slow_model(
    story: tuple[list[Given], list[int]],
) -> None:
    rows, cuts = story
    on = grid([3, 1])
    found = list(told(on, GridState.fresh(4), rows, cuts=cuts))
    assert sorted(found, key=lambda one: one[:3]) == sorted(naive(on, rows), key=lambda one: one[:3])
    assert [one[1] for one in found] == sorted(one[1] for one in found)


def test_given_two_sensors_in_step_when_both_have_spoken_then_the_instant_is_reached() -> None:
    rows: list[Given] = [(0, 1.0, 5.0), (1, 1.0, 6.0), (0, 2.0, 7.0), (1, 2.0, 8.0)]
    found = list(told(grid([2]), GridState.fresh(2), rows))
    assert found == [(0, 1, 1.0, (5.0, 6.0)), (0, 3, 2.0, (7.0, 8.0))]


def test_given_a_silent_sensor_when_the_other_goes_on_then_it_is_waited_for_no_longer_than_patience() -> None:
    rows: list[Given] = [(0, float(second), float(second)) for second in range(1, 8)]
    found = list(told(grid([2], patience=3), GridState.fresh(2), rows))
    assert [(one[2], one[3]) for one in found] == [(float(at), (float(at), None)) for at in range(1, 5)]


@pytest.mark.parametrize("rows", [20_000])
def test_given_more_instants_than_fit_at_once_then_none_is_missing(rows: int) -> None:
    given_rows: list[Given] = [(0, float(second), 1.0) for second in range(rows)]
    assert len(list(told(grid([1]), GridState.fresh(1), given_rows))) == rows
