"""The broker hears of a reading only after the journal has it: listened to on the wire, kills included."""

from __future__ import annotations

import signal
from pathlib import Path

from model.batch import Batch
from store.journal.reader import JournalReader
from tests.faults.harness.lives import nursery
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Site, make_site
from tests.faults.harness.wire import wire
from tests.servers import Mosquitto, until


class Ledger:
    """Looks every acknowledged reading up in the journal, at the moment of its acknowledgement."""

    def __init__(self, site: Site) -> None:
        self._reader = JournalReader(site.paths.journal, 0)
        self._durable: set[int] = set()
        self.heard: set[int] = set()  # each once, however often it was redelivered
        self.early: list[int] = []

    def acknowledged(self, time_ns: int) -> None:
        self.heard.add(time_ns)
        if time_ns not in self._durable:
            for entry in self._reader.read():
                if isinstance(entry.item, Batch):
                    self._durable.update(entry.item.time_ns.tolist())
        if time_ns not in self._durable:
            self.early.append(time_ns)


def test_given_kills_when_the_pipeline_acknowledges_then_the_journal_has_it_already(
    broker: Mosquitto, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    ledger = Ledger(Site(folder))
    with wire(broker.port, ledger.acknowledged) as line, nursery(make_site(folder, line.port)) as born:
        site = Site(folder)
        life = born.start()
        until(lambda: site.says("mqtt_subscribed"), "the subscription", 30)
        with Publisher(broker.port, seed=5, rate_hz=400) as publisher:
            for heard in (100, 250, 400):
                until(lambda heard=heard: line.count >= heard, f"{heard} acknowledgements")
                assert born.end(life, signal.SIGKILL) == -signal.SIGKILL
                lives = len(site.says("pipeline runs"))
                life = born.start()
            publisher.finish()
            until(
                lambda: ledger.heard >= {one.time_ns for one in publisher.sent},
                "an acknowledgement of every reading",
                30,
            )
            until(lambda: len(site.says("pipeline runs")) > lives, "a pipeline that can be asked to end", 30)
        assert born.end(life, signal.SIGTERM) == 0
    assert not ledger.early
