"""What a detector knows beside its score: what was seen, what was expected, since when, by whom, how surely."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contributor:
    """A sensor that moved a score."""

    tag: str
    share: float | None = None  # of the score, 0 to 1; None where it is not known


@dataclass(frozen=True, slots=True)
class Explanation:
    """One score explained, at the moment of an event. ``None`` = the detector does not know.

    Attributes:
        observed: what it judged, such as a smoothed value.
        expected: what it held to be normal then.
        low: lower end of what it takes for normal.
        high: upper end.
        unit: of these four.
        since_ns: event time since which it deviates, as the detector estimates.
        confidence: 0 to 1, how sure it is that this is no chance; docs/detectors.md says by which law.
        contributors: the foremost sensors.

    """

    observed: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    since_ns: int | None = None
    confidence: float | None = None
    contributors: tuple[Contributor, ...] = ()
