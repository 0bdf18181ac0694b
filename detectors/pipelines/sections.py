"""A line whose sections carry waves at different speeds, drawn as if it had one: metres become those of equal time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.kernels import Floats
from model.detector import AssetView


@dataclass(frozen=True, slots=True)
class Sections:
    """The stations of a line, twice.

    Attributes:
        along_m: float64 [m], where they are, rising.
        even_m: float64 [m], where they would be if the whole line had one speed and waves took as long as they do.

    """

    along_m: Floats
    even_m: Floats

    def drawn(self, place_m: float) -> float:
        """Where a place of the line is drawn; beyond the ends the line goes on at its one speed."""
        return self._moved(place_m, self.along_m, self.even_m)

    def real(self, drawn_m: float) -> float:
        """Give back the place of the line."""
        return self._moved(drawn_m, self.even_m, self.along_m)

    def stretch(self, drawn_m: float) -> float:
        """Metres of line in a metre drawn, there."""
        at = int(np.clip(np.searchsorted(self.even_m, drawn_m) - 1, 0, len(self.even_m) - 2))
        return float((self.along_m[at + 1] - self.along_m[at]) / (self.even_m[at + 1] - self.even_m[at]))

    @staticmethod
    def _moved(place_m: float, from_m: Floats, to_m: Floats) -> float:
        beyond = min(place_m - float(from_m[0]), 0.0) + max(place_m - float(from_m[-1]), 0.0)
        return place_m if from_m is to_m else float(np.interp(place_m, from_m, to_m)) + beyond


def sections(asset: AssetView, speed_m_s: float) -> Sections:
    """Draw the line by its attributes ``wave_speed_1_m_s`` (behind the first station), ``wave_speed_2_m_s`` and so on.

    A section that says nothing has the speed of the line.
    """
    along = np.array([one.position.along_m for one in asset.inputs], np.float64)
    speeds = [asset.attributes.get(f"wave_speed_{k}_m_s", speed_m_s) for k in range(1, len(along))]
    if all(speed == speed_m_s for speed in speeds):
        return Sections(along, along)
    even = along[0] + np.concatenate([[0.0], np.cumsum(np.diff(along) * speed_m_s / np.array(speeds))])
    return Sections(along, even)
