"""Operands beside the sensor, windows, states and suppression: what is refused, and in which words."""

# ruff: noqa: E501 - the messages are the point, and stand unbroken

from __future__ import annotations

from pathlib import Path

import pytest

from config.packs import check_packs
from config.plan import load_configuration
from config.settings import load_settings
from model.errors import ConfigErrors

KINDS = """\
kinds:
  gas:
    name: {zh: 气, en: Gas}
    unit: "%LEL"
    low: -5
    high: 100
    period_s: 10
  heat:
    name: {zh: 温度, en: Heat}
    unit: degC
    low: -50
    high: 150
    period_s: 10
  fan:
    name: {zh: 风机, en: Fan}
    unit: "1"
    low: 0
    high: 1
    period_s: 60
    on_change: true
    states:
      0: {name: stopped, zh: 停, en: stopped}
      1: {name: running, zh: 转, en: running}
  plant_mode:
    name: {zh: 工况, en: Mode}
    unit: "1"
    low: 0
    high: 1
    period_s: 60
    on_change: true
    mode: true
    states:
      0: {name: normal, zh: 正常, en: normal}
      1: {name: maintenance, zh: 检修, en: maintenance}
"""
DETECTORS = """\
detectors:
  gas_silence:
    detector: silence
    kinds: [gas]
"""
RULES = """\
rules:
  gas.level:
    name: {zh: 气, en: Gas}
    kinds: [gas]
    source: "clause 1"
    grades:
      yellow: {when: "value >= 25 %LEL"}
  gas.silence:
    name: {zh: 失联, en: Silent}
    kinds: [gas]
    source: "clause 2"
    grades:
      blue: {when: "gas_silence >= 60 s"}
"""
ADVICE = """\
advice:
  gas.level:
    yellow: {zh: 查, en: Look}
  gas.silence:
    blue: {zh: 查, en: Look}
"""
TESTS = """\
tests:
  - name: {zh: 日, en: day}
    kind: gas
    given: [{from: 0 s, until: 60 s, value: 30}]
    expect: [{rule: gas.level, raised: yellow, within: [0 s, 1 s]}]
  - name: {zh: 断, en: cut}
    kind: gas
    given: [{from: 0 s, until: 60 s, value: 1}, {from: 60 s, until: 300 s, missing: true}]
    expect: [{rule: gas.silence, raised: blue, within: [60 s, 200 s]}]
"""
WHEN, LEVEL = '"value >= 25 %LEL"', '      yellow: {when: "value >= 25 %LEL"}\n'


def write(folder: Path, **texts: str) -> Path:
    given = {"kinds": KINDS, "detectors": DETECTORS, "rules": RULES, "advice": ADVICE, "tests": TESTS} | texts
    for name, text in given.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def lines(error: ConfigErrors) -> list[str]:
    return [
        f"{Path(one.place.file).name} {one.place.key}: {one.requirement}, got {one.given!r}" for one in error.errors
    ]


def test_the_pack_without_a_fault_has_none(tmp_path: Path) -> None:
    packs, warnings = check_packs([str(write(tmp_path))], tmp_path)
    assert warnings == []
    assert [state.name for state in packs.kinds[2].states] == ["stopped", "running"]
    assert [kind.is_mode for kind in packs.kinds] == [False, False, False, True]


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("asset.gass >= 25", "operand 'asset.gass' is not known here; did you mean 'asset.gas'?"),
        ("asset.heat >= 25 kPa", "asset.heat is in degC: 'kPa' cannot be turned into 'degC'"),
        ("mean(value, 10 min) >= 25 degC", "mean(value, 10 min) is in %LEL: 'degC' cannot be turned into '%LEL'"),
        ("value >= 25 and asset.fan == stoped", "'stoped' is no state of asset.fan; did you mean 'stopped'?"),
        ("asset.fan > 0", "asset.fan has states, which have no order: compare it by == or != with stopped, running"),
        (
            "max(asset.fan) == 1",
            "asset.fan has states, not numbers, so max() means nothing for it; count, share and held do",
        ),
        ("value == stopped", "value is a number, and 'stopped' is none"),
        ("mode == repair", "'repair' is no state of mode; known are normal, maintenance"),
        ("hour >= 22 kPa", "hour is in plain numbers: 'kPa' cannot be turned into ''"),
        ("weekday == someday", "'someday' is no state of weekday; did you mean 'sunday'?"),
    ],
)
def test_an_operand_that_does_not_fit_is_named_with_what_would(when: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(write(tmp_path, rules=RULES.replace(WHEN, f'"{when}"')))], tmp_path)
    assert lines(refusal.value) == [
        f"rules.yaml rules.gas.level.grades.yellow.when: must hold for kind gas: {message}, got {when!r}"
    ]


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            "mean(value, 5 h) >= 25",
            "may look back 10000 s, 1000 scan periods of gas; for more use a detector, got '5 h'",
        ),
        (
            "count(value >= 25, 15 s) >= 1",
            "must look back at least 20 s, 2 scan periods of gas, or it holds too few readings, got '15 s'",
        ),
        (
            "gas_silence >= 1 min and asset.fan == stopped",
            "must not mix silence (gas_silence) with readings: write a rule of its own, got",
        ),
        (
            "calibration_overdue_days > 1 and hour >= 6",
            "must not mix how things stand (calibration_overdue_days) with readings: write a rule of its own",
        ),
    ],
)
def test_a_window_or_a_mixture_that_cannot_work_is_refused(when: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(write(tmp_path, rules=RULES.replace(WHEN, f'"{when}"')))], tmp_path)
    (line,) = lines(refusal.value)
    assert message in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      0: {name: stopped", "      x: {name: stopped", "kinds.fan.states.x: must be the whole number that is read, got 'x'"),
        ("name: running", "name: stopped", "kinds.fan.states.1.name: must be another name than those of the other states, got 'stopped'"),
        ("name: running", "name: bad", "kinds.fan.states.1.name: must be a word of lower-case letters, digits and _, and none of conditions, got 'bad'"),
        ("      1: {name: running, zh: 转, en: running}\n", "", "kinds.fan.states: must name at least two states, got"),
        ("    on_change: true\n    states:", "    on_change: true\n    mode: true\n    states:", "kinds.plant_mode.mode: must be the only kind that says the mode; fan does so, got"),
        ("    unit: degC\n", "    unit: degC\n    mode: true\n", "kinds.heat.mode: must have states, which are the modes, got"),
    ],
)  # fmt: skip
def test_states_that_cannot_be_named_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(write(tmp_path, kinds=KINDS.replace(old, new, 1)))], tmp_path)
    (line,) = lines(refusal.value)
    assert message in line


def test_a_broken_kind_brings_no_second_error_where_it_is_named(tmp_path: Path) -> None:
    rules = RULES.replace(WHEN, '"value >= 25 and asset.fan == stopped"')
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(write(tmp_path, rules=rules, kinds=KINDS.replace("name: running", "name: bad")))], tmp_path)
    assert len(refusal.value.errors) == 1


@pytest.mark.parametrize(
    ("suppress_when", "message"),
    [
        ("mode = maintenance", "must be a condition: column 6: nothing can begin with '='"),
        ("mode == repair", "must hold for kind gas: 'repair' is no state of mode; known are normal, maintenance"),
        ("gas_silence > 5 s", "must name readings, of the sensor or of others, and not gas_silence"),
        (
            "calibration_overdue_days > 0",
            "must name readings, of the sensor or of others, and not calibration_overdue_days",
        ),
    ],
)
def test_what_suppresses_is_checked_like_a_condition(suppress_when: str, message: str, tmp_path: Path) -> None:
    rules = RULES.replace(LEVEL, f'{LEVEL}    suppress_when: "{suppress_when}"\n')
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(write(tmp_path, rules=rules))], tmp_path)
    (line,) = lines(refusal.value)
    assert line.startswith("rules.yaml rules.gas.level.suppress_when: ")
    assert message in line


def test_a_rule_that_can_be_red_and_one_on_assets_are_not_to_be_suppressed(tmp_path: Path) -> None:
    red = LEVEL + '      red: {when: "value >= 50 %LEL"}\n    suppress_when: "mode == maintenance"\n'
    advice = ADVICE.replace(
        "    yellow: {zh: 查, en: Look}\n", "    yellow: {zh: 查, en: Look}\n    red: {zh: 撤, en: Go}\n"
    )
    _, warnings = check_packs([str(write(tmp_path, rules=RULES.replace(LEVEL, red), advice=advice))], tmp_path)
    assert "should not be on a rule that can be red: nobody would hear of it" in str(warnings)
    detectors = DETECTORS + "  two:\n    detector: vote\n    kinds: [gas]\n    assets: [room]\n"
    rules = RULES.replace("kinds: [gas]", "assets: [room]", 1).replace(
        LEVEL, '      yellow: {when: "two >= 25"}\n    suppress_when: "hour > 6"\n'
    )
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(write(tmp_path, rules=rules, detectors=detectors, tests="tests: []\n"))], tmp_path)
    assert "must be of a rule on sensors: kinds, not assets" in "\n".join(lines(refusal.value))


REGISTRY = """\
enterprises:
  - {id: company, name: {zh: 司, en: Company}}
grid_cells:
  - {id: cell, name: {zh: 网格, en: Cell}}
sites:
  - {id: site, name: {zh: 站, en: Site}, enterprise: company, grid_cell: cell}
assets:
  - {id: room, name: {zh: 房间, en: Room}, site: site}
  - {id: hall, name: {zh: 厅, en: Hall}, site: site}
sensors:
  - {tag: room/gas, kind: gas, asset: room}
  - {tag: hall/fan, kind: fan, asset: hall}
"""


@pytest.mark.parametrize(
    ("when", "registry", "warned"),
    [
        ("value >= 25 and asset.fan == stopped", REGISTRY, 1),
        ("value >= 25 and asset.fan == stopped", REGISTRY.replace("asset: hall}", "asset: room}"), 0),
        ("value >= 25 and site.fan == stopped", REGISTRY, 0),
        ("value >= 25 and asset.heat >= 60", REGISTRY, 0),
    ],
)
def test_a_rule_beside_whose_sensors_nothing_of_the_kind_stands_is_warned_of(
    when: str, registry: str, warned: int, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    write(tmp_path / "own", rules=RULES.replace(WHEN, f'"{when}"'), tests="tests: []\n")
    (tmp_path / "fengsui.yaml").write_text("packs: [./own]\nregistry: registry.yaml\nsources: []\n", encoding="utf-8")
    (tmp_path / "registry.yaml").write_text(registry, encoding="utf-8")
    found = load_configuration(load_settings(tmp_path / "fengsui.yaml", {}.get, connector_names=[]))
    told = "should have a sensor of kind fan on the asset of one that gas.level judges, or asset.fan is never known"
    assert str(found.warnings).count(told) == warned
