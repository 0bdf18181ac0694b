"""Messages that gateways send, for tests: packed columns written field by field, as the guide says."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence


def packed(
    tags: Sequence[str | tuple[str, str]],
    values: Sequence[float],
    *,
    times: Sequence[int] = (),
    kind: int | None = None,
    places: Sequence[int] | None = None,
    rows: int | None = None,
    qualities: Sequence[int] = (),
    single: bool = False,
) -> bytes:
    """Packed columns: a grid, or a list where ``places`` are given; ``kind`` of the times by their number otherwise."""
    named = [tag if isinstance(tag, tuple) else (tag, "") for tag in tags]
    table = b"".join(
        struct.pack("<HB", len(tag.encode()), len(unit.encode())) + tag.encode() + unit.encode() for tag, unit in named
    )
    count = rows if rows is not None else len(values) if places is not None else len(values) // len(tags)
    kind = (0 if not times else 1 if len(times) == 1 else 2) if kind is None else kind
    head = struct.pack(
        "<4sBBBBIII",
        b"FSC1",
        0 if places is None else 1,
        kind,
        (1 if single else 0) | (2 if qualities else 0),
        0,
        len(table),
        len(tags),
        count,
    )
    body = b"".join(
        (
            head,
            table,
            struct.pack(f"<{len(times)}q", *times),
            struct.pack(f"<{len(places or ())}H", *(places or ())),
            struct.pack(f"<{len(values)}{'f' if single else 'd'}", *values),
            bytes(qualities),
        )
    )
    return body + struct.pack("<I", zlib.crc32(body))
