"""Whom an alarm concerns is told also when its sensor, its asset or its rule is not configured any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.cli.why import spoken
from model.alarm import Grade
from model.inputs import HumanAct
from model.plan import Advice, Plan
from model.sensor import Asset, Enterprise, Sensor, Site
from model.text import Text
from pipeline.delivery import names
from pipeline.delivery.names import Names
from pipeline.delivery.notice import Notice
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import NAME, grade, kind, ns, plan, rule
from tests.pipeline.sources import message, reading
from tests.pipeline.test_runner import Parts, parts, play

CARD = Text("撤离", "leave")
LIMITS = replace(
    rule("r", grade("red", "value >= 50")), name=Text("超限", "too high"), advice=(Advice(Grade.RED, CARD),)
)


def named(version: str, tag: str = "a", *, called: str = "north") -> Plan:
    """A plan with one sensor at a place of its own."""
    made = plan(LIMITS, kinds=[kind("gas")])
    text = Text(called, called)
    return replace(
        made,
        version=version,
        enterprises=(Enterprise(f"company-{tag}", text),),
        sites=(Site(f"site-{tag}", text, f"company-{tag}", "cell"),),
        assets=(Asset(f"asset-{tag}", text, f"site-{tag}"),),
        sensors=(Sensor(tag, "gas", f"asset-{tag}", text),),
    )


WITH_A = named("1", "a")
ONLY_B = replace(named("2", "b"), rules=())


def notices(folder: Path) -> list[Notice]:
    reader = PipelineReader(folder / "pipeline.db")
    try:
        return [msgspec.json.decode(row.body, type=Notice) for _, row in reader.outbox_after(0)]
    finally:
        reader.close()


def raised_and_then_removed(folder: Path) -> Parts:
    with parts(folder, made=WITH_A) as opened:
        play(opened, 1, [message(1, reading(1, 60), "a", 1)])
    return Parts(folder, made=ONLY_B)


def test_a_notice_of_a_sensor_that_is_gone_still_says_whom_it_concerns_and_what_to_do(tmp_path: Path) -> None:
    opened = raised_and_then_removed(tmp_path)
    (alarm,) = opened.runner.state.alarms.open_alarms()
    opened.runner.round([], [HumanAct("c", "acknowledge", alarm.id, "Wang", "", ns(2))])
    opened.close()
    before, after = notices(tmp_path)
    assert (before.event.transition, after.event.transition) == ("raised", "acknowledged")
    assert after == msgspec.structs.replace(before, event=after.event)
    assert (after.site, after.enterprise, after.sensor_name.en) == ("site-a", "company-a", "north")
    assert (after.rule_name.en, after.advice) == ("too high", CARD)


def test_alarms_are_listed_and_shown_with_the_names_of_what_is_gone(tmp_path: Path) -> None:
    raised_and_then_removed(tmp_path).close()
    reader = PipelineReader(tmp_path / "pipeline.db")
    words = spoken(reader, "en")
    assert (words.asset("asset-a"), words.asset("asset-b"), words.asset("never")) == ("north", "north", "never")
    assert (words.rule("r"), words.advice("r", Grade.RED)) == ("too high", "leave")
    reader.close()


def test_the_newest_earlier_plan_that_knew_a_name_counts_and_the_plan_in_force_before_all(tmp_path: Path) -> None:
    store = PipelineStore(tmp_path / "pipeline.db")
    for made in (named("1", "a", called="old"), named("2", "a", called="newer"), named("3", "b"), named("4", "c")):
        store.note_plan(made)
    assert [made.version for made in store.earlier_plans("4")] == ["3", "2", "1"]
    book = Names(named("4", "c", called="now"), lambda: store.earlier_plans("4"))
    found = [book.sensor(tag) for tag in ("a", "b", "c")]
    assert [sensor.name.en for sensor in found if sensor] == ["newer", "north", "now"]
    store.close()


class Shelf:
    """Earlier plans, and how many of them have been read."""

    def __init__(self, *made: Plan) -> None:
        self.made, self.read = made, 0

    def __call__(self) -> Iterator[Plan]:
        for one in self.made:
            self.read += 1
            yield one


def test_plans_are_read_only_when_a_name_is_missing_and_only_as_far_as_needed() -> None:
    shelf = Shelf(named("2", "b"), named("1", "a"))
    book = Names(named("3", "c"), shelf)
    assert book.sensor("c")
    assert book.site("site-c")
    assert book.rule("system.data_gap")
    assert (book.sensor("system"), book.asset("system")) == (None, None)
    assert shelf.read == 0
    assert book.sensor("b")
    assert book.asset("asset-b")
    assert shelf.read == 1
    assert [book.sensor("nobody") for _ in range(3)] == [None] * 3
    assert shelf.read == 3


def test_only_so_many_names_are_kept_and_those_that_are_not_are_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "KEPT_MAX", 3)
    many = replace(WITH_A, sensors=tuple(Sensor(f"s{n}", "gas", "asset-a", Text(str(n), str(n))) for n in range(10)))
    book = Names(ONLY_B, Shelf(many))
    for _ in range(2):
        found = [book.sensor(f"s{n}") for n in range(10)]
        assert [sensor.name.en for sensor in found if sensor] == [str(n) for n in range(10)]
        assert len(book._sensors.remembered) <= 3


def test_a_sensor_that_stays_keeps_its_own_name_though_the_asset_of_its_alarm_is_gone(tmp_path: Path) -> None:
    moved = replace(named("2", "b"), sensors=(Sensor("a", "gas", "asset-b", NAME),))
    with parts(tmp_path, made=WITH_A) as opened:
        play(opened, 1, [message(1, reading(1, 60), "a", 1)])
    with parts(tmp_path, made=moved) as opened:
        play(opened, 2, [message(2, reading(2, 0), "a", 2)])
    after = notices(tmp_path)[-1]
    assert after.event.transition == "returned"
    assert (after.sensor_name, after.asset_name.en, after.enterprise) == (NAME, "north", "company-a")
