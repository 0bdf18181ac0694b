"""States are dataclasses of arrays; a later version may add an array without making older snapshots useless."""

from __future__ import annotations

#: Key in a field's metadata.
ADDED = "added"


def added(*, like: str = "") -> dict[str, str]:
    """Metadata of an array that older snapshots lack: it then begins as a copy of ``like``; empty = fresh."""
    return {ADDED: like}
