"""From an alarm event to the webhook that receives it: pipeline and delivery as two processes, a real HTTP server."""

from __future__ import annotations

import http.server
import json
import sqlite3
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from bench import servers
from bench.alarms import RAISED
from bench.figures import Effort, Figure, Report
from bench.load import Load

RATE = 1_000
SENSORS = 10_000
PROBES_PER_S = 10


def run(effort: Effort) -> Report:
    report = Report(
        "delivery",
        f"{PROBES_PER_S} alarms/s among {RATE:,} readings/s; until the receiver of the webhook has the request",
    )
    p50, p99, whole = [], [], []
    for _ in range(effort.runs):
        events_ms, readings_ms = _once(effort.seconds(10, 2))
        p50.append(float(np.percentile(events_ms, 50)))
        p99.append(float(np.percentile(events_ms, 99)))
        whole.append(float(np.percentile(readings_ms, 99)))
    report.figures += [
        Figure("alarm event->webhook received p50", "ms", p50, "<= 50"),
        Figure("alarm event->webhook received p99", "ms", p99, "<= 250"),
        Figure("  publish->webhook received p99", "ms", whole),
    ]
    return report


def _once(seconds: float) -> tuple[list[float], list[float]]:
    """Delays in ms: from the event's row committed, as seen by polling, and from the reading's time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with servers.broker(folder / "broker") as broker, _Receiver() as receiver:
            sink = f'[{{name: hook, connector: webhook, url: "{receiver.url}", allow_private: true}}]'
            with servers.pipeline(folder / "own", port=broker.port, sensors=SENSORS, sinks=sink) as running:
                command = [sys.executable, "-m", "app.cli", "delivery", "--config", str(running.config)]
                delivery = servers.start(command, folder / "delivery.log")
                try:
                    ready = running.database.with_name("delivery.db")
                    servers.until(ready.exists, "the delivery to be ready; see delivery.log", 60)
                    load = Load(broker.port, rate=RATE, seconds=1, sensors=SENSORS, probes_per_s=PROBES_PER_S)
                    _alarms(load, receiver)  # delivery has started when these are through
                    with _Commits(running.database) as commits:
                        _alarms(replace(load, seconds=seconds), receiver)
                finally:
                    delivery.end()
        at_ns = {event: seen for event, seen, _, _ in receiver.seen}
        events = [(at_ns[event] - seen) / 1e6 for event, seen in commits.seen.items() if event in at_ns]
        return events, [(seen - time_ns) / 1e6 for _, seen, time_ns, raised in receiver.seen if raised]


def _alarms(load: Load, receiver: _Receiver) -> None:
    """Publish, and wait until the receiver has seen as many raised alarms as there were probes."""
    receiver.seen.clear()
    with servers.load(load) as process:
        probes = servers.sent(process).probes
    servers.until(lambda: receiver.raised() >= probes, f"{probes} webhooks", 60)


class _Commits(threading.Thread):
    """When each event's row could first be read."""

    def __init__(self, database: Path) -> None:
        super().__init__(name="commits")
        self._path, self._stop_now = database, threading.Event()
        self.seen: dict[str, int] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_now.set()
        self.join()

    def run(self) -> None:
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        last = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        while not self._stop_now.wait(0.001):
            rows = connection.execute("SELECT seq, id FROM events WHERE seq > ?", (last,)).fetchall()
            now_ns = time.time_ns()
            for seq, event in rows:
                last = max(last, seq)
                self.seen[event] = now_ns
        connection.close()


class _Receiver:
    """A webhook's receiver that notes which event came when."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int, bool]] = []  # event, when, its time, whether it raised an alarm
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                event = body.get("event") or body["data"]["event"]
                seen.append((event["id"], time.time_ns(), event["time_ns"], event["transition"] in RAISED))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def raised(self) -> int:
        return sum(one[3] for one in self.seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
