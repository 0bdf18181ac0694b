"""One journal file: records behind each other, each with a header and a checksum.

    header  16 bytes  magic "FENGSEG1", format version u32, reserved u32
    record  32 bytes  magic u32, type u16, reserved u16, first offset u64, inputs u32, length u32, crc u32, reserved u32
            length    payload

All little-endian. The checksum (CRC-32) covers the record header without itself, and the payload.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.errors import JournalError

FILE_MAGIC = b"FENGSEG1"
FORMAT_VERSION = 1
FILE_HEADER = struct.Struct("<8sII")
_RECORD_MAGIC = 0x49534E46
_RECORD = struct.Struct("<IHHQII")
_CHECKSUM = struct.Struct("<II")
RECORD_HEADER_BYTES = _RECORD.size + _CHECKSUM.size
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in a segment."""

    type: int
    first_offset: int  # of its first input
    inputs: int
    payload: bytes

    @property
    def next_offset(self) -> int:
        return self.first_offset + self.inputs


def file_header() -> bytes:
    return FILE_HEADER.pack(FILE_MAGIC, FORMAT_VERSION, 0)


def pack(record: Record) -> bytes:
    """The record as bytes.

    Raises:
        JournalError: it is larger than what a reader takes for a record.

    """
    if len(record.payload) > PAYLOAD_BYTES_MAX:
        raise JournalError(f"a record holds at most {PAYLOAD_BYTES_MAX} bytes, got {len(record.payload)}")
    head = _RECORD.pack(_RECORD_MAGIC, record.type, 0, record.first_offset, record.inputs, len(record.payload))
    return head + _CHECKSUM.pack(zlib.crc32(record.payload, zlib.crc32(head)), 0) + record.payload


def read(path: Path, position: int = FILE_HEADER.size) -> Iterator[tuple[Record, int]]:
    """Yield the valid records from ``position`` on, each with the position behind it; ends at the first that is not.

    Raises:
        JournalError: the file is no segment, or of a newer format.

    """
    with path.open("rb") as file:
        check_file_header(path, file.read(FILE_HEADER.size))
        file.seek(position)
        while True:
            head = file.read(RECORD_HEADER_BYTES)
            if len(head) < RECORD_HEADER_BYTES:
                return
            magic, kind, _, first_offset, inputs, length = _RECORD.unpack_from(head)
            checksum, _ = _CHECKSUM.unpack_from(head, _RECORD.size)
            if magic != _RECORD_MAGIC or length > PAYLOAD_BYTES_MAX:
                return
            payload = file.read(length)
            if len(payload) < length or zlib.crc32(payload, zlib.crc32(head[: _RECORD.size])) != checksum:
                return
            position += RECORD_HEADER_BYTES + length
            yield Record(kind, first_offset, inputs, payload), position


def check_file_header(path: Path, head: bytes) -> None:
    if len(head) < FILE_HEADER.size:
        raise JournalError(f"{path}: a segment begins with {FILE_HEADER.size} bytes of header, got {len(head)} bytes")
    magic, version, _ = FILE_HEADER.unpack(head)
    if magic != FILE_MAGIC:
        raise JournalError(f"{path}: not a journal segment, it begins with {magic!r}")
    if version > FORMAT_VERSION:
        raise JournalError(
            f"{path}: format {version} is newer than {FORMAT_VERSION}, which this version reads; upgrade"
        )
