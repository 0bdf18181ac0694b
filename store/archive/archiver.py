"""Makes files of the journal: a cut every ten minutes, committed by the position, the same after any crash.

Where a cut ends depends on the journal alone: behind the last tick before the one that begins another ten minutes, or
by which enough rows have come. The tick after it shows that what is cut is durable in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model.errors import StoreError
from model.inputs import Tick
from store.archive import parquet, writing
from store.archive.follow import Follower, Step
from store.archive.layout import (
    DAY_NS,
    PARTIAL,
    SECOND_NS,
    FileName,
    Position,
    all_files,
    day_name,
    days,
    files_of,
    load_position,
    part_name,
    save_position,
)
from store.archive.rows import Rows, Series, together
from store.disk import LOCAL_DISK, Disk

CUT_NS = 600 * SECOND_NS
#: At a district's largest rate a cut is shorter than ten minutes, so that it fits into memory.
ROWS_MAX = 3_000_000
#: Rows that are written without saying that it goes on.
PIECE_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of the journal that is archived now.

    Attributes:
        files: names within the archive.
        rows: readings in them.
        missing: inputs that the journal could not give.
        position: the archive's from now on.

    """

    files: tuple[str, ...]
    rows: int
    missing: int
    position: Position


class _Settled(NamedTuple):
    """What a cut may hold: all before a tick that another one has followed."""

    next_offset: int
    parts: int
    wall_ns: int
    missing: int


class Archiver:
    """The one writer of an archive. After an error, make another one: it goes on from the position.

    Attributes:
        position: how far the journal is archived.

    """

    def __init__(
        self,
        folder: Path,
        journal: Path,
        *,
        disk: Disk = LOCAL_DISK,
        rows_max: int = ROWS_MAX,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        """Lock the folder and put away what a crash has left.

        Args:
            folder: of the archive.
            journal: folder of the journal.
            disk: that both are on.
            rows_max: readings from which on a cut does not wait for its ten minutes.
            progress: told between the parts of a cut; what it raises ends the cut, and nothing has changed.

        Raises:
            StoreError: another archiver is at work, or the folder cannot be used.

        """
        self._folder, self._disk, self._rows_max, self._progress = folder, disk, rows_max, progress
        try:
            disk.make_folder(folder)
            self._lock = disk.lock(folder / "lock")
        except BlockingIOError as error:
            raise StoreError(f"{folder}: another archiver is at work here; stop it first") from error
        except OSError as error:
            raise StoreError(f"{folder}: must be a folder that can be written, got: {error}") from error
        try:
            self.position = _recover(folder, disk)
        except BaseException:
            disk.close(self._lock)
            raise
        self._journal = journal
        self._follower = Follower(journal, self.position.next_offset, disk=disk)
        self._parts: list[Rows] = []
        self._rows = self._missing = 0
        self._period: int | None = None
        self._settled = _Settled(self.position.next_offset, 0, self.position.wall_ns, 0)

    def close(self) -> None:
        self._disk.close(self._lock)

    def bytes_behind(self) -> int:
        """How much of the journal has not been read yet."""
        return self._follower.bytes_behind()

    @property
    def rows_waiting(self) -> int:
        """Readings that are read and not in a file yet."""
        return self._rows

    def work(self) -> Cut | None:
        """Read what is new, up to the next cut, and make it; None: there is nothing to cut yet.

        Raises:
            StoreError: the disk is full, or the journal ends before what is archived.
            JournalError: a file of the journal is of a newer format.
            OSError: the disk refused otherwise.

        """
        for step in self._follower.read():
            self._progress()
            until = self._take(step)
            if until is not None:
                return self._cut(until, step)
        if self._follower.end < self.position.next_offset:
            raise StoreError(
                f"{self._folder}: holds readings up to input {self.position.next_offset}, but the journal "
                f"{self._journal} ends at {self._follower.end}; it was lost or exchanged. Move the archive elsewhere"
            )
        return None

    def _take(self, step: Step) -> _Settled | None:
        """Add what was read; returns what is to be cut now."""
        self._missing += step.missing
        if step.rows is not None:
            self._parts.append(step.rows)
            self._rows += len(step.rows)
        if step.tick is not None:
            return self._tick(step.tick, step.next_offset)
        if self._rows >= 2 * self._rows_max:  # no clock in this journal
            self._period = None
            return _Settled(step.next_offset, len(self._parts), self._settled.wall_ns, self._missing)
        return None

    def _tick(self, tick: Tick, next_offset: int) -> _Settled | None:
        period = tick.wall_ns // CUT_NS
        if self._period is None:
            self._period = period
        before = self._settled
        self._settled = _Settled(next_offset, len(self._parts), tick.wall_ns, self._missing)
        if before.next_offset > self.position.next_offset and (period != self._period or self._rows >= self._rows_max):
            self._period = period
            return before
        return None

    def _cut(self, until: _Settled, step: Step) -> Cut:
        rows = together(self._parts[: until.parts])
        position = Position(until.next_offset, until.wall_ns)
        files = self._write(rows, position)
        save_position(self._folder, position, self._disk)
        self._parts = self._parts[until.parts :]
        self._rows -= len(rows)
        self._missing -= until.missing
        self.position = position
        wall_ns = step.tick.wall_ns if step.tick else until.wall_ns
        self._settled = _Settled(step.next_offset, len(self._parts), wall_ns, self._missing)
        return Cut(files, len(rows), until.missing, position)

    def _pieces(self, rows: Rows) -> Iterator[Rows]:
        """Some whole series at a time."""
        begins = np.flatnonzero(np.diff(rows.series, prepend=-1))
        begin = 0
        for end in [*begins[1:].tolist(), len(rows)]:
            if end - begin >= PIECE_ROWS or end == len(rows):
                self._progress()
                yield rows.take(slice(begin, end))
                begin = end

    def _write(self, rows: Rows, position: Position) -> tuple[str, ...]:
        names, rows = _sorted_names(rows, self._follower.names)
        planned = []
        for day, is_late, part in _by_file(rows):
            first_ns, last_ns = int(part.at_ns.min()), int(part.at_ns.max())
            planned.append((day_name(day), part_name(first_ns, last_ns, position.next_offset, is_late=is_late), part))
        cut = [f"{folder}/{name}" for folder, name, _ in planned]
        for folder, name, part in planned:
            self._progress()
            self._disk.make_folder(self._folder / folder)
            writing.write(
                self._folder / folder / name,
                names,
                self._pieces(part.by_series()),
                next_offset=position.next_offset,
                wall_ns=position.wall_ns,
                disk=self._disk,
                cut=cut,
            )
        return tuple(cut)


def _sorted_names(rows: Rows, names: Sequence[Series]) -> tuple[list[Series], Rows]:
    """Give the series of the rows in the order of a file, and the rows counting in it."""
    used = sorted(set(np.unique(rows.series).tolist()), key=lambda one: names[one])
    place = np.zeros(len(names), np.int32)
    place[used] = np.arange(len(used))
    return [names[one] for one in used], rows.renumbered(place)


def _by_file(rows: Rows) -> Iterator[tuple[int, bool, Rows]]:
    """Rows of each day, those that came long after their time apart."""
    day = rows.at_ns // DAY_NS
    is_late = rows.at_ns // 2 < rows.received_ns // 2 - CUT_NS // 2  # halves: no pair of times overflows
    key = day * 2 + is_late
    for one in np.unique(key).tolist():
        yield one // 2, bool(one % 2), rows.take(key == one)


def _recover(folder: Path, disk: Disk) -> Position:
    """Find the position, and remove what does not count: partial files, an unfinished cut, what was merged."""
    found = load_position(folder, disk) or Position(0, 0)
    position = _complete_beyond(folder, found, disk)
    for place in [folder, *(folder / day_name(day) for day in days(folder, disk))]:
        for name in disk.names(place):
            if name.endswith(PARTIAL):
                disk.unlink(place / name)
    for file in list(all_files(folder, disk)):
        if file.next_offset > position.next_offset:
            disk.unlink(file.path)
    for day in days(folder, disk):
        drop_replaced(folder, day, disk)
    if position != found:
        save_position(folder, position, disk)
    return position


def _complete_beyond(folder: Path, found: Position, disk: Disk) -> Position:
    """Return the position that the files themselves give, if it is later than the one that was saved.

    It is when all files of a cut are there but not its commit, and when the saved position was lost or is an old one.
    """
    beyond = sorted(
        (file for file in all_files(folder, disk) if file.next_offset > found.next_offset),
        key=lambda file: file.next_offset,
        reverse=True,
    )
    there = {file.key for file in all_files(folder, disk)}
    for file in beyond:
        try:
            with parquet.opened(file.path, disk) as opened:
                index = opened.index
        except parquet.WrongFile:
            continue
        if index.replaces or set(index.cut) <= there:
            return Position(index.next_offset, index.wall_ns)
    return found


def drop_replaced(folder: Path, day: int, disk: Disk) -> int:
    """Remove files that a merged one holds; returns how many."""
    files = files_of(folder, day, disk)
    dropped = 0
    for name in sorted(replaced(files, disk)):
        disk.unlink(folder / day_name(day) / name)
        dropped += 1
    if dropped:
        disk.sync_folder(folder / day_name(day))
    return dropped


def replaced(files: Sequence[FileName], disk: Disk) -> set[str]:
    """Names of those that a merged one among them holds.

    A merged file that does not read hides nothing: what it was made of may still be there.
    """
    there = {file.path.name for file in files}
    held: set[str] = set()
    for file in files:
        if len(files) > 1 and file.is_merged:
            try:
                with parquet.opened(file.path, disk) as opened:
                    held |= set(opened.index.replaces) & there
            except (parquet.WrongFile, FileNotFoundError):
                continue
    return held
