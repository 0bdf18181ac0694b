"""What conditions may speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.pack_detectors import BoundDetector
from model.condition import Condition
from model.plan import RuleSpec
from model.sensor import Kind
from model.standing import CALIBRATION_OVERDUE, standing_units
from rules.language import base_of, operands
from rules.operands import MODE, is_of_others
from rules.words import Words, words_of


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What conditions may speak of: kinds and detectors. ``broken``: kinds whose vocabulary is incomplete."""

    kinds: Mapping[str, Kind]
    detectors: Sequence[BoundDetector]
    broken: frozenset[str]

    def words(self, kind: Kind) -> Words:
        """All that conditions on sensors of a kind may name."""
        own = [detector for detector in self.detectors if kind.id in detector.kinds and not detector.assets]
        scores = {CALIBRATION_OVERDUE: ""} | {detector.id: detector.score_unit(kind.unit) for detector in own}
        for detector in own:
            scores |= standing_units(detector.id) if detector.learns else {}
        return words_of(kind, self.kinds.values(), scores)

    def leaves_open(self, condition: Condition) -> bool:
        """Whether it names a kind of which it is reported already that it is wrong."""
        named = {base_of(name) for name in operands(condition)}
        return any(
            is_of_others(name) and (name.partition(".")[2] or name) in {*self.broken, MODE} for name in named
        ) and bool(self.broken)

    def words_of(self, rule: RuleSpec) -> list[Words]:
        """All that its conditions may name, for each kind that a rule judges and that is known."""
        if rule.assets:
            found = [self.of_assets(asset) for asset in rule.assets]
            return [Words({name: one.operands[name] for name, one in own.items()}, {}) for own in found]
        own = (self.kinds[kind] for kind in rule.kinds if kind in self.kinds and kind not in self.broken)
        return [self.words(kind) for kind in own]

    def of_assets(self, asset: str) -> dict[str, BoundDetector]:
        """What conditions on assets of a kind may name, and whose it is."""
        return {name: d for d in self.detectors if asset in d.assets for name in d.operands}
