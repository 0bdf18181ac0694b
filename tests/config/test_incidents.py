"""incidents.yaml and ``incidents:`` of the settings: read as given, and what is wrong named by line."""

# ruff: noqa: E501 - the messages are the point, and stand unbroken

from __future__ import annotations

from pathlib import Path

import pytest

from config.findings import Findings
from config.incidents import IncidentDraft, IncidentSettings, read_incidents
from config.packs import SHIPPED
from config.yaml_file import read_yaml
from model.alarm import Grade
from model.errors import ConfigErrors
from model.incident_plan import At, IncidentPlan, Nearness
from model.sensor import Relation

WHOLE = """\
incidents:
  grouping:
    level: {window: 5 min, near_m: 40}
  combinations:
    tank.worse:
      name: {zh: 名, en: name}
      source: clause 1
      all_of:
        - {rules: tank.high, grade: orange}
        - {reading: level, at_least: 2}
      at: site
      within: 1 min
      grade: red
      advice: {zh: 走, en: go}
  explains:
    tank.power:
      source: clause 2
      rules: tank.high
      children: [tank.low, elsewhere.low]
      at: linked
      relations: powers
  chains:
    tank.flood:
      name: {zh: 淹, en: flood}
      source: clause 3
      rules: [tank.high]
      steps:
        - what: {zh: 水, en: water}
          advice: {zh: 泵, en: pump}
          near_m: 30
          confirmed_by: tank.low
"""


def read(folder: Path, text: str, draft: IncidentDraft | None = None) -> IncidentPlan:
    path, findings = folder / "incidents.yaml", Findings()
    path.write_text(text, encoding="utf-8")
    document, draft = read_yaml(path, findings), draft or IncidentDraft()
    assert document is not None
    read_incidents(document, ["level"], {"tank.high": Grade.ORANGE, "tank.low": Grade.BLUE}, draft, findings)
    findings.raise_errors()
    return draft.plan()


def test_all_of_it_is_read(tmp_path: Path) -> None:
    plan = read(tmp_path, WHOLE)
    assert plan.by_kind == (Nearness("level", 300.0, 40.0),)
    (combination,) = plan.combinations
    assert (combination.at, combination.within_s, combination.grade) == (At.SITE, 60.0, Grade.RED)
    assert [(t.rules, t.grade, t.reading, t.at_least) for t in combination.terms] == [
        (("tank.high",), Grade.ORANGE, "", None),
        ((), Grade.BLUE, "level", 2.0),
    ]
    assert (plan.explains[0].relations, plan.explains[0].up_to) == ((Relation.POWERS,), Grade.YELLOW)
    assert (plan.chains[0].grade, plan.chains[0].steps[0].confirmed_by) == (Grade.ORANGE, ("tank.low",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "rules: tank.high, grade",
            "rules: tank.hihg, grade",
            ":9 incidents.combinations.tank.worse.all_of[0].rules[0]: must be a rule that exists; did you mean 'tank.high'?, got 'tank.hihg'",
        ),
        (
            "reading: level",
            "reading: levle",
            ":10 incidents.combinations.tank.worse.all_of[1].reading: must be a kind of a loaded pack; did you mean 'level'?, got 'levle'",
        ),
        (
            "{reading: level, at_least: 2}",
            "{reading: level}",
            ":10 incidents.combinations.tank.worse.all_of[1]: must give at_least or at_most with reading or attribute, and with nothing else, got a mapping",
        ),
        (
            "{reading: level, at_least: 2}",
            "{reading: level, rules: tank.low, at_least: 2}",
            ":10 incidents.combinations.tank.worse.all_of[1]: must say one of rules (or kinds), reading, attribute, got a mapping",
        ),
        (
            "{rules: tank.high, grade: orange}",
            "{attribute: people, at_least: 1}",
            ":5 incidents.combinations.tank.worse: must have at least one term with rules or kinds: an incident is made of alarms, got a mapping",
        ),
        (
            "      at: site",
            "      at: room",
            ":11 incidents.combinations.tank.worse.at: must be one of 'asset', 'site', 'incident', got 'room'",
        ),
        (
            "      grade: red",
            "      grade: pink",
            ":13 incidents.combinations.tank.worse.grade: must be one of 'blue', 'yellow', 'orange', 'red', got 'pink'",
        ),
        (
            "      relations: powers\n",
            "",
            ":16 incidents.explains.tank.power: must give relations with at: linked, and only then, got a mapping",
        ),
        (
            "relations: powers",
            "relations: [power]",
            ":21 incidents.explains.tank.power.relations[0]: must be one of 'upstream', 'downstream', 'same_room', 'same_space', 'feeds', 'powers', got 'power'",
        ),
        (
            "[tank.low, elsewhere.low]",
            "[tank.lo, elsewhere.low]",
            ":19 incidents.explains.tank.power.children[0]: must be a rule that exists; did you mean 'tank.low'?, got 'tank.lo'",
        ),
        (
            "          near_m: 30\n",
            "",
            ":28 incidents.chains.tank.flood.steps[0]: must give here: true, relations, or near_m: where it may happen, got a mapping",
        ),
        (
            "confirmed_by: tank.low",
            "confirmed_by: tank.lwo",
            ":31 incidents.chains.tank.flood.steps[0].confirmed_by[0]: must be a rule that exists; did you mean 'tank.low'?, got 'tank.lwo'",
        ),
        (
            "window: 5 min",
            "window: soon",
            ':3 incidents.grouping.level.window: must be a duration such as "10 s", "5 min" or "1 h", got \'soon\'',
        ),
        (
            "  chains:",
            "  chain:",
            ":22 incidents.chain: is not a key that is known here; did you mean 'chains'?, got 'chain'",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE
    with pytest.raises(ConfigErrors) as error:
        read(tmp_path, WHOLE.replace(old, new))
    assert str(error.value).endswith(said)


def test_an_id_stands_once_over_all_packs(tmp_path: Path) -> None:
    draft = IncidentDraft()
    read(tmp_path, WHOLE, draft)
    with pytest.raises(
        ConfigErrors, match=r"combinations.tank.worse: must be unique over all packs, first given at .*:5"
    ):
        read(tmp_path, WHOLE, draft)


def test_settings_take_the_place_of_defaults_and_packs_stay() -> None:
    made = IncidentPlan(by_kind=(Nearness("x", 1.0, 2.0),))
    settings = IncidentSettings(window="2 min", near_m=50.0, wide_incidents=5)
    applied = settings.applied(made)
    assert (applied.window_s, applied.near_m, applied.wide_incidents) == (120.0, 50.0, 5)
    assert (applied.by_kind, applied.quiet_s) == (made.by_kind, 300.0)
    assert IncidentSettings().applied(made) == made


@pytest.mark.parametrize("pack", ["gas", "pipeline", "fire", "water"])
def test_shipped_packs_say_where_their_combinations_come_from(pack: str) -> None:
    document = read_yaml(SHIPPED / pack / "incidents.yaml", Findings())
    assert document is not None
    declared = document.at("incidents")
    entries = [*declared["combinations"].values(), *declared["chains"].values(), *declared.get("explains", {}).values()]
    assert entries
    assert all(entry["source"] for entry in entries)


def test_a_rule_that_never_has_the_grade_is_warned_of(tmp_path: Path) -> None:
    path, findings = tmp_path / "incidents.yaml", Findings()
    path.write_text(WHOLE.replace("rules: tank.high, grade", "rules: [tank.high, tank.low], grade"), encoding="utf-8")
    document = read_yaml(path, findings)
    assert document is not None
    read_incidents(document, ["level"], {"tank.high": Grade.ORANGE, "tank.low": Grade.BLUE}, IncidentDraft(), findings)
    assert [str(one).rpartition("/")[2] for one in findings.warnings] == [
        "incidents.yaml:9 incidents.combinations.tank.worse.all_of[0].rules[1]: should be a rule that can be orange, or it does nothing, got 'tank.low'"
    ]
