"""What people do about alarms, typed: through the socket, ``step`` and the store, and read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.configured import read
from model.inputs import HumanAct
from pipeline.delivery.notice import NoticeWriter
from pipeline.runners.commands import CommandServer
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.faults.harness.desk import Desk as Typist
from tests.faults.harness.desk import Done, desk
from tests.faults.harness.site import make_site
from tests.pipeline.desk import Desk
from tests.pipeline.plans import ns
from tests.servers import free_port


@pytest.fixture(scope="module")
def typist() -> Iterator[Typist]:
    with desk() as running:
        yield running


class Room:
    """A pipeline that answers on its socket, and somebody who types."""

    def __init__(self, typist: Typist, folder: Path) -> None:
        site = make_site(folder, free_port())
        self._typist, self._config = typist, str(site.config)
        self.desk = Desk()
        self._store = PipelineStore(site.paths.pipeline_db)
        self._store.note_plan(self.desk.plan)
        self._notices = NoticeWriter(self.desk.plan, lambda: iter(()))
        reader = PipelineReader(site.paths.pipeline_db)
        self._server = CommandServer(
            read(site.config).socket,
            submit=self._submit,
            status=dict,
            find=lambda alarm_id: next(iter(reader.alarm(alarm_id)), None),
            wall_ns=lambda: ns(self.desk.now_s),
        )
        self._server.start()

    def _submit(self, act: HumanAct) -> str:
        refused = self.desk.put(act)
        self.store()
        return refused

    def store(self) -> None:
        rows = self._notices.rows(self.desk.events, [])
        self._store.record(self.desk.events, rows, self.desk.state.next_offset, (), self.desk.flags)
        self.desk.events, self.desk.flags = [], []

    def read(self, value: float, tag: str = "a") -> str:
        """A reading; returns the id of the sensor's alarm."""
        self.desk.read(value, tag)
        self.store()
        return self.desk.alarm(tag).id

    def type(self, *arguments: str, lang: str = "en") -> Done:
        return self._typist.run("alarms", *arguments, "--config", self._config, "--lang", lang)

    def export(self) -> str:
        return done(self._typist.run("alarms", "export", "--config", self._config))

    def json(self, *arguments: str) -> list[dict[str, str]]:
        return json.loads(self.type(*arguments, "--json").out)

    def close(self) -> None:
        self._server.stop()
        self._store.close()


@pytest.fixture
def room(typist: Typist, tmp_path: Path) -> Iterator[Room]:
    opened = Room(typist, tmp_path)
    yield opened
    opened.close()


def done(given: Done) -> str:
    assert (given.code, given.err) == (0, "")
    return given.out


def test_an_alarm_is_shelved_listed_as_hidden_and_shown_again(room: Room) -> None:
    alarm = room.read(20.0)
    done(room.type("shelve", alarm[:8], "--for", "2h", "--reason", "steam [cleaning]", "--by", "Wang"))
    assert room.desk.flag().duration_s == 7200.0
    out = done(room.type("list"))
    assert "(shelved)" in out
    assert "1 of them are hidden" in out
    (flag,) = room.json("flags")
    assert (flag["kind"], flag["reason"], flag["hides"]) == ("shelved", "steam [cleaning]", 1)
    table = done(room.type("flags"))
    assert "[cleaning]" in table
    assert "Wang" in table
    card = done(room.type("show", alarm))
    assert "Hidden by" in card
    assert "[cleaning]" in card
    assert [one["id"] for one in room.json("list", "--hidden")] == [alarm]
    done(room.type("unshelve", alarm[:8]))
    assert room.json("flags") == []
    assert room.json("list", "--hidden") == []
    (ended,) = room.json("flags", "--all")
    assert ended["why_ended"] == "unshelved"
    assert "unshelved" in done(room.type("flags", "--all"))
    assert "没有搁置、停用或抑制" in done(room.type("flags", lang="zh"))


def test_a_red_alarm_is_shelved_by_two_and_the_first_is_told_so(room: Room) -> None:
    alarm = room.read(60.0)
    out = done(room.type("shelve", alarm, "--for", "30min", "--reason", "flare test", "--by", "Wang"))
    assert "another person has to agree" in out
    flag = room.desk.flag()
    assert f"fengsui alarms approve {flag.id[:8]}" in out
    refused = room.type("approve", flag.id[:8], "--by", "Wang")
    assert (refused.code, "another person" in refused.err) == (1, True)
    done(room.type("approve", flag.id[:8], "--by", "Li"))
    assert room.desk.alarm().hidden == "shelved"
    done(room.type("unshelve", flag.id[:8]))
    room.type("shelve", alarm, "--for", "30min", "--reason", "again", "--by", "Wang")
    done(room.type("withdraw", room.desk.flag().id))
    assert room.json("flags") == []


def test_an_asset_is_taken_out_of_service_and_put_back(room: Room) -> None:
    first, second = room.read(20.0), room.read(20.0, "b")
    out = done(room.type("out-of-service", "--asset", "station", "--for", "1d", "--reason", "permit 7", "--by", "Wang"))
    assert "another person has to agree" in out
    done(room.type("approve", room.desk.flag().id, "--by", "Li"))
    assert room.json("flags")[0]["hides"] == 2
    assert {one["id"] for one in room.json("list", "--hidden")} == {first, second}
    done(room.type("put-back", first))
    assert room.json("list", "--hidden") == []


def test_verdicts_and_comments_reach_closed_alarms(room: Room) -> None:
    alarm = room.read(20.0)
    done(room.type("ack", alarm))
    room.desk.read(0.0)
    room.store()
    assert room.json("list") == []
    done(room.type("comment", alarm[:8], "--note", "seen on site", "--by", "Wang"))
    assert "needs a note" in room.type("verdict", alarm[:8], "false").err
    done(room.type("verdict", alarm[:8], "false", "--note", "steam"))
    card = done(room.type("show", alarm))
    assert "seen on site" in card
    assert "judged false" in card
    assert "verdict: false" in card
    (row,) = csv.DictReader(io.StringIO(room.export()))
    assert (row["verdict"], row["hidden"], row["chattering"], row["stale"]) == ("false", "", "False", "False")


def test_several_are_done_at_once_and_what_is_refused_of_one_keeps_nothing_from_the_others(room: Room) -> None:
    first, second = room.read(20.0), room.read(20.0, "b")
    done(room.type("ack", second))
    given = room.type("ack", first, second)
    assert given.code == 1
    assert "cannot be given the signal acknowledge" in given.err
    assert room.desk.alarm("a").state == "acknowledged"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("shelve", "ALARM", "--for", "soon", "--reason", "x"), 2, "must be a duration such as 30min, 2h or 1d"),
        (("shelve", "ALARM", "--for", "9h", "--reason", "x"), 1, "at most 28800 (8 h)"),
        (("shelve", "ALARM", "--for", "1h", "--reason", " "), 1, "needs a reason"),
        (("out-of-service", "--for", "1h", "--reason", "x"), 1, "one of the two"),
        (("approve", "ffff"), 3, "No flag has an id that begins with ffff"),
        (("unshelve", "ffff"), 3, "No alarm has an id that begins with ffff"),
        (("verdict", "ALARM", "perhaps"), 2, "perhaps"),
    ],
)
def test_what_is_wrong_is_told(room: Room, arguments: tuple[str, ...], code: int, said: str) -> None:
    alarm = room.read(20.0)
    given = room.type(*(alarm if one == "ALARM" else one for one in arguments))
    assert (given.code, said in " ".join(given.err.split())) == (code, True), given.err


def test_a_memo_is_shown_with_every_alarm_of_the_rule_and_sensor_until_somebody_ends_it(room: Room) -> None:
    alarm = room.read(20.0)
    other = room.read(20.0, "b")
    done(room.type("memo", alarm[:8], "--note", "valve [7] sticks", "--by", "Wang"))
    assert room.desk.alarm().hidden == ""
    (flag,) = room.json("flags")
    assert (flag["kind"], flag["hides"], flag["until_ns"]) == ("memo", 0, None)
    done(room.type("ack", alarm))
    room.desk.read(0.0)
    room.store()
    later = room.read(60.0)
    assert later != alarm
    for found in (alarm, later):
        card = done(room.type("show", found))
        assert "valve [7] sticks" in card
        assert "Hidden by" not in card
    assert "valve" not in done(room.type("show", other))
    listed = done(room.type("list"))
    assert listed.count("(memo)") == 1
    assert "(备忘)" in done(room.type("list", lang="zh"))
    done(room.type("memo", alarm, "--note", "mended", "--by", "Li"))  # of an alarm that is closed by now
    assert "mended" in done(room.type("show", later))
    assert [flag["reason"] for flag in room.json("flags")] == ["mended"]
    done(room.type("end-memo", later[:8]))
    assert room.json("flags") == []
    assert [flag["why_ended"] for flag in room.json("flags", "--all")] == ["memo_ended", "replaced"]
    refused = room.type("end-memo", later)
    assert (refused.code, "is not memo" in refused.err) == (1, True)


def test_what_was_acknowledged_long_ago_and_is_still_on_is_listed_by_age(room: Room) -> None:
    first, second = room.read(20.0), room.read(20.0, "b")
    room.read(20.0)
    done(room.type("ack", second))
    room.desk.wait(60.0, every_s=60.0)
    done(room.type("ack", first, "--by", "Wang"))
    listed = room.json("list", "--forgotten")
    assert [one["id"] for one in listed] == [second, first], "the clock of this desk is in the past"
    assert float(listed[0]["acknowledged_s"]) - float(listed[1]["acknowledged_s"]) == pytest.approx(60.0, abs=1.0)
    assert "Wang" in done(room.type("list", "--forgotten", "--for", "1d"))
    assert "超过" in done(room.type("list", "--forgotten", "--for", "90000d", lang="zh"))
    room.desk.read(0.0)
    room.desk.read(0.0, "b")
    room.store()
    assert room.json("list", "--forgotten") == []
