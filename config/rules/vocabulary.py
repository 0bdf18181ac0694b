"""What conditions may speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.pack_detectors import BoundDetector
from model.plan import RuleSpec
from model.sensor import Kind
from model.standing import CALIBRATION_OVERDUE, standing_units


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What conditions may speak of: kinds and detectors. ``broken``: kinds whose vocabulary is incomplete."""

    kinds: Mapping[str, Kind]
    detectors: Sequence[BoundDetector]
    broken: frozenset[str]

    def units(self, kind: Kind) -> dict[str, str]:
        """Units of all operands on sensors of a kind."""
        units = {"value": kind.unit, "quality": "", "clock_fault": "", CALIBRATION_OVERDUE: ""}
        for detector in self.detectors:
            if detector.learns and kind.id in detector.kinds:
                units |= standing_units(detector.id)
        return units | {d.id: d.score_unit(kind.unit) for d in self.detectors if kind.id in d.kinds and not d.assets}

    def units_of(self, rule: RuleSpec) -> list[dict[str, str]]:
        """Units of all operands, for each kind that a rule judges and that is known."""
        if rule.assets:
            return [{name: d.operands[name] for name, d in self.of_assets(asset).items()} for asset in rule.assets]
        own = (self.kinds[kind] for kind in rule.kinds if kind in self.kinds and kind not in self.broken)
        return [self.units(kind) for kind in own]

    def of_assets(self, asset: str) -> dict[str, BoundDetector]:
        """What conditions on assets of a kind may name, and whose it is."""
        return {name: d for d in self.detectors if asset in d.assets for name in d.operands}
