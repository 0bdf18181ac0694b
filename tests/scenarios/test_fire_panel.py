"""A fire panel tells its story over TCP: journal, confirmation, alarm; and what happens when one of them fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import compose, configured
from app.configured import Paths
from connectors.gb26875.receiver import Receiver
from model.alarm import Alarm
from model.batch import Batch
from model.errors import JournalError
from pipeline.runners.embedded import EmbeddedRunner
from simulator.uitd import wire
from store.journal.reader import JournalReader
from store.pipeline_reader import PipelineReader, PoisonRow
from tests.docs.blocks import ROOT
from tests.servers import free_port, until
from tests.uitd import Panel, fleet

ADDRESS = 330_100_001
SMOKE = "330100001/1-1/42-00030007/fire"
END_S = 30.0


class House:
    """The example installation of the documents, in a folder and on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        shutil.copytree(ROOT / "docs" / "examples" / "fire-panel", folder, dirs_exist_ok=True)
        config = folder / "fengsui.yaml"
        port = f"port: {self.port}\n    duty_minutes: 0"
        config.write_text(config.read_text(encoding="utf-8").replace("port: 26875", port), encoding="utf-8")

    @contextlib.contextmanager
    def open(self, *, fails: bool = False) -> Iterator[EmbeddedRunner]:
        """Run the pipeline; where it is expected to fail it ends by itself."""
        running = compose.runner(configured.read(self.folder / "fengsui.yaml"))
        errors: list[Exception] = []

        def run() -> None:
            try:
                running.run()
            except JournalError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            until(lambda: running.connections()["fire-panels"], "the receiver to listen", END_S)
            yield running
        finally:
            if fails:
                thread.join(END_S)
            receiver(running).stop()
            running.stop()
            thread.join(END_S)
            running.journal.close()
            running._store.close()
            assert not thread.is_alive()
            assert bool(errors) == fails

    def alarms(self) -> dict[str, Alarm]:
        with self._reader() as reader:
            return {f"{alarm.rule} {alarm.tag}": alarm for alarm in reader.alarms()}

    def refused(self) -> list[PoisonRow]:
        with self._reader() as reader:
            return reader.poison()

    def journaled(self, tag: str, running: EmbeddedRunner) -> list[float]:
        """Values of a sensor that stand in the journal, as another process reads it."""
        index = running.state.bound.tag_index[tag]
        entries = JournalReader(Paths.under(self.folder / "data").journal, 0).read()
        batches = [entry.item for entry in entries if isinstance(entry.item, Batch)]
        return [value for batch in batches for value in batch.value[batch.sensor == index].tolist()]

    def _reader(self) -> contextlib.closing[PipelineReader]:
        return contextlib.closing(PipelineReader(Paths.under(self.folder / "data").pipeline_db))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


@pytest.fixture
def panel(house: House) -> Iterator[Panel]:
    with fleet(house.port) as devices:
        yield devices.add(ADDRESS)


def receiver(running: EmbeddedRunner) -> Receiver:
    found = running._sources["fire-panels"]
    assert isinstance(found, Receiver)
    return found


def red(house: House) -> Alarm | None:
    return house.alarms().get(f"fire.panel_fire {SMOKE}")


def answers_a_heartbeat(panel: Panel) -> bool:
    """Whether the receiver has gone through all that was sent before, and said all it had to say."""
    heard = len(panel.device.heard)
    panel.write(wire.frame(wire.SEND, b"", sequence=9999, source=ADDRESS, destination=1, at=panel.device.now()))
    until(lambda: any(one.sequence == 9999 for one in panel.device.heard[heard:]), "the heartbeat's answer")
    return True


def test_given_a_smoke_detector_that_fires_it_is_journaled_then_confirmed_and_the_alarm_is_red(
    house: House, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.open() as running:
        panel.state()
        until(lambda: panel.tally.acknowledged == 1, "the first state to be confirmed")
        may_commit, begin_commit = threading.Event(), running.journal.begin_commit
        monkeypatch.setattr(running.journal, "begin_commit", lambda: may_commit.wait(END_S) and begin_commit())
        panel.state("fire")
        until(lambda: receiver(running).received == 2, "the frame")
        assert answers_a_heartbeat(panel)
        assert house.journaled(SMOKE, running) == [0.0]
        assert panel.tally.confirmed == [0, 9999]
        may_commit.set()
        until(lambda: panel.tally.confirmed == [0, 9999, 1], "the confirmation")
        assert house.journaled(SMOKE, running) == [0.0, 1.0]
        alarm = until(lambda: red(house), "the alarm in the store")
        assert alarm.grade.name == "RED"
        assert not alarm.offline


def test_given_a_journal_that_cannot_be_written_a_fire_is_not_confirmed_and_comes_again(
    house: House, panel: Panel
) -> None:
    with house.open(fails=True) as running:
        panel.state()
        until(lambda: panel.tally.acknowledged == 1, "the first state to be confirmed")
        unwritable = os.open("/dev/null", os.O_RDONLY)
        os.dup2(unwritable, running.journal._active.file)
        os.close(unwritable)
        panel.state("fire")
        until(lambda: receiver(running).received == 2, "the frame")
    assert panel.tally.acknowledged == 1
    assert red(house) is None
    with house.open() as running:
        until(lambda: red(house), "the alarm in the store")
        until(lambda: panel.device.unconfirmed == 0, "the confirmation")
        assert house.journaled(SMOKE, running).count(1.0) == 1


def test_given_a_fire_and_its_reset_within_one_second_both_count(house: House, panel: Panel) -> None:
    with house.open() as running:
        panel.state("fire")
        panel.state()
        until(lambda: panel.tally.acknowledged == 2, "both confirmations")
        alarm = until(lambda: red(house), "the alarm in the store")
        until(lambda: red(house).state.value == "returned_unacknowledged", "the alarm to be over")
        assert alarm.id == red(house).id
        assert house.journaled(SMOKE, running) == [1.0, 0.0]


def test_given_a_clock_that_is_ahead_and_is_set_the_fire_still_ends_with_its_reset(house: House) -> None:
    with house.open(), fleet(house.port) as devices:
        panel = devices.add(ADDRESS, clock_ahead_s=240.0)
        panel.state("fire")
        until(lambda: red(house), "the alarm in the store")
        until(lambda: panel.tally.clock_sets == 1, "the clock to be set")
        panel.state()
        until(lambda: red(house).state.value == "returned_unacknowledged", "the alarm to be over")


def test_given_frames_sent_again_and_again_there_is_one_alarm_and_every_one_is_confirmed(
    house: House, panel: Panel
) -> None:
    with house.open():
        panel.state("fire")
        until(lambda: panel.tally.acknowledged == 1, "its confirmation")
        for _ in range(3):
            panel.repeat()
        until(lambda: panel.tally.acknowledged == 4, "three confirmations more")
    with house.open() as running:  # which no longer knows what came before
        until(lambda: panel.device.connected, "a new connection")
        panel.repeat()
        until(lambda: panel.tally.acknowledged == 5, "the confirmation of the new receiver")
        assert house.journaled(SMOKE, running) == [1.0, 1.0]
        until(lambda: running.state.counts.duplicate == 2, "its rows, fire and fault, to be known")
        assert len([name for name in house.alarms() if name.startswith("fire.panel_fire")]) == 1


def test_given_rubbish_and_unknown_types_the_fire_behind_them_is_seen_and_they_are_kept(
    house: House, panel: Panel
) -> None:
    with house.open():
        panel.write(b"@@@@##\x00rubbish")
        panel.send(bytes((140, 1)) + b"the vendor's own")
        panel.state("fire")
        until(lambda: panel.tally.acknowledged == 2, "both confirmations", END_S)
        until(lambda: red(house), "the alarm in the store")
    assert [row.reason for row in house.refused()] == ["unknown_type"]


def test_given_a_duty_room_that_does_not_answer_the_alarm_is_yellow_and_then_orange(house: House, panel: Panel) -> None:
    with house.open() as running:
        panel.state()
        until(lambda: panel.tally.acknowledged == 1, "the device")
        for grade in ("YELLOW", "ORANGE"):
            receiver(running).check_duty(ADDRESS)
            until(
                lambda grade=grade: (
                    [a.grade.name for n, a in house.alarms().items() if n.startswith("fire.duty")] == [grade]
                ),
                f"the {grade} alarm",
            )
