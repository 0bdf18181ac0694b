"""States are dataclasses of arrays; what is added later must not make older snapshots useless."""

from __future__ import annotations

#: Key in a field's metadata.
ADDED = "added"


def added(*, like: str = "") -> dict[str, str]:
    """Metadata of an array that older snapshots lack: it then begins as a copy of ``like``; empty = fresh."""
    return {ADDED: like}


#: The same for fields of records.
ADDED_FIELDS = "added_fields"


def added_fields(*names: str) -> dict[str, tuple[str, ...]]:
    """Metadata of an array of records with fields that older snapshots lack: they then begin fresh."""
    return {ADDED_FIELDS: names}


#: The settings decide how wide the array is.
SIZED = "sized"


def sized() -> dict[str, str]:
    """Metadata of an array that begins fresh where settings want another width, or where older snapshots lack it."""
    return {ADDED: "", SIZED: ""}
