"""What every detector must hold, whatever it detects. A new one gets here by its line in ``DETECTORS``.

Each check takes a detector and a stream of rows and ticks; ``tests/detectors/test_contract.py`` runs all on all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import AnyDetector
from model import unit
from model.batch import BAD, GOOD, Batch
from model.detector import Explaining, Learning, SensorGroup
from model.inputs import Tick
from model.plan import Parameter
from model.standing import LEARNED
from tests.naive.detectors import NAIVE

PERIOD_S = 1.0
EPOCH_NS = 1_700_000_000_000_000_000

#: Settings quick enough for warm-up, hold and window to begin and end within a short stream.
EXAMPLES: dict[str, list[dict[str, Parameter]]] = {
    "limit": [{"high": 2.5}, {"low": -1.0}, {"low": -1.0, "high": 2.5}],
    "rate": [{"window_s": 10.0}, {"window_s": 3.3}, {"window_s": 60.0}],
    "ewma": [
        {"smooth_s": 2.0, "warmup_s": 12.0, "mean_s": 15.0, "sigma_s": 40.0, "hold_sigma": 2.61, "hold_s": 7.0},
        {"smooth_s": 0.0, "warmup_s": 0.0, "mean_s": 5.0, "sigma_s": 5.0, "sigma_floor": 0.3, "hold_s": 0.0},
        {"smooth_s": 4.0, "warmup_s": 20.0, "mean_s": 100.0, "hold_sigma": 6.3, "hold_s": 3.0},
    ],
    "cusum": [
        {"warmup_s": 12.0, "mean_s": 15.0, "sigma_s": 40.0, "hold_sigma": 4.1, "hold_s": 7.0, "head_start_sigma": 2.3},
        {"side": "high", "warmup_s": 9.0, "every_s": 2.5, "sigma_floor": 0.2, "hold_sigma": 2.3, "hold_s": 20.0},
        {"side": "low", "warmup_s": 3.0, "clip_sigma": 1e6, "cap_sigma": 1e6, "drift_sigma": 0.0, "hold_sigma": 50.0},
    ],
    "change": [
        {"warmup_s": 12.0, "normal_s": 30.0, "hold_sigma": 2.6, "hold_s": 20.0},
        {"side": "high", "warmup_s": 0.0, "clip_sigma": 1e6, "hold_sigma": 3.1, "hold_s": 1e6, "sigma_floor": 0.2},
        {"side": "low", "warmup_s": 9.0, "every_s": 1.5, "clip_sigma": 2.0, "hold_sigma": 2.5, "hold_s": 40.0},
    ],
    "flatline": [{}, {"tolerance": 0.4}],
    "silence": [{}],
    "spike": [{"height": 1.0, "window_s": 10.0}, {"height": 0.0}, {"height": 2.6, "window_s": 300.0}],
    "spectrum": [
        {"bands": 1.0, "warmup_s": 0.0, "normal_s": 60.0, "hold_s": 30.0, "hold_sigma": 2.5},
        {"bands": 2.0, "warmup_s": 12.0, "side": "high"},
        {"bands": 1.0, "warmup_s": 5.0, "side": "low", "hold_s": 0.0},
    ],
    "creep": [{"block_s": 1.0}, {"block_s": 2.1, "hold": 0.0}],
    "time_to_limit": [
        {"limit": 9.0, "window_s": 10.0},
        {"limit": 2.5, "window_s": 20.0, "careful_sigma": 0.0, "horizon_s": 60.0},
        {"limit": 1003.0, "window_s": 14.0, "careful_sigma": 0.7},
    ],
    "rise": [
        {"smooth_s": 3.0, "background_s": 30.0, "warmup_s": 6.0, "hold_s": 9.0},
        {"smooth_s": 0.0, "background_s": 1.0, "warmup_s": 0.0, "floor": 0.02, "spreads": 2.0, "hold_s": 0.0},
    ],
    "rarity": [
        {"smooth_s": 0.0, "warmup_s": 0.0, "tail": 0.2, "forget_s": 20.0, "hold": 1.5, "hold_s": 7.0},
        {"smooth_s": 3.0, "warmup_s": 50.0, "tail": 0.1, "forget_s": 300.0, "side": "low"},
        {"smooth_s": 0.0, "warmup_s": 0.0, "tail": 0.05, "side": "high", "hold_s": 0.0},
    ],
    "seasonal": [
        {"cycle_s": 3.0, "zone_h": 0.0, "smooth_s": 0.0, "warmup_s": 0.0, "hold": 1.6, "hold_s": 9.0, "tail": 0.2},
        {"cycle_s": 7.7, "days": 2.0, "smooth_s": 2.0, "warmup_s": 9.0, "side": "low", "forget_s": 60.0},
        {"cycle_s": 1.0, "side": "high", "warmup_s": 0.0, "smooth_s": 0.0},
    ],
    "trend": [
        {"smooth_s": 1.0, "level_s": 3.0, "slope_s": 15.0, "damp_s": 60.0, "warmup_s": 12.0, "hold_s": 6.0},
        {"smooth_s": 0.0, "level_s": 2.0, "slope_s": 8.0, "damp_s": 9.0, "cycle_s": 6.5, "warmup_s": 4.0},
        {"smooth_s": 2.0, "level_s": 30.0, "slope_s": 120.0, "warmup_s": 0.0, "sigma_floor": 0.3, "hold_sigma": 2.5},
    ],
}

#: Bytes that a sensor may have, where it needs more than ``STATE_BYTES``.
STATE_BYTES_OF = {"seasonal": 1600, "change": 1280, "trend": 560}
STATE_BYTES = 512


@dataclass(frozen=True)
class Stream:
    """Rows and the ticks between them; a tick stands before the row with its position."""

    sensors: SensorGroup
    rows: Batch
    ticks: tuple[tuple[int, Tick], ...]


@dataclass
class Outcome:
    rows: NDArray[np.float64]
    ticks: list[NDArray[np.float64] | None]

    def bits(self) -> tuple[bytes, list[bytes | None]]:
        return self.rows.tobytes(), [None if scores is None else scores.tobytes() for scores in self.ticks]


def _shape(name: str, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    noise = rng.normal(0.0, rng.choice([0.01, 1.0]), n)
    at = int(rng.integers(0, n))
    late = np.arange(n) >= at
    shapes: dict[str, Callable[[], NDArray[np.float64]]] = {
        "noise": lambda: noise,
        "constant": lambda: np.full(n, 0.1),
        "coarse": lambda: np.round(noise + 0.3 * late),
        "walk": lambda: np.cumsum(noise),
        "step": lambda: noise + 5.0 * late,
        "blip": lambda: np.where(np.arange(n) == at, 50.0, 0.0),
        "ramp": lambda: noise + 0.5 * np.maximum(0, np.arange(n) - at),
        "far": lambda: noise + 1000.0,
    }
    return shapes[name]()


SHAPES = ("noise", "constant", "coarse", "walk", "step", "blip", "ramp", "far")


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Sensors with a shape each, reporting in any order, with gaps, unusable values and ticks."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4))
    n = draw(st.integers(1, 90))
    broken = draw(st.sampled_from([0.0, 0.2]))
    sensor = rng.integers(0, len(shapes), n).astype(np.int32)
    time_ns, value = np.zeros(n, np.int64), np.zeros(n)
    for slot, shape in enumerate(shapes):
        mine = sensor == slot
        if mine.any():
            steps_s = rng.choice(
                [1.0, 1.0, 0.25, 1.1, 2.0, 5.0, 40.0], mine.sum(), p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.07, 0.03]
            )
            time_ns[mine] = EPOCH_NS + np.cumsum(np.rint(steps_s * 1e9)).astype(np.int64)
            value[mine] = _shape(shape, rng, int(mine.sum()))
    value[rng.random(n) < broken] = rng.choice([np.nan, np.inf, -np.inf])
    quality = np.where(np.isfinite(value), GOOD, BAD).astype(np.uint8)
    rows = Batch(sensor, time_ns, time_ns + 1, value, quality)
    positions = sorted(draw(st.lists(st.integers(0, n), max_size=5)))
    elapsed_ns = np.cumsum(rng.integers(1, 5_000_000_000, len(positions)))
    ticks = tuple((at, Tick(EPOCH_NS, int(ns))) for at, ns in zip(positions, elapsed_ns, strict=True))
    return Stream(SensorGroup(tuple(f"s{i}" for i in range(len(shapes))), np.full(len(shapes), PERIOD_S)), rows, ticks)


def play(detector: AnyDetector, stream: Stream, *, cuts: tuple[int, ...] = (), state: Any = None) -> Outcome:
    """Feed a stream, cut at the ticks and at ``cuts``."""
    state = detector.init(stream.sensors) if state is None else state
    scores, tick_scores, begin = [np.empty(0)], [], 0
    events: list[tuple[int, Tick | None]] = [(cut, None) for cut in cuts if cut <= len(stream.rows)]
    for end, tick in [*sorted([*events, *stream.ticks], key=lambda event: event[0]), (len(stream.rows), None)]:
        if end > begin:
            scores.append(detector.update(state, stream.rows.take(slice(begin, end))))
            begin = end
        if tick is not None:
            tick_scores.append(detector.advance(state, tick))
    return Outcome(np.concatenate(scores), tick_scores)


def columns_of(state: Any) -> dict[str, NDArray[Any]]:
    return {column.name: getattr(state, column.name) for column in dataclasses.fields(state)}


def only(stream: Stream, rows: NDArray[np.bool_]) -> Stream:
    """The stream with these rows alone."""
    kept_before = np.concatenate([[0], np.cumsum(rows)])
    ticks = tuple((int(kept_before[at]), tick) for at, tick in stream.ticks)
    return Stream(stream.sensors, stream.rows.take(rows), ticks)


def with_rows(stream: Stream, **columns: NDArray[Any]) -> Stream:
    return dataclasses.replace(stream, rows=dataclasses.replace(stream.rows, **columns))


def equals_its_naive_twin(name: str, detector: AnyDetector, stream: Stream) -> None:
    twins = [NAIVE[name](detector, PERIOD_S) for _ in stream.sensors.tags]
    expected, expected_ticks, begin = [], [], 0
    for end, tick in [*stream.ticks, (len(stream.rows), None)]:
        for row in range(begin, end):
            slot = stream.rows.sensor[row]
            expected.append(twins[slot].row(int(stream.rows.time_ns[row]), float(stream.rows.value[row])))
        begin = end
        if tick is not None:
            expected_ticks.append([twin.tick(tick.elapsed_ns) for twin in twins])
    outcome = play(detector, stream)
    np.testing.assert_allclose(outcome.rows, expected, rtol=1e-7, atol=1e-6, equal_nan=True)
    for scores, wanted in zip(outcome.ticks, expected_ticks, strict=True):
        if scores is None:
            assert wanted == [None] * len(twins)
        else:
            np.testing.assert_allclose(scores, np.array(wanted, float), rtol=1e-9, atol=1e-9, equal_nan=True)


def scores_have_the_promised_shape(name: str, detector: AnyDetector, stream: Stream) -> None:
    outcome = play(detector, stream)
    assert outcome.rows.shape == (len(stream.rows),)
    assert outcome.rows.dtype == np.float64
    assert not np.isinf(outcome.rows).any()
    for scores in outcome.ticks:
        assert scores is None or (scores.shape == (len(stream.sensors),) and scores.dtype == np.float64)


def any_split_gives_the_same_bits(name: str, detector: AnyDetector, stream: Stream) -> None:
    whole = play(detector, stream).bits()
    one_by_one = tuple(range(len(stream.rows)))
    assert play(detector, stream, cuts=one_by_one).bits() == whole
    assert play(detector, stream, cuts=one_by_one[::7]).bits() == whole


def the_order_of_sensors_does_not_matter(name: str, detector: AnyDetector, stream: Stream) -> None:
    order = np.roll(np.arange(len(stream.sensors))[::-1], 1)  # new slot -> old slot
    place = np.argsort(order).astype(np.int32)
    sensors = SensorGroup(tuple(stream.sensors.tags[i] for i in order), stream.sensors.period_s[order])
    moved = with_rows(dataclasses.replace(stream, sensors=sensors), sensor=place[stream.rows.sensor])
    there, here = play(detector, moved), play(detector, stream)
    assert there.rows.tobytes() == here.rows.tobytes()
    for a, b in zip(there.ticks, here.ticks, strict=True):
        assert (a is None) == (b is None)
        assert a is None or b is None or a.tobytes() == b[order].tobytes()


def sensors_do_not_touch_each_other(name: str, detector: AnyDetector, stream: Stream) -> None:
    mine = stream.rows.sensor == 0
    value = np.where(mine, stream.rows.value, -3.0 * stream.rows.value + 7.0)
    for other in (with_rows(stream, value=value), with_rows(stream, value=np.where(mine, stream.rows.value, np.nan))):
        assert play(detector, other).rows[mine].tobytes() == play(detector, stream).rows[mine].tobytes()
    alone = play(detector, only(stream, mine))
    assert alone.rows.tobytes() == play(detector, stream).rows[mine].tobytes()
    for a, b in zip(alone.ticks, play(detector, stream).ticks, strict=True):
        assert a is None or b is None or a[:1].tobytes() == b[:1].tobytes()


def rows_without_a_value_score_nan_and_teach_nothing(name: str, detector: AnyDetector, stream: Stream) -> None:
    usable = np.isfinite(stream.rows.value)
    outcome = play(detector, stream)
    assert np.isnan(outcome.rows[~usable]).all()
    without = play(detector, only(stream, usable))
    assert outcome.rows[usable].tobytes() == without.rows.tobytes()
    if name != "silence":  # it hears a row whatever its value
        assert outcome.bits()[1] == without.bits()[1]


def a_restored_snapshot_continues_with_the_same_bits(name: str, detector: AnyDetector, stream: Stream) -> None:
    half = len(stream.rows) // 2
    first = only(stream, np.arange(len(stream.rows)) < half)
    first = dataclasses.replace(first, ticks=tuple((at, tick) for at, tick in stream.ticks if at <= half))
    second = Stream(
        SensorGroup(("new", *stream.sensors.tags[::-1]), np.full(len(stream.sensors) + 1, PERIOD_S)),
        dataclasses.replace(
            stream.rows.take(slice(half, None)),
            sensor=(len(stream.sensors) - stream.rows.sensor[half:]).astype(np.int32),
        ),
        tuple((at - half, tick) for at, tick in stream.ticks if at > half),
    )
    before, after = detector.init(stream.sensors), detector.init(second.sensors)
    played = play(detector, first, state=before)
    for column, array in columns_of(before).items():
        restored = columns_of(after)[column]
        if array.ndim == 0:
            restored[...] = array
        else:
            restored[1:] = array[::-1]
    continued = play(detector, second, state=after)
    whole = play(detector, stream)
    assert np.concatenate([played.rows, continued.rows]).tobytes() == whole.rows.tobytes()
    for a, b in zip(continued.ticks, whole.ticks[len(first.ticks) :], strict=True):
        assert a is None or b is None or a[1:][::-1].tobytes() == b.tobytes()


def the_input_is_not_modified(name: str, detector: AnyDetector, stream: Stream) -> None:
    """Nor need it be writable or contiguous, as a batch out of a received buffer may not be."""
    columns = {column: array.copy() for column, array in _columns(stream.rows).items()}
    frozen, strided = {}, {}
    for column, array in columns.items():
        frozen[column] = array.copy()
        frozen[column].flags.writeable = False
        strided[column] = np.repeat(array, 2)[::2]
    expected = play(detector, stream).bits()
    assert play(detector, with_rows(stream, **frozen)).bits() == expected
    assert play(detector, with_rows(stream, **strided)).bits() == expected
    for column, array in _columns(stream.rows).items():
        assert array.tobytes() == columns[column].tobytes()


def _columns(rows: Batch) -> dict[str, NDArray[Any]]:
    return {column.name: getattr(rows, column.name) for column in dataclasses.fields(rows)}


def a_shift_in_time_changes_nothing(name: str, detector: AnyDetector, stream: Stream) -> None:
    shift_ns = 12_345_678_901_234_567
    if getattr(detector, "cycle_s", 0.0) > 0.0:  # by whole weeks of its days
        week_ns = 7 * round(1e9 * detector.cycle_s)  # type: ignore[attr-defined]
        shift_ns = shift_ns // week_ns * week_ns
    moved = with_rows(stream, time_ns=stream.rows.time_ns + shift_ns, received_ns=stream.rows.received_ns + shift_ns)
    ticks = tuple((at, Tick(t.wall_ns + shift_ns, t.elapsed_ns + shift_ns)) for at, t in stream.ticks)
    assert play(detector, dataclasses.replace(moved, ticks=ticks)).bits() == play(detector, stream).bits()


def the_state_is_arrays_by_slot(name: str, detector: AnyDetector, stream: Stream) -> None:
    states = [detector.init(stream.sensors) for _ in range(2)]
    for _ in range(2):
        for column, array in columns_of(states[0]).items():
            assert isinstance(array, np.ndarray), column
            assert array.dtype.kind in "fiuV", column
            assert not array.dtype.hasobject, column
            assert array.ndim == 0 or array.shape[0] == len(stream.sensors), column
            assert not np.shares_memory(array, columns_of(states[1])[column]), column
        play(detector, stream, state=states[0])
    assert sum(array.nbytes for array in columns_of(states[0]).values()) <= 8 + STATE_BYTES_OF.get(
        name, STATE_BYTES
    ) * len(stream.sensors)


def a_huge_value_is_no_value(name: str, detector: AnyDetector, stream: Stream) -> None:
    """What would overflow a square must not stay in the state for ever."""
    rows = stream.rows
    huge = with_rows(stream, value=np.where(np.isfinite(rows.value), rows.value, -1e300))
    nothing = with_rows(stream, value=np.where(np.isfinite(rows.value), rows.value, np.nan))
    assert play(detector, huge).rows.tobytes() == play(detector, nothing).rows.tobytes()


def a_row_of_no_slot_is_refused(name: str, detector: AnyDetector, stream: Stream) -> None:
    """Only where there is a state to damage."""
    for slot in (-1, len(stream.sensors)):
        sensor = np.full(len(stream.rows), slot, np.int32)
        state = detector.init(stream.sensors)
        if not columns_of(state):
            return
        try:
            detector.update(state, dataclasses.replace(stream.rows, sensor=sensor))
        except IndexError:
            continue
        raise AssertionError(f"slot {slot} was taken")


def an_empty_batch_is_nothing(name: str, detector: AnyDetector, stream: Stream) -> None:
    state = detector.init(stream.sensors)
    assert detector.update(state, Batch.empty()).shape == (0,)
    assert play(detector, stream, state=state).bits() == play(detector, stream).bits()


def a_state_that_outlasts_settings_has_one_form(name: str, detector: AnyDetector, stream: Stream) -> None:
    """Otherwise it could not go on under other settings; and it does go on, whatever these are."""
    if not detector.state_outlasts_settings:
        return
    other = type(detector)(**EXAMPLES[name][-1])
    state, expected = detector.init(stream.sensors), other.init(stream.sensors)
    play(detector, stream, state=state)
    for column, array in columns_of(state).items():
        wanted = columns_of(expected)[column]
        assert (array.dtype, array.shape) == (wanted.dtype, wanted.shape), column
    later_ns = stream.rows.time_ns + 10**12
    assert play(other, with_rows(stream, time_ns=later_ns), state=state).rows.shape == (len(stream.rows),)


def an_explanation_is_that_of_the_last_row(name: str, detector: AnyDetector, stream: Stream) -> None:
    """However the rows are cut, and whoever stands beside the sensor; it tells of times that were, changing nothing."""
    if not isinstance(detector, Explaining):
        return
    whole, cut = detector.init(stream.sensors), detector.init(stream.sensors)
    scores = play(detector, stream, state=whole).rows
    play(detector, stream, state=cut, cuts=tuple(range(len(stream.rows))))
    before = {column: array.tobytes() for column, array in columns_of(whole).items()}
    for slot in range(len(stream.sensors)):
        own = stream.rows.sensor == slot
        if not own.any():
            continue
        alone = detector.init(SensorGroup(stream.sensors.tags[slot : slot + 1], stream.sensors.period_s[:1]))
        play(detector, with_rows(only(stream, own), sensor=np.zeros(own.sum(), np.int32)), state=alone)
        score = float(scores[own][-1])
        told = detector.explain(whole, slot, score)
        assert repr(told) == repr(detector.explain(cut, slot, score)) == repr(detector.explain(alone, 0, score))
        assert told.unit == ""
        assert not told.contributors
        assert told.since_ns is None or told.since_ns <= stream.rows.time_ns[own].max()
        assert told.confidence is None or np.isnan(told.confidence) or 0.0 <= told.confidence <= 1.0
    assert before == {column: array.tobytes() for column, array in columns_of(whole).items()}


def what_is_learned_is_said_of_every_sensor(name: str, detector: AnyDetector, stream: Stream) -> None:
    if not isinstance(detector, Learning):
        return
    sensors = SensorGroup((*stream.sensors.tags, "never"), np.append(stream.sensors.period_s, PERIOD_S))
    whole, cut = detector.init(sensors), detector.init(sensors)
    play(detector, dataclasses.replace(stream, sensors=sensors), state=whole)
    play(detector, dataclasses.replace(stream, sensors=sensors), state=cut, cuts=tuple(range(len(stream.rows))))
    said, again = detector.learned(whole), detector.learned(cut)
    heard = np.isin(np.arange(len(sensors)), stream.rows.sensor[np.isfinite(stream.rows.value)])
    assert said.keys() == LEARNED.keys()
    for column, values in said.items():
        assert (values.dtype, values.shape) == (np.float64, (len(sensors),))
        assert values.tobytes() == again[column].tobytes()
        assert (np.isnan(values) == ~heard).all()
        assert (values[heard] >= 0.0).all()
    assert set(np.r_[said["warming"][heard], said["stale"][heard]]) <= {0.0, 1.0}


def units_are_known(name: str, detector: AnyDetector) -> None:
    for kind in ("%LEL", "%VOL", "ppm", "kPa", "mH2O", "m3/h", "degC", "dB/m", "kW/m2", "1", "%"):
        assert unit.known(detector.score_unit(kind)), detector.score_unit(kind)


CHECKS: tuple[Callable[[str, AnyDetector, Stream], None], ...] = (
    equals_its_naive_twin,
    scores_have_the_promised_shape,
    any_split_gives_the_same_bits,
    the_order_of_sensors_does_not_matter,
    sensors_do_not_touch_each_other,
    rows_without_a_value_score_nan_and_teach_nothing,
    a_restored_snapshot_continues_with_the_same_bits,
    the_input_is_not_modified,
    a_shift_in_time_changes_nothing,
    the_state_is_arrays_by_slot,
    a_huge_value_is_no_value,
    a_row_of_no_slot_is_refused,
    an_empty_batch_is_nothing,
    a_state_that_outlasts_settings_has_one_form,
    an_explanation_is_that_of_the_last_row,
    what_is_learned_is_said_of_every_sensor,
)
