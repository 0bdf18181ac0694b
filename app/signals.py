"""How a process is told to end.

A signal handler runs inside whatever lock the main thread happens to hold, and to stop takes locks. So the handler does
nothing, and a thread that hears of the signal through a socket does the stopping.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable


def on_stop(stop: Callable[[], None], reload: Callable[[], None] | None = None) -> None:
    """Have ``stop`` called on another thread after every SIGTERM or SIGINT. For the main thread, once a process.

    Args:
        stop: called for each.
        reload: the same after SIGHUP; None = SIGHUP ends the process, as ever.

    """
    reader, writer = socket.socketpair()
    writer.settimeout(0)

    def listen() -> None:
        while number := reader.recv(1):
            (reload if reload is not None and number[0] == signal.SIGHUP else stop)()

    asked = (signal.SIGTERM, signal.SIGINT) if reload is None else (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in asked:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.detach())
    threading.Thread(target=listen, name="stop", daemon=True).start()


def on_orphaned(stop: Callable[[], None]) -> None:
    """Have ``stop`` called when standard input closes: our supervisor holds its other end, and is gone."""

    def listen() -> None:
        while os.read(sys.stdin.fileno(), 1):
            continue
        stop()

    threading.Thread(target=listen, name="orphaned", daemon=True).start()
