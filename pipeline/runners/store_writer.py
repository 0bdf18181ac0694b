"""Stores events on a thread of its own: a transaction with its sync takes longer than the judging of many readings.

What is put before the thread takes up its work again goes into one transaction, so that a flood of alarms costs few
syncs. Nothing depends on the store being up to date: what an end of the process leaves unwritten, the journal gives
back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Protocol

from model.alarm import AlarmEvent
from model.errors import StoreError, StoreFull
from model.flag import FlagEvent
from model.incident import IncidentEvent
from store.pipeline_store import OutboxRow

#: How long after a full disk the same is tried again.
FULL_PAUSE_S = 0.5
#: So many events may wait; then ``put`` waits for the store.
EVENTS_WAITING_MAX = 20_000


class EventStore(Protocol):
    """What is needed of the store."""

    def record(
        self,
        new_events: Sequence[AlarmEvent],
        rows: Sequence[OutboxRow],
        next_offset: int,
        incidents: Sequence[IncidentEvent] = (),
        flags: Sequence[FlagEvent] = (),
    ) -> int: ...


class StoreWriter:
    """Takes events in order, from one thread; ``flush`` waits until all that was put is stored.

    Attributes:
        turns: transactions begun; while it is busy it stands when they no longer rise.

    """

    def __init__(
        self, store: EventStore, storing: Executor | None = None, *, on_full: Callable[[str], None] | None = None
    ) -> None:
        """Take the store.

        Args:
            store: to write to.
            storing: carries out its transactions one at a time; None = a thread of its own.
            on_full: told of a full disk, which is then waited for; None = it is a fault like any other.

        """
        self._on_full, self._closing = on_full, threading.Event()
        self._store = store
        self._executor = storing or ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self.turns = 0
        self._events: list[AlarmEvent] = []
        self._rows: list[OutboxRow] = []
        self._incidents: list[IncidentEvent] = []
        self._flags: list[FlagEvent] = []
        self._next_offset = 0
        self._busy = False
        self._fault: Exception | None = None
        self._guard = threading.Lock()
        self._storing: Future[None] | None = None

    def put(
        self,
        events: Sequence[AlarmEvent],
        rows: Sequence[OutboxRow],
        next_offset: int,
        incidents: Sequence[IncidentEvent] = (),
        flags: Sequence[FlagEvent] = (),
    ) -> None:
        """Hand events over.

        Raises:
            StoreError: an earlier one could not be stored.

        """
        if len(self._events) >= EVENTS_WAITING_MAX:
            self.flush()
        self._raise()
        with self._guard:
            self._events += events
            self._rows += rows
            self._incidents += incidents
            self._flags += flags
            self._next_offset = next_offset
            was_busy, self._busy = self._busy, True
        if not was_busy:
            self._storing = self._executor.submit(self._work)

    def flush(self) -> None:
        """Wait until all is stored.

        Raises:
            StoreError: it could not be.

        """
        if self._storing is not None:
            self._storing.result()
        self._raise()

    def check(self) -> None:
        """See that the store still takes events.

        Raises:
            StoreError: it does not.

        """
        self._raise()

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be stored; thread-safe."""
        return self._busy

    def close(self) -> None:
        """End after what was put; a full disk is not waited for any more, the journal has it all."""
        self._closing.set()
        if self._storing is not None:
            self._storing.result()
        self._executor.shutdown()

    def _raise(self) -> None:
        if self._fault is not None:
            raise StoreError(f"events cannot be stored: {self._fault}") from self._fault

    def _work(self) -> None:
        """Store what waits, and what comes meanwhile."""
        while self._fault is None:
            with self._guard:
                if not (self._events or self._incidents or self._flags):
                    self._busy = False
                    return
                events, rows, incidents, flags = self._events, self._rows, self._incidents, self._flags
                self._events, self._rows, self._incidents, self._flags = [], [], [], []
                next_offset = self._next_offset
            self.turns += 1
            try:
                while not self._is_recorded(events, rows, next_offset, incidents, flags):
                    self.turns += 1
            except Exception as error:  # noqa: BLE001 - told to the pipeline's own thread, which then ends
                self._fault = error

    def _is_recorded(
        self,
        events: Sequence[AlarmEvent],
        rows: Sequence[OutboxRow],
        next_offset: int,
        incidents: Sequence[IncidentEvent],
        flags: Sequence[FlagEvent],
    ) -> bool:
        """False: the disk is full, and has been told of."""
        try:
            self._store.record(events, rows, next_offset, incidents, flags)
        except StoreFull as error:
            if self._on_full is None or self._closing.is_set():
                raise
            self._on_full(str(error))
            self._closing.wait(FULL_PAUSE_S)
            return False
        return True
