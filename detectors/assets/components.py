"""Compiled parts of ``pca``: learning what an asset's sensors do together, and how far they are from it.

They live in one file because Numba's cache notices a change only in the file of the function that it compiled.

The vector of an instant holds every sensor's smoothed value now and at the ``lags`` instants before, newest first.
Two quadratic forms of its standardised deviation are all that scoring needs::

    t2 = z' A z,  A = sum over the leading components  v v' / eigenvalue
    q  = z' B z,  B = sum over all other components     v v' / (eigenvalue + ridge)

**Missing values** are put where they make ``t2 + q`` smallest, which is where the others expect them; so they add no
evidence. The minimum is found by Gauss-Seidel sweeps, always as many.

**Contributions** are reconstruction-based: how much of the statistic goes away if one sensor is put where the others
expect it, ``(F z)_j ** 2 / F_jj`` for form F, added up over the lags.

**Following.** With ``follow_s`` normal instants go on teaching mean, products, and the spread of both statistics, with
forgetting; each instant is scored before it teaches, so limits rest on what the forms had not seen. ``watch`` stops
where it is time to work the forms out anew (``REFRESH``).

Sources: Ku, Storer and Georgakis, Chemometr. Intell.
Lab. Syst. 30 (1995) 179 for lags; Hawkins, Technometrics 16 (1974) 229 for the weighted residual; Nelson, Taylor and
MacGregor, Chemometr. Intell. Lab. Syst. 35 (1996) 45 for missing values; Alcala and Qin, Automatica 45 (2009) 1593 for
contributions.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import F64, I64, TIME, Floats, Integers, Records, records, tuple_type

_UNSET_NS = np.iinfo(np.int64).min
_VALUE_MAX = 1e100
_GAP_INSTANTS = 3
_SETTLE = 3  # times ``smooth``: then a smoothed value has forgotten what it began with
_SWEEPS = 20
_CALIBRATED_MIN = 8
_NOTHING = 1e-12  # a statistic below is rounding
_TIE = 1.0 + 1e-9  # a contribution must be larger by more than rounding

LEARN, CALIBRATE, WATCH, REFRESH = 0, 1, 2, 3
_REFRESHES = 16  # how often the forms are worked out anew in ``follow_s``

#: Columns of what ``watch`` writes.
SCORE, MOST, T2, Q, CONTRIBUTOR, SHARE, OBSERVED, EXPECTED, HELD_S = range(9)
WIDTH = 9

PROGRESS_FIELDS = np.dtype(
    [
        ("stage", "i8"),  # LEARN, CALIBRATE or WATCH; REFRESH only until the forms are worked out
        ("last_ns", "i8"),  # the last instant
        ("settled_ns", "i8"),  # time since smoothing began
        ("instants", "i8"),  # since smoothing began
        ("rows", "i8"),  # learned
        ("learned_ns", "i8"),  # while watching: since the forms were worked out
        ("held_ns", "i8"),  # how long without a normal instant
        ("calibrated", "i8"),  # instants that the limits rest on
        ("t2_mean", "f8"),
        ("t2_square", "f8"),  # sum of squares around the mean; while watching: variance
        ("q_mean", "f8"),
        ("q_square", "f8"),
        ("t2_limit", "f8"),
        ("q_limit", "f8"),
    ]
)

_MATRIX = types.Array(types.float64, 2, "C")
_READ_MATRIX = types.Array(types.float64, 2, "C", readonly=True)


class Progress(Protocol):
    """The record of ``PROGRESS_FIELDS``."""

    stage: int
    last_ns: int
    settled_ns: int
    instants: int
    rows: int
    learned_ns: int
    held_ns: int
    calibrated: int
    t2_mean: float
    t2_square: float
    q_mean: float
    q_square: float
    t2_limit: float
    q_limit: float


class Watching(NamedTuple):
    """Parameters, times in ns."""

    every_ns: int
    warmup_ns: int
    hold_ns: int
    smooth_ns: float
    adapt_ns: float
    follow_ns: float


_WATCHING = tuple_type(Watching, *(types.int64,) * 3, *(types.float64,) * 3)


class Learned(NamedTuple):
    """Arrays of the state that instants change; p = inputs times (lags + 1)."""

    level: NDArray[np.float64]  # [inputs], smoothed values; NaN = not heard yet
    vector: NDArray[np.float64]  # [p], NaN = not heard
    said: NDArray[np.int64]  # [p], rows learned in which it was there
    mean: NDArray[np.float64]  # [p]
    scatter: NDArray[np.float64]  # [p, p], sum of products around the mean


class Model(NamedTuple):
    """Arrays of the state that are worked out from what was learned."""

    center: NDArray[np.float64]  # [p]
    scale: NDArray[np.float64]  # [p]; 0 = left out
    t2_form: NDArray[np.float64]  # [p, p]
    q_form: NDArray[np.float64]  # [p, p]


_LEARNED = tuple_type(Learned, F64, F64, I64, F64, _MATRIX)
_MODEL = tuple_type(Model, F64, F64, _MATRIX, _MATRIX)


@njit(nogil=True, error_model="numpy")
def _begin(own: Progress, learned: Learned) -> None:
    """After a pause of the whole asset nothing of before is smoothed with what comes."""
    own.settled_ns = 0
    own.instants = 0
    learned.level[:] = np.nan
    learned.vector[:] = np.nan


@njit(nogil=True, error_model="numpy")
def _take(own: Progress, learned: Learned, now: Floats, dt_ns: int, watching: Watching) -> int:
    """Smooth an instant into the vector; how many sensors were there."""
    inputs, there = len(now), 0
    for j in range(len(learned.vector) - 1, inputs - 1, -1):
        learned.vector[j] = learned.vector[j - inputs]
    share = 1.0
    if watching.smooth_ns > 0.0:
        share = max(1.0 / (own.instants + 1.0), dt_ns / (watching.smooth_ns + dt_ns))
    for i in range(inputs):
        learned.vector[i] = np.nan
        if abs(now[i]) <= _VALUE_MAX:
            before = learned.level[i]
            learned.level[i] = before + share * (now[i] - before) if before == before else now[i]  # noqa: PLR0124
            learned.vector[i] = learned.level[i]
            there += 1
    own.settled_ns += dt_ns
    own.instants += 1
    return there


@njit(nogil=True, error_model="numpy")
def _learn(own: Progress, learned: Learned, dt_ns: int) -> None:
    """Welford's means and products; what is missing deviates by nothing."""
    own.rows += 1
    own.learned_ns += dt_ns
    size = len(learned.vector)
    apart = np.zeros(size)
    for j in range(size):
        now = learned.vector[j]
        if now == now:  # noqa: PLR0124
            learned.said[j] += 1
            if learned.said[j] == 1:
                learned.mean[j] = now
            apart[j] = now - learned.mean[j]
            learned.mean[j] += apart[j] / learned.said[j]
    weight = (own.rows - 1.0) / own.rows
    for j in range(size):
        if apart[j] != 0.0:
            for k in range(size):
                learned.scatter[j, k] += weight * apart[j] * apart[k]


@njit(nogil=True, error_model="numpy")
def _standardised(vector: Floats, model: Model, z: Floats) -> int:
    """Deviation from the centre in standard deviations; how many values are missing, or -1 = too many."""
    missing, used = 0, 0
    for j in range(len(vector)):
        z[j] = 0.0
        if model.scale[j] > 0.0:
            used += 1
            if vector[j] == vector[j]:
                z[j] = (vector[j] - model.center[j]) / model.scale[j]
            else:
                missing += 1
    if used == 0 or 2 * missing > used:
        return -1
    if missing:
        _fill(vector, model, z)
    return missing


@njit(nogil=True, error_model="numpy")
def _fill(vector: Floats, model: Model, z: Floats) -> None:
    for _ in range(_SWEEPS):
        for j in range(len(vector)):
            if model.scale[j] > 0.0 and vector[j] != vector[j]:
                pull, own = 0.0, model.t2_form[j, j] + model.q_form[j, j]
                for k in range(len(vector)):
                    if k != j:
                        pull += (model.t2_form[j, k] + model.q_form[j, k]) * z[k]
                z[j] = -pull / own if own > 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def _form(form: Floats, z: Floats) -> float:
    total = 0.0
    for j in range(len(z)):
        part = 0.0
        for k in range(len(z)):
            part += form[j, k] * z[k]
        total += z[j] * part
    return total if total > _NOTHING else 0.0


@njit(nogil=True, error_model="numpy")
def _add(own: Progress, t2: float, q: float) -> None:
    """Mean and spread of both statistics over instants that did not teach."""
    own.calibrated += 1
    apart = t2 - own.t2_mean
    own.t2_mean += apart / own.calibrated
    own.t2_square += apart * (t2 - own.t2_mean)
    apart = q - own.q_mean
    own.q_mean += apart / own.calibrated
    own.q_square += apart * (q - own.q_mean)


@njit(nogil=True, error_model="numpy")
def _explain(form: Floats, z: Floats, learned: Learned, model: Model, out: Floats) -> None:
    """Which sensor moves most of the statistic, what it says and what the others expect of it."""
    inputs = len(learned.level)
    of = np.zeros(inputs)
    for j in range(len(z)):
        if model.scale[j] > 0.0 and form[j, j] > 0.0:
            pull = 0.0
            for k in range(len(z)):
                pull += form[j, k] * z[k]
            of[j % inputs] += pull * pull / form[j, j]
    total, worst = 0.0, 0
    for i in range(inputs):
        total += of[i]
        if of[i] > _TIE * of[worst]:
            worst = i
    if total > 0.0:
        out[CONTRIBUTOR] = worst + 1.0
        out[SHARE] = of[worst] / total
        out[OBSERVED] = learned.vector[worst]
        if model.scale[worst] > 0.0 and form[worst, worst] > 0.0:
            pull = 0.0
            for k in range(len(z)):
                pull += form[worst, k] * z[k]
            expected = z[worst] - pull / form[worst, worst]
            out[EXPECTED] = model.center[worst] + model.scale[worst] * expected


@njit(nogil=True, error_model="numpy")
def _judge(own: Progress, learned: Learned, model: Model, z: Floats, missing: int, out: Floats) -> None:
    """Write an instant's columns."""
    t2, q = _form(model.t2_form, z), _form(model.q_form, z)
    out[T2] = t2 / own.t2_limit
    out[Q] = q / own.q_limit
    out[SCORE] = max(out[T2], out[Q])
    out[MOST] = np.inf if missing else out[SCORE]
    out[HELD_S] = 1e-9 * own.held_ns
    _explain(model.q_form if out[Q] >= out[T2] else model.t2_form, z, learned, model, out)


@njit(nogil=True, error_model="numpy")
def _follow(own: Progress, learned: Learned, model: Model, t2: float, q: float, share: float) -> None:
    """Let a normal instant, whole and scored already, teach what it is like now; the centre is the mean."""
    apart = t2 - own.t2_mean
    own.t2_mean += share * apart
    own.t2_square = (1.0 - share) * (own.t2_square + share * apart * apart)
    apart = q - own.q_mean
    own.q_mean += share * apart
    own.q_square = (1.0 - share) * (own.q_square + share * apart * apart)
    size = len(learned.vector)
    away = np.zeros(size)
    for j in range(size):
        if learned.vector[j] == learned.vector[j]:
            away[j] = learned.vector[j] - learned.mean[j]
    for j in range(size):
        learned.mean[j] += share * away[j]
        model.center[j] = learned.mean[j]
        for k in range(size):
            new = share * (own.rows - 1.0) * away[j] * away[k]
            learned.scatter[j, k] = (1.0 - share) * (learned.scatter[j, k] + new)


@njit(nogil=True, error_model="numpy")
def _is_due(own: Progress, learned: Learned, model: Model, said: Floats, dt_ns: int, watching: Watching) -> bool:
    """Teach what follows; whether it is time to work the forms out anew."""
    own.calibrated += 1
    own.learned_ns += dt_ns
    share = dt_ns / (watching.follow_ns + dt_ns)
    _follow(own, learned, model, said[T2] * own.t2_limit, said[Q] * own.q_limit, share)
    return own.calibrated >= len(learned.vector) and _REFRESHES * own.learned_ns >= watching.follow_ns


@njit(nogil=True, error_model="numpy")
def _hold(
    own: Progress, learned: Learned, model: Model, said: Floats, missing: int, dt_ns: int, watching: Watching
) -> bool:
    """Leave abnormal instants out of what adapts, for a bounded time; then learn anew. Whether to refresh the forms."""
    if said[SCORE] <= 1.0:
        own.held_ns = 0
        if watching.adapt_ns > 0.0:
            share = dt_ns / (watching.adapt_ns + dt_ns)
            for j in range(len(learned.vector)):
                if learned.vector[j] == learned.vector[j]:
                    model.center[j] += share * (learned.vector[j] - model.center[j])
        return missing == 0 and watching.follow_ns > 0.0 and _is_due(own, learned, model, said, dt_ns, watching)
    own.held_ns += dt_ns
    if own.held_ns > watching.hold_ns:
        own.stage = LEARN
        own.rows = 0
        own.learned_ns = 0
        own.held_ns = 0
        learned.said[:] = 0
        learned.mean[:] = 0.0
        learned.scatter[:] = 0.0
    return False


@njit(nogil=True, error_model="numpy")
def _is_through(own: Progress, size: int, warmup_ns: int) -> bool:
    """Whether enough has been seen for this stage of learning."""
    if own.stage == LEARN:
        return own.rows >= size + _CALIBRATED_MIN and 3 * own.learned_ns >= 2 * warmup_ns
    return own.calibrated >= _CALIBRATED_MIN and own.learned_ns >= warmup_ns


@njit(nogil=True, error_model="numpy")
def _since_ns(own: Progress, learned: Learned, now_ns: int, every_ns: int) -> int:
    """Time since the instant before; after a pause smoothing begins anew."""
    dt_ns = every_ns
    if own.last_ns != _UNSET_NS:
        dt_ns = now_ns - own.last_ns
        if dt_ns > _GAP_INSTANTS * every_ns:
            _begin(own, learned)
            dt_ns = every_ns
    own.last_ns = now_ns
    return dt_ns


@njit(
    types.int64(TIME, _READ_MATRIX, types.int64, _MATRIX, records(PROGRESS_FIELDS), _LEARNED, _MODEL, _WATCHING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def watch(
    time_ns: Integers,
    value: Floats,
    begin: int,
    out: Floats,
    progress: Records,
    learned: Learned,
    model: Model,
    watching: Watching,
) -> int:
    """Go over instants from ``begin`` on, up to one after which the model must be worked out; the one that is next."""
    own = progress[0]
    z = np.zeros(len(learned.vector))
    for row in range(begin, len(time_ns)):
        out[row, :] = np.nan
        dt_ns = _since_ns(own, learned, time_ns[row], watching.every_ns)
        if _take(own, learned, value[row], dt_ns, watching) == 0:
            continue
        lags = len(learned.vector) // value.shape[1] - 1
        if own.settled_ns < _SETTLE * watching.smooth_ns or own.instants <= lags:
            continue
        missing = -1
        if own.stage != LEARN:
            missing = _standardised(learned.vector, model, z)
        if own.stage == WATCH:
            if missing >= 0:
                _judge(own, learned, model, z, missing, out[row])
                if _hold(own, learned, model, out[row], missing, dt_ns, watching):
                    own.stage = REFRESH
                    return row + 1
            continue
        if own.stage == CALIBRATE and missing >= 0:
            _add(own, _form(model.t2_form, z), _form(model.q_form, z))
        _learn(own, learned, dt_ns)
        if _is_through(own, len(z), watching.warmup_ns):
            own.stage += 1
            return row + 1
    return len(time_ns)
