"""Inputs as bytes and back: what a journal record holds.

A batch is its raw columns, one after the other; everything else is canonical JSON. The form is documented in
docs/journal.md, so that another program can read a journal without us.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec
import numpy as np

from model.batch import Batch
from model.errors import JournalError
from model.inputs import Finding, HumanAct, Input, PlanChange, Proposal, Tick


class RecordType(IntEnum):
    """Number in the record header; never reused."""

    BATCH = 1
    TICK = 2
    ACT = 3
    PLAN = 4
    PLAN_AGAIN = 5  # the plan in force, at the beginning of a segment; no input
    FINDING = 6
    PROPOSAL = 7


ROW_BYTES = 4 + 8 + 8 + 8 + 1
_TYPES = {
    RecordType.TICK: Tick,
    RecordType.ACT: HumanAct,
    RecordType.PLAN: PlanChange,
    RecordType.PLAN_AGAIN: PlanChange,
    RecordType.FINDING: Finding,
    RecordType.PROPOSAL: Proposal,
}


def encode(item: Input) -> tuple[RecordType, bytes, int]:
    """Type, payload and how many inputs the item counts for (a batch: its rows)."""
    match item:
        case Batch():
            columns = (item.sensor, item.time_ns, item.received_ns, item.value, item.quality)
            return RecordType.BATCH, b"".join(column.tobytes() for column in columns), len(item)
        case Tick():
            return RecordType.TICK, _json(item), 1
        case HumanAct():
            return RecordType.ACT, _json(item), 1
        case PlanChange():
            return RecordType.PLAN, _json(item), 1
        case Finding():
            return RecordType.FINDING, _json(item), 1
        case Proposal():
            return RecordType.PROPOSAL, _json(item), 1


def decode(record_type: int, payload: bytes | memoryview) -> Input:
    """Inverse of ``encode``.

    Raises:
        JournalError: the record's type is newer than this version, or its payload does not fit.

    """
    try:
        kind = RecordType(record_type)
    except ValueError as error:
        raise JournalError(f"record type {record_type} is not known to this version; upgrade Fengsui") from error
    if kind is RecordType.BATCH:
        return _batch(payload)
    try:
        return msgspec.json.decode(payload, type=_TYPES[kind])
    except msgspec.DecodeError as error:
        raise JournalError(f"a {kind.name.lower()} record does not read: {error}") from error


def _json(item: object) -> bytes:
    return msgspec.json.encode(item, order="deterministic")


def _batch(payload: bytes | memoryview) -> Batch:
    rows, rest = divmod(len(payload), ROW_BYTES)
    if rest:
        raise JournalError(f"a batch record must hold whole rows of {ROW_BYTES} bytes, got {len(payload)} bytes")
    return Batch(
        np.frombuffer(payload, np.int32, rows, 0),
        np.frombuffer(payload, np.int64, rows, 4 * rows),
        np.frombuffer(payload, np.int64, rows, 12 * rows),
        np.frombuffer(payload, np.float64, rows, 20 * rows),
        np.frombuffer(payload, np.uint8, rows, 28 * rows),
    )
