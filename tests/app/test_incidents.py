"""``fengsui incidents``: list, show, merge, split, in both languages and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.configured import read
from model.alarm import Grade
from model.incident_plan import At, Explains
from model.inputs import HumanAct
from pipeline.runners.commands import CommandServer
from store.pipeline_store import PipelineStore
from tests.faults.harness.desk import Desk, Done, desk
from tests.faults.harness.site import Site, make_site
from tests.pipeline.plans import NAME
from tests.rules.incidents import plans
from tests.rules.incidents.test_look import CHAIN, TOGETHER, fan, gas, looked, plant
from tests.servers import free_port


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A system that has had two incidents, one of them lifted and over."""
    made = make_site(tmp_path_factory.mktemp("site"), free_port())
    plan = replace(plant(combinations=(TOGETHER,), chains=(CHAIN,)), version="v")
    told = plans.Desk(plan).take(gas(), fan()).tick(2)
    looked(told, 3, {"a": 1})
    events = [gas(), fan(), plans.event("far", "elsewhere", 9, rule="odd", grade=Grade.BLUE)]
    told.take(events[2]).over("g", "a", 20).over("f", "a", 20).tick(21).tick(321)
    store = PipelineStore(made.paths.pipeline_db)
    store.note_plan(plan)
    store.record(events, [], 99, told.told)
    store.close()
    return made


def ask(cli: Desk, site: Site, *arguments: str) -> Done:
    return cli.run(*arguments, "--config", str(site.config))


def test_the_list_shows_open_incidents_and_on_demand_all(cli: Desk, site: Site) -> None:
    (one,) = ask(cli, site, "incidents", "list", "--json").json()
    assert (one["first_out"]["rule"], one["is_open"], one["alarms"]) == ("odd", True, 1)
    every = ask(cli, site, "incidents", "list", "--all", "--json").json()
    assert [(found["grade"], found["is_open"]) for found in every] == [(4, False), (1, True)]
    for lang, word in (("zh", "只有一处报警"), ("en", "one place alone tells of it")):
        assert word in ask(cli, site, "incidents", "list", "--lang", lang).out.replace("\n", "")


def test_a_card_says_the_source_the_reason_the_watch_points_and_what_happened(cli: Desk, site: Site) -> None:
    every = ask(cli, site, "incidents", "list", "--all", "--json").json()
    shown = ask(cli, site, "incidents", "show", every[0]["id"][:8], "--lang", "en").out
    for words in ("near the first alarm", "watch for: blast", "out", "upgraded", "over"):
        assert words in shown
    whole = ask(cli, site, "incidents", "show", every[0]["id"], "--json").json()
    assert [event["change"] for event in whole["events"]] == ["opened", "joined", "upgraded", "watch_point", "closed"]
    assert {alarm["rule"] for alarm in whole["alarms"]} == {"gas", "fan"}


def test_an_id_that_is_none_ends_with_its_own_code(cli: Desk, site: Site) -> None:
    done = ask(cli, site, "incidents", "show", "zzz", "--lang", "en")
    assert (done.code, done.err.strip()) == (3, "No incident has an id that begins with zzz.")


def test_the_list_of_alarms_names_their_incident(cli: Desk, site: Site) -> None:
    of = {one["rule"]: one["incident"] for one in ask(cli, site, "alarms", "list", "--json").json()}
    assert of["gas"] == of["fan"] != of["odd"]
    assert of["odd"]


def test_merge_and_split_go_to_the_pipeline_with_whole_ids(cli: Desk, site: Site) -> None:
    acts: list[HumanAct] = []

    def submit(act: HumanAct) -> str:
        acts.append(act)
        return ""

    server = CommandServer(
        Path(read(site.config).socket), submit=submit, status=dict, find=lambda _: None, wall_ns=lambda: 42
    )
    server.start()
    try:
        one, other = (found["id"] for found in ask(cli, site, "incidents", "list", "--all", "--json").json())
        done = ask(
            cli, site, "incidents", "merge", one[:6], other[:6], "--by", "王工", "--note", "one pipe", "--lang", "en"
        )
        assert (done.code, done.out.strip()) == (0, f"Merged into incident {one}")
        alarm = next(a["id"] for a in ask(cli, site, "alarms", "list", "--json").json() if a["rule"] == "gas")
        assert ask(cli, site, "incidents", "split", one, alarm, "--by", "王工").code == 0
    finally:
        server.stop()
    assert [(act.act, act.alarm_id, act.about, act.by) for act in acts] == [
        ("merge", one, (other,), "王工"),
        ("split", one, (alarm,), "王工"),
    ]


def test_alarms_that_others_explain_are_a_count_and_orange_ones_never_are(tmp_path: Path, cli: Desk) -> None:
    made = make_site(tmp_path, free_port())
    explains = Explains("limit", NAME, ("gas",), ("fan",), At.ASSET)
    plan = replace(plant(explains=(explains,)), version="v")
    loud = plans.event("loud", "a", 1, rule="fan", grade=Grade.ORANGE)
    events = [gas(), fan(), fan(name="f2"), loud]
    told = plans.Desk(plan).take(*events).tick(2)
    store = PipelineStore(made.paths.pipeline_db)
    store.note_plan(plan)
    store.record(events, [], 99, told.told)
    store.close()
    (one,) = ask(cli, made, "incidents", "list", "--json").json()
    shown = ask(cli, made, "incidents", "show", one["id"], "--lang", "en").out
    assert "Not listed: 2 that others explain, and 0 more" in shown
    assert "loud" in shown
    assert "f2" not in shown
    assert "f2" in ask(cli, made, "incidents", "show", one["id"], "--all", "--lang", "en").out


def test_an_incident_is_acknowledged_alarm_by_alarm_and_what_is_refused_is_said(
    tmp_path_factory: pytest.TempPathFactory, cli: Desk
) -> None:
    made = make_site(tmp_path_factory.mktemp("acked"), free_port())
    told = plans.Desk(replace(plant(), version="v")).take(gas(), fan()).tick(2)
    store = PipelineStore(made.paths.pipeline_db)
    store.note_plan(replace(plant(), version="v"))
    store.record([gas(), fan()], [], 99, told.told)
    store.close()
    acts: list[HumanAct] = []

    def submit(act: HumanAct) -> str:
        acts.append(act)
        return "" if act.alarm_id == gas().alarm_id else "it was over just now"

    server = CommandServer(
        Path(read(made.config).socket), submit=submit, status=dict, find=lambda _: None, wall_ns=lambda: 42
    )
    server.start()
    try:
        (one,) = ask(cli, made, "incidents", "list", "--json").json()
        words = ("--by", "Wang", "--note", "on our way", "--lang", "en")
        done = ask(cli, made, "incidents", "ack", one["id"][:8], *words)
    finally:
        server.stop()
    assert {(act.act, act.alarm_id, act.by, act.note) for act in acts} == {
        ("acknowledge", event.alarm_id, "Wang", "on our way") for event in (gas(), fan())
    }
    assert len({act.command_id for act in acts}) == 2
    assert (done.code, "it was over just now" in done.err) == (1, True)
    assert f"Acknowledged {gas().alarm_id}" in done.out
