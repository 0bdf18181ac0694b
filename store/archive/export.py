"""Takes readings out of the archive for people and other programs: CSV or Parquet, in time order."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import BinaryIO, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from store.archive.rows import Rows, Series

QUALITIES = ("good", "uncertain", "bad")
Part = tuple[Sequence[Series], Rows]

_TIME = pa.timestamp("ns", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("time", _TIME),
        ("tag", _WORD),
        ("value", pa.float64()),
        ("unit", _WORD),
        ("quality", _WORD),
        ("received", _TIME),
        ("offset", pa.int64()),
    ]
)


def write_csv(parts: Iterable[Part], out: TextIO) -> int:
    """A line a reading; times in UTC, ISO 8601, to the nanosecond. Returns how many."""
    writer = csv.writer(out)
    writer.writerow(_SCHEMA.names)
    count = 0
    for series, rows in parts:
        columns = zip(
            _iso(rows.at_ns),
            rows.series.tolist(),
            rows.value.tolist(),
            rows.quality.tolist(),
            _iso(rows.received_ns),
            rows.offset.tolist(),
            strict=True,
        )
        for time, number, value, quality, received, offset in columns:
            name = series[number]
            shown = "" if value != value else value  # noqa: PLR0124 - not a number
            writer.writerow([time, spreadsheet_safe(name.tag), shown, name.unit, QUALITIES[quality], received, offset])
        count += len(rows)
    return count


def write_parquet(parts: Iterable[Part], out: BinaryIO) -> int:
    """Columns as in CSV; a value that is not a number stays one. Returns how many rows."""
    count = 0
    with pq.ParquetWriter(out, _SCHEMA, compression="zstd") as writer:
        for series, rows in parts:
            writer.write_table(_table(series, rows))
            count += len(rows)
    return count


def _table(series: Sequence[Series], rows: Rows) -> pa.Table:
    number = pa.array(rows.series)
    columns = [
        pa.array(rows.at_ns).cast(_TIME),
        pa.DictionaryArray.from_arrays(number, pa.array([one.tag for one in series], pa.string())),
        pa.array(rows.value),
        pa.DictionaryArray.from_arrays(number, pa.array([one.unit for one in series], pa.string())),
        pa.DictionaryArray.from_arrays(pa.array(rows.quality.astype(np.int32)), pa.array(QUALITIES)),
        pa.array(rows.received_ns).cast(_TIME),
        pa.array(rows.offset),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _iso(time_ns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    return [f"{text}Z" for text in np.datetime_as_string(time_ns.astype("datetime64[ns]")).tolist()]


def spreadsheet_safe(word: str) -> str:
    """A word that a spreadsheet does not take for a formula."""
    return f"'{word}" if word.startswith(("=", "+", "-", "@", "\t", "\0")) else word
