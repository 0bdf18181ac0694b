"""Operands of conditions on sensors that say how things stand, at any time, and not what a reading says.

They are read off once a minute. A rule names either these or what comes with readings, never both.
"""

from __future__ import annotations

#: Days since the calibration of the sensor ended, by its ``calibrated_until``; negative = so many are left.
CALIBRATION_OVERDUE = "calibration_overdue_days"

#: Of a detector that learns a normal: 1 while it says nothing because it knows too little; seconds for which readings
#: have been left out as abnormal; 1 while a normal that was given up as stale is being learned anew.
LEARNED = {"warming": "", "held_s": "s", "stale": ""}


def standing_units(learning: str) -> dict[str, str]:
    """What conditions may name of a detector that learns, with the units."""
    return {f"{learning}.{name}": unit for name, unit in LEARNED.items()}


def is_standing(operand: str) -> bool:
    """Of an operand of a rule on sensors."""
    whose, _, name = operand.partition(".")
    return operand == CALIBRATION_OVERDUE or (name in LEARNED and whose not in {"asset", "site"})
