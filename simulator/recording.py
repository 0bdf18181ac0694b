"""Writes a span of the district to a file: for backtests, and for tools that read tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.district import District
from simulator.faults import Rows

#: Scenario time that is worked out at once.
PIECE_S = 3600.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _pieces(district: District, begin_s: float, end_s: float) -> Iterator[Rows]:
    piece_s = begin_s
    while piece_s < end_s:
        upto_s = min(piece_s + PIECE_S, end_s)
        yield district.rows(piece_s, upto_s)
        piece_s = upto_s


def write(district: District, path: Path, *, begin_s: float, end_s: float) -> int:
    """Write the readings of ``begin_s <= t < end_s``, one a row: ``time`` (UTC), ``tag``, ``value`` (empty = none).

    Args:
        district: what is recorded.
        path: ``.csv`` or ``.parquet``.
        begin_s: scenario time.
        end_s: scenario time.

    Returns:
        How many rows.

    Raises:
        ValueError: another ending.

    """
    if path.suffix == ".csv":
        return _write_csv(district, path, begin_s, end_s)
    if path.suffix == ".parquet":
        return _write_parquet(district, path, begin_s, end_s)
    message = f"output file: must end in .csv or .parquet, got {path.name!r}"
    raise ValueError(message)


def _write_csv(district: District, path: Path, begin_s: float, end_s: float) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", "tag", "value"])
        for rows in _pieces(district, begin_s, end_s):
            for sensor, time_ns, value in zip(
                rows.sensor.tolist(), rows.time_ns.tolist(), rows.value.tolist(), strict=True
            ):
                moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
                stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                writer.writerow([stamp, district.sensors[sensor].tag, "" if math.isnan(value) else repr(value)])
            count += len(rows)
    return count


def _write_parquet(district: District, path: Path, begin_s: float, end_s: float) -> int:
    schema = pa.schema(
        [("time", pa.timestamp("ns", tz="UTC")), ("tag", pa.dictionary(pa.int32(), pa.string())), ("value", "float64")]
    )
    tags = pa.array([sensor.tag for sensor in district.sensors])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for rows in _pieces(district, begin_s, end_s):
            columns = [
                pa.array(rows.time_ns, pa.timestamp("ns", tz="UTC")),
                pa.DictionaryArray.from_arrays(pa.array(rows.sensor.astype(np.int32)), tags),
                pa.array(rows.value, mask=np.isnan(rows.value)),
            ]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(rows)
    return count
