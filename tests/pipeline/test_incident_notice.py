"""What is sent about an incident names everything: whom it concerns, why it is worse, what may follow, what to do."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pipeline.delivery.notice import NoticeWriter
from tests.rules.incidents.plans import Desk, event
from tests.rules.incidents.test_look import CHAIN, TOGETHER, fan, gas, looked, plant


def sent(desk: Desk) -> list[dict[str, object]]:
    rows = NoticeWriter(desk.made, list).rows([], desk.told)
    assert [row.id for row in rows] == [one.id for one in desk.told if one.tells]
    return [msgspec.json.decode(row.body) for row in rows]


def test_a_combination_is_sent_with_its_name_and_advice() -> None:
    desk = Desk(plant(combinations=(TOGETHER,))).take(gas(), fan())
    looked(desk, 2, {"a": 2})
    (body,) = sent(desk)
    assert (body["format"], body["grade"], body["site"], body["enterprise"]) == (
        "fengsui.incident.v1",
        "red",
        "s",
        "company",
    )
    assert body["event"]["combination"] == "people"
    assert [one["advice"]["en"] for one in body["reasons"]] == ["out"]


def test_watch_points_are_sent_with_what_to_watch_for_and_once() -> None:
    desk = Desk(plant(chains=(CHAIN,))).take(gas())
    looked(desk, 1)
    looked(desk, 2)
    (body,) = sent(desk)
    assert [(one["asset"], one["what"]["en"], one["distance_m"]) for one in body["watch_points"]] == [
        ("a", "blast", 0.0)
    ]


def test_names_of_what_left_the_plan_are_their_ids() -> None:
    desk = Desk(plant()).take(event("1", "gone", 0, rule="old"), event("2", "gone", 1, rule="old")).tick(2)
    (body,) = sent(replace(desk, made=plant()))
    assert (body["asset_name"]["en"], body["rule_name"]["en"], body["site"]) == ("gone", "old", "")
    assert body["event"]["incident"]["alarms"] == 2
