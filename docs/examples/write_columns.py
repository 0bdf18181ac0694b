"""Writes packed columns for Fengsui; needs nothing but Python. What the bytes are stands in docs/connectors.md.

    python3 write_columns.py FILE

writes an example: two sensors, two times.
"""

# ruff: noqa: INP001 - a program to copy

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

GRID, LIST = 0, 1
EACH_ITS_TIME = 2
QUALITIES = 2

#: A tag and the unit of its values; an empty unit is that of the sensor's kind.
Tag = tuple[str, str]


def grid(
    tags: Sequence[Tag],
    times_ns: Sequence[int],
    rows: Sequence[Sequence[float]],
    qualities: Sequence[Sequence[int]] = (),
) -> bytes:
    """Sensors that are read together: for each time a row, in it a value for each tag; NaN is a reading without one.

    Qualities have the shape of the rows, as OPC qualities: 192 is good, 64 uncertain, 0 bad. Without them all are good.
    """
    values = [value for row in rows for value in row]
    return _message(GRID, tags, times_ns, [], values, [quality for row in qualities for quality in row], len(rows))


def readings(
    tags: Sequence[Tag],
    places: Sequence[int],
    times_ns: Sequence[int],
    values: Sequence[float],
    qualities: Sequence[int] = (),
) -> bytes:
    """Readings one by one; places say which of the tags each is of."""
    return _message(LIST, tags, times_ns, places, values, qualities, len(values))


def _message(
    shape: int,
    tags: Sequence[Tag],
    times_ns: Sequence[int],
    places: Sequence[int],
    values: Sequence[float],
    qualities: Sequence[int],
    rows: int,
) -> bytes:
    table = b"".join(_tag(tag.encode(), unit.encode()) for tag, unit in tags)
    flags = QUALITIES if qualities else 0
    body = struct.pack("<4sBBBBIII", b"FSC1", shape, EACH_ITS_TIME, flags, 0, len(table), len(tags), rows)
    body += table
    body += struct.pack(f"<{len(times_ns)}q", *times_ns)
    body += struct.pack(f"<{len(places)}H", *places)
    body += struct.pack(f"<{len(values)}d", *values)
    body += bytes(qualities)
    return body + struct.pack("<I", zlib.crc32(body))


def _tag(tag: bytes, unit: bytes) -> bytes:
    return struct.pack("<HB", len(tag), len(unit)) + tag + unit


def example() -> bytes:
    """Make the message that docs/connectors.md takes apart."""
    return grid(
        tags=[("a/ch4", "%LEL"), ("a/p", "")],
        times_ns=[1_767_225_600_000_000_000, 1_767_225_601_000_000_000],
        rows=[[4.5, 250.0], [4.75, 251.5]],
        qualities=[[192, 192], [192, 64]],
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(example())
