"""Real servers for tests: each on a free port of 127.0.0.1, in a process group of its own, ended by its handle."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

REAL_REQUIRED = os.environ.get("REQUIRE_REAL") == "1"
READY_S_MAX = 20.0

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str, within_s: float = 15.0) -> Found:
    """Wait for a real condition; its value is returned as soon as it is true."""
    give_up_s = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > give_up_s:
            pytest.fail(f"waited {within_s:g} s for: {what}")
        time.sleep(0.005)
    return found


def program(*names: str) -> str:
    """Path of an installed server; without it the test is skipped, or fails where REQUIRE_REAL=1."""
    for name in names:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if path:
            return path
    message = f"{names[0]} is not installed here (Debian: apt install {names[-1]})"
    if REAL_REQUIRED:
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False


class Process:
    """A server process and its group."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.command = command
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, number: int) -> None:
        os.killpg(self._process.pid, number)

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.alive():
            self.send(number)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._process.wait(10)


@dataclass
class Mosquitto:
    """A broker that keeps its port and its sessions over a restart."""

    folder: Path
    port: int
    options: tuple[str, ...] = ()
    process: Process | None = None

    def start(self) -> None:
        config = self.folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {self.folder}/",
            "max_queued_messages 0",
            "max_inflight_messages 65535",  # 0 would make this broker overlook what an MQTT 5 client asks for
            f"user {getpass.getuser()}",
            "log_dest stderr",
            "log_type all",
            *(self.options or ("allow_anonymous true",)),
        ]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.process = Process([program("mosquitto"), "-c", str(config)], self.folder / "mosquitto.log")
        until(lambda: listens(self.port), f"mosquitto on port {self.port}", READY_S_MAX)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            if number == signal.SIGTERM:
                self.process.send(signal.SIGCONT)
            self.process.end(number)
            self.process = None

    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def mosquitto(folder: Path, *options: str) -> Iterator[Mosquitto]:
    folder.mkdir(parents=True, exist_ok=True)
    broker = Mosquitto(folder, free_port(), options)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _end(connection: socket.socket) -> None:
    """Close for good: a close alone leaves it open while another thread waits in it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Relay:
    """A TCP connection that a test can cut: what connects here is carried on to another port."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._swallowed: set[socket.socket] = set()
        self._swallows_all = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if one not in self._swallowed and not self._swallows_all:
                    other.sendall(data)
        for end in (one, other):
            _end(end)

    def cut(self) -> None:
        """End what is connected, without a word; who comes again is carried again."""
        gone, self._open = self._open, []
        for end in gone:
            _end(end)

    def swallow(self, *, later_too: bool = False) -> None:
        """Leave what is connected open and carry nothing more of it, as a half-open connection does.

        ``later_too``: nor of what connects later.
        """
        self._swallowed |= set(self._open)
        self._swallows_all = later_too

    def close(self) -> None:
        self._server.close()
        self.cut()


@contextlib.contextmanager
def relay(port: int) -> Iterator[Relay]:
    carrying = Relay(port)
    try:
        yield carrying
    finally:
        carrying.close()


@dataclass
class VictoriaMetrics:
    """A database that takes InfluxDB's line protocol."""

    url: str
    process: Process

    def export(self, match: str) -> list[dict[str, Any]]:
        """Every series that fits, as ``{metric, values, timestamps}``."""
        httpx.get(f"{self.url}/internal/force_flush", trust_env=False)
        answer = httpx.get(f"{self.url}/api/v1/export", params={"match[]": match}, trust_env=False)
        answer.raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]


@contextlib.contextmanager
def victoria_metrics(folder: Path, port: int = 0) -> Iterator[VictoriaMetrics]:
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [
        program("victoria-metrics", "victoria-metrics-prod"),
        f"-httpListenAddr=127.0.0.1:{port}",
        f"-storageDataPath={folder / 'data'}",
        "-retentionPeriod=100y",
    ]
    server = VictoriaMetrics(f"http://127.0.0.1:{port}", Process(command, folder / "victoria-metrics.log"))
    try:
        until(lambda: listens(port), f"VictoriaMetrics on port {port}", READY_S_MAX)
        yield server
    finally:
        server.process.end()


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, receiver: HttpReceiver, port: int) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.requests.append(Request(self.path, headers, body))
        receiver.may_answer.wait(READY_S_MAX)
        status, headers, content = receiver.next_answer()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the base class asks for this name

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests read the requests themselves."""


class HttpReceiver:
    """A real HTTP server that answers as it is told: the answers in turn, and the last one for ever.

    Attributes:
        requests: what came, in order.
        may_answer: cleared, it holds back every answer.

    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._answers: list[tuple[int, dict[str, str], bytes]] = [(200, {}, b"")]
        self._port = free_port()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def answer(self, *answers: int | tuple[int, dict[str, str], bytes]) -> None:
        self._answers = [(one, {}, b"") if isinstance(one, int) else one for one in answers]

    def next_answer(self) -> tuple[int, dict[str, str], bytes]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def open(self) -> None:
        self._server = _Server(self, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.may_answer.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None


@contextlib.contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    receiver.open()
    try:
        yield receiver
    finally:
        receiver.close()
