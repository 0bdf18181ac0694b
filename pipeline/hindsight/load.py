"""What alarms ask of the people at the desks, in the figures of ISA-18.2-2016 clause 16 and IEC 62682."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.alarm import Grade
from pipeline.hindsight.episodes import Episode

WINDOW_NS = 600 * 10**9
#: A flood begins with so many in ten minutes for one operator, and ends below the other.
FLOOD_FROM, FLOOD_BELOW = 10, 5
#: An alarm chatters that comes so often within this time.
CHATTERS, CHATTER_NS = 3, 60 * 10**9
#: An alarm is stale that has been on for so long.
STALE_NS = 24 * 3600 * 10**9
ACTORS = 10


@dataclass(frozen=True, slots=True)
class Actor:
    """One rule on one sensor or asset, and how much of the load it makes."""

    rule: str
    tag: str
    alarms: int
    share: float


@dataclass(frozen=True, slots=True)
class Load:
    """Of a span.

    Attributes:
        alarms: raises, upgrades and what is told again, which call for attention.
        per_window: in ten minutes and for one operator, on average.
        peak: the same in the fullest ten minutes.
        flood_share: part of the ten-minute windows that are in a flood.
        floods: how many.
        chattering: rules on a sensor or asset that came three times within a minute.
        stale: alarms that were on for more than a day.
        grades: how many episodes reached each grade at most.
        actors: the ten that come most often.
        windows: int64 [ten-minute windows], alarms in each, of all operators together.
        hidden: episodes that were kept from annunciation for a part of their time.

    """

    alarms: int
    per_window: float
    peak: float
    flood_share: float
    floods: int
    chattering: int
    stale: int
    grades: dict[Grade, int]
    actors: tuple[Actor, ...]
    windows: NDArray[np.int64]
    hidden: int = 0


def load(made: Sequence[Episode], begin_ns: int, end_ns: int, desks: int) -> Load:
    """Sum up the episodes of a span.

    Args:
        made: that begin in it.
        begin_ns: of the span.
        end_ns: of the span.
        desks: operators who share the alarms evenly.

    """
    news = np.array(sorted(at for one in made for at in one.news if begin_ns <= at < end_ns), np.int64)
    count = max(1, -(-(end_ns - begin_ns) // WINDOW_NS))
    windows = np.bincount((news - begin_ns) // WINDOW_NS, minlength=count).astype(np.int64)
    flooded = _flooded(windows / desks)
    floods = int(np.count_nonzero(flooded & ~np.concatenate([[False], flooded[:-1]])))
    often = Counter((one.rule, one.tag) for one in made for _ in one.news)
    actors = sorted(often.items(), key=lambda pair: (-pair[1], pair[0]))[:ACTORS]
    return Load(
        alarms=len(news),
        per_window=len(news) / count / desks,
        peak=float(windows.max()) / desks,
        flood_share=float(flooded.mean()),
        floods=floods,
        chattering=_chattering(made),
        stale=sum((one.end_ns or end_ns) - one.begin_ns > STALE_NS for one in made),
        grades={grade: sum(one.grade is grade for one in made) for grade in Grade if grade},
        actors=tuple(Actor(*key, times, times / sum(often.values())) for key, times in actors),
        windows=windows,
        hidden=sum(one.hidden for one in made),
    )


def _flooded(each: NDArray[np.float64]) -> NDArray[np.bool_]:
    flooded = np.zeros(len(each), np.bool_)
    is_on = False
    for at, alarms in enumerate(each.tolist()):
        is_on = alarms >= (FLOOD_BELOW if is_on else FLOOD_FROM)
        flooded[at] = is_on
    return flooded


def _chattering(made: Sequence[Episode]) -> int:
    """How many rules on a sensor or asset: marked as they came, or found afterwards where nothing was marked then."""
    news: dict[tuple[str, str], list[int]] = {}
    for one in made:
        news.setdefault((one.rule, one.tag), []).extend(one.news)
    marked = {(one.rule, one.tag) for one in made if one.chattering}
    return sum(key in marked or _comes_often(np.sort(np.array(times, np.int64))) for key, times in news.items())


def _comes_often(times: NDArray[np.int64]) -> bool:
    return bool(np.any(times[CHATTERS - 1 :] - times[: 1 - CHATTERS] <= CHATTER_NS))
