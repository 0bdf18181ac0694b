"""The format ``columns``: whole columns of readings for gateways that send many, as JSON or packed.

The first bytes say which of the two a message is. Nothing is done in Python for a reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from connectors.formats.columnar_json import JsonColumns
from connectors.formats.columnar_packed import MAGIC, read_packed
from connectors.formats.columnar_table import Block, TagTables
from connectors.formats.columns import judge
from connectors.formats.contract import WHOLE, Context, Fault, Rows, payloads, usable
from connectors.topic import Subscription
from model.batch import GOOD, NO_TIME
from model.connector import Deliveries, Refusals

#: What every version of the packed encoding begins with.
_PACKED = MAGIC[:3]


class ColumnsSubscription(Subscription):
    """Messages of whole columns, JSON or packed."""

    format: Literal["columns"] = Field(default="columns", description="How payloads are written.")


class Columns:
    """The format ``columns``."""

    def __init__(self, subscription: Subscription, context: Context) -> None:  # noqa: ARG002 - it has no settings
        self._json = JsonColumns(context.depth_max, context.readings_max)
        self._tables = TagTables()

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        self._tables.forget_if_many()
        blocks: list[Block] = []
        messages: list[int] = []
        for message, payload in payloads(deliveries, wanted):
            block = self._block(payload)
            if isinstance(block, Fault):
                refusals.add(message, WHOLE, block, payload)
            else:
                blocks.append(block)
                messages.append(message)
        return self._rows(blocks, messages, refusals)

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        """Readings as JSON, for they stand nowhere in one piece."""
        block = self._block(payload)
        return [payload] * len(elements) if isinstance(block, Fault) else self._as_json(block, elements)

    def _as_json(self, block: Block, elements: Sequence[int]) -> list[bytes]:
        names = self._tables.words.names.words
        found = []
        for row in elements:
            place = int(block.tag[row])
            name = names[block.table.name[place]] if place < len(block.table.name) else None
            time = None if block.time_ns is None else int(block.time_ns[row])
            found.append(msgspec.json.encode({"row": row, "tag": name, "time": time, "value": float(block.value[row])}))
        return found

    def _block(self, payload: bytes) -> Block | Fault:
        if payload[:3] == _PACKED:
            return read_packed(payload, self._tables)
        return self._json.read(payload, self._tables)

    def _rows(self, blocks: list[Block], messages: list[int], refusals: Refusals) -> Rows:
        sizes = np.array([len(block.value) for block in blocks], np.int64)
        delivery = np.repeat(np.array(messages, np.int32), sizes)
        begins = np.cumsum(sizes) - sizes
        element = (np.arange(len(delivery)) - np.repeat(begins, sizes)).astype(np.int32)
        value = np.concatenate([block.value for block in blocks] or [np.empty(0)])
        quality = np.concatenate([_quality(block) for block in blocks] or [np.empty(0, np.uint8)])
        judge(value, quality)
        faults = {
            begin + row: fault
            for begin, block in zip(begins.tolist(), blocks, strict=True)
            for row, fault in block.faults.items()
        }
        tags = [_known_tags(block) for block in blocks]
        rows = Rows(
            self._tables.words.names.words,
            _of_tables([block.table.name for block in blocks], tags),
            self._tables.words.units.words,
            _of_tables([block.table.unit for block in blocks], tags),
            value,
            np.concatenate([_time_ns(block) for block in blocks] or [np.empty(0, np.int64)]),
            quality,
            delivery,
            element,
        )
        of = dict(zip(messages, blocks, strict=True))
        return usable(rows, faults, refusals, lambda message, rows: self._as_json(of[message], rows))


def _known_tags(block: Block) -> NDArray[np.integer]:
    """Places that exist; those of rows at fault are any."""
    return np.minimum(block.tag, len(block.table.name) - 1) if block.faults else block.tag


def _of_tables(tables: list[NDArray[np.int32]], tags: list[NDArray[np.integer]]) -> NDArray[np.int32]:
    return np.concatenate([table[tag] for table, tag in zip(tables, tags, strict=True)] or [np.empty(0, np.int32)])


def _time_ns(block: Block) -> NDArray[np.int64]:
    return np.full(len(block.value), NO_TIME, np.int64) if block.time_ns is None else block.time_ns


def _quality(block: Block) -> NDArray[np.uint8]:
    return np.full(len(block.value), GOOD, np.uint8) if block.quality is None else block.quality
