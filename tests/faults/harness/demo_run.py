"""The demo's story through the spine in virtual time: messages in, notices at a real receiver out.

Everything is what ``app.compose`` puts together, except that the broker's deliveries are handed in by the test and the
clock is the story's. Parts can be replaced one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from ruamel.yaml import YAML

from app import configured
from app.configured import Paths
from config.plan import load_plan
from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from connectors.webhook import Settings, WebhookSink
from model.alarm import AlarmEvent
from model.connector import Deliveries, Delivery, Inbox, Probe
from model.inputs import Tick
from model.plan import Plan
from pipeline.delivery.notice import Notice
from pipeline.delivery.outbox import EventWorker
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.process.step import Counts, step
from pipeline.runners.embedded import EmbeddedRunner, Step
from simulator.district import District
from simulator.play import messages
from store.delivery_store import DeliveryStore
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.servers import HttpReceiver

#: The smouldering fire turns orange after 113 s; nothing has been silent for long by then.
DURATION_S = 130

_SUBSCRIPTION = {"topic": "district/{site}/{sensor}", "tag": "{site}/{sensor}"}
_CONFIG = f"""\
data_dir: data
packs: [gas, pipeline, fire]
registry: registry.yaml
sources: [{{name: district, connector: mqtt, host: 127.0.0.1, subscriptions: [{_SUBSCRIPTION}]}}]
"""


def demo_plan(folder: Path, district: District) -> Plan:
    """The plan of the shipped packs on the simulated district, read from files as always."""
    with (folder / "registry.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(district.registry(), file)
    (folder / "fengsui.yaml").write_text(_CONFIG, encoding="utf-8")
    return load_plan(configured.read(folder / "fengsui.yaml"))


@dataclass(frozen=True, slots=True)
class Round:
    """One second of the story."""

    deliveries: Deliveries
    tick: Tick


def rounds(district: District) -> list[Round]:
    start_ns = district.clock.start_ns
    found: list[Round] = []
    receipt = 0
    for second in range(DURATION_S):
        rows = district.rows(second, second + 1)
        received = (start_ns + rows.t_ms * 1_000_000).tolist()
        deliveries = [
            Delivery("district", message.topic, message.payload, received_ns, retained=False, receipt=number)
            for number, (message, received_ns) in enumerate(
                zip(messages(district, rows), received, strict=True), receipt + 1
            )
        ]
        receipt += len(deliveries)
        found.append(Round(Deliveries.of(deliveries), Tick(start_ns + (second + 1) * 10**9, (second + 1) * 10**9)))
    return found


class HandedIn:
    """A source whose deliveries the test hands in; it remembers what was acknowledged."""

    name = "district"

    def __init__(self) -> None:
        self.acknowledged = 0

    def probe(self) -> Probe:
        return Probe(ok=True, message="handed in")

    def run(self, inbox: Inbox) -> None:
        """Nothing to receive."""

    def acknowledge(self, through: int) -> None:
        self.acknowledged = through

    def connected(self) -> bool:
        return True

    def stop(self) -> None:
        """Nothing to stop."""


@dataclass
class StoryClock:
    """Stands where the last round stood."""

    now: Tick

    def tick(self) -> Tick:
        return self.now


@dataclass
class Parts:
    """What can be taken out or exchanged."""

    plan: Plan
    journal: type[Journal] = Journal
    store: type[PipelineStore] = PipelineStore
    step: Step = field(default=step)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the story."""

    notices: list[Notice]  # at the receiver
    events: list[AlarmEvent]  # in the store
    counts: Counts
    acknowledged: int

    def told_of(self, tags: tuple[str, ...]) -> list[Notice]:
        """Notices about alarms on these sensors."""
        return [notice for notice in self.notices if notice.event.tag in tags]

    def rules(self) -> set[str]:
        return {notice.event.rule for notice in self.notices}


def play(folder: Path, parts: Parts, story: list[Round], receiver: HttpReceiver) -> Outcome:
    paths = Paths.under(folder)
    source, store = HandedIn(), parts.store(paths.pipeline_db)
    journal = parts.journal(paths.journal)
    try:
        runner = EmbeddedRunner(
            parts.plan,
            sources=[source],
            decoders={"district": MessageDecoder([Subscription.model_validate(_SUBSCRIPTION)])},
            journal=journal,
            journal_folder=paths.journal,
            store=store,
            snapshot_folder=paths.snapshots,
            clock=StoryClock(Tick(story[0].tick.wall_ns - 10**9, 0)),
            metrics=PipelineMetrics(),
            step=parts.step,
        )
        for second in story:
            runner.round([second.deliveries], [second.tick])
        deliver(folder, receiver)
    finally:
        journal.close()
        store.close()
    notices = [msgspec.json.decode(request.body, type=Notice) for request in receiver.requests]
    return Outcome(notices, list(_stored(paths)), runner.state.counts, source.acknowledged)


def deliver(folder: Path, receiver: HttpReceiver) -> None:
    """The shipped worker and the shipped webhook, until the outbox is empty."""
    paths = Paths.under(folder)
    store = DeliveryStore(paths.delivery_db)
    sink = WebhookSink("duty-room", Settings(url=receiver.url, allow_private=True))
    worker = EventWorker(
        sink, outbox=paths.pipeline_db, store=store, metrics=DeliveryMetrics(), wall_ns=lambda: 4 * 10**18
    )
    while worker.work():
        continue
    sink.close()
    store.close()


def _stored(paths: Paths) -> Iterator[AlarmEvent]:
    reader = PipelineReader(paths.pipeline_db)
    yield from (event for _, event in reader.events_after(0, limit=1_000_000))
    reader.close()
