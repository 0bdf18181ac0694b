"""What fengsui.yaml and single rules say of the time that alarms are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from config.heartbeat import with_heartbeat
from config.plan import load_configuration
from config.settings import load_settings
from model.alarm import Grade
from model.errors import ConfigErrors
from model.heartbeat import HEARTBEAT
from model.plan import NO_POLICY, AlarmPolicy, Chatter, Plan, RuleSpec
from tests.config.test_plan import REGISTRY

HOUR_S = 3600.0


def load(folder: Path, alarms: str = "", rule: str = "") -> Plan:
    mine = folder / "mine"
    mine.mkdir(exist_ok=True)
    (mine / "rules.yaml").write_text(
        "rules:\n  mine.lel:\n    name: {zh: 本站, en: Ours}\n    kinds: [ch4_lel]\n    source: site manual\n"
        f'{rule}    grades: {{blue: {{when: "value >= 5 %LEL"}}}}\n',
        encoding="utf-8",
    )
    (mine / "advice.yaml").write_text("advice: {mine.lel: {blue: {zh: 看, en: Look}}}\n", encoding="utf-8")
    (folder / "fengsui.yaml").write_text(f"packs: [gas, mine]\nregistry: registry.yaml\n{alarms}", encoding="utf-8")
    (folder / "registry.yaml").write_text(REGISTRY, encoding="utf-8")
    return load_configuration(load_settings(folder / "fengsui.yaml", {"x": BaseModel}.get)).plan


def own(plan: Plan) -> RuleSpec:
    return next(rule for rule in plan.rules if rule.id == "mine.lel")


def test_the_defaults_are_those_of_the_page(tmp_path: Path) -> None:
    policy = load(tmp_path).alarms
    assert policy == AlarmPolicy()
    assert (policy.shelf_max_s, policy.out_of_service_max_s, policy.confirm_within_s) == (8 * HOUR_S, 168 * HOUR_S, 600)
    assert policy.chatter == Chatter(3, 60.0, 300.0)
    assert dict(policy.realarm_after_s) == {Grade.RED: 1800.0, Grade.ORANGE: 7200.0}
    assert policy.stale_after_s == 24 * HOUR_S


def test_what_is_given_replaces_them_and_grades_that_are_not_named_stay(tmp_path: Path) -> None:
    policy = load(
        tmp_path,
        "alarms: {shelf_max: 4 h, out_of_service_max: 2 d, confirm_within: 5 min, stale_after: never,\n"
        "  chatter: {times: 5}, realarm_after: {red: 20 min, blue: 1 d}}\n",
    ).alarms
    assert (policy.shelf_max_s, policy.out_of_service_max_s, policy.confirm_within_s) == (4 * HOUR_S, 48 * HOUR_S, 300)
    assert (policy.stale_after_s, policy.chatter) == (0.0, Chatter(5, 60.0, 300.0))
    assert dict(policy.realarm_after_s) == {Grade.BLUE: 86_400.0, Grade.ORANGE: 7200.0, Grade.RED: 1200.0}


def test_a_rule_says_otherwise(tmp_path: Path) -> None:
    rule = own(
        load(
            tmp_path,
            rule="    chatter: {times: 4, within: 2 min, hold: 10 min}\n    realarm_after: {blue: 1 h, red: never}\n"
            "    stale_after: 3 d\n",
        )
    )
    assert rule.chatter == Chatter(4, 120.0, 600.0)
    assert rule.realarm_after_s == ((Grade.BLUE, HOUR_S), (Grade.RED, 0.0))
    assert rule.stale_after_s == 3 * 24 * HOUR_S


def test_a_rule_that_says_nothing_leaves_it_to_the_plan_and_false_is_never(tmp_path: Path) -> None:
    rule = own(load(tmp_path))
    assert (rule.chatter, rule.realarm_after_s, rule.stale_after_s) == (None, (), None)
    assert own(load(tmp_path, rule="    chatter: false\n")).chatter == Chatter(times=0)
    assert load(tmp_path, "alarms: {chatter: false}\n").alarms.chatter.times == 0


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ("{shelf_max: 0}", "alarms.shelf_max: must be more than 0"),
        ("{shelf_max: long}", 'alarms.shelf_max: must be a duration such as "10 s"'),
        ("{stale_after: 0}", 'alarms.stale_after: must be a duration above 0 such as "30 min", or never'),
        ("{realarm_after: {red: often}}", "alarms.realarm_after.red: must be a duration above 0"),
        ("{realarm_after: {rd: 1 h}}", "alarms.realarm_after"),
        ("{chatter: true}", "alarms.chatter: must be {times: ..., within: ..., hold: ...}, or false"),
        ("{chatter: {times: 1}}", "alarms.chatter.times: must be at least 2"),
        ("{shelf: 1 h}", "did you mean 'shelf_max'"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(tmp_path: Path, alarms: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path, f"alarms: {alarms}\n")
    assert said in str(caught.value)


def test_the_heartbeat_never_chatters(tmp_path: Path) -> None:
    made = with_heartbeat(load(tmp_path))
    assert next(rule for rule in made.rules if rule.id == HEARTBEAT).chatter == Chatter(times=0)


def test_a_plan_of_an_earlier_version_has_no_policy_and_a_new_one_has(tmp_path: Path) -> None:
    assert Plan("", (), (), (), (), (), (), (), ()).alarms == NO_POLICY
    assert load(tmp_path).alarms != NO_POLICY
