"""A full disk: what is held back for it is given free, nothing is taken in any more, and it ends by itself.

Until then the process stays up, says what is wrong, and stores what people do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import structlog

from model.errors import JournalFull, StoreFull
from store.journal.writer import Journal

log = structlog.get_logger("pipeline")

T = TypeVar("T")

#: So many looks in a row must find room: a disk that is full to the last byte gives some back and takes it again.
LOOKS = 3


class Room:
    """The journal's commits, and whether there is room for more.

    Attributes:
        full: why nothing is taken in; empty while there is room.

    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.full = ""
        self._seen = 0  # looks in a row that found room
        self._guard = threading.Lock()  # the events are stored on a thread of their own, which meets the full disk, too

    def begin_commit(self) -> bool:
        """Begin a commit, if need be in the reserve; False: there is no room, try again later.

        Raises:
            JournalError: the disk refused otherwise.

        """
        for _ in range(2):
            try:
                self._journal.begin_commit()
            except JournalFull as error:
                self.note_full(str(error))
            else:
                return True
        return False

    def note_full(self, reason: str) -> None:
        """Somebody met the full disk; thread-safe."""
        with self._guard:
            if not self.full:
                log.error("disk full: nothing is taken in until there is room", reason=reason)
            self.full, self._seen = reason, 0
            self._journal.release_reserve()

    def for_store(self, act: Callable[[], T]) -> T | None:
        """Have something stored, if need be in the reserve; None: there was no room, and it is counted only."""
        for _ in range(2):
            try:
                return act()
            except StoreFull as error:
                self.note_full(str(error))
        return None

    def look(self) -> None:
        """See whether there is room again: enough to hold the reserve back anew, and that for some looks."""
        with self._guard:
            if not self.full:
                return
            self._seen = self._seen + 1 if self._journal.restore_reserve() else 0
            if self._seen >= LOOKS:
                self.full = ""
                log.warning("there is room on the disk again: readings are taken in")
