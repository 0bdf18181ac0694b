"""Sees alarm events as the delivery process would: when their transaction is committed and they can be read."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_S = 0.001
RAISED = {"raised", "re_raised", "upgraded"}


class AlarmWatch:
    """Follows the table of events; a delay is from the reading's own time to the moment its event can be read."""

    def __init__(self, database: Path) -> None:
        self._path = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="alarm-watch")
        self.delays_ms: list[float] = []
        self.other_rules: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        last = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        version = -1
        while not self._stop.is_set():
            now = connection.execute("PRAGMA data_version").fetchone()[0]
            if now == version:
                time.sleep(POLL_S)
                continue
            version = now
            rows = connection.execute("SELECT seq, body FROM events WHERE seq > ? ORDER BY seq", (last,)).fetchall()
            seen_ns = time.time_ns()
            for seq, body in rows:
                last = seq
                self._note(json.loads(body), seen_ns)
        connection.close()

    def _note(self, event: dict[str, object], seen_ns: int) -> None:
        rule, time_ns = str(event["rule"]), event["time_ns"]
        if not rule.startswith("bench.limit"):
            self.other_rules[rule] = self.other_rules.get(rule, 0) + 1
        elif event["transition"] in RAISED and isinstance(time_ns, int):
            self.delays_ms.append((seen_ns - time_ns) / 1e6)
