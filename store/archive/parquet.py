"""One file of the archive: Parquet that any reader reads, with an index of our own that finds a sensor at once.

Rows stand by series, time, offset; a row group holds whole series. The index, in the file's metadata, says how many
rows each series has, so that one sensor costs the row groups it stands in and no search. Every page has a checksum.
"""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.errors import StoreError
from store.archive.layout import FORMAT
from store.archive.rows import Rows, Series, together
from store.disk import Disk

#: Large enough to compress, small enough that an hour of one sensor costs a few milliseconds.
GROUP_ROWS = 16_384
INDEX_KEY = b"fengsui"

TIME = pa.timestamp("ns", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("tag", WORD),
        ("unit", WORD),
        ("time", TIME),
        ("received", TIME),
        ("value", pa.float64()),
        ("quality", pa.uint8()),
        ("offset", pa.int64()),
        ("device_time_ns", pa.int64()),  # only where it is not ``time``
    ]
)


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """A series of the file, and its rows."""

    tag: str
    kind: str
    unit: str
    rows: int


class Group(msgspec.Struct, frozen=True, array_like=True):
    """A row group.

    Attributes:
        rows: in it.
        first: tag that it begins with.
        last: and ends with.
        series: JSON list of ``Counted``; read only where one is looked for.

    """

    rows: int
    first: str
    last: str
    series: msgspec.Raw


class Index(msgspec.Struct, frozen=True):
    """What stands in a file.

    Attributes:
        format: of the archive.
        next_offset: of the journal, behind everything in it.
        wall_ns: wall time there; 0 = not known.
        groups: its row groups.
        cut: names of all files of the same cut; empty in a merged file.
        replaces: names of the files that it was merged from, in the same folder.
        first_ns: earliest time; of a file without rows, 0.
        last_ns: latest.

    """

    format: int
    next_offset: int
    wall_ns: int
    groups: list[Group]
    cut: list[str]
    replaces: list[str]
    first_ns: int = 0
    last_ns: int = 0

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.groups)


class WrongFile(StoreError):
    """A file of the archive that cannot be read: damaged, or of a newer version."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        super().__init__(f"{path}: {what}")


class OpenFile:
    """A file of the archive, open to read.

    Attributes:
        path: of it.
        index: what stands in it.

    """

    def __init__(self, path: Path, source: io.RawIOBase) -> None:
        """Read the index.

        Raises:
            WrongFile: it does not read.

        """
        self.path = path
        with _readable(path):
            self._parquet = pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False)
            written = (self._parquet.metadata.metadata or {}).get(INDEX_KEY)
        if written is None:
            raise WrongFile(path, "is not a file of the archive; move it elsewhere")
        try:
            if int(written[:8], 16) != zlib.crc32(written[8:]):
                raise WrongFile(path, "its index does not read (checksum)")
            self.index = msgspec.json.decode(written[8:], type=Index)
        except (msgspec.MsgspecError, ValueError) as error:
            raise WrongFile(path, f"its index does not read ({error})") from error
        if self.index.format > FORMAT:
            raise WrongFile(path, f"has format {self.index.format}, newer than this version; upgrade Fengsui")
        self._group_ends = np.cumsum([0, *(one.rows for one in self.index.groups)])
        self._kept: tuple[int, Rows] | None = None

    @functools.cached_property
    def _counted(self) -> tuple[list[Series], NDArray[np.int64]]:
        """All series, and where the rows of each begin and end."""
        names: list[Series] = []
        rows: list[int] = []
        for group in self.index.groups:
            for one in _series_of(group, self.path):
                name = Series(one.tag, one.kind, one.unit)
                if names and names[-1] == name:  # it goes on from the row group before
                    rows[-1] += one.rows
                else:
                    names.append(name)
                    rows.append(one.rows)
        return names, np.cumsum([0, *rows])

    @property
    def series(self) -> list[Series]:
        """In the order of the rows."""
        return self._counted[0]

    @property
    def rows_of_each(self) -> NDArray[np.int64]:
        """How many rows each series has; int64 [m]."""
        return np.diff(self._counted[1])

    def range_of(self, first: int, following: int) -> tuple[int, int]:
        """Rows of the series from one to before another, by their place in ``series``."""
        ends = self._counted[1]
        return int(ends[first]), int(ends[following])

    def of_tag(self, tag: str) -> Iterator[tuple[list[Series], Rows]]:
        """Readings of one tag, with the series that they count in; a row group at a time.

        Raises:
            WrongFile: they do not read.

        """
        for at, group in enumerate(self.index.groups):
            if not group.first <= tag <= group.last:
                continue
            counted = _series_of(group, self.path)
            places = [place for place, one in enumerate(counted) if one.tag == tag]
            if places:
                ends = np.cumsum([0, *(one.rows for one in counted)])
                whole = self._read(at, ends)
                found = whole.take(slice(int(ends[places[0]]), int(ends[places[-1] + 1])))
                yield [Series(one.tag, one.kind, one.unit) for one in counted], found

    def read(self, begin: int, end: int) -> Rows:
        """Read rows; ``series`` counts in that of the file. The last row group is kept for the next call.

        Raises:
            WrongFile: they do not read.

        """
        parts = []
        first = int(np.searchsorted(self._group_ends, begin, side="right")) - 1
        following = int(np.searchsorted(self._group_ends, end, side="left"))
        for group in range(first, following):
            base = int(self._group_ends[group])
            whole = self._group(group)
            parts.append(whole.take(slice(max(0, begin - base), min(len(whole), end - base))))
        return together(parts)

    def groups(self) -> Iterator[Rows]:
        """Each row group, in the order of the file."""
        for group in range(len(self.index.groups)):
            yield self._group(group)

    def check_pages(self) -> None:
        """Read every column, also those that the index makes needless, so that every checksum is looked at.

        Raises:
            WrongFile: something does not read.

        """
        for group in range(len(self.index.groups)):
            with _readable(self.path):
                table = self._parquet.read_row_group(group, use_threads=False)
                words = [
                    (tag, unit) for tag, unit in zip(*(table[one].to_pylist() for one in ("tag", "unit")), strict=True)
                ]
            expected = [
                (one.tag, one.unit) for one in _series_of(self.index.groups[group], self.path) for _ in range(one.rows)
            ]
            if words != expected:
                raise WrongFile(self.path, f"row group {group} has other tags or units than its index says")

    def _group(self, group: int) -> Rows:
        if self._kept is None or self._kept[0] != group:
            self._kept = group, self._read(group, self._counted[1] - self._group_ends[group])
        return self._kept[1]

    def _read(self, group: int, ends: NDArray[np.int64]) -> Rows:
        """Read a row group; ``ends``: where its series begin and end, counted from its first row."""
        with _readable(self.path):
            table = self._parquet.read_row_group(group, columns=_READ, use_threads=False)
            at_ns = _numpy(table, "time")
            device = table["device_time_ns"].combine_chunks()
            time_ns = at_ns
            if device.null_count < len(device):
                is_other = np.asarray(device.is_valid())
                time_ns = np.where(is_other, np.asarray(device.fill_null(0)), at_ns)
            count = np.diff(ends.clip(0, len(at_ns)))
            if int(count.sum()) != len(at_ns) or len(at_ns) != self.index.groups[group].rows:
                raise WrongFile(self.path, f"row group {group} must hold {self.index.groups[group].rows} rows")
            return Rows(
                np.repeat(np.arange(len(count), dtype=np.int32), count),
                at_ns,
                time_ns,
                _numpy(table, "received"),
                _numpy(table, "value"),
                _numpy(table, "quality"),
                _numpy(table, "offset"),
            )


def _series_of(group: Group, path: Path) -> list[Counted]:
    try:
        return msgspec.json.decode(group.series, type=list[Counted])
    except msgspec.MsgspecError as error:
        raise WrongFile(path, f"its index does not read ({error})") from error


_READ = ["time", "received", "value", "quality", "offset", "device_time_ns"]


@contextmanager
def opened(path: Path, disk: Disk) -> Iterator[OpenFile]:
    """Open a file of the archive.

    Raises:
        FileNotFoundError: it is gone.
        WrongFile: it does not read.

    """
    with _Read(disk, path) as source:
        yield OpenFile(path, source)


def _numpy(table: Any, name: str) -> Any:
    column = table[name].combine_chunks()
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return column.to_numpy(zero_copy_only=False)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever the reader of Parquet says of a damaged file, as one error of ours."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        said = str(error).splitlines()
        raise WrongFile(path, f"does not read ({said[0] if said else error!r})") from error


class _Read(io.RawIOBase):
    """A file of a ``Disk`` that is only read."""

    def __init__(self, disk: Disk, path: Path) -> None:
        super().__init__()
        self._disk, self._file, self._position = disk, disk.open_to_read(path), 0
        self._size = disk.size(self._file)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        length = self._size - self._position if size < 0 else size
        data = self._disk.read(self._file, length, self._position)
        self._position += len(data)
        return data

    def close(self) -> None:
        if not self.closed:
            self._disk.close(self._file)
        super().close()

    def __enter__(self) -> Self:
        return self
