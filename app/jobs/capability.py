"""``fengsui capability``: the newest snapshot of the running pipeline, asked what it would see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from model.errors import FengsuiError, StoreError
from pipeline.capability.learning import StillLearning, still_learning
from pipeline.capability.what_if import Capability, capabilities, judged_assets
from store import snapshots


def of_newest(folder: Path, assets: Sequence[str]) -> tuple[int, Iterator[Capability], list[StillLearning]]:
    """When the newest snapshot was saved (ns since 1970), what would be seen from there, and who is still learning.

    Raises:
        StoreError: there is no snapshot that can be used.
        FengsuiError: an asset has no sensors, or is not there.

    """
    whole, _ = snapshots.load_newest(folder) if folder.is_dir() else (None, [])
    if whole is None:
        raise StoreError(f"{folder}: must hold a snapshot, got none; has `fengsui run` been up for a minute?")
    known = judged_assets(whole)
    unknown = [one for one in assets if one not in known]
    if unknown:
        raise FengsuiError(f"--asset must be an asset with sensors, got {', '.join(unknown)}")
    saved = next(path for path in reversed(snapshots.files(folder)) if snapshots.offset_of(path) == whole.offset)
    asked = assets or known
    return saved.stat().st_mtime_ns, capabilities(whole, asked), list(still_learning(whole, asked))
