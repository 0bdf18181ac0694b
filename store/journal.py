"""The journal: every input that can change an alarm, durable before anything depends on it.

One process writes (held by a lock), any number reads. ``append`` collects, ``commit`` makes durable with one
``fdatasync`` and hands back what is durable now: nothing reaches ``step`` by another way.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.batch import Batch
from model.errors import JournalError
from model.inputs import Input
from store import segment
from store.encoding import decode, encode
from store.segment import Record

SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024
#: More rows than this become several records: a record has a largest size, and a reader takes more for damage.
RECORD_ROWS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One durable input (or batch of rows) and where it stands."""

    offset: int  # of its first input; a batch of n rows counts n
    item: Input


class Journal:
    """The one writer.

    Raises:
        JournalError: another process writes this journal, or a file is not what it should be.

    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES_DEFAULT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._lock = _lock(folder)
        self._pending: list[Entry] = []
        self._buffer: list[bytes] = []
        self._broken = False
        self.torn_bytes = 0
        try:
            self._file, self._size, self.next_offset = self._recover()
        except (JournalError, OSError):
            os.close(self._lock)
            raise

    def append(self, item: Input) -> int:
        """Take an item; durable only after ``commit``. Returns the offset of its first input.

        A batch without rows is no input; one with very many becomes several entries.

        Raises:
            JournalError: the item is larger than a record can be.

        """
        offset = self.next_offset
        for part in _parts(item):
            kind, payload, inputs = encode(part)
            self._buffer.append(segment.pack(Record(kind, self.next_offset, inputs, payload)))
            self._pending.append(Entry(self.next_offset, part))
            self.next_offset += inputs
        return offset

    def commit(self) -> list[Entry]:
        """Write and sync what was appended; returns it, in order. Empty when there was nothing.

        Raises:
            JournalError: the disk refused. Never tried again: after a failed sync the kernel may have dropped the
                pages, so the process must end and recover from what is really on the disk.

        """
        if self._broken:
            raise JournalError(f"{self._folder}: an earlier write failed; restart to recover")
        if not self._pending:
            return []
        data = b"".join(self._buffer)
        try:
            if self._size + len(data) > self._segment_bytes and self._size > segment.FILE_HEADER.size:
                self._roll(self._pending[0].offset)
            _write_all(self._file, data)
            os.fdatasync(self._file)
        except OSError as error:
            self._broken = True
            raise JournalError(f"{self._folder}: cannot write the journal: {error}") from error
        self._size += len(data)
        durable, self._pending, self._buffer = self._pending, [], []
        return durable

    @property
    def bytes_written(self) -> int:
        """Size of all segments."""
        return sum(path.stat().st_size for path in segments(self._folder))

    def close(self) -> None:
        os.close(self._file)
        os.close(self._lock)

    def _recover(self) -> tuple[int, int, int]:
        """Cut the torn tail behind the last valid record, and open the last segment for writing."""
        paths = segments(self._folder)
        while paths:
            path = paths[-1]
            if path.stat().st_size < segment.FILE_HEADER.size:  # torn while it was being made
                self.torn_bytes += path.stat().st_size
                path.unlink()
                _sync_folder(self._folder)
                paths.pop()
                continue
            return self._open_last(path)
        file = self._create(0)
        return file, segment.FILE_HEADER.size, 0

    def _open_last(self, path: Path) -> tuple[int, int, int]:
        end, offset = segment.FILE_HEADER.size, _first_offset(path)
        for record, position in segment.read(path):
            end, offset = position, record.next_offset
        self._keep_aside(path, end)
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(file, end)
        os.lseek(file, end, os.SEEK_SET)
        os.fsync(file)
        return file, end, offset

    def _keep_aside(self, path: Path, end: int) -> None:
        """What is cut off is kept for inspection: it may be a torn write, or damage with good records behind it."""
        torn = path.read_bytes()[end:]
        self.torn_bytes += len(torn)
        if torn:
            path.with_name(f"{path.stem}-{end}.torn").write_bytes(torn)

    def _roll(self, first_offset: int) -> None:
        os.fsync(self._file)
        os.close(self._file)
        self._file = self._create(first_offset)
        self._size = segment.FILE_HEADER.size

    def _create(self, first_offset: int) -> int:
        path = self._folder / f"{first_offset:020d}.seg"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        _write_all(file, segment.file_header())
        os.fsync(file)
        _sync_folder(self._folder)
        return file


class JournalReader:
    """Follows the journal from an offset on, beside the writer; remembers where it stopped."""

    def __init__(self, folder: Path, offset: int) -> None:
        self._folder = folder
        self.offset = offset  # the next input to read
        self._path: Path | None = None
        self._position = segment.FILE_HEADER.size

    def read(self) -> Iterator[Entry]:
        """Yield the entries that are there now; call again for more. A batch that begins before ``offset`` is cut.

        Raises:
            JournalError: ``offset`` is no longer kept, or a segment in the middle is damaged.

        """
        while True:
            path = self._path or self._find()
            if path is None:
                return
            self._path = path
            yield from self._rest_of(path)
            following = _following(self._folder, path)
            if following is None:
                return
            yield from self._rest_of(path)  # what came between the last read and the roll
            if self.offset < _first_offset(following):
                raise JournalError(f"{path}: damaged between offsets {self.offset} and {_first_offset(following)}")
            self._path, self._position = following, segment.FILE_HEADER.size

    def bytes_behind(self) -> int:
        """How much of the journal has not been read yet."""
        paths = segments(self._folder)
        if self._path is None:
            holding = [path for path in paths if _first_offset(path) <= self.offset][-1:]
            return sum(path.stat().st_size for path in paths if path >= (holding or paths)[0]) if paths else 0
        later = sum(path.stat().st_size for path in paths if path > self._path)
        return later + self._path.stat().st_size - self._position

    def _find(self) -> Path | None:
        paths = segments(self._folder)
        if not paths:
            return None
        holding = [path for path in paths if _first_offset(path) <= self.offset]
        if not holding:
            raise JournalError(
                f"{self._folder}: offset {self.offset} is no longer kept; the oldest is {_first_offset(paths[0])}"
            )
        return holding[-1]

    def _rest_of(self, path: Path) -> Iterator[Entry]:
        if path.stat().st_size < segment.FILE_HEADER.size:  # just being made
            return
        for record, position in segment.read(path, self._position):
            self._position = position
            if record.next_offset <= self.offset:
                continue
            start, self.offset = self.offset, record.next_offset
            yield _entry(record, start)


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


def _parts(item: Input) -> Iterator[Input]:
    """What goes into one record each."""
    if not isinstance(item, Batch):
        yield item
        return
    for begin in range(0, len(item), RECORD_ROWS_MAX):
        yield item if len(item) <= RECORD_ROWS_MAX else item.take(slice(begin, begin + RECORD_ROWS_MAX))


def _following(folder: Path, path: Path) -> Path | None:
    later = [other for other in segments(folder) if other > path]
    return later[0] if later else None


def _entry(record: Record, start: int) -> Entry:
    item = decode(record.type, record.payload)
    if isinstance(item, Batch) and record.first_offset < start:
        return Entry(start, item.take(slice(start - record.first_offset, None)))
    return Entry(record.first_offset, item)


def _first_offset(path: Path) -> int:
    return int(path.stem)


def _lock(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise JournalError(f"{folder}: another process writes this journal; stop it first") from error
    return lock


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
