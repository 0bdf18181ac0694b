"""One installation in a folder of its own: configuration, registry, and what it has written so far."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.configured import Paths
from model.alarm import AlarmEvent
from model.batch import Batch
from model.incident import IncidentEvent
from model.inputs import PlanChange
from pipeline.correlate.stage import step_and_correlate
from pipeline.delivery.notice import is_sent
from pipeline.process.step import State, begin, step
from pipeline.runners.in_force import warmed_bound
from store.journal.entries import Entry
from store.journal.reader import JournalReader
from store.pipeline_reader import PipelineReader
from tests.faults.harness.story import TAGS

PACK = Path(__file__).parent / "pack"

_CONFIG = """\
data_dir: data
language: en
packs: [{pack}]
registry: registry.yaml
metrics: {{pipeline: "127.0.0.1:0", delivery: "127.0.0.1:0", archiver: "127.0.0.1:0"}}
journal: {{segment_bytes: 65536}}
snapshot_every_s: 1
sources:
  - name: district
    connector: mqtt
    host: 127.0.0.1
    port: {port}
    reconnect_delay_s_min: 0.05
    subscriptions:
      - {{topic: "district/{{site}}/{{sensor}}", tag: "{{site}}/{{sensor}}"}}
"""
_WEBHOOK = """\
sinks:
  - {{name: duty-room, connector: webhook, url: "{url}", secret_file: webhook.secret, allow_private: true}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with a fengsui.yaml."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "fengsui.yaml"

    @property
    def paths(self) -> Paths:
        return Paths.under(self.folder / "data")

    @property
    def log(self) -> Path:
        return self.folder / "fengsui.log"

    def log_lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []

    def says(self, event: str) -> list[dict[str, object]]:
        """Log lines about one event; the log is one JSON object a line."""
        lines = (json.loads(line) for line in self.log_lines() if line.startswith("{") and line.endswith("}"))
        return [line for line in lines if line.get("event") == event]

    def entries(self) -> list[Entry]:
        return list(JournalReader(self.paths.journal, 0).read()) if self.paths.journal.exists() else []

    def stored_events(self) -> list[bytes]:
        reader = PipelineReader(self.paths.pipeline_db)
        try:
            return reader.event_bodies()
        finally:
            reader.close()

    def stored_incident_events(self) -> list[bytes]:
        reader = PipelineReader(self.paths.pipeline_db)
        try:
            return reader.incident_event_bodies()
        finally:
            reader.close()

    def outbox_ids(self) -> list[str]:
        reader = PipelineReader(self.paths.pipeline_db)
        try:
            return [row.id for _, row in reader.outbox_after(0, limit=1_000_000)]
        finally:
            reader.close()


class Followed:
    """The readings in a site's journal, followed as it grows."""

    def __init__(self, site: Site) -> None:
        self._reader = JournalReader(site.paths.journal, 0)
        self._seen: set[tuple[str, int]] = set()

    def holds(self, identities: set[tuple[str, int]]) -> bool:
        self._seen.update(journaled(list(self._reader.read())))
        return self._seen >= identities


def make_site(folder: Path, broker_port: int, *, webhook_url: str = "") -> Site:
    folder.mkdir(parents=True, exist_ok=True)
    config = _CONFIG.format(pack=PACK, port=broker_port)
    if webhook_url:
        config += _WEBHOOK.format(url=webhook_url)
        secret = folder / "webhook.secret"
        secret.touch(0o600)
        secret.write_text("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY", encoding="ascii")
    (folder / "fengsui.yaml").write_text(config, encoding="utf-8")
    name = {"zh": "试验", "en": "Test"}
    registry = {
        "enterprises": [{"id": "tests", "name": name}],
        "grid_cells": [{"id": "grid", "name": name}],
        "sites": [{"id": "site", "name": name, "enterprise": "tests", "grid_cell": "grid"}],
        "assets": [{"id": "asset", "name": name, "site": "site"}],
        "sensors": [{"tag": tag, "kind": "gauge", "asset": "asset", "name": name} for tag in TAGS],
    }
    (folder / "registry.yaml").write_text(json.dumps(registry, ensure_ascii=False), encoding="utf-8")
    return Site(folder)


def journaled(entries: list[Entry]) -> list[tuple[str, int]]:
    """(tag, time) of every row, in order, repeats included."""
    rows: list[tuple[str, int]] = []
    for entry in entries:
        if isinstance(entry.item, Batch):
            tags = [TAGS[sensor] for sensor in entry.item.sensor]
            rows += zip(tags, entry.item.time_ns.tolist(), strict=True)
    return rows


def history(entries: list[Entry], warmed: Path | None = None) -> list[bytes]:
    """Events of an uninterrupted run over these inputs, from nothing, as they would be stored.

    Args:
        entries: of the journal.
        warmed: folder of the states that its changes name.

    """
    first = entries[0]
    assert isinstance(first.item, PlanChange), "a journal begins with a plan"
    state: State = begin(first.item, first.offset)
    events: list[bytes] = []
    for entry in entries[1:]:
        if warmed is not None and isinstance(entry.item, PlanChange):
            state.prepared = warmed_bound(entry.item, warmed)
        outcome = step(state, entry.offset, entry.item)
        events += [msgspec.json.encode(event, order="deterministic") for event in outcome.events]
    return events


def incident_history(entries: list[Entry]) -> list[bytes]:
    """Incident events of an uninterrupted run over these inputs."""
    first = entries[0]
    assert isinstance(first.item, PlanChange), "a journal begins with a plan"
    state: State = begin(first.item, first.offset)
    return [
        msgspec.json.encode(one, order="deterministic")
        for entry in entries[1:]
        for one in step_and_correlate(state, entry.offset, entry.item).incidents
    ]


def outbox_order(events: Iterable[AlarmEvent], incidents: Iterable[IncidentEvent]) -> list[str]:
    """Ids of what is to be sent: by input, its alarms first."""
    rows = [(event.offset, 0, event.id) for event in events if is_sent(event)]
    rows += [(one.offset, 1, one.id) for one in incidents if one.tells]
    return [name for *_, name in sorted(rows, key=lambda row: row[:2])]
