"""When and how something came about, and the names of what it brings about."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Circumstance:
    """When and how something came about."""

    offset: int
    time_ns: int
    at_ns: int
    offline: bool = False
    by: str = ""
    note: str = ""


def digest(*parts: str) -> str:
    """An id that a replay gives again."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]
