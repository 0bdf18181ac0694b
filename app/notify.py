"""Tells systemd how the service stands: sd_notify(3), which is one datagram to a unix socket."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


def systemd(address: str | None = None) -> Callable[[str], None]:
    """Give who tells; without the address (``NOTIFY_SOCKET``) nobody is told.

    A refusal is passed over: systemd acts by itself when it hears nothing.
    """
    path = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
    target = f"\0{path[1:]}" if path.startswith("@") else path

    def tell(state: str) -> None:
        if not target:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(1)
            out.sendto(state.encode(), target)

    return tell
