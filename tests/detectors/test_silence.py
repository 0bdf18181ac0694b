from __future__ import annotations

import numpy as np

from model.inputs import Tick
from tests.detectors.feed import Fed


def tick(fed: Fed, elapsed_s: float) -> list[float]:
    scores = fed.detector.advance(fed.state, Tick(wall_ns=0, elapsed_ns=int(elapsed_s * 1e9)))
    assert scores is not None
    return [float(score) for score in scores]


def test_the_first_tick_only_sets_the_clock() -> None:
    fed = Fed("silence", {}, sensors=2)
    assert np.isnan(tick(fed, 5000.0)).all()
    assert tick(fed, 5001.0) == [1.0, 1.0]


def test_a_sensor_never_heard_counts_from_the_first_tick() -> None:
    fed = Fed("silence", {})
    tick(fed, 100.0)
    assert tick(fed, 400.0) == [300.0]


def test_a_row_ends_the_silence_of_its_sensor_alone() -> None:
    fed = Fed("silence", {}, sensors=2)
    tick(fed, 0.0)
    tick(fed, 60.0)
    fed.detector.update(fed.state, only_first(fed, 1.0))
    assert tick(fed, 61.0) == [1.0, 61.0]


def test_a_row_without_a_usable_value_has_arrived() -> None:
    fed = Fed("silence", {})
    tick(fed, 0.0)
    tick(fed, 60.0)
    assert np.isnan(fed.rows([np.nan])).all()
    assert tick(fed, 61.0) == [1.0]


def test_event_time_does_not_matter() -> None:
    fed = Fed("silence", {})
    tick(fed, 0.0)
    fed.wait(-1e6)
    tick(fed, 60.0)
    assert fed.rows([1.0]).tolist() == [0.0]
    assert tick(fed, 62.0) == [2.0]


def test_a_sensor_added_later_counts_from_its_own_first_tick() -> None:
    """A new slot of a restored state: the shared clock is old, the slot is not."""
    fed = Fed("silence", {}, sensors=2)
    fed.state.clock_ns[...] = int(900e9)
    fed.state.arrived_ns[0] = int(890e9)
    scores = tick(fed, 901.0)
    assert scores[0] == 11.0
    assert np.isnan(scores[1])
    assert tick(fed, 902.0) == [12.0, 1.0]


def only_first(fed: Fed, value: float):
    from model.batch import Batch

    return Batch(
        np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([value]), np.zeros(1, np.uint8)
    )
