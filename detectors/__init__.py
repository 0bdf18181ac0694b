"""Detectors: readings in, scores out; learned per sensor or asset, the same however the input is cut up.

A new detector is one file in the room of its family and one line in ``DETECTORS`` (one score a reading) or in
``ASSET_DETECTORS`` (all sensors of an asset together); ``tests/checks`` then runs on it.
"""

from __future__ import annotations

from typing import Any, Protocol

from detectors.assets.neighbours import Neighbours
from detectors.assets.pca import Pca
from detectors.assets.vote import Vote
from detectors.declaration import DeclaredParameters
from detectors.fire.combustion import Combustion
from detectors.gas.creep import Creep
from detectors.gas.gas_evidence import GasEvidence
from detectors.gas.rise import Rise
from detectors.general.change import Change
from detectors.general.cusum import Cusum
from detectors.general.ewma import Ewma
from detectors.general.flatline import Flatline
from detectors.general.limit import Limit
from detectors.general.rarity import Rarity
from detectors.general.rate import Rate
from detectors.general.seasonal import Seasonal
from detectors.general.silence import Silence
from detectors.general.spectrum import Spectrum
from detectors.general.spike import Spike
from detectors.general.time_to_limit import TimeToLimit
from detectors.general.trend import Trend
from detectors.pipelines.pressure_wave import PressureWave
from detectors.pipelines.volume_balance import VolumeBalance
from detectors.water.network_heads import NetworkHeads
from detectors.water.night_flow import NightFlow
from model.detector import AssetDetector, Detector
from model.plan import Parameter


class AnyDetector(Detector[Any], DeclaredParameters, Protocol):
    """A detector whose state is known to itself alone."""

    def __init__(self, **parameters: Parameter) -> None: ...


class AnyAssetDetector(AssetDetector[Any], DeclaredParameters, Protocol):
    """A detector on assets whose state is known to itself alone."""

    def __init__(self, **parameters: Parameter) -> None: ...


#: Name in ``detectors.yaml`` -> class; the fields of the class are the parameters.
DETECTORS: dict[str, type[AnyDetector]] = {
    "limit": Limit,
    "rate": Rate,
    "ewma": Ewma,
    "cusum": Cusum,
    "change": Change,
    "flatline": Flatline,
    "silence": Silence,
    "spike": Spike,
    "spectrum": Spectrum,
    "rise": Rise,
    "creep": Creep,
    "time_to_limit": TimeToLimit,
    "rarity": Rarity,
    "seasonal": Seasonal,
    "trend": Trend,
}

#: The same for detectors on whole assets.
ASSET_DETECTORS: dict[str, type[AnyAssetDetector]] = {
    "vote": Vote,
    "combustion": Combustion,
    "network_heads": NetworkHeads,
    "neighbours": Neighbours,
    "night_flow": NightFlow,
    "pca": Pca,
    "pressure_wave": PressureWave,
    "volume_balance": VolumeBalance,
    "gas_evidence": GasEvidence,
}
