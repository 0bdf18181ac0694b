"""What both encodings of columns come to, and the tables of tags that gateways send again with every message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from connectors.formats.contract import Fault, Faults
from connectors.interning import Words

TAGS_MAX = 10_000

#: Tags of tables, and 16 bytes of their keys for one more, that are remembered.
_REMEMBERED_MAX = 200_000


@dataclass(frozen=True, slots=True)
class TagTable:
    """The tags of a message, as places in the format's words.

    Attributes:
        name: int32 [k].
        unit: int32 [k].

    """

    name: NDArray[np.int32]
    unit: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Block:
    """One message in columns.

    Attributes:
        table: its tags.
        tag: integers [n], place of each reading's tag in the table.
        time_ns: int64 [n], or None where no reading has one.
        value: float64 [n]; only finite ones count.
        quality: uint8 [n], or None where all are good.
        faults: of readings that cannot be used.

    """

    table: TagTable
    tag: NDArray[np.integer]
    time_ns: NDArray[np.int64] | None
    value: NDArray[np.float64]
    quality: NDArray[np.uint8] | None
    faults: Faults = field(default_factory=dict)


class TagTables:
    """Tables by the bytes they were read from, and the words that they hold."""

    def __init__(self) -> None:
        self.words = Words()
        self._tables: dict[bytes, TagTable] = {}
        self._remembered = 0

    def forget_if_many(self) -> None:
        """To be called between batches, for the places of a batch must hold."""
        if self.words.forget_if_many() or self._remembered > _REMEMBERED_MAX:
            self._tables.clear()
            self._remembered = 0

    def table(self, key: bytes, read: Callable[[], tuple[Sequence[str], Sequence[str]] | Fault]) -> TagTable | Fault:
        """The table of these bytes; ``read`` gives its tags and their units the first time."""
        found = self._tables.get(key)
        if found is not None:
            return found
        words = read()
        if isinstance(words, Fault):
            return words
        tags, units = words
        if not tags:
            return Fault("wrong_shape", "a message has at least one tag, got none")
        if len(tags) > TAGS_MAX:
            return Fault("too_many", f"a message has at most {TAGS_MAX} tags, got {len(tags)}")
        found = TagTable(
            np.array([self.words.names.place(tag) for tag in tags], np.int32),
            np.array([self.words.units.place(unit) for unit in units], np.int32),
        )
        self._tables[key] = found
        self._remembered += len(tags) + len(key) // 16
        return found
