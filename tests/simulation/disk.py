"""A disk in memory that forgets what was not synced, as a real one may when the power goes.

It keeps for every file what is durable and which writes are not yet, and the same for names. From that it makes any
number of images of what a power cut could leave: each unsynced write there, gone, or torn into sectors, in any order;
each unsynced name made, removed or renamed, or not. It runs the real journal; a hook sees every call that changes
something and may refuse it.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

#: Called before each changing call with its number (from 1) and name; may raise, or return the bytes to take at most.
Hook = Callable[[int, str], "int | None"]

_SECTORS = (1, 512, 4096)


@dataclass(slots=True)
class Write:
    position: int
    data: bytes


@dataclass(slots=True)
class Resize:
    size: int


@dataclass(slots=True)
class Content:
    """One file without its name."""

    view: bytearray = field(default_factory=bytearray)  # what a process sees
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Resize] = field(default_factory=list)


@dataclass(slots=True)
class Rename:
    """One change of names: ``old`` goes, ``new`` comes to be ``content``; each may be None."""

    old: Path | None
    new: Path | None
    content: Content | None


class SimulatedDisk:
    """Implements ``store.disk.Disk``."""

    def __init__(self, *, seed: int = 0, capacity: int | None = None, hook: Hook | None = None) -> None:
        self.hook = hook
        self.capacity = capacity  # bytes of all files together
        self.can_allocate = True
        self.unreadable: set[tuple[str, int]] = set()  # name and number of a block of 4096 bytes
        self.calls: list[str] = []  # that changed something, or were to
        self._rng = random.Random(seed)
        self._names: dict[Path, Content] = {}
        self._durable_names: dict[Path, Content] = {}
        self._pending_names: list[Rename] = []
        self._open: dict[int, tuple[Path, Content]] = {}
        self._locks: dict[int, Path] = {}
        self._next_handle = 1000

    # What a power cut leaves

    def image(self, rng: random.Random) -> SimulatedDisk:
        """One of the disks that a power cut could leave now."""
        names = dict(self._durable_names)
        for change in _some(self._pending_names, rng):
            _rename(names, change)
        left = SimulatedDisk(seed=rng.getrandbits(32))
        contents: dict[int, Content] = {}
        for path, content in names.items():
            if id(content) not in contents:
                data = _after(content, rng)
                contents[id(content)] = Content(bytearray(data), data)
            left._names[path] = contents[id(content)]
        left._durable_names = dict(left._names)
        return left

    def only_durable(self) -> SimulatedDisk:
        """The disk that a power cut leaves if nothing survives that was not synced."""
        left = SimulatedDisk(seed=self._rng.getrandbits(32))
        left._names = {p: Content(bytearray(c.durable), bytearray(c.durable)) for p, c in self._durable_names.items()}
        left._durable_names = dict(left._names)
        return left

    def kill(self) -> None:
        """The process ends, the kernel goes on: locks and handles are gone, everything written can be read."""
        self._open.clear()
        self._locks.clear()

    # The calls of a Disk

    def make_folder(self, folder: Path) -> None:
        """Folders are there as soon as they are named."""

    def lock(self, path: Path) -> int:
        if path in self._locks.values():
            raise BlockingIOError(errno.EWOULDBLOCK, "held")
        self._locks[handle := self._new_handle()] = path
        return handle

    def create(self, path: Path) -> int:
        self._change("create")
        self.unreadable = {(name, block) for name, block in self.unreadable if name != path.name}
        content = self._names.get(path)
        if content is None:
            content = Content()
            self._rename(Rename(None, path, content))
        else:
            self._resize(content, 0)
        return self._handle(path, content)

    def open(self, path: Path) -> int:
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return self._handle(path, self._names[path])

    def open_to_read(self, path: Path) -> int:
        return self.open(path)

    def close(self, file: int) -> None:
        if file in self._locks:
            del self._locks[file]
        else:
            del self._open[file]

    def read(self, file: int, length: int, position: int) -> bytes:
        path, content = self._open[file]
        if any(
            (path.name, block) in self.unreadable for block in range(position // 4096, -(-(position + length) // 4096))
        ):
            raise OSError(errno.EIO, "unreadable")
        return bytes(content.view[position : position + length])

    def write(self, file: int, data: bytes | memoryview, position: int) -> int:
        most = self._change("write")
        path, content = self._open[file]
        taken = bytes(data if most is None else data[:most])
        room = self._room()
        if room is not None:
            taken = taken[: max(0, len(content.view) + room - position)]
            if not taken:
                raise OSError(errno.ENOSPC, "full")
        self._write_over_unreadable(path.name, position, position + len(taken))
        _write(content.view, position, taken)
        content.pending.append(Write(position, taken))
        return len(taken)

    def _write_over_unreadable(self, name: str, begin: int, end: int) -> None:
        """A block that cannot be read takes a whole new one, but no part of one."""
        for block in range(begin // 4096, -(-end // 4096)):
            if (name, block) in self.unreadable:
                if begin > block * 4096 or end < (block + 1) * 4096:
                    raise OSError(errno.EIO, "unreadable")
                self.unreadable.discard((name, block))

    def allocate(self, file: int, size: int) -> bool:
        self._change("allocate")
        if not self.can_allocate:
            return False
        content = self._open[file][1]
        room = self._room()
        if room is not None and size - len(content.view) > room:
            raise OSError(errno.ENOSPC, "full")
        if size > len(content.view):
            self._resize(content, size)
        return True

    def truncate(self, file: int, size: int) -> None:
        self._change("truncate")
        path, content = self._open[file]
        if size % 4096 and (path.name, size // 4096) in self.unreadable:
            raise OSError(errno.EIO, "unreadable")
        self._resize(content, size)

    def sync(self, file: int) -> None:
        content = self._open[file][1]
        try:
            self._change("sync")
        except OSError:
            # The kernel has tried: some of it is on the disk, the rest never will be, and all of it can still be read.
            content.durable, content.pending = _after(content, self._rng), []
            raise
        for change in content.pending:  # not the view: what a failed sync has lost stays lost until it is written anew
            _apply(content.durable, change)
        content.pending = []

    def sync_folder(self, folder: Path) -> None:
        self._change("sync_folder")
        for change in self._pending_names:
            if folder in {path.parent for path in (change.old, change.new) if path}:
                _rename(self._durable_names, change)
        self._pending_names = [
            change
            for change in self._pending_names
            if folder not in {path.parent for path in (change.old, change.new) if path}
        ]

    def rename(self, old: Path, new: Path) -> None:
        self._change("rename")
        self._rename(Rename(old, new, self._names[old]))

    def unlink(self, path: Path) -> None:
        self._change("unlink")
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        self._rename(Rename(path, None, None))

    def remove_folder(self, folder: Path) -> None:
        """Folders are gone as soon as nothing is in them."""

    def names(self, folder: Path) -> list[str]:
        within = (path.relative_to(folder).parts for path in self._names if path.is_relative_to(folder))
        return sorted({parts[0] for parts in within if parts})

    def size(self, file: int) -> int:
        return len(self._open[file][1].view)

    def free_bytes(self, folder: Path) -> int:
        """Room for everybody: there are no other disks."""
        del folder
        room = self._room()
        return 10**12 if room is None else room

    # What a test looks at or does behind the process's back

    def content(self, path: Path) -> bytes:
        return bytes(self._names[path].view)

    def put(self, path: Path, data: bytes) -> None:
        """Make a file hold ``data``, durably: damage, or another program."""
        content = self._names.get(path) or Content()
        content.view, content.durable, content.pending = bytearray(data), bytearray(data), []
        self._names[path] = self._durable_names[path] = content

    def paths(self) -> list[Path]:
        return sorted(self._names)

    def _change(self, name: str) -> int | None:
        self.calls.append(name)
        return self.hook(len(self.calls), name) if self.hook else None

    def _room(self) -> int | None:
        if self.capacity is None:
            return None
        return self.capacity - sum(len(content.view) for content in self._names.values())

    def _resize(self, content: Content, size: int) -> None:
        _resize(content.view, size)
        content.pending.append(Resize(size))

    def _rename(self, change: Rename) -> None:
        _rename(self._names, change)
        self._pending_names.append(change)

    def _handle(self, path: Path, content: Content) -> int:
        self._open[handle := self._new_handle()] = (path, content)
        return handle

    def _new_handle(self) -> int:
        self._next_handle += 1
        return self._next_handle


def failing(number: int, error: int) -> Hook:
    """Refuse the call of that number."""

    def hook(call: int, name: str) -> int | None:
        if call == number:
            raise OSError(error, os.strerror(error), name)
        return None

    return hook


def _after(content: Content, rng: random.Random) -> bytearray:
    """The file as it may stand after a power cut."""
    data = bytearray(content.durable)
    for change in _some(content.pending, rng):
        if isinstance(change, Resize) or rng.random() < 0.5:
            _apply(data, change)
        else:
            _tear(data, change, rng)
    return data


def _tear(data: bytearray, change: Write, rng: random.Random) -> None:
    """Some sectors of a write, or its beginning; the file may have grown all the same."""
    sector, end = rng.choice(_SECTORS), change.position + len(change.data)
    if rng.random() < 0.5:
        cut = rng.randrange(len(change.data) + 1) if sector == 1 else sector * rng.randrange(1 + end // sector)
        _write(data, change.position, change.data[: max(0, cut if sector == 1 else cut - change.position)])
    else:
        size = max(sector, 64)
        for begin in range(change.position // size * size, end, size):
            if rng.random() < 0.5:
                low, high = max(begin, change.position), min(begin + size, end)
                _write(data, low, change.data[low - change.position : high - change.position])
    if rng.random() < 0.5 and len(data) < end:
        _resize(data, end)


def _some(changes: list, rng: random.Random) -> list:
    """None of them, all, or any of them; in their order."""
    share = rng.choice((0.0, 0.5, 1.0))
    return [change for change in changes if rng.random() < share]


def _apply(data: bytearray, change: Write | Resize) -> None:
    if isinstance(change, Resize):
        _resize(data, change.size)
    else:
        _write(data, change.position, change.data)


def _write(data: bytearray, position: int, written: bytes) -> None:
    if len(data) < position:
        _resize(data, position)
    data[position : position + len(written)] = written


def _resize(data: bytearray, size: int) -> None:
    if len(data) > size:
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


def _rename(names: dict[Path, Content], change: Rename) -> None:
    content = names.pop(change.old, None) if change.old else None
    if change.new is not None and change.content is not None:
        names[change.new] = change.content if change.old is None else (content or change.content)
