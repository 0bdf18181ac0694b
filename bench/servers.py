"""The processes a bench needs: Mosquitto, our pipeline and delivery, load and peers. Ended by their own handles."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TypeVar

from app.client import PipelineClient
from bench.figures import mosquitto
from bench.load import TOPIC_PREFIX, Load, Sent
from bench.receivers import Received
from bench.sensors import KIND, SITE, tag
from bench.workload import PACK
from model.errors import FengsuiError

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "deploy" / "mosquitto"
#: What of it belongs to its container: we listen on a free local port, without accounts.
_REPLACED = ("listener", "allow_anonymous", "password_file", "acl_file", "persistence_location", "log_")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
Found = TypeVar("Found")


class NotInstalledError(RuntimeError):
    """A server that a bench needs is not here."""


def until(condition: Callable[[], Found], what: str, within_s: float = 30.0, every_s: float = 0.01) -> Found:
    give_up_s = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > give_up_s:
            raise TimeoutError(f"waited {within_s:g} s for {what}")
        time.sleep(every_s)
    return found


@dataclass(slots=True)
class Server:
    """A process with a group of its own."""

    process: subprocess.Popen[str]

    def cpu_s(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def memory_bytes(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]) * 4096

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()


def start(command: list[str], log: Path) -> Server:
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT, start_new_session=True, text=True)
    return Server(process)


@dataclass(slots=True)
class Broker:
    """Mosquitto and its port."""

    port: int
    server: Server


def broker_command(profile: str | None, folder: Path, port: int) -> list[str]:
    """How Mosquitto is started over a folder with a shipped configuration; None = with its own defaults, persistent.

    Raises:
        NotInstalledError: it is not here.

    """
    program = mosquitto()
    if program is None:
        raise NotInstalledError("mosquitto is not installed (Debian: apt install mosquitto)")
    shipped = (SHIPPED / f"{profile}.conf").read_text(encoding="utf-8") if profile else "persistence true"
    kept = [line for line in shipped.splitlines() if line and not line.startswith(("#", *_REPLACED))]
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", f"persistence_location {folder}/", *kept]
    lines.append(f"user {getpass.getuser()}")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [program, "-c", str(config)]


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """Run Mosquitto with the settings of deploy/mosquitto/fast.conf on a free local port, without accounts."""
    port = free_port()
    server = start(broker_command("fast", folder, port), folder / "mosquitto.log")
    try:
        until(lambda: listens(port), "mosquitto")
        yield Broker(port, server)
    finally:
        server.end()


@dataclass(slots=True)
class Pipeline:
    """``fengsui pipeline`` on the bench pack."""

    folder: Path
    config: Path
    server: Server

    @property
    def database(self) -> Path:
        return self.folder / "data" / "pipeline.db"

    def status(self) -> dict[str, object] | None:
        with contextlib.suppress(FengsuiError):
            return PipelineClient(self.folder / "data" / "fengsui.sock").status()
        return None

    def rows(self) -> int:
        """Rows that went through ``step`` so far."""
        rows = (self.status() or {}).get("rows")
        return sum(rows.values()) if isinstance(rows, dict) else 0

    def ready(self) -> bool:
        sources = (self.status() or {}).get("sources")
        return isinstance(sources, dict) and all(sources.values())


def configure(folder: Path, *, port: int, sensors: int, sinks: str = "[]") -> Path:
    """Write a configuration with the bench pack, so many sensors, and one MQTT source."""
    folder.mkdir(parents=True, exist_ok=True)
    words = "{zh: 测试, en: Bench}"
    (folder / "registry.yaml").write_text(
        f"enterprises: [{{id: bench, name: {words}}}]\n"
        f"grid_cells: [{{id: bench, name: {words}}}]\n"
        f"sites: [{{id: {SITE}, name: {words}, enterprise: bench, grid_cell: bench}}]\n"
        f"assets: [{{id: bench, name: {words}, site: {SITE}}}]\n"
        "sensors_csv: sensors.csv\n",
        encoding="utf-8",
    )
    rows = [f"{tag(sensor)},{KIND},bench" for sensor in range(sensors)]
    (folder / "sensors.csv").write_text("\n".join(["tag,kind,asset", *rows]) + "\n", encoding="utf-8")
    config = folder / "fengsui.yaml"
    config.write_text(
        f"data_dir: {folder / 'data'}\n"
        f"packs: [{PACK}]\n"
        "registry: registry.yaml\n"
        'metrics: {pipeline: "127.0.0.1:0", delivery: "127.0.0.1:0", archiver: "127.0.0.1:0"}\n'
        f"sources:\n  - name: bench\n    connector: mqtt\n    host: 127.0.0.1\n    port: {port}\n    subscriptions:\n"
        f'      - {{topic: "{TOPIC_PREFIX}columns/all/{{unit}}", tag: "{{tag}}", qos: 1, format: columns}}\n'
        f'      - {{topic: "{TOPIC_PREFIX}gateways/all/{{unit}}", tag: "{{tag}}", qos: 1, format: json}}\n'
        f'      - {{topic: "{TOPIC_PREFIX}{{site}}/{{sensor}}", tag: "{{site}}/{{sensor}}", qos: 1, format: json}}\n'
        f"sinks: {sinks}\n",
        encoding="utf-8",
    )
    return config


def start_pipeline(folder: Path, config: Path) -> Pipeline:
    command = [sys.executable, "-m", "app.cli", "pipeline", "--config", str(config)]
    return Pipeline(folder, config, start(command, folder / "pipeline.log"))


@contextlib.contextmanager
def pipeline(folder: Path, *, port: int, sensors: int, sinks: str = "[]") -> Iterator[Pipeline]:
    running = start_pipeline(folder, configure(folder, port=port, sensors=sensors, sinks=sinks))
    try:
        wait_ready(running)
        yield running
    finally:
        running.server.end()


def wait_ready(running: Pipeline) -> None:
    """Wait until the source is connected.

    Raises:
        RuntimeError: the pipeline ended; says why.
        TimeoutError: it is not ready in time.

    """

    def ready_or_ended() -> bool:
        return running.ready() or running.server.process.poll() is not None

    until(ready_or_ended, "the pipeline", 120)
    if running.server.process.poll() is not None:
        log = (running.folder / "pipeline.log").read_text(encoding="utf-8")
        raise RuntimeError(f"the pipeline ended before it was ready: {log[-2000:]}")


@contextlib.contextmanager
def load(given: Load) -> Iterator[subprocess.Popen[str]]:
    """Run the load generator; ``sent`` waits for its end."""
    with _module("bench.load", asdict(given)) as process:
        yield process


def sent(process: subprocess.Popen[str]) -> Sent:
    return Sent(**json.loads(_line(process)))


@contextlib.contextmanager
def receiver(kind: str, port: int, messages: int) -> Iterator[subprocess.Popen[str]]:
    """Run a peer; it has subscribed when this returns."""
    with _module("bench.receivers", {"kind": kind, "port": port, "messages": messages}) as process:
        _line(process)
        yield process


def received(process: subprocess.Popen[str]) -> Received:
    return Received(**json.loads(_line(process)))


@contextlib.contextmanager
def _module(name: str, given: dict[str, object]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", name, json.dumps(given)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)


def _line(process: subprocess.Popen[str]) -> str:
    out: IO[str] | None = process.stdout
    line = out.readline() if out else ""
    if not line:
        raise RuntimeError(f"{process.args!r} ended without its result")
    return line


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False
