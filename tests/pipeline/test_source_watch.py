"""What a source knows to be lost is counted, kept for the status, and handed to who makes alarms of it."""

from __future__ import annotations

from pathlib import Path

from model.connector import Gap, GapReason
from pipeline.ingest.source_watch import SourceWatch
from pipeline.metrics import PipelineMetrics
from tests.pipeline.sources import MemorySource, message, reading
from tests.pipeline.test_runner import parts, play


class TellingSource(MemorySource):
    """Tells once of what its broker lost."""

    def __init__(self, *told: Gap) -> None:
        super().__init__()
        self._told = list(told)

    def gaps(self) -> list[Gap]:
        told, self._told = self._told, []
        return told

    def figures(self) -> dict[str, float]:
        return {"dropped": 7.0}


LOST = Gap("memory", GapReason.SESSION_LOST, None, "forgotten", 1)
NEW = Gap("memory", GapReason.SESSION_NEW, None, "not known", 2)
DROPPED = Gap("memory", GapReason.BROKER_DROPPED, 5, "a queue was full", 3)


def counted(metrics: PipelineMetrics, gap: Gap) -> tuple[float, float]:
    labels = gap.source, gap.reason.value
    return metrics.gaps.labels(*labels)._value.get(), metrics.gap_messages.labels(*labels)._value.get()


def test_every_gap_is_counted_and_handed_on_once() -> None:
    metrics = PipelineMetrics()
    watch = SourceWatch([TellingSource(LOST, NEW, DROPPED), MemorySource()], metrics, heard_before=True)
    assert watch.look() == [LOST, NEW, DROPPED]
    assert watch.look() == []
    assert list(watch.found) == [LOST, NEW, DROPPED]
    assert [counted(metrics, gap) for gap in (LOST, NEW, DROPPED)] == [(1, 0), (1, 0), (1, 5)]
    assert metrics.broker.labels("memory", "dropped")._value.get() == 7


def test_who_begins_for_the_first_time_has_lost_no_session() -> None:
    watch = SourceWatch([TellingSource(NEW, DROPPED)], PipelineMetrics(), heard_before=False)
    assert watch.look() == [DROPPED]


def test_a_runner_that_has_heard_readings_misses_its_session(tmp_path: Path) -> None:
    with parts(tmp_path, source=TellingSource(NEW)) as opened:
        assert opened.runner.source_watch.look() == []
        play(opened, 1, [message(1, reading(1, 60))])
    with parts(tmp_path, source=TellingSource(NEW)) as opened:
        assert opened.runner.source_watch.look() == [NEW]
