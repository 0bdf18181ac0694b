"""Real recordings through the shipped system: replayed into a real Mosquitto, and out as alarms, scored.

    python -m bench.recordings [--data ../shared/data] [--set metec_gas ...] [--json FILE]

For each set: mosquitto, an InfluxDB-API database (VictoriaMetrics) and a webhook receiver are started; ``fengsui run``
takes the readings from the broker; ``fengsui replay`` plays the recording flat out, QoS 1. When every reading has been
processed and every message delivered, the alarms in the store are written in the columns that the set's ``score.py``
reads, and scored. Nothing is set per file: the packs are the shipped ones.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import socket as socketlib
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from app import configured
from app.client import PipelineClient
from app.jobs.evaluate import alarms_of, write
from app.jobs.recorded_registry import write as write_registry
from app.jobs.webhook_receiver import Received, receive
from connectors.channel_map import load_channel_map
from connectors.recording import Recording, load_recording, registry
from model.alarm import AlarmEvent
from model.errors import FengsuiError
from store.delivery_store import DeliveryReader
from store.pipeline_reader import PipelineReader

ROOT = Path(__file__).parent.parent
SETS = {"metec_gas": "gas", "transient_leaks": "pipeline", "nist_fire": "fire"}
#: nist_fire begins in 1999; a device time before 2000 is taken for a clock fault, so the sets are played later.
SHIFT_TO = "2020-01-01T00:00:00Z"
WAIT_S_MAX = 600.0

CONFIG = """\
data_dir: data
packs: [gas, pipeline, fire]
registry: registry.yaml
socket: {socket}
metrics: {{pipeline: "127.0.0.1:0", delivery: "127.0.0.1:0", archiver: "127.0.0.1:0"}}
sources:
  - name: broker
    connector: mqtt
    host: 127.0.0.1
    port: {mqtt}
    subscriptions: [{{topic: "replay/{{series}}", tag: "{{tag}}"}}]
sinks:
  - {{name: webhook, connector: webhook, url: "http://127.0.0.1:{webhook}/", secret_file: secret, allow_private: true}}
  - {{name: history, connector: influxdb, url: "http://127.0.0.1:{influx}", token_file: secret, org: o, bucket: b}}
"""

MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One set through the system."""

    name: str
    readings: int
    seconds: float
    rows: dict[str, int]
    events: int
    alarms: int
    delivered: int
    repeated: int
    points: int
    score: dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.recordings", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--set", dest="sets", action="append", choices=sorted(SETS))
    parser.add_argument("--group", type=int, default=50, help="readings a message")
    parser.add_argument("--json", type=Path, help="write the outcomes here")
    parser.add_argument("--keep", type=Path, help="keep each set's alarms (CSV) and configuration in this folder")
    given = parser.parse_args()
    outcomes = []
    for name in given.sets or sorted(SETS):
        outcome = run_set(name, given.data, given.group, given.keep)
        show(outcome)
        outcomes.append(outcome)
    if given.json:
        given.json.write_text(json.dumps([_as_data(o) for o in outcomes], indent=2) + "\n")


def run_set(name: str, data: Path, group: int, keep: Path | None) -> Outcome:
    """Play one set through a system of its own."""
    folder = Path(tempfile.mkdtemp(prefix=f"fengsui-{name}-"))
    channel_map = ROOT / "packs" / SETS[name] / "recordings" / f"{name}.yaml"
    recording = load_recording(data / name, load_channel_map(channel_map), [])
    try:
        with ExitStack() as stack:
            return _run(stack, folder, name, data, recording, channel_map, group, keep)
    finally:
        shutil.rmtree(folder)


def _run(
    stack: ExitStack,
    folder: Path,
    name: str,
    data: Path,
    recording: Recording,
    channel_map: Path,
    group: int,
    keep: Path | None,
) -> Outcome:
    received = Received()
    secret = "whsec_" + secrets.token_hex(24)
    (folder / "secret").write_text(secret)
    server = receive(received, secret)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    mqtt, influx = free_port(), free_port()
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(port=mqtt))
    stack.enter_context(process(["mosquitto", "-c", str(folder / "mosquitto.conf")], folder / "mosquitto.log"))
    database = [
        f"-storageDataPath={folder / 'metrics'}",
        f"-httpListenAddr=127.0.0.1:{influx}",
        "-retentionPeriod=100y",
    ]
    stack.enter_context(process(["victoria-metrics", *database], folder / "metrics.log"))
    write_registry(registry(recording), folder / "registry.yaml")
    config = folder / "fengsui.yaml"
    socket = folder / "s"
    config.write_text(CONFIG.format(socket=socket, mqtt=mqtt, webhook=server.server_port, influx=influx))
    fengsui = [sys.executable, "-m", "app.cli"]
    stack.enter_context(process([*fengsui, "run", "--config", str(config)], folder / "run.log"))
    settings = configured.read(config)
    client = PipelineClient(settings.socket)
    wait(lambda: _connected(client), "the pipeline to be connected")
    begun_s = time.monotonic()
    play = [*fengsui, "replay", str(data / name), "--map", str(channel_map), "--to", f"mqtt://127.0.0.1:{mqtt}"]
    play += ["--speed", "0", "--shift-to", SHIFT_TO, "--group", str(group), "--json"]
    subprocess.run(play, check=True, stdout=subprocess.DEVNULL)
    wait(lambda: sum(client.status()["rows"].values()) >= len(recording), "every reading to be processed")
    seconds = time.monotonic() - begun_s
    paths = configured.Paths.under(settings.data_dir)
    reader, delivery = PipelineReader(paths.pipeline_db), DeliveryReader(paths.delivery_db)
    wait(lambda: _delivered(reader, delivery), "every message to be delivered")
    wait(lambda: points(influx) >= len(recording), "every reading to be in the database")
    events = [event for _, event in reader.events_after(0, limit=10**9)]
    alarms_csv = folder / "alarms.csv"
    diagnostic = {rule.id for rule in reader.plan().rules if rule.diagnostic}
    count = write_alarms(events, recording, diagnostic, alarms_csv)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(alarms_csv, keep / f"{name}.csv")
    score = subprocess.run(
        [sys.executable, str(data / "score.py"), name, str(alarms_csv), "--json"], check=True, capture_output=True
    )
    return Outcome(
        name,
        len(recording),
        seconds,
        client.status()["rows"],
        len(events),
        count,
        len(received.bodies),
        received.repeated,
        points(influx),
        json.loads(score.stdout),
    )


def write_alarms(events: list[AlarmEvent], recording: Recording, diagnostic: set[str], path: Path) -> int:
    """One row an alarm, from its raise to its return, in the recording's own time; device rules are left out."""
    shift_ns = _parse_ns(SHIFT_TO) - int(recording.time_ns[0])
    ends_ns = dict.fromkeys((one.series for one in recording.sensors), int(recording.time_ns[-1]))
    alarms = [one for one in alarms_of(events, recording, ends_ns, shift_ns) if one.rule not in diagnostic]
    write(alarms, path, local=False)
    return len(alarms)


def show(outcome: Outcome) -> None:
    rate = outcome.readings / outcome.seconds
    print(
        f"{outcome.name}: {outcome.readings} readings in {outcome.seconds:.1f} s = {rate:,.0f}/s; rows {outcome.rows}"
    )
    print(f"  {outcome.events} events, {outcome.alarms} process alarms; webhook got {outcome.delivered}")
    print(f"  (repeated {outcome.repeated}); the database holds {outcome.points} readings")
    print("  " + json.dumps(outcome.score))


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the context ends."""
    with log.open("wb") as file:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        try:
            yield running
        finally:
            running.terminate()
            running.wait(40)


def wait(done: Callable[[], bool], what: str) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {WAIT_S_MAX:g} s for {what}")
        time.sleep(0.2)


def free_port() -> int:
    with socketlib.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def points(port: int) -> int:
    """How many readings the database holds."""
    query = urllib.parse.urlencode({"match[]": "reading_value"})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/export?{query}") as answer:
        return sum(len(json.loads(line)["values"]) for line in answer)


def _connected(client: PipelineClient) -> bool:
    try:
        return all(client.status()["sources"].values())
    except FengsuiError:
        return False


def _delivered(reader: PipelineReader, delivery: DeliveryReader) -> bool:
    counts = delivery.counts("webhook")
    return counts.pending == 0 and counts.delivered + counts.dead == reader.counts()["outbox"]


def _parse_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def _as_data(outcome: Outcome) -> dict[str, object]:
    return asdict(outcome)


if __name__ == "__main__":
    main()
