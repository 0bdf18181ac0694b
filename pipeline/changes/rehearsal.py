"""A change is tried on a copy of the state before it is journaled: what is journaled must be steppable for ever."""

from __future__ import annotations

from pathlib import Path

from model.errors import FengsuiError, StoreError
from model.inputs import PlanChange
from pipeline.process import snapshot
from pipeline.process.step import step
from store import snapshots


def rehearse(change: PlanChange, snapshot_folder: Path) -> None:
    """Step a change on the newest state that was saved; nothing to do while there is none.

    Raises:
        FengsuiError: the change cannot be stepped. In the journal it would stop the pipeline at every start.

    """
    kept, _ = snapshots.load_newest(snapshot_folder)
    if kept is None:
        return
    try:
        state = snapshot.restore(kept)
    except StoreError:  # of another program version: it is of no use here
        return
    try:
        step(state, state.next_offset, change)
    except Exception as error:
        raise FengsuiError(f"the state cannot be taken over to the new configuration: {error!r}") from error
