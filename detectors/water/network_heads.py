"""A leak in a water network: heads that tanks, pumps and the hour of the day no longer explain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import check, declare
from detectors.kernels import Floats, Integers
from detectors.water.held_out import held_out
from detectors.water.network_blocks import HARMONICS, LEARNED, MISSING_MAX, PLACES, ROWS, watch
from model.detector import AssetView, Columns

#: Units that tell a flow and a tank's level; all else is a head.
_FLOW, _LEVEL = "m3/h", "m"
_HEADS_MAX = 100
_TINY = 1e-9
COLUMNS = ("", "drop", "logger", "share", "held_s")


@dataclass(slots=True)
class NetworkHeadsState:
    """What one network remembers: m heads, c flows and levels, p features made of these, n blocks.

    Attributes:
        newest: float64 [1 + rows of a block, c], the last rows of flows and levels, newest first.
        origin: float64 [p + m], the first row; what is summed up is taken against it.
        moments: float64 [p, p + m], sums of products of the features with the features and the heads.
        last: float64 [m], last usable head of each logger.
        missing: int64 [m], rows of the warm-up in which it was missing.
        largest: float64 [c], largest flow, to tell a pump that is switched.
        sums: float64 [p + m], of the block that is filling: features and heads, later what the heads lack.
        counts: int64 [1 + m], rows in it, in all and of each logger.
        learning: float64 [n, p + m], means of the blocks of the warm-up.
        mean: float64 [p], of the features.
        scale: float64 [p], of the features.
        gram: float64 [p, p], of the scaled features, factored (Cholesky).
        coefficients: float64 [p + 1, m], of the scaled features, and the constant.
        covariance: float64 [m, m], of the blocks of the warm-up.
        memory: float64 [2], how much more means of blocks vary than if they did not remember; and from how many
            stretches that is known, 0 = well.
        fast: float64 [n, p + m], the newest blocks: features, and what the heads lack.
        usual: float64 [n, p + m], blocks to compare them with.
        clock: int64 [places], see ``network_blocks``.
        said: float64 [columns], what was found last.

    """

    newest: Floats
    origin: Floats
    moments: Floats
    last: Floats
    missing: Integers
    largest: Floats
    sums: Floats
    counts: Integers
    learning: Floats
    mean: Floats
    scale: Floats
    gram: Floats
    coefficients: Floats
    covariance: Floats
    memory: Floats
    fast: Floats
    usual: Floats
    clock: Integers
    said: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkHeads:
    """Learns what each logger reads at these tank levels, pump flows and hours, and tests all loggers together.

    In ``warmup_s`` each head is learned by ridge regression on: levels, flows, their mean over ``block_s``, the slope
    of the levels over ``block_s``, squares (signed) of flow and slope, and four harmonics of the day. Rows in which a
    pump was switched are left out. What the heads lack is averaged over ``block_s``; then::

        d     = mean over the last fast_s - mean over usual_s before it           of each logger
        t2    = d' C^-1 d / memory / (1 / blocks of fast_s + 1 / blocks of usual_s + what the regression is unsure of)
        score = ((t2 / k) ^ (1/3) - 1 + 2 / (9 k)) / sqrt(2 / (9 k))              k loggers; sigma (Wilson and Hilferty)

    with C the covariance of the blocks in the warm-up, ``shrink`` of it moved to its diagonal, and memory how much more
    the means of twelve blocks vary there than if blocks were independent. Then each stretch of fast_s of the warm-up is
    tested by what the others teach. Where that gives more on average, as it may with few loggers, it goes in memory's
    place, and as it stands on few stretches t2 / k is taken for F and not for chi-square (Paulson).

    A leak takes head from the loggers near it or, where it is drawn evenly, makes all heads disagree with the flow;
    both change d. Blocks become usual only while the score is at most ``hold_sigma``, or after ``hold_s``.

    Inputs are told by unit: m3/h is a flow (all that enters), m a tank's level, anything else a head. It needs one flow
    and two heads, a hundred at most. ``drop`` is what the logger lacks that lacks most in sigma, ``logger`` its
    number in the order of the asset's inputs, from 1, and ``share`` its probability if one alone lacks head,
    exp(z^2 / 2) of all; ``held_s`` how long the score has been beyond ``hold_sigma``.

    Fails: on changes of the network that are meant (a valve, a new zone), which look like a leak; on leaks that are
    there all through the warm-up; with a warm-up that does not hold both workdays and weekend.

    Raises:
        ParameterError: a parameter is out of range.

    Source: Hotelling, Ann. Math. Statist. 2 (1931) 360; Wilson and Hilferty, PNAS 17 (1931) 684; Paulson, Ann. Math.
    Statist. 13 (1942) 233; Hoerl and Kennard,
    Technometrics 12 (1970) 55; Ledoit and Wolf, Journal of Multivariate Analysis 88 (2004) 365 on shrinking.
    """

    every_s: float = field(default=900.0, metadata=declare(unit="s", doc="the loggers' scan period", low=1, high=86400))
    block_s: float = field(
        default=900.0, metadata=declare(unit="s", doc="rows of this time are averaged", low=1, high=86400)
    )
    fast_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="time that is judged; whole days", low=2, high=8640000)
    )
    usual_s: float = field(
        default=518400.0, metadata=declare(unit="s", doc="time that it is compared with", low=2, high=86400000)
    )
    warmup_s: float = field(
        default=601200.0, metadata=declare(unit="s", doc="time to learn before the first score", low=2, high=86400000)
    )
    ridge: float = field(
        default=1.0, metadata=declare(unit="", doc="rows that pull every coefficient to nought", low=1e-9, high=1e9)
    )
    shrink: float = field(
        default=0.1,
        metadata=declare(unit="", doc="share of the covariance that is moved to its diagonal", low=0.001, high=1),
    )
    hold_sigma: float = field(
        default=1.5, metadata=declare(unit="sigma", doc="score beyond which nothing becomes usual", low=0, high=1000)
    )
    hold_s: float = field(
        default=864000.0,
        metadata=declare(unit="s", doc="after so long it becomes usual all the same", low=0, high=8640000),
    )

    state_version = 2

    def __post_init__(self) -> None:
        check("network_heads", self)

    def units(self, unit: str) -> dict[str, str]:
        return dict(zip(COLUMNS, ("sigma", unit, "", "", "s"), strict=True))

    def explained_by(self) -> dict[str, str]:
        return {"contributor": "logger", "since": "held_s"}

    def fits(self, asset: AssetView) -> bool:
        flows, _, heads = _sorted(asset)
        return len(flows) > 0 and 1 < len(heads) <= _HEADS_MAX

    def init(self, asset: AssetView) -> NetworkHeadsState:
        flows, levels, heads = (len(of) for of in _sorted(asset))
        features = 3 * (flows + levels) + 2 * HARMONICS
        return NetworkHeadsState(
            newest=np.zeros((1 + self._rows(self.block_s), flows + levels)),
            origin=np.zeros(features + heads),
            moments=np.zeros((features + 1, features + 1 + heads)),
            last=np.full(heads, np.nan),
            missing=np.zeros(heads, np.int64),
            largest=np.zeros(flows),
            sums=np.zeros(features + heads),
            counts=np.zeros(1 + heads, np.int64),
            learning=np.zeros((self._blocks(self.warmup_s), features + heads)),
            mean=np.zeros(features),
            scale=np.ones(features),
            gram=np.zeros((features, features)),
            coefficients=np.zeros((features + 1, heads)),
            covariance=np.zeros((heads, heads)),
            memory=np.array([1.0, 0.0]),
            fast=np.full((self._blocks(self.fast_s), features + heads), np.nan),
            usual=np.full((self._blocks(self.usual_s), features + heads), np.nan),
            clock=np.zeros(PLACES, np.int64),
            said=np.full(len(COLUMNS), np.nan),
        )

    def _rows(self, seconds: float) -> int:
        return max(1, round(seconds / self.every_s))

    def _blocks(self, seconds: float) -> int:
        return max(2, round(seconds / self.block_s))

    def update(self, state: NetworkHeadsState, asset: AssetView, time_ns: Integers, value: Floats) -> Columns:
        """Score instants: float64 [n] a column, new once a block."""
        flows, levels, heads = _sorted(asset)
        found = np.empty((len(time_ns), len(COLUMNS)))
        times = np.array(
            [round(1e9 * self.every_s), round(1e9 * self.block_s), round(1e9 * self.hold_s), self._rows(self.block_s)]
        )
        levers = np.array([self.ridge, self.shrink, self.hold_sigma])
        given = np.ascontiguousarray(value[:, [*flows, *levels]]), np.ascontiguousarray(value[:, heads])
        times_ns, row = np.ascontiguousarray(time_ns), 0
        while row < len(times_ns):
            row = watch(
                times_ns, *given, row, len(flows), times, levers, state.newest, state.origin, state.moments,
                state.last, state.missing, state.largest, state.sums, state.counts, state.learning, state.mean,
                state.scale, state.gram, state.coefficients, state.covariance, state.memory, state.fast, state.usual,
                state.clock, state.said, found,
            )  # fmt: skip
            if row < len(times_ns):
                self._hold_out(state)
        columns = {name: np.ascontiguousarray(found[:, at]) for at, name in enumerate(COLUMNS)}
        place = np.array([*heads, 0], np.float64)  # a logger's number among all inputs
        numbered = ~np.isnan(columns["logger"])
        columns["logger"][numbered] = 1.0 + place[columns["logger"][numbered].astype(np.int64)]
        return columns

    def _hold_out(self, state: NetworkHeadsState) -> None:
        """Let days that the others predict say how unsure the days to come are."""
        features = len(state.mean)
        used = np.flatnonzero(state.missing <= MISSING_MAX * state.clock[ROWS])
        if len(used) == 0:
            return
        blocks = state.learning[: state.clock[LEARNED]][:, [*range(features), *(features + used)]]
        covariance = (1.0 - self.shrink) * state.covariance[np.ix_(used, used)]
        covariance += np.diag(self.shrink * np.diag(state.covariance)[used] + _TINY)
        apart = held_out(blocks, features, len(state.fast), self._rows(self.block_s), self.ridge, covariance)
        if len(apart) and apart.mean() > state.memory[0]:
            state.memory[:] = apart.mean(), len(apart)


def _sorted(asset: AssetView) -> tuple[list[int], list[int], list[int]]:
    """Columns of flows, levels and heads."""
    units = [one.unit for one in asset.inputs]
    return (
        [at for at, unit in enumerate(units) if unit == _FLOW],
        [at for at, unit in enumerate(units) if unit == _LEVEL],
        [at for at, unit in enumerate(units) if unit not in {_FLOW, _LEVEL}],
    )
