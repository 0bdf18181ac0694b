"""Flags in pipeline.db: as they stand, as they ended, and the same however often an input is stepped."""

from __future__ import annotations

from pathlib import Path

from model.flag import FlagState
from pipeline.delivery.notice import NoticeWriter
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.pipeline.desk import Desk


def test_flags_and_their_history_are_kept_and_the_same_events_twice_have_one_effect(tmp_path: Path) -> None:
    desk, path = Desk(), tmp_path / "pipeline.db"
    desk.read(20.0)
    desk.shelve()
    store = PipelineStore(path)
    begun = list(desk.flags)
    store.record(desk.events, [], 5, (), begun)
    reader = PipelineReader(path)
    (flag,) = store.flags()
    assert (flag, reader.flags(), reader.flag(flag.id[:6])) == (desk.flag(), [flag], [flag])
    desk.act("unshelve", flag=flag.id)
    store.record(desk.events, [], 9, (), desk.flags)
    store.record(desk.events, [], 9, (), begun)
    assert (store.flags(), reader.flags(), reader.flag(flag.id)) == ([], [], [])
    (ended,) = reader.flags(ended=True)
    assert (ended.state, ended.why_ended, ended.ended_by) == (FlagState.ENDED, "unshelved", "Wang")
    (alarm,) = reader.alarms()
    assert alarm == desk.alarm()


def test_what_calls_for_attention_is_not_sent_while_the_alarm_is_hidden_and_all_else_is() -> None:
    desk = Desk()
    desk.read(20.0)
    desk.shelve()
    desk.act("acknowledge", alarm_id=desk.alarm().id)
    desk.act("comment", alarm_id=desk.alarm().id)
    desk.read(0.0)
    desk.read(20.0)
    desk.read(0.0)
    desk.read(20.0)
    desk.act("unshelve", alarm_id=desk.alarm().id)
    notices = NoticeWriter(desk.plan, lambda: iter(()))
    sent = [row.id for row in notices.rows(desk.events, [])]
    assert [event.transition for event in desk.events if event.id not in sent] == ["raised", "re_raised"]
    assert [event.transition for event in desk.events if event.id in sent] == [
        "raised",
        "hidden",
        "acknowledged",
        "commented",
        "returned",
        "returned",
        "shown",
    ]
