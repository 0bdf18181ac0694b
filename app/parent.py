"""Processes that work for another one end with it, however it ended."""

from __future__ import annotations

import os
import threading

LOOK_EVERY_S = 1.0


def end_with_parent() -> None:
    """From now on, end this process at once when the one that began it is gone: nobody waits for what it makes."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(LOOK_EVERY_S)
    os._exit(1)
