"""One journal file as bytes: a header, then records behind each other, each with a header and a checksum.

Format 2, which is written::

    header  40 bytes  magic "FENGSEG1", format u32, crc u32, first offset u64, wall time i64, plan u16, 6 bytes reserved
    record  32 bytes  magic u32, type u16, plan u16, first offset u64, inputs u32, length u32, crc u32, commit u32
            length    payload

Format 1, which is read for ever: a header of 16 bytes (magic, format u32, reserved u32); in a record's header plan and
commit are 0 and the last four bytes are outside its checksum. All little-endian. The first 40 bytes of every later
format stay what they are here, so that a newer file and a damaged one can be told apart.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from model.errors import JournalError

FILE_MAGIC = b"FENGSEG1"
FORMAT_VERSION = 2
_FILE_V1 = struct.Struct("<8sII")
_FILE = struct.Struct("<8sIIQqH6x")
FILE_HEADER_BYTES = _FILE.size

RECORD_MAGIC = b"FNSI"
_HEAD = struct.Struct("<4sHHQII")
_FOOT = struct.Struct("<II")
RECORD_HEADER_BYTES = _HEAD.size + _FOOT.size
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
PLAN_NUMBER_MAX = 0xFFFF

_NAME = re.compile(r"\d{20}\.seg")


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What a segment says of itself.

    Attributes:
        first_offset: of the first input that it may hold; also its name.
        wall_ns: wall time of the last tick before it, ns since 1970 UTC; 0 = there was none, or it is not known.
        plan: number of the plan in force at its beginning; 0 = none, or not known.
        format: 1 or 2; 0 = the header is damaged, and a record may be of either.

    """

    first_offset: int
    wall_ns: int = 0
    plan: int = 0
    format: int = FORMAT_VERSION

    @property
    def size(self) -> int:
        """Position of the first record."""
        return _FILE_V1.size if self.format == 1 else FILE_HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in a segment.

    Attributes:
        type: a ``RecordType``, or a number of a later version.
        first_offset: of its first input.
        inputs: how many it holds; 0 for a plan that is told again.
        plan: number of the plan in force (for a plan: its own); 0 = none yet, or format 1.
        commit: position in the file at which its commit begins; 0 = format 1, which does not say.

    """

    type: int
    first_offset: int
    inputs: int
    payload: bytes
    plan: int = 0
    commit: int = 0

    @property
    def next_offset(self) -> int:
        return self.first_offset + self.inputs

    @property
    def size(self) -> int:
        """Bytes that it takes in the file."""
        return RECORD_HEADER_BYTES + len(self.payload)


def file_name(first_offset: int) -> str:
    return f"{first_offset:020d}.seg"


def is_segment(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def first_offset_of(path: Path) -> int:
    return int(path.stem)


def plan_after(number: int) -> int:
    """Number of the plan that comes after ``number``; 0 stays free for "none"."""
    return number % PLAN_NUMBER_MAX + 1


def pack_header(header: FileHeader) -> bytes:
    def packed(crc: int) -> bytes:
        return _FILE.pack(FILE_MAGIC, FORMAT_VERSION, crc, header.first_offset, header.wall_ns, header.plan)

    return packed(_header_crc(packed(0)))


def unpack_header(path: Path, head: bytes) -> FileHeader | None:
    """What the first bytes of a segment say; None = they are damaged, or were never written.

    Raises:
        JournalError: the file is of a newer format.

    """
    if len(head) >= FILE_HEADER_BYTES and head[: len(FILE_MAGIC)] == FILE_MAGIC:
        _, version, crc, first_offset, wall_ns, plan = _FILE.unpack_from(head)
        if crc == _header_crc(head) and version > 1:
            _refuse_newer(path, version)
            return FileHeader(first_offset, wall_ns, plan)
    if len(head) >= _FILE_V1.size and _FILE_V1.unpack_from(head) == (FILE_MAGIC, 1, 0):
        return FileHeader(first_offset_of(path), format=1)
    return None


def _refuse_newer(path: Path, version: int) -> None:
    if version > FORMAT_VERSION:
        raise JournalError(
            f"{path}: format {version} is newer than {FORMAT_VERSION}, which this version reads; upgrade"
        )


def _header_crc(head: bytes) -> int:
    at = len(FILE_MAGIC) + 4
    return zlib.crc32(head[at + 4 : FILE_HEADER_BYTES], zlib.crc32(head[:at]))


class Draft:
    """A record that waits for its commit: all is known of it but the place."""

    __slots__ = ("_crc", "_head", "record")

    def __init__(self, record: Record) -> None:
        """Take the record; its checksum is begun here, beside a sync that may be under way.

        Raises:
            JournalError: it is larger than what a reader takes for a record.

        """
        if len(record.payload) > PAYLOAD_BYTES_MAX:
            raise JournalError(f"a record holds at most {PAYLOAD_BYTES_MAX} bytes, got {len(record.payload)}")
        self.record = record
        self._head = _HEAD.pack(
            RECORD_MAGIC, record.type, record.plan, record.first_offset, record.inputs, len(record.payload)
        )
        self._crc = zlib.crc32(record.payload, zlib.crc32(self._head))

    def pieces(self, commit: int) -> tuple[bytes, bytes, bytes]:
        """The record as bytes, in a commit that begins at position ``commit``."""
        crc = zlib.crc32(commit.to_bytes(4, "little"), self._crc)
        return self._head, _FOOT.pack(crc, commit), self.record.payload


def pack(record: Record) -> bytes:
    """The record as bytes, in the commit that it names.

    Raises:
        JournalError: it is larger than what a reader takes for a record.

    """
    return b"".join(Draft(record).pieces(record.commit))


class Head(NamedTuple):
    """The header of a record as it stands, before anything is verified."""

    type: int
    plan: int
    first_offset: int
    inputs: int
    length: int
    crc: int
    commit: int


def unpack_head(head: bytes) -> Head | None:
    """What these 32 bytes say if they may be the header of a record."""
    if len(head) < RECORD_HEADER_BYTES or not head.startswith(RECORD_MAGIC):
        return None
    _, *fields = _HEAD.unpack_from(head)
    found = Head(*fields, *_FOOT.unpack_from(head, _HEAD.size))
    return found if found.length <= PAYLOAD_BYTES_MAX else None


def verified(raw: bytes, head: Head, payload: bytes, file_format: int) -> Record | None:
    """The record, if its checksum is right for a file of ``file_format`` (0 = either)."""
    found = zlib.crc32(payload, zlib.crc32(raw[: _HEAD.size]))
    if file_format != 1 and zlib.crc32(head.commit.to_bytes(4, "little"), found) == head.crc:
        return Record(head.type, head.first_offset, head.inputs, payload, head.plan, head.commit)
    if file_format != FORMAT_VERSION and found == head.crc:
        return Record(head.type, head.first_offset, head.inputs, payload)
    return None
