"""Writes a file of the archive: row groups of whole series, an index, whole under its name or not there."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from store.archive.layout import FORMAT, durable
from store.archive.parquet import GROUP_ROWS, INDEX_KEY, SCHEMA, TIME, Counted, Group, Index
from store.archive.rows import Rows, Series
from store.disk import Disk, write_whole

_DELTA = "DELTA_BINARY_PACKED"


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
    with durable(path, disk) as file:
        begun = Index(FORMAT, next_offset, wall_ns, [], list(cut), list(replaces))
        return _write_rows(_Written(disk, file), series, chunks, begun, group_rows)


def _write_rows(
    out: io.RawIOBase,
    series: Sequence[Series],
    chunks: Iterable[Rows],
    begun: Index,
    group_rows: int,
) -> Index:
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
                begun.groups.append(_counted(group, series))
                first_ns.append(int(group.at_ns.min()))
                last_ns.append(int(group.at_ns.max()))
        index = msgspec.structs.replace(begun, first_ns=min(first_ns, default=0), last_ns=max(last_ns, default=0))
        said = msgspec.json.encode(index)
        writer.add_key_value_metadata({INDEX_KEY: b"%08x" % zlib.crc32(said) + said})
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


def _counted(rows: Rows, names: Sequence[Series]) -> Group:
    """What the index says of a row group."""
    number, count = np.unique(rows.series, return_counts=True)
    series = [Counted(*names[one], each) for one, each in zip(number.tolist(), count.tolist(), strict=True)]  # type: ignore[call-arg]
    return Group(len(rows), series[0].tag, series[-1].tag, msgspec.Raw(msgspec.json.encode(series)))


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
        pa.array(rows.at_ns, pa.int64()).cast(TIME),
        pa.array(rows.received_ns, pa.int64()).cast(TIME),
        pa.array(rows.value, pa.float64()),
        pa.array(rows.quality, pa.uint8()),
        pa.array(rows.offset, pa.int64()),
        pa.array(rows.time_ns, pa.int64(), mask=rows.time_ns == rows.at_ns),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


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
