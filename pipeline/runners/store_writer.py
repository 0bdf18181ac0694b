"""Stores events on a thread of its own: a transaction with its sync takes longer than the judging of many readings.

What is put before the thread takes up its work again goes into one transaction, so that a flood of alarms costs few
syncs. Nothing depends on the store being up to date: what an end of the process leaves unwritten, the journal gives
back.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from model.alarm import AlarmEvent
from model.errors import StoreError
from store.pipeline_store import OutboxRow

#: So many events may wait; then ``put`` waits for the store.
EVENTS_WAITING_MAX = 20_000


class EventStore(Protocol):
    """What is needed of the store."""

    def record(self, new_events: Sequence[AlarmEvent], rows: Sequence[OutboxRow], next_offset: int) -> int: ...


class StoreWriter:
    """Takes events in order; ``flush`` waits until all that was put is stored."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._events: list[AlarmEvent] = []
        self._rows: list[OutboxRow] = []
        self._next_offset = 0
        self._busy = False
        self._ended = False
        self._fault: Exception | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, events: Sequence[AlarmEvent], rows: Sequence[OutboxRow], next_offset: int) -> None:
        """Hand events over.

        Raises:
            StoreError: an earlier one could not be stored.

        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._events) < EVENTS_WAITING_MAX or self._fault)
            self._raise()
            self._events += events
            self._rows += rows
            self._next_offset = next_offset
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is stored.

        Raises:
            StoreError: it could not be.

        """
        with self._changed:
            self._changed.wait_for(lambda: not (self._events or self._busy) or self._fault)
            self._raise()

    def check(self) -> None:
        """See that the store still takes events.

        Raises:
            StoreError: it does not.

        """
        self._raise()

    def close(self) -> None:
        """End after what was put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def _raise(self) -> None:
        if self._fault is not None:
            raise StoreError(f"events cannot be stored: {self._fault}") from self._fault

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._ended)
                if not self._events:
                    return
                events, rows, self._events, self._rows = self._events, self._rows, [], []
                next_offset, self._busy = self._next_offset, True
            try:
                self._store.record(events, rows, next_offset)
            except Exception as error:  # noqa: BLE001 - told to the pipeline's own thread, which then ends
                self._fault = error
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                if self._fault is not None:
                    return
