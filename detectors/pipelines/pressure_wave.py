"""A burst sends a wave of low pressure both ways along the line: whether one ran, and where it began."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import check, declare
from detectors.kernels import Floats, Integers
from detectors.pipelines.sections import Sections, sections
from detectors.pipelines.wave_source import fit_fronts, locate, misfit_at
from detectors.pipelines.wave_watch import (
    LISTENING,
    LOOK,
    LOUD,
    NOW,
    PHASE,
    RESTING,
    RUNNING,
    SAID,
    SIGMA_MIN,
    SINCE,
    listen,
)
from model.detector import AssetView, Columns

#: The columns, in the order of ``PressureWaveState.said``.
COLUMNS = ("", "operation", "position_m", "position_error_m", "drop", "began_ago_s", "stations")

#: An end of the line or an offtake is ruled out when the onsets fit it so much worse (chi-square of 4 deviations).
_RULED_OUT = 25.0
#: So badly may onsets fit together, for each beyond the second.
_MISFIT_MAX = 9.0
#: What a find of so many stations is worth; more count as the last.
_CONFIDENCE = (0.0, 0.0, 0.8, 0.9, 0.95)
#: An arrival that is hardly louder than the limit may be noise that came meanwhile: the others are tried without it.
_DOUBTFUL_SIGMA = 1.0
#: Noise is taken to remember a fifth of the front.
_MEMORY = 0.2
#: Each length of front that is tried is so much longer than the one before.
_LONGER = 1.2
#: Samples at both ends of a window in which no onset is looked for.
_MARGIN = 2
#: A front changes its shape underway: so much of its length is added to the error of an onset.
_SHAPE = 0.02
#: Heights at the stations may differ by friction and branches, not more than by this share.
_HEIGHTS = 0.15


@dataclass(slots=True)
class PressureWaveState:
    """What one line remembers: m stations, n samples.

    Attributes:
        ring: float64 [m, n], the newest samples, unit of the kind.
        good: int64 [m], usable samples without a gap up to now.
        variance: float64 [m], of the step at each station, unit of the kind squared.
        learned: int64 [m], samples that taught it, up to the warm-up.
        arrived: int64 [m], sample at which the wave was noticed there; -1 = not yet.
        peak: float64 [m], how loud it was there, sigma, signed.
        clock: int64 [6], see above.
        said: float64 [columns], what was found last.
        last_ns: int64 [1], event time of the last instant; 0 = none yet.

    """

    ring: Floats
    good: Integers
    variance: Floats
    learned: Integers
    arrived: Integers
    peak: Floats
    clock: Integers
    said: Floats
    last_ns: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureWave:
    """Notices a pressure wave at the stations of a line, finds where it began, and tells a burst from an operation.

    At each station a step is looked for::

        step = mean of the last front_s - mean of before_s, which ends front_s earlier
        sigma = its deviation while the line is quiet, learned for warmup_s, then with sigma_s

    ``front_sigma`` at one station opens the case. When others have followed and the fronts have formed, the same ramp
    is fitted to all of them (least squares on samples freed from short memory), which gives each an onset between
    samples. The place is the one whose arrivals ``began + |place - station| / speed`` fit the onsets best, with a wave
    speed that may be ``speed_tolerance`` off. ``position_error_m`` (two deviations) carries the error of the onsets, of
    the stations' clocks and of the wave speed.

    The score is the evidence for a burst, held for ``hold_s``: 0.8 = two stations, 0.9 = three, 0.95 = more. It takes
    that the pressure fell at all of them, that they are ``together_sigma`` loud, that the front is over and took
    ``opening_s`` at most, and that the wave began neither at an end of the line (pump, valve) nor at an offtake: the
    onsets rule these out by four deviations. ``operation`` is the same for a wave that is no burst. Rules on single
    stations may yield to it: one cannot tell.

    Attributes of the asset: ``wave_speed_m_s`` goes before the parameter, and for the section behind the first, the
    second station and so on ``wave_speed_1_m_s``, ``wave_speed_2_m_s`` before both; ``offtake_m``, and any other that
    begins so (``offtake_2_m``), is a place where the line is drawn from. Stations need a place, ``along_m``.

    Use it: on liquid lines, 50 Hz and synchronous clocks to locate, 1 Hz to notice.

    Fails: on leaks that open slowly (a volume balance finds them), on a burst so near an end or an offtake that the
    onsets cannot tell, and on one that follows an operation before its waves have died down.

    Raises:
        ParameterError: a parameter is out of range.

    Source: Wylie and Streeter, Fluid Transients in Systems, 1993, on waves; API RP 1130:2022 on methods.
    """

    every_s: float = field(
        default=0.02, metadata=declare(unit="s", doc="the stations' scan period", low=0.001, high=60)
    )
    front_s: float = field(
        default=0.5, metadata=declare(unit="s", doc="time over which a front is averaged", low=0.002, high=600)
    )
    before_s: float = field(
        default=4.0, metadata=declare(unit="s", doc="time before it that it is compared with", low=0.01, high=3600)
    )
    front_sigma: float = field(
        default=4.0, metadata=declare(unit="sigma", doc="step that is noticed at a station", low=2, high=50)
    )
    together_sigma: float = field(
        default=7.0, metadata=declare(unit="sigma", doc="root of the sum of squares over the stations", low=2, high=100)
    )
    sigma_floor: float = field(
        default=0.0, metadata=declare(unit="kind", doc="smallest sigma of the step that is believed", low=0)
    )
    warmup_s: float = field(
        default=40.0, metadata=declare(unit="s", doc="time to learn before the first score", low=0.01, high=86400)
    )
    sigma_s: float = field(
        default=600.0, metadata=declare(unit="s", doc="time constant with which sigma follows", low=1, high=864000)
    )
    wave_speed_m_s: float = field(
        default=1000.0, metadata=declare(unit="m/s", doc="where the asset does not say", low=50, high=2000)
    )
    speed_tolerance: float = field(
        default=0.01, metadata=declare(unit="", doc="share by which it may be off", low=0.0001, high=0.5)
    )
    opening_s: float = field(
        default=3.0, metadata=declare(unit="s", doc="slowest front that is called a burst", low=0.001, high=600)
    )
    clock_error_s: float = field(
        default=0.01, metadata=declare(unit="s", doc="how far a station's clock may be off", low=0, high=60)
    )
    hold_s: float = field(default=60.0, metadata=declare(unit="s", doc="how long a find is held", low=0.01, high=86400))

    state_version = 1

    def __post_init__(self) -> None:
        check("pressure_wave", self)

    def units(self, unit: str) -> dict[str, str]:
        return dict(zip(COLUMNS, ("", "", "m", "m", unit, "s", ""), strict=True))

    def explained_by(self) -> dict[str, str]:
        return {"since": "began_ago_s"}

    def fits(self, asset: AssetView) -> bool:
        """Two stations and more; each needs a place of its own."""
        places = [one.position.along_m for one in asset.inputs]
        return len(places) > 1 and None not in places and len(set(places)) == len(places)

    def confirms(self, asset: AssetView, kind: str) -> bool:  # noqa: ARG002 - all its kinds are pressures
        return self.fits(asset)

    def init(self, asset: AssetView) -> PressureWaveState:
        stations = len(asset.inputs)
        kept = self._samples(self._course_s(asset)) + 2 * self._samples(self.before_s + self.front_s)
        return PressureWaveState(
            ring=np.zeros((stations, kept)),
            good=np.zeros(stations, np.int64),
            variance=np.zeros(stations),
            learned=np.zeros(stations, np.int64),
            arrived=np.full(stations, -1, np.int64),
            peak=np.zeros(stations),
            clock=np.zeros(6, np.int64),
            said=np.zeros(len(COLUMNS)),
            last_ns=np.zeros(1, np.int64),
        )

    def update(self, state: PressureWaveState, asset: AssetView, time_ns: Integers, value: Floats) -> Columns:
        """Score instants: float64 [n] a column. Facts are NaN while nothing was found."""
        cross_s = self._crossing_s(asset)
        sizes = np.array(
            [
                self._samples(self.front_s),
                self._samples(self.before_s),
                self._samples(self.warmup_s),
                self._samples(cross_s + self.before_s),
                round(1.5e9 * self.every_s),
            ]
        )
        levels = np.array([self.front_sigma, self.sigma_floor, self.every_s / self.sigma_s, self.every_s])
        found = np.empty((len(time_ns), len(COLUMNS)))
        row, samples = 0, np.ascontiguousarray(value)
        while row < len(time_ns):
            row = listen(
                np.ascontiguousarray(time_ns), samples, row, sizes, levels, state.ring, state.good, state.variance,
                state.learned, state.arrived, state.peak, state.clock, state.said, state.last_ns, found,
            )  # fmt: skip
            if state.clock[PHASE] == RUNNING and state.clock[NOW] >= state.clock[LOOK]:
                self._look(state, asset, found[row - 1])
        return {name: np.ascontiguousarray(found[:, at]) for at, name in enumerate(COLUMNS)}

    def _samples(self, seconds: float) -> int:
        return max(1, round(seconds / self.every_s))

    def _speed(self, asset: AssetView) -> float:
        return asset.attributes.get("wave_speed_m_s", self.wave_speed_m_s)

    def _crossing_s(self, asset: AssetView) -> float:
        even = self._sections(asset).even_m
        return float(even[-1] - even[0]) / self._speed(asset)

    def _sections(self, asset: AssetView) -> Sections:
        return sections(asset, self._speed(asset))

    def _course_s(self, asset: AssetView) -> float:
        """Time in which a wave has passed all stations, wherever it began, and its fronts have formed."""
        return self._crossing_s(asset) * (1.0 + 3.0 * self.speed_tolerance) + 2.0 * self.before_s

    def _look(self, state: PressureWaveState, asset: AssetView, row: Floats) -> None:
        """Judge a wave that is running; ``row`` gets what is found."""
        clock = state.clock
        heard = np.flatnonzero((state.arrived >= 0) & (state.good > 0))
        clock[LOOK] = clock[NOW] + self._samples(self.front_s / 2.0)
        lasts_s = self._course_s(asset)
        if len(heard) < 2:  # the next stations must have heard it by then, or it was noise
            farthest_m = float(np.diff(self._sections(asset).even_m).max(initial=0.0))
            lasts_s = farthest_m / self._speed(asset) + self.before_s
        over = bool(clock[NOW] >= clock[SINCE] + self._samples(lasts_s))
        said = None
        if len(heard) > 1:
            said = self._judged(state, asset, heard, over=over)
        if said is not None:
            state.said[:], row[:] = said, said
            clock[SAID] = clock[NOW] + self._samples(self.hold_s)
        if said is not None or over:
            clock[PHASE] = LISTENING if len(heard) < 2 else RESTING
            clock[SINCE], clock[LOUD] = clock[NOW], clock[NOW]

    def _judged(self, state: PressureWaveState, asset: AssetView, heard: Integers, *, over: bool) -> Floats | None:
        """What these stations say; None while the wave may still tell more."""
        doubtful = np.flatnonzero(np.abs(state.peak[heard]) < self.front_sigma + _DOUBTFUL_SIGMA)
        without = [np.delete(heard, at) for at in doubtful.tolist()] if len(heard) > 2 else []
        for stations in (heard, *without):
            burst, facts = self._traced(state, asset, stations)
            if burst:
                return np.array([_confidence(stations), 0.0, *facts])
        return np.array([0.0, _confidence(heard), *self._traced(state, asset, heard)[1]]) if over else None

    def _traced(
        self, state: PressureWaveState, asset: AssetView, heard: Integers
    ) -> tuple[bool, tuple[float, float, float, float, float]]:
        """Whether it is a burst if these stations heard it, and the facts."""
        onset_s, error_s, height, formed = self._onsets(state, heard)
        speed, tolerance, line = self._speed(asset), self.speed_tolerance / np.sqrt(3.0), self._sections(asset)
        even = line.even_m
        source = locate(even, onset_s, error_s, speed, tolerance)
        offtakes = [line.drawn(place) for name, place in asset.attributes.items() if name.startswith("offtake")]
        misfits = [
            misfit_at(even, onset_s, error_s, speed, tolerance, place) for place in (even[0], even[-1], *offtakes)
        ]
        burst = (
            formed
            and bool((state.peak[heard] < 0.0).all())
            and float(np.sqrt((state.peak[heard] ** 2).sum())) >= self.together_sigma
            and source.misfit <= _MISFIT_MAX * max(1, len(heard) - 2)
            and np.abs(height[heard]).min() > _HEIGHTS * np.abs(height[heard]).max()
            and min(misfits) - source.misfit > _RULED_OUT
        )
        drop = -float(height[heard][np.argmax(np.abs(height[heard]))])
        place_m, error_m = line.real(source.place_m), 2.0 * source.error_m * line.stretch(source.place_m)
        return burst, (place_m, error_m, drop, -source.began_s, float(len(heard)))

    def _onsets(self, state: PressureWaveState, heard: Integers) -> tuple[Floats, Floats, Floats, bool]:
        """What the fronts say of each station; NaN = it did not hear it.

        Returns:
            onset (s, now = 0), its deviation (s), height (unit of the kind), and whether the front is over and sharp.

        """
        now, front, before = int(state.clock[NOW]), self._samples(self.front_s), self._samples(self.before_s)
        stations, kept = state.ring.shape
        windows, starts = [np.empty(0)] * stations, np.zeros(stations)
        for i in heard.tolist():
            arrived = int(state.arrived[i])
            begin, end = max(arrived - before - front, now - kept, 0), min(now, arrived + before)
            windows[i], starts[i] = state.ring[i, np.arange(begin, end) % kept], begin
        sigma = np.maximum(np.sqrt(state.variance), max(self.sigma_floor, SIGMA_MIN))
        memory_s = _MEMORY * self.front_s
        memory = float(np.exp(-self.every_s / memory_s))
        fronts = fit_fronts(windows, sigma.tolist(), memory, _lengths(2 * before), _MARGIN)
        onset_s = (starts + fronts.onset - now) * self.every_s
        blur_s = (memory_s + fronts.length * self.every_s) * sigma / np.maximum(np.abs(fronts.height), SIGMA_MIN)
        error_s = np.sqrt(
            blur_s**2
            + (_SHAPE * fronts.length * self.every_s) ** 2
            + self.every_s**2 / 3.0
            + self.clock_error_s**2 / 3.0
        )
        over = (fronts.onset + fronts.length <= np.array([len(window) for window in windows]))[heard].all()
        return onset_s, error_s, fronts.height, bool(over) and fronts.length * self.every_s <= self.opening_s


def _lengths(most: int) -> list[int]:
    """Lengths of front that are tried, samples."""
    lengths = [1]
    while lengths[-1] < most:
        lengths.append(max(lengths[-1] + 1, round(_LONGER * lengths[-1])))
    return lengths


def _confidence(heard: Integers) -> float:
    return _CONFIDENCE[min(len(heard), len(_CONFIDENCE) - 1)]
