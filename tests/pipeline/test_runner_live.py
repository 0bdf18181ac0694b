"""The embedded runner at work on its own threads: sources, people, and those who die."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model.inputs import HumanAct
from pipeline.runners.embedded import EmbeddedRunner
from tests.pipeline.plans import ns
from tests.pipeline.sources import MemorySource, message, reading
from tests.pipeline.test_runner import PLAN, ROUNDS, Parts, contents, journaled
from tests.servers import until

END_S = 30.0


@contextmanager
def at_work(folder: Path, source: MemorySource) -> Iterator[EmbeddedRunner]:
    opened = Parts(folder, source=source)
    thread = threading.Thread(target=opened.runner.run)
    thread.start()
    try:
        yield opened.runner
    finally:
        opened.runner.stop()
        thread.join(END_S)
        opened.close()
        assert not thread.is_alive()


def test_what_a_source_sends_is_acknowledged_in_order_and_stored(tmp_path: Path) -> None:
    messages = [delivery for deliveries in ROUNDS for delivery in deliveries]
    source = MemorySource(messages)
    with at_work(tmp_path, source):
        until(lambda: not source.waiting, "every message is acknowledged", END_S)
    assert source.acknowledged == [delivery.receipt for delivery in messages]
    assert len(contents(tmp_path)[0]) > 5
    assert not source.connected()
    assert list((tmp_path / "snapshots").glob("*.npz"))


def test_an_act_is_in_the_journal_and_in_the_store_before_the_reply(tmp_path: Path) -> None:
    source = MemorySource([message(1, reading(1, 60))])
    with at_work(tmp_path, source) as running:
        until(lambda: contents(tmp_path)[2], "the alarm is stored", END_S)
        alarm = running.state.alarms.open_alarms()[0]
        act = HumanAct("once", "acknowledge", alarm.id, "Wang", "on my way", ns(2))
        assert running.submit(act, END_S) == ""
        assert act in journaled(tmp_path)
        assert contents(tmp_path)[2][0].acknowledged_by == "Wang"
        assert running.submit(act, END_S) == ""
        assert "is not open" in running.submit(HumanAct("c", "acknowledge", "none", "Wang", "", ns(2)), END_S)


def test_an_act_that_nobody_takes_up_ends_in_time(tmp_path: Path) -> None:
    opened = Parts(tmp_path)
    with pytest.raises(TimeoutError, match=r"did not answer within 0.01 s; send the command again"):
        opened.runner.submit(HumanAct("c", "acknowledge", "x", "Wang", "", 0), 0.01)
    opened.close()


def test_a_source_whose_thread_dies_is_begun_again(tmp_path: Path) -> None:
    source = MemorySource([message(1, reading(1, 60))], deaths=2)
    with at_work(tmp_path, source) as running:
        until(lambda: not source.waiting, "every message is acknowledged", END_S)
        assert running.metrics.source_restarts.labels("memory")._value.get() == 2


def test_the_pipeline_begins_again_where_it_was_stopped(tmp_path: Path) -> None:
    with at_work(tmp_path, source := MemorySource([message(1, reading(1, 60))])) as running:
        until(lambda: not source.waiting, "every message is acknowledged", END_S)
        until(running.state.alarms.open_alarms, "the alarm is raised", END_S)
    before = contents(tmp_path)
    with at_work(tmp_path, MemorySource()) as running:
        assert running.state.bound.plan.version == PLAN.version
        assert [alarm.rule for alarm in running.state.alarms.open_alarms()] == ["r"]
    assert contents(tmp_path)[0][: len(before[0])] == before[0]
