"""What is known of edge nodes and their devices: what they have announced, and whether any message is missing.

A node numbers its messages 0 to 255 and begins anew; each of its sessions has a number of its own (bdSeq), which its
death names. MQTT keeps the order within a topic only, so a message may overtake another one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from model.batch import NO_TIME

#: So many numbers behind the next one, a message is late or comes again; more, and others are missing.
BEHIND_MAX = 32


class Announced(NamedTuple):
    """A metric as its birth announced it."""

    tag: int  # place in the format's names; -1 where it is no number
    unit: int
    datatype: int


@dataclass(slots=True)
class Table:
    """What one birth announced.

    Attributes:
        by_name: every metric.
        by_alias: those that have one.
        tags: places of the numbers, to be told bad when it dies.

    """

    by_name: dict[bytes, Announced] = field(default_factory=dict)
    by_alias: dict[int, Announced] = field(default_factory=dict)
    tags: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.by_name)

    def add(self, name: bytes, alias: int | None, announced: Announced) -> None:
        self.by_name[name] = announced
        if alias is not None:
            self.by_alias[alias] = announced
        if announced.tag >= 0:
            self.tags.append(announced.tag)

    def move(self, tag: Callable[[int], int], unit: Callable[[int], int]) -> None:
        """Give what it holds new places."""
        moved = {one: Announced(tag(one.tag), unit(one.unit), one.datatype) for one in self.by_name.values()}
        self.by_name = {name: moved[one] for name, one in self.by_name.items()}
        self.by_alias = {alias: moved[one] for alias, one in self.by_alias.items()}
        self.tags = [one.tag for one in self.by_name.values() if one.tag >= 0]


@dataclass(slots=True)
class Device:
    """One device of a node.

    Attributes:
        table: what its birth announced.
        confirmed: whether its node's birth had come before; else it belongs to the next one that comes.

    """

    table: Table
    confirmed: bool


@dataclass(slots=True)
class Node:
    """One edge node.

    Attributes:
        alive: between its birth and its death.
        bd_seq: number of the session, where the birth gives one.
        table: what its birth announced.
        devices: those that are alive.
        died_ns: when we last told that it, or one of its devices, is dead; ``NO_TIME`` before the first time.
        expected: number of the next message.
        missing: numbers that were passed over.
        early: the last numbers that came while no birth had come, and when.
        open: why a rebirth is needed; empty = it is not.
        early_death: number of a session that died before we saw its birth, and when.

    """

    alive: bool = False
    bd_seq: int | None = None
    table: Table = field(default_factory=Table)
    devices: dict[str, Device] = field(default_factory=dict)
    died_ns: int = NO_TIME
    expected: int = 0
    missing: set[int] = field(default_factory=set)
    early: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=BEHIND_MAX))
    open: set[str] = field(default_factory=set)
    early_death: tuple[int, int] | None = None

    def __len__(self) -> int:
        return sum(map(len, self.tables()))

    def begin(self, bd_seq: int | None, seq: int, since_ns: int) -> None:
        """Its birth has come; messages that came since then may have overtaken it."""
        self.alive, self.bd_seq, self.expected = True, bd_seq, (seq + 1) % 256
        self.missing.clear()
        self.open.clear()
        for device in self.devices.values():
            device.confirmed = True
        for early, at_ns in self.early:
            if at_ns >= since_ns and (early - seq) % 256 <= BEHIND_MAX:
                self.count(early, at_ns)
        self.early.clear()

    def end(self) -> None:
        """Its death has come, or another session has begun: nothing that it announced counts any more."""
        self.alive, self.bd_seq = False, None
        self.table = Table()
        self.devices = {}
        self.missing.clear()
        self.early.clear()
        self.open.clear()

    def count(self, seq: int, received_ns: int) -> None:
        """Take a message's number into account."""
        if not self.alive:
            self.early.append((seq, received_ns))
            return
        ahead = (seq - self.expected) % 256
        if ahead >= 256 - BEHIND_MAX:
            self.missing.discard(seq)
        else:
            self.missing.update((self.expected + k) % 256 for k in range(ahead))
            self.missing.discard(seq)
            self.expected = (seq + 1) % 256
        if self.missing:
            self.open.add("seq")
        else:
            self.open.discard("seq")

    def died_since(self, bd_seq: int | None, since_ns: int) -> bool:
        """Whether the death of this session came just before its birth. It is asked once."""
        death, self.early_death = self.early_death, None
        return death is not None and death[0] == bd_seq and death[1] >= since_ns

    def tables(self) -> list[Table]:
        """What the node and its devices have announced."""
        return [self.table, *(device.table for device in self.devices.values())]

    def dead_tags(self) -> list[int]:
        """Places of all its numbers and its devices'."""
        return [tag for table in self.tables() for tag in table.tags]
