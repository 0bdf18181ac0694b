"""One byte a second from a process to its supervisor while all of its loops go on; silence is what counts.

A pipe, because it needs no file, no port and no clock that both agree on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

#: A process that has given a pulse once and then none for so long hangs.
SILENCE_S_MAX = 15.0


def giver(file: int) -> Callable[[], None]:
    """The process' end; a file below 0 means that nobody listens."""
    if file >= 0:
        os.set_blocking(file, False)

    def give() -> None:
        if file >= 0:
            with contextlib.suppress(OSError):  # full, or the supervisor is gone: other means tell of that
                os.write(file, b".")

    return give


class Listener:
    """The supervisor's end.

    Attributes:
        writer: the file that the process is to inherit.
        heard_s: monotonic time of the last pulse; None before the first.

    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.heard_s: float | None = None

    def begun(self) -> None:
        """The process has its end."""
        os.close(self.writer)

    def silent_s(self, now_s: float, *, was_away: bool = False) -> float:
        """For how long nothing was heard; 0 before the first pulse, and where we ourselves did not listen."""
        with contextlib.suppress(BlockingIOError):
            if os.read(self._reader, 4096):
                self.heard_s = now_s
        if was_away and self.heard_s is not None:
            self.heard_s = now_s
        return 0.0 if self.heard_s is None else now_s - self.heard_s

    def close(self) -> None:
        os.close(self._reader)
