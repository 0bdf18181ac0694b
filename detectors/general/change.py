"""A lasting change of unknown size, and since when: all past onsets at once, each against the spread of its scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import KIND_UNIT, check, declare
from detectors.general.change_points import change_rows
from detectors.general.change_state import BOTH, HIGH, LOW, UNSET_NS, Settings, fresh, mean_since
from detectors.general.held import how_learned
from detectors.kernels import Records, columns, nanoseconds
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores

_SIDES = {"high": HIGH, "low": LOW, "both": BOTH}
_USUAL_SIGMA = 3.0  # a block within that is told to be usual
_ONSETS = 32  # that are tried at once


@dataclass(slots=True)
class ChangeState:
    """What is known of each sensor.

    Attributes:
        sensors: records [m] of ``change_state.CHANGE_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How sure it is that the mean has changed at some instant up to now, in sigma, never negative.

    ::

        t     = (mean of the k blocks since - mean before) / sqrt(variance(k) (1 + k / m))
        score = the largest t over all onsets, as deviations of the normal law

    This is the generalised likelihood ratio of a change of mean whose size and onset are unknown. Blocks are kept in
    buckets of 1, 2, 4 … 128, three or four of each size (``change_points.py``). Each boundary is a possible onset:
    about thirty, back to 900 blocks, each known to a fifth of its age. m blocks lie before it. What leaves the
    largest buckets becomes the normal, which is forgotten with ``normal_s``: no change is learned before it is 500
    blocks old.

    ``variance(k)`` is learned from buckets of each size by themselves. So noise with a memory, whose mean over an
    hour is not much steadier than one row, does not look like a change. It falls with k no faster than that of white
    noise. A size is judged from its eighth bucket on. t is turned into deviations of the normal law, so a variance
    from eight buckets raises no more often than one from a thousand. A block counts as at most ``clip_sigma``.

    Beyond ``hold_sigma`` on either side nothing teaches and the onset is kept: ``since_ns``, with the means
    ``before`` and ``after``. The score ends when a second change leads back. After ``hold_s`` beyond, all is learned
    anew.

    Use it: for a shift whose size is not known before or is far below a sigma, and to know since when. With side both
    a limit of 4.5 is one false alarm in 90,000 blocks of white noise, in 35,000 of heavy tails; noise with a memory
    raises less often. It finds a shift of half a sigma in about 70 blocks, of one in 17, of two in 5. Suggested:
    ``every_s`` so that the shift of interest lasts twenty blocks or more.

    Fails: on daily cycles, which it learns as a wide spread (``seasonal``, ``trend``); on drifts slower than its
    reach; on a small shift before the sizes it needs are learned; large steps take it four blocks, where others
    need one.

    Source: Lorden, Ann. Math. Statist. 42 (1971) 1897; Siegmund and Venkatraman, Ann. Statist. 23 (1995) 255;
    Wallace, Ann. Math. Statist. 30 (1959) 1124 for t; buckets as in Datar et al., SIAM J. Comput. 31 (2002) 1794.
    """

    side: str = field(
        default="both", metadata=declare(unit="", doc="which changes count", choices=("high", "low", "both"))
    )
    every_s: float = field(
        default=0.0, metadata=declare(unit="s", doc="rows of this time are averaged to a block; 0 = each row", low=0)
    )
    clip_sigma: float = field(
        default=2.0, metadata=declare(unit="sigma", doc="a block counts as at most this much", low=1, high=1e6)
    )
    warmup_s: float = field(
        default=3600.0,
        metadata=declare(unit="s", doc="time to learn before the first score; at least 17 blocks", low=0),
    )
    normal_s: float = field(
        default=604800.0, metadata=declare(unit="s", doc="time constant with which the normal is forgotten", low=0.001)
    )
    sigma_floor: float = field(
        default=0.0, metadata=declare(unit=KIND_UNIT, doc="smallest sigma of a block that is believed", low=0)
    )
    hold_sigma: float = field(
        default=4.0, metadata=declare(unit="sigma", doc="beyond this score nothing teaches", low=2.5)
    )
    hold_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="after so long outside, the normal is learned anew", low=0)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("change", self)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "sigma"

    def init(self, sensors: SensorGroup) -> ChangeState:
        return ChangeState(fresh(sensors, self.every_s))

    def update(self, state: ChangeState, batch: Batch) -> Scores:
        """Score rows: float64 [n], sigma.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        settings = Settings(
            _SIDES[self.side],
            nanoseconds(self.every_s),
            float(self.clip_sigma),
            nanoseconds(self.warmup_s),
            self.normal_s * 1e9,
            float(self.sigma_floor),
            float(self.hold_sigma),
            nanoseconds(self.hold_s),
        )
        change_rows(*columns(batch), scores, state.sensors, settings)
        return scores

    def advance(self, state: ChangeState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: ChangeState) -> Columns:
        return how_learned(state.sensors, np.isnan(state.sensors["centre"]))

    def explain(self, state: ChangeState, slot: int, score: float) -> Explanation:
        """The mean since the onset against that before, and three sigma of a block around it.

        ``confidence`` is Bonferroni's bound: one less the chance, times all onsets, that a deviation of the normal law
        is as large.
        """
        own = state.sensors[slot]
        before, kept, likely = float(own["before"]), int(own["since_ns"]), int(own["onset_ns"])
        counts = self.side == "both" or (self.side == "high") == (own["after"] > before)
        if likely == UNSET_NS or not score > 0.0 or not counts:
            return Explanation()
        reach = _USUAL_SIGMA * math.sqrt(own["usable"][0])
        chance = _ONSETS * math.erfc(score / math.sqrt(2.0))
        return Explanation(
            observed=mean_since(own, likely),
            expected=before,
            low=before - reach,
            high=before + reach,
            since_ns=likely if kept == UNSET_NS else kept,
            confidence=1.0 - chance if chance < 1.0 else None,
        )
