"""One file of the archive: Parquet that any reader reads, with an index of our own that finds a sensor at once.

Rows stand by series, time, offset; a row group holds whole series. The index, in the file's metadata, says how many
rows each series has, so that one sensor costs the row groups it stands in and no search. Every page has a checksum.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.errors import StoreError
from store.archive.layout import FORMAT, PARTIAL
from store.archive.rows import Rows, Series, together
from store.disk import FULL, Disk, write_whole

#: Large enough to compress, small enough that an hour of one sensor costs a few milliseconds.
GROUP_ROWS = 32_768
INDEX_KEY = b"fengsui"

_TIME = pa.timestamp("ns", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("tag", _WORD),
        ("unit", _WORD),
        ("time", _TIME),
        ("received", _TIME),
        ("value", pa.float64()),
        ("quality", pa.uint8()),
        ("offset", pa.int64()),
        ("device_time_ns", pa.int64()),  # only where it is not ``time``
    ]
)
_DELTA = "DELTA_BINARY_PACKED"


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """A series of the file, and its rows."""

    tag: str
    kind: str
    unit: str
    rows: int


class Index(msgspec.Struct, frozen=True):
    """What stands in a file.

    Attributes:
        format: of the archive.
        next_offset: of the journal, behind everything in it.
        wall_ns: wall time there; 0 = not known.
        series: in the order of the rows.
        groups: rows of each row group.
        cut: names of all files of the same cut; empty in a merged file.
        replaces: names of the files that it was merged from, in the same folder.
        first_ns: earliest time; of a file without rows, 0.
        last_ns: latest.

    """

    format: int
    next_offset: int
    wall_ns: int
    series: list[Counted]
    groups: list[int]
    cut: list[str]
    replaces: list[str]
    first_ns: int = 0
    last_ns: int = 0

    @property
    def rows(self) -> int:
        return sum(self.groups)


class WrongFile(StoreError):
    """A file of the archive that cannot be read: damaged, or of a newer version."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        super().__init__(f"{path}: {what}")


def write(
    path: Path,
    series: Sequence[Series],
    chunks: Iterable[Rows],
    *,
    next_offset: int,
    wall_ns: int,
    disk: Disk,
    cut: Sequence[str] = (),
    replaces: Sequence[str] = (),
    group_rows: int = GROUP_ROWS,
) -> Index:
    """Write a file whole, durable under its name when this returns.

    Args:
        path: of the file; a partial one stands beside until it is done.
        series: that the rows' ``series`` count in; sorted.
        chunks: rows in the order of the file; each holds whole series.
        next_offset: of the journal, behind all rows.
        wall_ns: wall time there.
        disk: to write on.
        cut: see ``Index``, as ``replaces``.
        replaces: names.
        group_rows: a row group is closed when it would become larger.

    Raises:
        StoreError: the disk is full.
        OSError: the disk refused otherwise.

    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        file = disk.create(partial)
        try:
            begun = Index(FORMAT, next_offset, wall_ns, [], [], list(cut), list(replaces))
            index = _write_rows(_Written(disk, file), series, chunks, begun, group_rows)
            disk.sync(file)
        finally:
            disk.close(file)
        disk.rename(partial, path)
        disk.sync_folder(path.parent)
    except OSError as error:
        if error.errno in FULL:
            raise StoreError(f"{path}: no room for a file of the archive: {error}") from error
        raise
    return index


def _write_rows(
    out: io.RawIOBase,
    series: Sequence[Series],
    chunks: Iterable[Rows],
    begun: Index,
    group_rows: int,
) -> Index:
    counted, groups = begun.series, begun.groups
    first_ns, last_ns = [], []
    with pq.ParquetWriter(
        out,
        SCHEMA,
        compression="zstd",
        use_dictionary=["tag", "unit", "value", "quality"],
        column_encoding={"time": _DELTA, "received": _DELTA, "offset": _DELTA, "device_time_ns": _DELTA},
        write_statistics=["tag", "time"],
        write_page_index=True,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        for rows in chunks:
            for begin, end in _groups(rows.series, group_rows):
                group = rows.take(slice(begin, end))
                writer.write_table(_table(group, series), row_group_size=max(1, len(group)))
                groups.append(len(group))
                first_ns.append(int(group.at_ns.min()))
                last_ns.append(int(group.at_ns.max()))
                _count(counted, group.series, series)
        index = msgspec.structs.replace(begun, first_ns=min(first_ns, default=0), last_ns=max(last_ns, default=0))
        writer.add_key_value_metadata({INDEX_KEY: msgspec.json.encode(index)})
    return index


def _groups(series: NDArray[np.int32], group_rows: int) -> Iterator[tuple[int, int]]:
    """Where row groups begin and end: whole series, unless one alone is larger."""
    ends = np.flatnonzero(np.diff(series, append=-1)) + 1
    begin = 0
    for at, end in enumerate(ends.tolist()):
        following = int(ends[at + 1]) if at + 1 < len(ends) else None
        while end - begin > 2 * group_rows:
            yield begin, begin + group_rows
            begin += group_rows
        if following is None or following - begin > group_rows:
            yield begin, end
            begin = end


def _count(counted: list[Counted], series: NDArray[np.int32], names: Sequence[Series]) -> None:
    number, rows = np.unique(series, return_counts=True)
    for one, count in zip(number.tolist(), rows.tolist(), strict=True):
        name = names[one]
        if counted and (counted[-1].tag, counted[-1].kind, counted[-1].unit) == name:
            counted[-1] = Counted(name.tag, name.kind, name.unit, counted[-1].rows + count)
        else:
            counted.append(Counted(name.tag, name.kind, name.unit, count))


def _table(rows: Rows, series: Sequence[Series]) -> Any:
    """A row group; its dictionaries hold only its own words."""
    used, code = np.unique(rows.series, return_inverse=True)
    names = [series[one] for one in used.tolist()]
    tags, units = [one.tag for one in names], [one.unit for one in names]
    words = {unit: at for at, unit in enumerate(dict.fromkeys(units))}
    unit_code = np.array([words[unit] for unit in units], np.int32)[code]
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(tags, pa.string())),
        pa.DictionaryArray.from_arrays(pa.array(unit_code), pa.array(list(words), pa.string())),
        pa.array(rows.at_ns, pa.int64()).cast(_TIME),
        pa.array(rows.received_ns, pa.int64()).cast(_TIME),
        pa.array(rows.value, pa.float64()),
        pa.array(rows.quality, pa.uint8()),
        pa.array(rows.offset, pa.int64()),
        pa.array(rows.time_ns, pa.int64(), mask=rows.time_ns == rows.at_ns),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


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
            self.index = msgspec.json.decode(written, type=Index)
        except msgspec.MsgspecError as error:
            raise WrongFile(path, f"its index does not read ({error})") from error
        if self.index.format > FORMAT:
            raise WrongFile(path, f"has format {self.index.format}, newer than this version; upgrade Fengsui")
        self._ends = np.cumsum([0, *(one.rows for one in self.index.series)])
        self._group_ends = np.cumsum([0, *self.index.groups])
        self._kept: tuple[int, Rows] | None = None

    @property
    def series(self) -> list[Series]:
        """In the order of the rows."""
        return [Series(one.tag, one.kind, one.unit) for one in self.index.series]

    def range_of(self, first: int, following: int) -> tuple[int, int]:
        """Rows of the series from one to before another, by their place in ``index.series``."""
        return int(self._ends[first]), int(self._ends[following])

    def read(self, begin: int, end: int) -> Rows:
        """Read rows; ``series`` counts in ``index.series``. The last row group is kept for the next call.

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

    def _group(self, group: int) -> Rows:
        if self._kept is None or self._kept[0] != group:
            with _readable(self.path):
                table = self._parquet.read_row_group(group, columns=_READ, use_threads=False)
                self._kept = group, self._rows(table, int(self._group_ends[group]))
        return self._kept[1]

    def _rows(self, table: Any, base: int) -> Rows:
        at_ns = _numpy(table, "time")
        device = table["device_time_ns"].combine_chunks()
        time_ns = at_ns
        if device.null_count < len(device):
            is_other = np.asarray(device.is_valid())
            time_ns = np.where(is_other, np.asarray(device.fill_null(0)), at_ns)
        number = np.searchsorted(self._ends, np.arange(base, base + len(at_ns)), side="right") - 1
        return Rows(
            number.astype(np.int32),
            at_ns,
            time_ns,
            _numpy(table, "received"),
            _numpy(table, "value"),
            _numpy(table, "quality"),
            _numpy(table, "offset"),
        )


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
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        said = str(error).splitlines()
        raise WrongFile(path, f"does not read ({said[0] if said else error!r})") from error


class _Written(io.RawIOBase):
    """A file of a ``Disk`` as Python sees one; only written, from the beginning on."""

    def __init__(self, disk: Disk, file: int) -> None:
        super().__init__()
        self._disk, self._file, self._position = disk, file, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        write_whole(self._disk, self._file, bytes(view), self._position)
        self._position += len(view)
        return len(view)


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
