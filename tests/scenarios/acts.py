"""The words for what persons do: shelve, take out of service, agree, remark, judge."""

from __future__ import annotations

from typing import Any

from tests.scenarios.deeds import Deed
from tests.scenarios.language import Happening

MINUTE, HOUR, DAY = 60, 3600, 86_400


def acknowledges(at_s: float, by: str = "Wang", **which: Any) -> Happening:
    return Happening(at_s, deed=Deed("acknowledge", by, **which))


def resets_one(at_s: float, by: str = "Wang", **which: Any) -> Happening:
    return Happening(at_s, deed=Deed("reset", by, **which))


def shelves(at_s: float, for_s: float = 60.0, by: str = "Wang", reason: str = "works", **which: Any) -> Happening:
    """Every open alarm, or those that are named."""
    return Happening(at_s, deed=Deed("shelve", by, note=reason, duration_s=for_s, **which))


def unshelves(at_s: float, by: str = "Wang", on: str = "open", note: str = "", **which: Any) -> Happening:
    """By the alarm; ``on="flag"``: by the flag."""
    return Happening(at_s, deed=Deed("unshelve", by, on=on, note=note, **which))


def takes_out(at_s: float, for_s: float = 60.0, by: str = "Wang", permit: str = "permit 7", **cover: Any) -> Happening:
    """``tag`` or ``asset``, perhaps ``rule``."""
    return Happening(at_s, deed=Deed("take_out", by, on="cover", note=permit, duration_s=for_s, **cover))


def puts_back(at_s: float, by: str = "Wang", on: str = "flag", **which: Any) -> Happening:
    return Happening(at_s, deed=Deed("put_back", by, on=on, **which))


def approves(at_s: float, by: str = "Li", on: str = "asked", note: str = "", **which: Any) -> Happening:
    """Every request that stands."""
    return Happening(at_s, deed=Deed("approve", by, on=on, note=note, **which))


def withdraws(at_s: float, by: str = "Wang", on: str = "asked", **which: Any) -> Happening:
    return Happening(at_s, deed=Deed("withdraw", by, on=on, **which))


def comments(at_s: float, note: str = "seen on site", by: str = "Wang", on: str = "newest", **which: Any) -> Happening:
    return Happening(at_s, deed=Deed("comment", by, on=on, note=note, **which))


def judges(at_s: float, verdict: str, cause: str = "", by: str = "Wang", on: str = "newest", **which: Any) -> Happening:
    return Happening(at_s, deed=Deed("verdict", by, on=on, note=cause, verdict=verdict, **which))
