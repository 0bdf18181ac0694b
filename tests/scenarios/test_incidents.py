"""Stories of incidents by the pack that docs/incidents.md shows: power loss, pumps off, flooding; an earthquake."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from config.findings import Findings
from config.incidents import IncidentDraft, read_incidents
from config.yaml_file import read_yaml
from model.alarm import Grade
from model.incident import IncidentEvent, IncidentKind
from model.incident_plan import IncidentPlan
from model.inputs import PlanChange, Tick
from model.plan import Plan
from model.sensor import Asset, Kind, Link, Position, Relation, Sensor, Site
from pipeline.correlate.stage import step_and_correlate
from pipeline.process import snapshot
from pipeline.process.step import State, begin
from tests.pipeline.plans import NAME, START_NS, Row, grade, kind, ns, plan, rows, rule

GUIDE = Path(__file__).parents[2] / "docs" / "incidents.md"
RULES = (
    rule("station.power", grade("yellow", "value < 1"), kinds=["mains"]),
    rule("station.pump", grade("yellow", "value < 1"), kinds=["pump"]),
    rule("station.sump", grade("yellow", "value >= 2"), grade("red", "value >= 4"), kinds=["sump_level"]),
)
KINDS = tuple(kind(name, unit="1", period_s=3600.0) for name in ("mains", "pump", "sump_level"))
ASSETS = {"grid": "mains", "pump-1": "pump", "pump-2": "pump", "sump": "sump_level", "far-sump": "sump_level"}
PLACES = {"grid": 0.0, "pump-1": 30.0, "pump-2": 60.0, "sump": 80.0, "far-sump": 9000.0}


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> IncidentPlan:
    """What the guide shows, read as a pack's file."""
    (block,) = re.findall(r"```yaml\n(# incidents\.yaml\n.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    path, findings, draft = tmp_path_factory.mktemp("guide") / "incidents.yaml", Findings(), IncidentDraft()
    path.write_text(block, encoding="utf-8")
    document = read_yaml(path, findings)
    assert document is not None
    read_incidents(
        document, [one.id for one in KINDS], {one.id: one.grades[-1].grade for one in RULES}, draft, findings
    )
    findings.raise_errors()
    return draft.plan()


def station(incidents: IncidentPlan, *, manned: float = 0.0) -> Plan:
    """A pump station by an underpass: the grid powers two pumps, the sump lies beside them, another one far away."""

    def asset(name: str) -> Asset:
        place = Position(30.0 + PLACES[name] / 111_195.0, 120.0)
        links = (Link(Relation.POWERS, "pump-1"), Link(Relation.POWERS, "pump-2")) if name == "grid" else ()
        return Asset(name, NAME, "far" if name == "far-sump" else "site", "", {"manned": manned}, (), place, links)

    made = plan(*RULES, kinds=KINDS)
    return replace(
        made,
        sites=(made.sites[0], Site("far", NAME, "company", "cell")),
        assets=tuple(asset(name) for name in ASSETS),
        sensors=tuple(Sensor(name, of, name, NAME) for name, of in ASSETS.items()),
        incidents=incidents,
    )


class Story:
    """Readings by name and second, with a tick each second around them."""

    def __init__(self, made: Plan) -> None:
        self.state: State = begin(PlanChange(made, START_NS), 0)
        self.told: list[IncidentEvent] = []
        self.second = 0
        self._names = [sensor.tag for sensor in made.sensors]

    def at(self, second: int, **values: float) -> Story:
        while self.second < second:
            self.second += 1 if self.second > second - 3 else min(10, second - self.second)
            self._take(Tick(ns(self.second), self.second * 10**9))
        self._take(rows([Row(self._names.index(n.replace("_", "-")), float(second), v) for n, v in values.items()]))
        self.second += 1
        self._take(Tick(ns(self.second), self.second * 10**9))
        return self

    def _take(self, item: object) -> None:
        self.told += step_and_correlate(self.state, self.state.next_offset, item).incidents

    def open(self) -> list[set[str]]:
        return [{member.tag for member in one.members.values()} for one in self.state.incidents.groups.open.values()]


def normal(story: Story) -> Story:
    return story.at(1, grid=1, pump_1=1, pump_2=1, sump=0, far_sump=0)


def test_power_loss_stops_pumps_and_floods_and_is_one_incident_an_hour_long(declared: IncidentPlan) -> None:
    story = normal(Story(station(declared))).at(100, grid=0)
    watch = next(one for one in story.told if one.change == "watch_point")
    assert [(point.step, point.asset) for point in watch.watch_points] == [
        (0, "pump-1"),
        (0, "pump-2"),
        (1, "pump-1"),
        (1, "pump-2"),
        (1, "sump"),
    ]
    story.at(110, grid=1, pump_1=0, pump_2=0).at(3600, sump=2.5)
    assert story.open() == [{"grid", "pump-1", "pump-2", "sump"}]
    last = story.told[-1].incident
    assert (last.first_out.tag, last.grade) == ("grid", Grade.YELLOW)


def test_pumps_that_stop_for_want_of_power_are_counted_as_explained(declared: IncidentPlan) -> None:
    story = normal(Story(station(declared))).at(100, grid=0).at(110, pump_1=0, pump_2=0)
    assert story.told[-1].incident.folded == 2
    assert story.told[-1].incident.alarms == 3
    alone = normal(Story(station(declared))).at(110, pump_1=0, pump_2=0)
    assert alone.told[-1].incident.folded == 0


def test_a_flooding_sump_with_people_and_a_dead_pump_is_red(declared: IncidentPlan) -> None:
    for manned, lifted in ((1.0, ["station.flooding_people"]), (0.0, [])):
        story = normal(Story(station(declared, manned=manned))).at(100, pump_1=0).at(400, sump=2.5)
        assert [one.combination for one in story.told if one.combination] == lifted
        assert story.told[-1].incident.grade is (Grade.RED if lifted else Grade.YELLOW)


def test_a_sump_far_away_is_another_incident(declared: IncidentPlan) -> None:
    story = normal(Story(station(declared))).at(100, sump=2.5).at(101, far_sump=2.5)
    assert story.open() == [{"sump"}, {"far-sump"}]


def test_a_change_of_plan_leaves_incidents_as_they_are_and_what_comes_is_judged_by_the_new_one(
    declared: IncidentPlan,
) -> None:
    story = normal(Story(station(IncidentPlan()))).at(100, sump=2.5)
    before = story.open()
    story._take(PlanChange(station(replace(declared, near_m=20_000.0, by_kind=())), ns(101)))
    assert story.open() == before
    story.state = snapshot.restore(snapshot.take(story.state))
    story.at(200, far_sump=2.5)
    assert story.open() == [{"sump", "far-sump"}]
    gone = station(declared)
    story._take(PlanChange(replace(gone, assets=gone.assets[:1], sensors=gone.sensors[:1]), ns(300)))
    story._names = ["grid"]
    assert story.at(400, grid=0).open() == [{"sump", "far-sump", "grid"}]  # 80 m from where the sump was


def test_an_earthquake_is_one_wide_incident_with_every_alarm_in_it_and_few_messages() -> None:
    many = 300
    kinds = (Kind("shake", NAME, "1", 0, 100, 3600.0),)
    made = plan(rule("shake", grade("yellow", "value > 5"), grade("red", "value > 50"), kinds=["shake"]), kinds=kinds)
    made = replace(
        made,
        sites=tuple(Site(f"s{n}", NAME, "company", "cell") for n in range(many)),
        assets=tuple(Asset(f"a{n}", NAME, f"s{n}", position=Position(30 + n / 100, 120.0)) for n in range(many)),
        sensors=tuple(Sensor(f"t{n}", "shake", f"a{n}", NAME) for n in range(many)),
    )
    story = Story(made).at(1, t0=0)
    story._take(rows([Row(n, 10.0 + n / 100, 90.0 if n == 7 else 9.0) for n in range(many)]))
    story.at(20, t0=9.0)
    (wide,) = story.state.incidents.groups.open.values()
    assert (wide.kind, len(wide.members), wide.grade) == (IncidentKind.WIDE, many, Grade.RED)
    assert story.state.incidents.flood.flood is not None
    assert sum(one.tells for one in story.told) <= 5
    newest = [one.incident for one in story.told if one.incident_id == wide.id][-1]
    assert (newest.first_out.tag, newest.by_grade) == ("t0", {"red": 1, "yellow": many - 1})
