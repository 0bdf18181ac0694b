"""How long the journal is kept: which of its segments may go, and who loses by it.

What a recovery needs never goes: everything behind the oldest snapshot that is kept. What a cursor needs stays until
the hard limit; beyond that the slowest cursor loses first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NS_PER_DAY = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """What is kept; None = no limit of that sort.

    Attributes:
        bytes: a journal larger than this loses its oldest segments, as far as nobody needs them.
        ns: and so do segments whose inputs are all older than this.
        bytes_max: beyond this a segment goes even though a cursor needs it.

    """

    bytes: int | None = None
    ns: int | None = None
    bytes_max: int | None = None


@dataclass(frozen=True, slots=True)
class KeptSegment:
    """One segment as retention sees it."""

    path: Path
    first_offset: int
    bytes: int
    begun_ns: int  # wall time at its beginning, ns since 1970 UTC; 0 = not known


@dataclass(frozen=True, slots=True)
class Removal:
    """A segment that goes."""

    segment: KeptSegment
    next_offset: int  # the oldest that is kept afterwards
    lost: tuple[str, ...] = ()  # cursors that still needed it


def is_over(kept: Sequence[KeptSegment], limits: KeepLimits, now_ns: int) -> bool:
    """Whether a limit is reached, so that the oldest segment should go."""
    total = sum(one.bytes for one in kept)
    too_large = any(limit is not None and total > limit for limit in (limits.bytes, limits.bytes_max))
    return len(kept) > 1 and (too_large or _is_old(kept, limits, now_ns))


def oldest_to_go(
    kept: Sequence[KeptSegment],
    limits: KeepLimits,
    *,
    now_ns: int,
    snapshot_offset: int | None,
    holds: Mapping[str, int],
) -> Removal | None:
    """Choose the segment that goes next, if any may.

    Args:
        kept: all segments, oldest first; the last one is being written and never goes.
        limits: what is to be kept.
        now_ns: wall time of the last tick.
        snapshot_offset: of the oldest usable snapshot; None = there is none, and all of the journal is needed.
        holds: offset up to which each cursor has come.

    """
    if not is_over(kept, limits, now_ns) or snapshot_offset is None:
        return None
    oldest, next_offset = kept[0], kept[1].first_offset
    if next_offset > snapshot_offset:
        return None
    lost = tuple(sorted(name for name, offset in holds.items() if offset < next_offset))
    is_beyond = limits.bytes_max is not None and sum(one.bytes for one in kept) > limits.bytes_max
    return Removal(oldest, next_offset, lost) if is_beyond or not lost else None


def _is_old(kept: Sequence[KeptSegment], limits: KeepLimits, now_ns: int) -> bool:
    """The inputs of a segment end where the next one begins."""
    if limits.ns is None or len(kept) < 2 or not kept[1].begun_ns:
        return False
    return now_ns - kept[1].begun_ns > limits.ns
