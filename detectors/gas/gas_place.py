"""From which place the gas comes: candidates ranked by how well a plume from each explains what the sensors see.

For each candidate k the plume of one instant gives each sensor j a relative height (Gaussian across the wind, falling
with the square of the distance, as a plume near the ground does while it grows in width and in height; Briggs), and
what the sensors see is compared with it in square roots, which keeps single gusts from deciding::

    c_kj = exp(-(angle between wind and sensor)^2 / 2 width^2) / (distance^2 speed)
    fit_k = (sum sqrt(c g))^2 / sum c          over all sensors and instants since the onset, g the gas above background

That is least squares with the unknown strength of the release left out. A sensor that sees nothing where the plume
should be counts against a candidate as much as one that sees something. Candidates are the places that the asset's
attributes name (``source_NAME_lat``, ``source_NAME_lon``), else a grid over the site.

Sources: Briggs 1973 for widths in open country; source choice by comparison of forward plumes as in Daniels, Jia and
Hammerling, Elementa 12 (2024) 110, reduced to one pass and one sum a candidate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import F64, I64, Floats, Integers, tuple_type
from model.detector import AssetView

#: Candidates that a state has room for; the grid has so many.
CANDIDATES = 400
_GRID_SIDE = 20
#: The grid goes beyond the sensors by this share of their extent.
_GRID_MARGIN = 0.1
_METRES_A_DEGREE = 111_195.0
#: A plume is not followed nearer to a sensor than this, m.
_DISTANCE_M_MIN = 8.0
#: Below this the wind has no direction, m/s.
_WIND_MIN = 0.5
_VALUE_MAX = 1e100
#: Share of what is seen that no plume of this shape explains.
_MODEL_ERROR = 0.05
#: Instants in a row see the same gust; so long is one piece of news, s.
_NEWS_S = 600.0


@dataclass(slots=True)
class PlaceState:
    """What the instants since the onset said.

    Attributes:
        seen_with: float64 [CANDIDATES], sum of sqrt(c g).
        expected: float64 [CANDIDATES], sum of c.
        seen: float64 [1], sum of g.
        news_s: float64 [1], time summed over.
        onset_ns: int64 [1], of the evidence that was summed.
        geometry: float64 [1], sum of all coordinates: other places begin anew.

    """

    seen_with: Floats
    expected: Floats
    seen: Floats
    news_s: Floats
    onset_ns: Integers
    geometry: Floats


def fresh() -> PlaceState:
    return PlaceState(
        np.zeros(CANDIDATES),
        np.zeros(CANDIDATES),
        np.zeros(1),
        np.zeros(1),
        np.full(1, np.iinfo(np.int64).min),
        np.zeros(1),
    )


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where sensors and candidates are.

    Attributes:
        lat: float64 [k], of the candidates, degrees.
        lon: float64 [k].
        names: of the candidates; empty for those of a grid.
        bearing: float64 [k, s], from candidate to sensor, radians clockwise from north.
        distance_m: float64 [k, s].
        apart_m: float64 [k, 2], east and north of the first sensor.
        cell_m: what a candidate stands for: half the spacing of the grid, or the extent of a named place.

    """

    lat: Floats
    lon: Floats
    names: tuple[str, ...]
    bearing: NDArray[np.float64]
    distance_m: NDArray[np.float64]
    apart_m: NDArray[np.float64]
    cell_m: float

    @property
    def key(self) -> float:
        return float(np.nansum(self.bearing) + np.nansum(self.distance_m))


def sources(asset: AssetView) -> dict[str, tuple[float, float]]:
    """Places that the asset's attributes name, sorted by name: latitude and longitude, degrees."""
    found = {}
    for key, lat in sorted(asset.attributes.items()):
        name = key.removeprefix("source_").removesuffix("_lat")
        lon = asset.attributes.get(f"source_{name}_lon")
        if key == f"source_{name}_lat" and lon is not None:
            found[name] = (lat, lon)
    return dict(list(found.items())[:CANDIDATES])


def geometry(asset: AssetView, at: NDArray[np.int64]) -> Geometry | None:
    """Lay out the site; None where fewer than three sensors have a place.

    Args:
        asset: with its attributes.
        at: int64 [s], the inputs that are gas sensors; one without a place gets NaN for its distances.

    """
    places = [asset.inputs[j].position for j in at.tolist()]
    lat = np.array([math.nan if one.lat is None else one.lat for one in places])
    lon = np.array([math.nan if one.lon is None else one.lon for one in places])
    known = np.isfinite(lat) & np.isfinite(lon)
    if np.count_nonzero(known) < 3:
        return None
    lat0, lon0 = float(lat[known].mean()), float(lon[known].mean())
    a_degree_m = np.array([_METRES_A_DEGREE * math.cos(math.radians(lat0)), _METRES_A_DEGREE])
    sensor_m = (np.stack([lon, lat], axis=1) - [lon0, lat0]) * a_degree_m
    named = sources(asset)
    if named:
        candidate_m = (np.array([(place[1], place[0]) for place in named.values()]) - [lon0, lat0]) * a_degree_m
        cell_m = _DISTANCE_M_MIN
    else:
        low, high = sensor_m[known].min(axis=0), sensor_m[known].max(axis=0)
        edge = _GRID_MARGIN * (high - low) + 1.0
        axes = [np.linspace(low[d] - edge[d], high[d] + edge[d], _GRID_SIDE) for d in (0, 1)]
        candidate_m = np.stack([grid.ravel() for grid in np.meshgrid(*axes)], axis=1)
        cell_m = float(max(axis[1] - axis[0] for axis in axes)) / 2.0
    degrees = candidate_m / a_degree_m + [lon0, lat0]
    apart = sensor_m[None] - candidate_m[:, None]
    return Geometry(
        np.ascontiguousarray(degrees[:, 1]),
        np.ascontiguousarray(degrees[:, 0]),
        tuple(named),
        np.arctan2(apart[..., 0], apart[..., 1]),
        np.maximum(np.hypot(apart[..., 0], apart[..., 1]), _DISTANCE_M_MIN),
        candidate_m,
        cell_m,
    )


#: Columns of what ``gather`` writes; SOURCE counts from 1.
LAT, LON, ERROR_M, SOURCE, SOURCE_SHARE = range(5)
COLUMNS = 5


class Plume(NamedTuple):
    """The shape of a plume, how gas is capped, and what a candidate stands for."""

    width_rad: float
    cap: float
    every_s: float
    cell_m: float
    named: bool


_PLUME = tuple_type(Plume, *(types.float64,) * 4, types.boolean)
_TABLE = types.Array(types.float64, 2, "C")


class Sums(NamedTuple):
    """The arrays of a ``PlaceState``."""

    seen_with: Floats
    expected: Floats
    seen: Floats
    news_s: Floats
    onset_ns: Integers


_SUMS = tuple_type(Sums, F64, F64, F64, F64, I64)


@njit(nogil=True, error_model="numpy")
def _add(
    k: int, gas: Floats, wind: float, speed: float, sums: Sums, bearing: Floats, distance: Floats, plume: Plume
) -> None:
    """Add what one instant says of one candidate."""
    for j in range(len(gas)):
        if np.isnan(gas[j]) or np.isnan(distance[j]):
            continue
        off = (bearing[j] - wind) % (2.0 * math.pi) - math.pi  # the wind is where it comes from
        height = math.exp(-0.5 * (off / plume.width_rad) ** 2) / (distance[j] * distance[j] * speed)
        sums.seen_with[k] += math.sqrt(height * min(gas[j], plume.cap))
        sums.expected[k] += height


@njit(nogil=True, error_model="numpy")
def _likely(sums: Sums, share: Floats) -> int:
    """Probability of each candidate into ``share``; returns the best one, -1 where nothing was seen."""
    if not sums.seen[0] > 0.0:
        return -1
    news = 1.0 + sums.news_s[0] / _NEWS_S
    best = 0
    for k in range(len(share)):
        fit = sums.seen_with[k] * sums.seen_with[k] / sums.expected[k] if sums.expected[k] > 0.0 else 0.0
        share[k] = -news * math.log(_MODEL_ERROR + max(0.0, 1.0 - fit / sums.seen[0]))
        if share[k] > share[best]:
            best = k
    highest, total = share[best], 0.0
    for k in range(len(share)):
        share[k] = math.exp(share[k] - highest)
        total += share[k]
    for k in range(len(share)):
        share[k] /= total
    return best


@njit(nogil=True, error_model="numpy")
def _place(best: int, share: Floats, places: Floats, apart: Floats, plume: Plume, out: Floats) -> None:
    """Where: the best of named places, or the middle of the likely part of a grid, and how far off it may be."""
    middle = np.zeros(4)  # lat, lon, east, north
    if plume.named:
        middle[:2], middle[2:] = places[best], apart[best]
    else:
        for k in range(len(share)):
            middle[:2] += share[k] * places[k]
            middle[2:] += share[k] * apart[k]
    variance = 0.0
    for k in range(len(share)):
        variance += share[k] * ((apart[k, 0] - middle[2]) ** 2 + (apart[k, 1] - middle[3]) ** 2)
    out[LAT], out[LON] = middle[0], middle[1]
    out[ERROR_M] = math.sqrt(variance + plume.cell_m * plume.cell_m)
    if plume.named:
        out[SOURCE], out[SOURCE_SHARE] = best + 1.0, share[best]


@njit(
    types.void(I64, I64, _TABLE, F64, F64, _TABLE, _TABLE, _TABLE, _TABLE, _PLUME, _SUMS, _TABLE),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _gather(
    rows: Integers,
    onset_ns: Integers,
    gas: Floats,
    wind: Floats,
    speed: Floats,
    bearing: Floats,
    distance: Floats,
    places: Floats,
    apart: Floats,
    plume: Plume,
    sums: Sums,
    out: Floats,
) -> None:
    share = np.empty(len(bearing))
    for i in rows:
        if onset_ns[i] != sums.onset_ns[0]:
            sums.seen_with[:] = 0.0
            sums.expected[:] = 0.0
            sums.seen[0], sums.news_s[0], sums.onset_ns[0] = 0.0, 0.0, onset_ns[i]
        if speed[i] >= _WIND_MIN and abs(wind[i]) <= _VALUE_MAX and speed[i] <= _VALUE_MAX:
            sums.news_s[0] += plume.every_s
            for j in range(gas.shape[1]):
                if not np.isnan(gas[i, j]) and not np.isnan(distance[0, j]):
                    sums.seen[0] += min(gas[i, j], plume.cap)
            for k in range(len(bearing)):
                _add(k, gas[i], wind[i], speed[i], sums, bearing[k], distance[k], plume)
        best = _likely(sums, share)
        if best >= 0:
            _place(best, share, places, apart, plume, out[i])


def gather(
    state: PlaceState,
    site: Geometry,
    onset_ns: NDArray[np.int64],
    gas: NDArray[np.float64],
    wind_deg: NDArray[np.float64],
    speed: NDArray[np.float64],
    shape: tuple[float, float, float],
) -> NDArray[np.float64]:
    """Take instants into the sums, and say where the gas comes from.

    Args:
        state: changed in place.
        site: as ``geometry`` gave it.
        onset_ns: int64 [n], when the evidence began that stands at each instant; none = the smallest number.
        gas: float64 [n, s], above background, unit of the kind; NaN = not known.
        wind_deg: float64 [n], where the wind comes from, degrees clockwise from north.
        speed: float64 [n], m/s.
        shape: width of the plume (degrees), cap of gas (unit of the kind), time between instants (s).

    Returns:
        float64 [n, COLUMNS], NaN where there is nothing to say.

    """
    out = np.full((len(onset_ns), COLUMNS), np.nan)
    rows = np.flatnonzero(onset_ns != np.iinfo(np.int64).min)
    if not len(rows):
        return out
    if state.geometry[0] != site.key:
        state.geometry[0] = site.key
        state.onset_ns[0] = np.iinfo(np.int64).min
    count = len(site.lat)
    width_deg, cap, every_s = shape
    plume = Plume(math.radians(width_deg), cap, every_s, site.cell_m, bool(site.names))
    sums = Sums(state.seen_with[:count], state.expected[:count], state.seen, state.news_s, state.onset_ns)
    places = np.stack([site.lat, site.lon], axis=1)
    wind = np.radians(wind_deg)
    _gather(rows, onset_ns, gas, wind, speed, site.bearing, site.distance_m, places, site.apart_m, plume, sums, out)
    return out
