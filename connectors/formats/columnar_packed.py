"""The packed encoding of columns: bytes that become arrays as they stand. ``docs/connectors.md`` has every byte.

Little-endian. A header, a table of tags with their units, then whole columns, then a CRC-32 of all before it. The
length must be what the header says, to the byte, before anything else is looked at.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from connectors.formats.columnar_table import TAGS_MAX, Block, TagTables
from connectors.formats.contract import Fault, fault_of_each
from model.batch import BAD, GOOD, UNCERTAIN

MAGIC = b"FSC1"

_HEADER = struct.Struct("<4sBBBBIII")
_TAG = struct.Struct("<HB")
_CRC = _COUNT = struct.Struct("<I")
_GRID, _LIST = 0, 1
_NO_TIMES, _ONE, _EACH, _STEPS = range(4)
_FLOAT32, _QUALITY = 1, 2

_opc = np.full(256, BAD, np.uint8)
_opc[64:128] = UNCERTAIN
_opc[192:] = GOOD


@dataclass(frozen=True, slots=True)
class _Header:
    """The first bytes of a message, and where its columns stand."""

    shape: int
    times: int
    flags: int
    tags: int
    rows: int
    ends: tuple[int, ...]  # of the header, the tag table, the times, the tags, the values and the qualities

    @property
    def readings(self) -> int:
        return self.rows * self.tags if self.shape == _GRID else self.rows


def read_packed(payload: bytes, tables: TagTables) -> Block | Fault:
    """Read one message, or say what is wrong with it."""
    header = _read_header(payload)
    if isinstance(header, Fault):
        return header
    key = payload[header.ends[0] : header.ends[1]]
    table = tables.table(key + _COUNT.pack(header.tags), lambda: _read_table(key, header.tags))
    if isinstance(table, Fault):
        return table
    tag = _tag_column(payload, header)
    faults = fault_of_each(
        np.flatnonzero(tag >= header.tags).tolist(),
        lambda row: Fault("bad_tag", f"a reading's tag is a place from 0 to {header.tags - 1}, got {tag[row]}"),
    )
    count, single = header.readings, header.flags & _FLOAT32
    value = np.frombuffer(payload, "<f4" if single else "<f8", count, header.ends[3]).astype(np.float64)
    quality = _opc[np.frombuffer(payload, np.uint8, count, header.ends[4])] if header.flags & _QUALITY else None
    return Block(table, tag, _time_column(payload, header), value, quality, faults)


def _read_header(payload: bytes) -> _Header | Fault:
    """Check all that can be checked before a column is looked at."""
    if len(payload) < _HEADER.size + _CRC.size:
        return Fault("bad_length", f"packed columns have at least {_HEADER.size + _CRC.size} bytes, got {len(payload)}")
    magic, shape, times, flags, zero, table_bytes, tags, rows = _HEADER.unpack_from(payload)
    if magic != MAGIC:
        return Fault("bad_version", f"packed columns begin with {MAGIC!r}, got {magic!r}")
    if shape > _LIST or times > _STEPS or flags > (_FLOAT32 | _QUALITY) or zero:
        got = f"{shape}, {times}, {flags}, {zero}"
        return Fault("wrong_shape", f"bytes 4 to 7 are shape 0 or 1, times 0 to 3, flags 0 to 3 and 0, got {got}")
    readings = rows * tags if shape == _GRID else rows
    sizes = (
        table_bytes,
        8 * (0, 1, rows, 2)[times],
        2 * readings if shape == _LIST else 0,
        (4 if flags & _FLOAT32 else 8) * readings,
        readings if flags & _QUALITY else 0,
    )
    ends = tuple(accumulate(sizes, initial=_HEADER.size))
    fault = None
    if tags > TAGS_MAX:
        fault = Fault("too_many", f"a message has at most {TAGS_MAX} tags, got {tags}")
    elif ends[-1] + _CRC.size != len(payload):
        detail = f"{tags} tags and {rows} rows make {ends[-1] + _CRC.size} bytes by the header, got {len(payload)}"
        fault = Fault("bad_length", detail)
    elif _CRC.unpack_from(payload, ends[-1])[0] != zlib.crc32(memoryview(payload)[: ends[-1]]):
        fault = Fault("bad_checksum", "the last four bytes are the CRC-32 of all before them, got another one")
    elif readings == 0:
        fault = Fault("wrong_shape", "a message holds at least one reading, got none")
    return fault or _Header(shape, times, flags, tags, rows, ends)


def _tag_column(payload: bytes, header: _Header) -> NDArray[np.uint16]:
    if header.shape == _GRID:
        return np.tile(np.arange(header.tags, dtype=np.uint16), header.rows)
    return np.frombuffer(payload, "<u2", header.rows, header.ends[2]).astype(np.uint16)


def _time_column(payload: bytes, header: _Header) -> NDArray[np.int64] | None:
    if header.times == _NO_TIMES:
        return None
    given = np.frombuffer(payload, "<i8", (0, 1, header.rows, 2)[header.times], header.ends[1]).astype(np.int64)
    if header.times == _ONE:
        given = np.repeat(given, header.rows)
    elif header.times == _STEPS:
        given = given[0] + given[1] * np.arange(header.rows)
    return np.repeat(given, header.tags) if header.shape == _GRID else given


def _read_table(table: bytes, tags: int) -> tuple[list[str], list[str]] | Fault:
    """Take a tag table apart into tags and their units."""
    names: list[str] = []
    units: list[str] = []
    at = 0
    try:
        for _ in range(tags):
            tag_bytes, unit_bytes = _TAG.unpack_from(table, at)
            middle, end = at + _TAG.size + tag_bytes, at + _TAG.size + tag_bytes + unit_bytes
            if end > len(table):
                return Fault("bad_tags", f"tag {len(names)} ends behind the tag table of {len(table)} bytes, got {end}")
            names.append(table[at + _TAG.size : middle].decode())
            units.append(table[middle:end].decode())
            at = end
    except struct.error:
        return Fault("bad_tags", f"the tag table has {tags} tags, got {len(names)} in its {len(table)} bytes")
    except UnicodeDecodeError:
        return Fault("bad_tags", f"tags and units are UTF-8, got something else for tag {len(units)}")
    if at != len(table):
        return Fault("bad_tags", f"the tag table of {tags} tags ends at byte {at}, got {len(table)}")
    return names, units
