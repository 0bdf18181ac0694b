"""What every detector on whole assets must hold. A new one gets here by its line in ``ASSET_DETECTORS``.

``tests/detectors/test_asset_contract.py`` runs all on all.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import AnyAssetDetector
from model.detector import AssetInput, AssetView, Columns
from model.plan import Parameter
from model.sensor import Position
from tests.naive.asset_detectors import NAIVE

EPOCH_NS = 1_700_000_000_000_000_000

#: Settings that do something within a short stream.
EXAMPLES: dict[str, list[dict[str, Parameter]]] = {
    "vote": [{"of": 2.0}, {"of": 3.0}, {"of": 1.0, "side": "low"}, {"of": 2.0, "side": "low", "every_s": 0.5}],
    "combustion": [
        {"co_kinds": "co", "humidity_kinds": "humidity", "warmup_s": 2.0, "gather_s": 5.0, "hold_s": 2.0},
        {"o2_kinds": "co", "heat_s": 3.0, "learn_s": 5.0, "every_s": 0.5, "smoke_low": 0.5, "smoke_high": 1.0},
    ],
    "neighbours": [
        {"floor": 0.5, "every_s": 1.0, "smooth_s": 2.0, "warmup_s": 10.0, "hold_s": 4.0, "follow_s": 30.0},
        {"floor": 0.01, "every_s": 1.0, "smooth_s": 0.5, "warmup_s": 9.0, "hold_sigma": 2.0, "clip_sigma": 1.0},
    ],
    "pca": [
        {"warmup_s": 12.0, "explained": 0.61, "hold_s": 4.0},
        {"warmup_s": 10.0, "lags": 1.0, "ridge": 1.0, "adapt_s": 7.0, "explained": 0.0},
        {"warmup_s": 11.0, "smooth_s": 1.7, "explained": 0.83, "confidence": 0.9},
        {"warmup_s": 4.0, "explained": 0.61, "follow_s": 7.0},
    ],
    "volume_balance": [
        {"every_s": 1.0, "fast_s": 2.0, "slow_s": 4.0, "warmup_s": 3.0, "follow_s": 20.0, "hold_s": 3.0},
        {"every_s": 0.5, "fast_s": 1.0, "slow_s": 1.0, "warmup_s": 2.0, "hold_sigma": 1.0, "floor_share": 0.1},
    ],
    "network_heads": [
        {"every_s": 1.0, "block_s": 2.0, "fast_s": 4.0, "usual_s": 6.0, "warmup_s": 10.0, "hold_s": 6.0},
        {"every_s": 1.0, "block_s": 1.0, "fast_s": 3.0, "usual_s": 3.0, "warmup_s": 6.0, "shrink": 0.5, "ridge": 2.0},
    ],
    "night_flow": [
        {"every_s": 1.0, "cycle_s": 4.0, "begin_s": 1.0, "length_s": 2.0, "warmup_nights": 3.0, "usual_nights": 4.0}
        | {"gap_nights": 1.0, "slow_nights": 2.0, "zone_h": 0.0, "hold_sigma": 0.5, "hold_nights": 2.0}
        | {"out_kinds": "out"},
        {"every_s": 1.0, "cycle_s": 3.0, "begin_s": 0.0, "length_s": 2.0, "warmup_nights": 3.0, "usual_nights": 3.0}
        | {"gap_nights": 0.0, "slow_nights": 1.0, "memory": 0.0, "floor_share": 0.1},
    ],
    "pressure_wave": [
        {"every_s": 1.0, "front_s": 1.0, "before_s": 2.0, "warmup_s": 1.0, "front_sigma": 2.0, "hold_s": 3.0}
        | {"wave_speed_m_s": 50.0, "together_sigma": 2.0, "opening_s": 9.0},
        {"every_s": 0.5, "front_s": 1.0, "before_s": 1.0, "warmup_s": 1.0, "front_sigma": 2.0, "sigma_floor": 0.5},
    ],
    "gas_evidence": [
        {
            "every_s": 1.0,
            "background_s": 60.0,
            "warmup_s": 3.0,
            "memory_s": 20.0,
            "wind_s": 3.0,
            "hold_s": 4.0,
            "cap": 4.0,
        },
        {"every_s": 1.0, "background_s": 60.0, "warmup_s": 0.0, "floor": 2.1, "spreads": 1.0, "hold_s": 0.0},
    ],
}

#: What the sensors of an asset measure, kind and unit, in turn; where it is not the same for all.
MEASURED: dict[str, list[tuple[str, str]]] = {
    "VolumeBalance": [("flow", "m3/h"), ("pressure", "kPa"), ("flow", "m3/h")],
    "NightFlow": [("flow", "m3/h"), ("out", "m3/h"), ("gas", "ppm"), ("level", "m"), ("level", "m")],
    "NetworkHeads": [("head", "mH2O"), ("flow", "m3/h"), ("head", "mH2O"), ("level", "m")],
    "Combustion": [("temperature", "°F"), ("smoke", "1/m"), ("co", "ppm"), ("humidity", "%RH")],
    "GasEvidence": [("gas", "ppm"), ("speed", "m/s"), ("gas", "ppm"), ("wind", "deg"), ("gas", "ppm")],
}


#: Attributes of the asset: places from which gas may come, and a pipe.
SOURCES = {"source_a_lat": 40.0002, "source_a_lon": 116.0003, "source_b_lat": 40.0007, "source_b_lon": 116.0014} | {
    "diameter_m": 0.5,
    "tank_area_m2": 3.0,
    "wave_speed_m_s": 50.0,
    "wave_speed_2_m_s": 80.0,
}


@dataclass(frozen=True)
class AssetStream:
    """An asset and what its sensors say at instants of the detector's grid."""

    asset: AssetView
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]


def asset(inputs: int, measured: Sequence[tuple[str, str]] = (("gas", "%LEL"),)) -> AssetView:
    kinds = [measured[n % len(measured)] for n in range(inputs)]
    of = [AssetInput(f"s{n}", *kind, _position(n), 1.0) for n, kind in enumerate(kinds)]
    return AssetView("vessel", SOURCES, tuple(of))


def _position(n: int) -> Position:
    return Position(lat=40.0 + 1e-3 * (n % 2), lon=116.0 + 1e-3 * (n // 2), along_m=100.0 * n)


@st.composite
def streams(draw: st.DrawFn, detector: AnyAssetDetector) -> AssetStream:
    measured = MEASURED.get(type(detector).__name__, [("gas", "%LEL")])
    inputs = draw(st.integers(1, 5).filter(lambda count: detector.fits(asset(count, measured))))
    rows = draw(st.integers(0, 30))
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 5]), min_size=rows, max_size=rows))
    time_ns = EPOCH_NS + np.cumsum(steps, dtype=np.int64) * round(detector.every_s * 1e9)
    cell = st.sampled_from([-3.0, 0.0, 1.0, 2.0, 2.0, 5.0, 30.0, float("nan"), float("inf"), -1e300])
    cells = draw(st.lists(cell, min_size=rows * inputs, max_size=rows * inputs))
    return AssetStream(asset(inputs, measured), time_ns, np.array(cells, np.float64).reshape(rows, inputs))


def scores(detector: AnyAssetDetector, stream: AssetStream, *, state: Any = None, rows: slice = slice(None)) -> Columns:
    own = detector.init(stream.asset) if state is None else state
    return detector.update(own, stream.asset, stream.time_ns[rows], stream.value[rows])


def same(left: Columns, right: Columns) -> None:
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])


def check_equals_its_naive_twin(name: str, detector: AnyAssetDetector, stream: AssetStream) -> None:
    found, wanted = scores(detector, stream), NAIVE[name](detector, stream.asset, stream.time_ns, stream.value)
    assert found.keys() == wanted.keys() == detector.units("%LEL").keys()
    for column in found:
        np.testing.assert_allclose(found[column], wanted[column], rtol=1e-9, atol=1e-9, equal_nan=True)


def check_any_split_gives_the_same_bits(name: str, detector: AnyAssetDetector, stream: AssetStream) -> None:
    state = detector.init(stream.asset)
    parts = [scores(detector, stream, state=state, rows=slice(at, at + 1)) for at in range(len(stream.time_ns))]
    whole = scores(detector, stream)
    same({column: np.concatenate([part[column] for part in parts] or [np.empty(0)]) for column in whole}, whole)


def check_a_kept_state_goes_on(name: str, detector: AnyAssetDetector, stream: AssetStream) -> None:
    half = len(stream.time_ns) // 2
    state = detector.init(stream.asset)
    scores(detector, stream, state=state, rows=slice(half))
    kept, restored = copy.deepcopy(state), detector.init(stream.asset)
    for item in dataclasses.fields(restored):
        getattr(restored, item.name)[...] = getattr(kept, item.name)
    rest = slice(half, None)
    same(scores(detector, stream, state=restored, rows=rest), scores(detector, stream, state=state, rows=rest))


def check_the_input_is_not_modified(name: str, detector: AnyAssetDetector, stream: AssetStream) -> None:
    before = stream.value.copy()
    scores(detector, stream)
    np.testing.assert_array_equal(stream.value, before)


def check_nothing_said_nothing_scored(name: str, detector: AnyAssetDetector, stream: AssetStream) -> None:
    silent = dataclasses.replace(stream, value=np.full_like(stream.value, np.nan))
    assert np.isnan(scores(detector, silent)[""]).all()


def check_a_shift_in_time_changes_nothing(name: str, detector: AnyAssetDetector, stream: AssetStream) -> None:
    later = dataclasses.replace(stream, time_ns=stream.time_ns + 86_400 * 10**9)
    same(scores(detector, later), scores(detector, stream))


CHECKS: tuple[Callable[[str, AnyAssetDetector, AssetStream], None], ...] = (
    check_equals_its_naive_twin,
    check_any_split_gives_the_same_bits,
    check_a_kept_state_goes_on,
    check_the_input_is_not_modified,
    check_nothing_said_nothing_scored,
    check_a_shift_in_time_changes_nothing,
)
