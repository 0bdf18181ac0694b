"""The demo's processes: broker, simulated district, the shipped pipeline and delivery, and a receiver of webhooks.

Everything runs as it would in earnest: the same commands, a real broker, a real journal. Only the district is made up.
"""

from __future__ import annotations

import http.server
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from app.jobs.webhook_receiver import Received, receive
from model.errors import FengsuiError

READY_S_MAX = 60.0

_CONFIG = """\
data_dir: data
language: {language}
packs: [gas, pipeline, fire]
registry: registry.yaml
socket: demo.sock
metrics: {{pipeline: "127.0.0.1:0", delivery: "127.0.0.1:0", archiver: "127.0.0.1:0"}}
archive: {{enabled: false}}
sources:
  - name: district
    connector: mqtt
    host: 127.0.0.1
    port: {port}
    version: "3.1.1"  # the embedded broker speaks no MQTT 5
    subscriptions:
      - {{topic: "district/{{site}}/{{sensor}}", tag: "{{site}}/{{sensor}}"}}
sinks:
  - name: duty-room
    connector: webhook
    url: http://127.0.0.1:{webhook}/alarms
    secret_file: webhook.secret
    allow_private: true
"""


class Demo:
    """A context in which the whole demo runs; leaving it ends every process it began."""

    def __init__(
        self, folder: Path, *, language: str, profile: str = "demo", speed: float = 1.0, seed: int = 1
    ) -> None:
        self.folder = folder
        self.config = folder / "fengsui.yaml"
        self.received = Received()
        self.started_s = time.monotonic()
        self._language, self._profile, self._speed, self._seed = language, profile, speed, seed
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] | None = None
        self._server: http.server.ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def log_file(self) -> Path:
        return self.folder / "demo.log"

    def check(self) -> None:
        """See that every process is alive.

        Raises:
            FengsuiError: one has ended; its last words are in the log.

        """
        for process in self._processes:
            if process.poll() is not None:
                raise FengsuiError(
                    f"a process of the demo has ended with {process.returncode}: {process.args!r}; see {self.log_file}"
                )

    def close(self) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(35)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._log is not None:
            self._log.close()

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = self.log_file.open("ab")
        broker = self._start(["-m", "simulator", "broker"], piped=True)
        port = _ready_port(broker)
        district = ["--profile", self._profile, "--seed", str(self._seed)]
        self._run(["-m", "simulator", "registry", *district, "--out", str(self.folder / "registry.yaml")])
        secret = self._secret()
        self._server = receive(self.received, secret)
        text = _CONFIG.format(language=self._language, port=port, webhook=self._server.server_port)
        self.config.write_text(text, encoding="utf-8")
        self._start(["-m", "app.cli", "run", "--config", str(self.config)])
        self._wait_for_socket()
        play = ["-m", "simulator", "play", *district, "--port", str(port), "--speed", str(self._speed)]
        self.started_s = time.monotonic()
        self._start(play)

    def _secret(self) -> str:
        path = self.folder / "webhook.secret"
        if not path.exists():
            path.touch(0o600)
            path.write_text("whsec_" + secrets.token_hex(24), encoding="ascii")
        return path.read_text(encoding="ascii")

    def _wait_for_socket(self) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while not (self.folder / "demo.sock").exists():
            self.check()
            if time.monotonic() > deadline:
                raise FengsuiError(f"the pipeline was not ready within {READY_S_MAX:g} s; see {self.log_file}")
            time.sleep(0.05)

    def _start(self, arguments: Sequence[str], *, piped: bool = False) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C comes to us; we end the others in order
        )
        self._processes.append(process)
        return process

    def _run(self, arguments: Sequence[str]) -> None:
        done = subprocess.run([sys.executable, *arguments], stdout=self._log, stderr=self._log, check=False)  # noqa: S603
        if done.returncode:
            raise FengsuiError(f"{' '.join(arguments)} ended with {done.returncode}; see {self.log_file}")


def _ready_port(broker: subprocess.Popen[bytes]) -> int:
    """The broker's first line is ``ready port=N``."""
    line = broker.stdout.readline().decode() if broker.stdout else ""
    if not line.startswith("ready port="):
        raise FengsuiError(f"the embedded broker did not start, it said {line!r}; is amqtt installed (extra `demo`)?")
    return int(line.removeprefix("ready port="))
