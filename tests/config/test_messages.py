"""Every mistake in a file is answered by one line that names file, line, key, requirement and what was given."""

# ruff: noqa: E501 - the messages are the point, and stand unbroken

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from config.packs import check_packs
from config.plan import load_plan
from config.settings import load_settings
from model.errors import ConfigErrors
from model.text import Text


class Mqtt(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(default=1883, ge=1, le=65535)
    password: str | None = None


SETTINGS = """\
packs: [gas]
registry: registry.yaml
sources:
  - {name: district, connector: mqtt, host: 127.0.0.1}
"""

REGISTRY = """\
enterprises:
  - {id: gas-company, name: {zh: 燃气公司, en: Gas company}}
grid_cells:
  - {id: cell-1, name: {zh: 网格, en: Cell}}
sites:
  - {id: station-1, name: {zh: 站, en: Station}, enterprise: gas-company, grid_cell: cell-1}
assets:
  - {id: room-1, name: {zh: 房间, en: Room}, site: station-1}
sensors:
  - {tag: station-1/ch4-01, kind: ch4_lel, asset: room-1}
"""

KINDS = """\
kinds:
  level:
    name: {zh: 液位, en: Level}
    unit: m
    low: 0
    high: 20
    period_s: 10
"""
DETECTORS = """\
detectors:
  level_rate:
    detector: rate
    kinds: [level]
    parameters: {window_s: 60}
"""
RULES = """\
rules:
  tank.level:
    name: {zh: 液位高, en: Level high}
    kinds: [level]
    source: "site manual 3.1"
    grades:
      yellow: {when: "value >= 15 m"}
      red: {when: "value >= 18 m or level_rate > 1 m/min"}
"""
ADVICE = """\
advice:
  tank.level:
    yellow: {zh: 查看, en: Look}
    red: {zh: 关阀, en: Close the valve}
"""
TESTS = """\
tests:
  - name: {zh: 满, en: full}
    kind: level
    given:
      - {from: 0 s, until: 60 s, value: 19}
    expect:
      - {rule: tank.level, raised: red, within: [0 s, 10 s]}
"""


def refused(settings: Path) -> str:
    with pytest.raises(ConfigErrors) as refusal:
        load_plan(load_settings(settings, {"mqtt": Mqtt}.get, connector_names=["mqtt", "replay"]))
    return str(refusal.value).replace(f"{settings.parent}/", "")


def write_site(folder: Path, settings: str = SETTINGS, registry: str = REGISTRY) -> Path:
    (folder / "fengsui.yaml").write_text(settings, encoding="utf-8")
    (folder / "registry.yaml").write_text(registry, encoding="utf-8")
    return folder / "fengsui.yaml"


SETTINGS_MISTAKES = [
    (
        "packs: [gas]",
        "packs: [gas]\npack: [gas]",
        "fengsui.yaml:2 pack: is not a key that is known here; did you mean 'packs'?, got 'pack'",
    ),
    (
        "packs: [gas]",
        "packs: [gaz]",
        "fengsui.yaml:1 packs[0]: must be a folder or a shipped pack; did you mean 'gas'?, got 'gaz'",
    ),
    ("packs: [gas]", "packs: [gas, gas]", "fengsui.yaml:1 packs[1]: must be named once, got 'gas'"),
    ("packs: [gas]", "packs: []", "fengsui.yaml:1 packs: must not be empty, got an empty list"),
    ("packs: [gas]", "packs: gas", "fengsui.yaml:1 packs: must be a list, got 'gas'"),
    ("registry: registry.yaml\n", "", "fengsui.yaml:1 registry: must be given, got nothing"),
    (
        "registry: registry.yaml",
        "registry: registry.yml",
        "registry.yml: must be a file that can be read, got no such file or directory",
    ),
    ("packs:", "language: cn\npacks:", "fengsui.yaml:1 language: must be one of 'zh', 'en', got 'cn'"),
    (
        "packs:",
        "time_zone: Beijing\npacks:",
        "fengsui.yaml:1 time_zone: must be a time zone such as Asia/Shanghai, got 'Beijing'",
    ),
    (
        "packs:",
        "metrics: {pipeline: 9464}\npacks:",
        "fengsui.yaml:1 metrics.pipeline: must be text, got 9464",
    ),
    (
        "packs:",
        'metrics: {delivery: "localhost"}\npacks:',
        "fengsui.yaml:1 metrics.delivery: must be an address such as \"127.0.0.1:9464\", got 'localhost'",
    ),
    (
        "packs:",
        "journal: {round_messages_max: 5000}\npacks:",
        "fengsui.yaml:1 journal.round_messages_max: must be at most 1000, got 5000",
    ),
    (
        "packs:",
        "journal: {keep_bytes: 20 GB}\npacks:",
        "fengsui.yaml:1 journal.keep_bytes: must be a number, or none for no limit, got '20 GB'",
    ),
    (
        "packs:",
        "journal: {bytes_max: 1000000}\npacks:",
        "fengsui.yaml:1 journal: bytes_max must be at least keep_bytes (20000000000), not 1000000, got a mapping",
    ),
    (
        "packs:",
        "snapshot_every_s: soon\npacks:",
        'fengsui.yaml:1 snapshot_every_s: must be a duration such as "10 s", "5 min" or "1 h", got \'soon\'',
    ),
    (
        "connector: mqtt",
        "connector: mqt",
        "fengsui.yaml:4 sources[0].connector: must be a connector; did you mean 'mqtt'?, got 'mqt'",
    ),
    ("host: 127.0.0.1", "port: 1883", "fengsui.yaml:4 sources[0].host: must be given, got nothing"),
    (
        "host: 127.0.0.1",
        "host: h, prot: 1",
        "fengsui.yaml:4 sources[0].prot: is not a key that is known here; did you mean 'port'?, got 'prot'",
    ),
    ("host: 127.0.0.1", "host: h, port: 0", "fengsui.yaml:4 sources[0].port: must be at least 1, got 0"),
    ("name: district, ", "", "fengsui.yaml:4 sources[0].name: must be given, got nothing"),
    (
        "host: 127.0.0.1}",
        "host: h}\n  - {name: district, connector: mqtt, host: h}",
        "fengsui.yaml:5 sources[1].name: must be unique, already used on line 4 (sources[0].name), got 'district'",
    ),
    (
        "packs: [gas]",
        "packs: [gas]\npacks: [fire]",
        "fengsui.yaml:2 packs: must be given once, first given on line 1, got it again",
    ),
    ("sources:\n  -", "sources:\n\t-", "fengsui.yaml:4: must be indented with spaces, got a tab"),
    ("packs: [gas]", "packs: &p [gas]", "fengsui.yaml:1 packs: must not use anchors; write the value out, got '&p'"),
    (
        "packs: [gas]",
        "packs: !!set [gas]",
        "fengsui.yaml:1 packs: must not carry a YAML tag, got 'tag:yaml.org,2002:set'",
    ),
    ("packs: [gas]", "packs: [gas\nx: 1", "fengsui.yaml:2: must be YAML: expected ',' or ']', but got ':', got 'x: 1'"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), SETTINGS_MISTAKES, ids=[m[2][:70] for m in SETTINGS_MISTAKES])
def test_a_mistake_in_the_settings_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in SETTINGS
    assert refused(write_site(tmp_path, settings=SETTINGS.replace(right, wrong))) == message


REGISTRY_MISTAKES = [
    ("kind: ch4_lel", "kind: ch4_lell", "registry.yaml:10 sensors[0].kind: must be a kind of a loaded pack that exists; did you mean 'ch4_lel'?, got 'ch4_lell'"),
    ("asset: room-1}", "asset: room-2}", "registry.yaml:10 sensors[0].asset: must be an asset that exists; did you mean 'room-1'?, got 'room-2'"),
    ("site: station-1", "site: x", "registry.yaml:8 assets[0].site: must be a site that exists; known are station-1, got 'x'"),
    ("enterprise: gas-company", "enterprise: gas", "registry.yaml:6 sites[0].enterprise: must be an enterprise that exists; known are gas-company, got 'gas'"),
    ("grid_cell: cell-1", "grid_cell: cell-2", "registry.yaml:6 sites[0].grid_cell: must be a grid cell that exists; did you mean 'cell-1'?, got 'cell-2'"),
    (
        "asset: room-1}",
        "asset: room-1}\n  - {tag: station-1/ch4-01, kind: ch4_lel, asset: room-1}",
        "registry.yaml:11 sensors[1].tag: must be unique, first given at registry.yaml:10, got 'station-1/ch4-01'",
    ),
    ("tag: station-1/ch4-01", 'tag: "ch4 01"', "registry.yaml:10 sensors[0].tag: must have no blanks and no invisible characters (U+0020), got 'ch4 01'"),
    ("tag: station-1/ch4-01", f"tag: {'x' * 201}", f"registry.yaml:10 sensors[0].tag: may have 200 characters, got '{'x' * 120}…'"),
    ("asset: room-1}", "asset: room-1, position: {lat: 91, lon: 0}}", "registry.yaml:10 sensors[0].position.lat: must be at most 90, got 91"),
    ("asset: room-1}", "asset: room-1, period_s: 0}", "registry.yaml:10 sensors[0].period_s: must be more than 0, got 0"),
    ("asset: room-1}", 'asset: room-1, gateway: "rtu 7"}', "registry.yaml:10 sensors[0].gateway: must have no blanks and no invisible characters (U+0020), got 'rtu 7'"),
    ("name: {zh: 站, en: Station}", "name: Station", "registry.yaml:6 sites[0].name: must be a mapping of keys to values, got 'Station'"),
    ("enterprises:", "enterprise:", "registry.yaml:1 enterprise: is not a key that is known here; did you mean 'enterprises'?, got 'enterprise'"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "message"), REGISTRY_MISTAKES, ids=[m[2][:70] for m in REGISTRY_MISTAKES])
def test_a_mistake_in_the_registry_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in REGISTRY
    assert refused(write_site(tmp_path, registry=REGISTRY.replace(right, wrong, 1))) == message


CSV_MISTAKES = [
    ("tag,kind\na,ch4_lel\n", "sensors.csv:1: must have a column asset, got tag, kind"),
    (
        "tag,kind,asset,nam_zh\n",
        "sensors.csv:1: must have columns that are known; did you mean 'name_zh'?, got 'nam_zh'",
    ),
    ("tag,kind,asset\na,ch4_lel\n", "sensors.csv:2: must have 3 cells, got 2"),
    ("tag,kind,asset,lat\na,ch4_lel,room-1,north\n", "sensors.csv:2 position.lat: must be a number, got 'north'"),
    (
        "tag,kind,asset,gateway\na,ch4_lel,room-1,rtu 7\n",
        "sensors.csv:2 gateway: must have no blanks and no invisible characters (U+0020), got 'rtu 7'",
    ),
    ("tag,kind,asset\n\na,ch4_lel,\n", "sensors.csv:3 asset: must be given, got nothing"),
    (
        "tag,kind,asset\nstation-1/ch4-01,ch4_lel,room-1\n",
        "sensors.csv:2 tag: must be unique, first given at registry.yaml:10, got 'station-1/ch4-01'",
    ),
]


@pytest.mark.parametrize(("table", "message"), CSV_MISTAKES, ids=[m[1][:70] for m in CSV_MISTAKES])
def test_a_mistake_in_the_sensor_table_is_named_with_its_line(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "sensors.csv").write_text(table, encoding="utf-8")
    assert refused(write_site(tmp_path, registry=REGISTRY + "sensors_csv: sensors.csv\n")) == message


PACK_MISTAKES = [
    ("kinds", "unit: m\n", "unit: metre\n", "kinds.yaml:4 kinds.level.unit: must be a unit that is known, such as kPa, degC, %LEL or m3/h, got 'metre'"),
    ("kinds", "low: 0", "low: 30", "kinds.yaml:5 kinds.level.low: must be below high (20), got 30.0"),
    ("kinds", "low: 0", "low: .nan", "kinds.yaml:5 kinds.level.low: must be a finite number, got nan"),
    ("kinds", "high: 20", 'high: "20"', "kinds.yaml:6 kinds.level.high: must be a number, got '20'"),
    ("kinds", "period_s: 10", "period_s: 0 s", "kinds.yaml:7 kinds.level.period_s: must be more than 0, got 0.0"),
    ("kinds", "en: Level}", "en: Level, above ground}", "kinds.yaml:3 kinds.level.name.above ground: is not a key that is known here; text that contains a comma needs quotes, got 'above ground'"),
    ("kinds", "  level:", "  Level:", "kinds.yaml:2 kinds.Level: must be an id of lower-case letters, digits and _, beginning with a letter, got 'Level'"),
    ("kinds", "kinds:", "kind:", "kinds.yaml:1: must begin with the key kinds, got kind"),
    ("detectors", "detector: rate", "detector: rat", "detectors.yaml:3 detectors.level_rate.detector: must be one of limit, rate, ewma, cusum, change, flatline, silence, spike, spectrum, rise, creep, time_to_limit, rarity, seasonal, trend (did you mean 'rate'?), got 'rat'"),
    ("detectors", "window_s: 60", "window_s: -1", "detectors.yaml:5 detectors.level_rate.parameters.window_s: must be a number s, at least 0.01, at most 604800, got -1.0"),
    ("detectors", "window_s: 60", "windows: 60", "detectors.yaml:5 detectors.level_rate.parameters.windows: is no parameter of rate; it has window_s (did you mean 'window_s'?), got 60"),
    ("detectors", "kinds: [level]", "kinds: [levels]", "detectors.yaml:4 detectors.level_rate.kinds[0]: must be a kind of a loaded pack; did you mean 'level'?, got 'levels'"),
    ("detectors", "  level_rate:", "  quality:", "detectors.yaml:2 detectors.quality: must not be a word of the condition language, got 'quality'"),
    ("rules", '    source: "site manual 3.1"\n', "", "rules.yaml:2 rules.tank.level.source: must be given, got nothing"),
    ("rules", '"site manual 3.1"', '""', "rules.yaml:5 rules.tank.level.source: must be a clause of a standard, or words in both languages: {zh: ..., en: ...}, got ''"),
    ("rules", '"site manual 3.1"', "{en: site manual}", "rules.yaml:5 rules.tank.level.source.zh: must be given, got nothing"),
    ("rules", "value >= 15 m", "value >= 15 kPa", "rules.yaml:7 rules.tank.level.grades.yellow.when: must hold for kind level: value is in m: 'kPa' cannot be turned into 'm', got 'value >= 15 kPa'"),
    ("rules", "level_rate > 1 m/min", "level_rat > 1", "rules.yaml:8 rules.tank.level.grades.red.when: must hold for kind level: operand 'level_rat' is not known here; did you mean 'level_rate'?, got 'value >= 18 m or level_rat > 1'"),
    ("rules", "value >= 15 m", "value >= 15 m and", "rules.yaml:7 rules.tank.level.grades.yellow.when: must be a condition: column 18: expected an operand such as value, got 'the end' in 'value >= 15 m and', got 'value >= 15 m and'"),
    ("rules", "value >= 15 m", "value => 15 m", "rules.yaml:7 rules.tank.level.grades.yellow.when: must be a condition: column 7: nothing can begin with '=', got 'value => 15 m'"),
    ("rules", "yellow:", "amber:", "rules.yaml:7 rules.tank.level.grades.amber: must be one of 'blue', 'yellow', 'orange', 'red', got 'amber'"),
    ("rules", 'yellow: {when: "value >= 15 m"}', 'yellow: {when: "value >= 15 m", delay: 5 s}', "rules.yaml:7 rules.tank.level.grades.yellow.delay: is not a key that is known here; did you mean 'on_delay'?, got 'delay'"),
    ("rules", 'yellow: {when: "value >= 15 m"}', 'yellow: {when: "value >= 15 m", on_delay: 5 sec}', 'rules.yaml:7 rules.tank.level.grades.yellow.on_delay: must be a duration such as "10 s", "5 min" or "1 h", got \'5 sec\''),
    ("rules", "kinds: [level]", "kinds: []", "rules.yaml:2 rules.tank.level: must give either kinds (of sensors) or assets (kinds of assets), got a mapping"),
    ("rules", "kinds: [level]", "kinds: [level]\n    yields_to: [level_rate]", "rules.yaml:5 rules.tank.level.yields_to[0]: must be a detector on assets that looks at all kinds of the rule and can confirm them, got 'level_rate'"),
    ("advice", "  tank.level:", "  tank.levels:", "advice.yaml:2 advice.tank.levels: must be a rule of this pack; did you mean 'tank.level'?, got 'tank.levels'\nrules.yaml:2 rules.tank.level: must have advice in advice.yaml for each of its grades, got nothing"),
    ("advice", "    red: {zh: 关阀, en: Close the valve}\n", "", "advice.yaml:2 advice.tank.level.red: must say what to do at red, got nothing"),
    ("advice", "    red:", "    orange:", "advice.yaml:2 advice.tank.level.red: must say what to do at red, got nothing\nadvice.yaml:4 advice.tank.level.orange: must be a grade of tank.level, which has yellow, red, got 'orange'"),
    ("tests", "kind: level", "kind: levl", "tests.yaml:3 tests[0].kind: must be a kind of a loaded pack; did you mean 'level'?, got 'levl'"),
    ("tests", "rule: tank.level", "rule: tank.lvl", "tests.yaml:7 tests[0].expect[0].rule: must be a rule that exists; did you mean 'tank.level'?, got 'tank.lvl'"),
    ("tests", "raised: red", "raised: orange", "tests.yaml:7 tests[0].expect[0].rule: must be a grade of tank.level, which has yellow, red, got 'orange'"),
    ("tests", ", within: [0 s, 10 s]", "", "tests.yaml:7 tests[0].expect[0]: must say within: [from, until], or nothing: true without it, got a mapping"),
    ("tests", "until: 60 s", "until: 0 s", "tests.yaml:5 tests[0].given[0]: must end after it begins, got a mapping"),
]  # fmt: skip


def write_pack(folder: Path, **changed: str) -> Path:
    sections = {"kinds": KINDS, "detectors": DETECTORS, "rules": RULES, "advice": ADVICE, "tests": TESTS} | changed
    folder.mkdir(exist_ok=True)
    for section, text in sections.items():
        (folder / f"{section}.yaml").write_text(text, encoding="utf-8")
    return folder


def pack_refused(folder: Path, *more: Path) -> str:
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(folder), *map(str, more)], folder.parent)
    return str(refusal.value).replace(f"{folder}/", "")


def test_the_pack_that_the_table_changes_is_itself_in_order(tmp_path: Path) -> None:
    packs, warnings = check_packs([str(write_pack(tmp_path / "tank"))], tmp_path)
    assert ([rule.id for rule in packs.rules], warnings) == (["tank.level"], [])


PACK_DOUBTS = [
    ("detectors", "window_s: 60", "window_s: 15", "detectors.yaml:5 detectors.level_rate.parameters.window_s: should be at least 20 s, two scan periods of kind level, to see a slope, got 15.0"),
    ("rules", "level_rate > 1 m/min", "level_sum > 20 sigma", "rules.yaml:8 rules.tank.level.grades.red.when: should have a limit between the ends of level_sum, 0 to 20, got 'value >= 18 m or level_sum > 20 sigma'"),
    ("rules", "level_rate > 1 m/min", "level_sum <= -5", "rules.yaml:8 rules.tank.level.grades.red.when: should have a limit between the ends of level_sum, 0 to 20, got 'value >= 18 m or level_sum <= -5'"),
    ("rules", "level_rate > 1 m/min", "level_sum >= 19.5", ""),
    ("rules", "level_rate > 1 m/min", "level_shift <= -4.5", "rules.yaml:8 rules.tank.level.grades.red.when: should have a limit between the ends of level_shift, 0 to inf, got 'value >= 18 m or level_shift <= -4.5'"),
    ("rules", "level_rate > 1 m/min", "level_shift >= 4.5", ""),
    ("rules", "level_rate > 1 m/min", "level_rare > 20", "rules.yaml:8 rules.tank.level.grades.red.when: should have a limit between the ends of level_rare, 0 to 20, got 'value >= 18 m or level_rare > 20'"),
    ("rules", "level_rate > 1 m/min", "level_rare >= 6", ""),
    ("rules", 'm"}', 'm", off_delay: 5 s}', ""),
    ("kinds", "period_s: 10", "period_s: 10\n    on_change: true", ""),
]  # fmt: skip


@pytest.mark.parametrize(("section", "right", "wrong", "message"), PACK_DOUBTS)
def test_what_can_never_come_on_is_warned_of(
    tmp_path: Path, section: str, right: str, wrong: str, message: str
) -> None:
    texts = {
        "kinds": KINDS,
        "detectors": f"{DETECTORS}  level_sum: {{detector: cusum, kinds: [level]}}\n"
        "  level_shift: {detector: change, kinds: [level]}\n"
        "  level_rare: {detector: rarity, kinds: [level]}\n",
        "rules": RULES,
    }
    assert right in texts[section]
    texts[section] = texts[section].replace(right, wrong)
    folder = write_pack(tmp_path / "tank", **texts)
    _, warnings = check_packs([str(folder)], tmp_path)
    told = [str(warning).replace(f"{folder}/", "") for warning in warnings]
    assert [line for line in told if "should be named" not in line] == ([message] if message else [])


@pytest.mark.parametrize(
    ("section", "right", "wrong", "message"), PACK_MISTAKES, ids=[m[3][:70].replace("\n", " ") for m in PACK_MISTAKES]
)
def test_a_mistake_in_a_pack_is_named_with_its_line(
    tmp_path: Path, section: str, right: str, wrong: str, message: str
) -> None:
    texts = {"kinds": KINDS, "detectors": DETECTORS, "rules": RULES, "advice": ADVICE, "tests": TESTS}
    assert right in texts[section]
    folder = write_pack(tmp_path / "tank", **{section: texts[section].replace(right, wrong, 1)})
    told = pack_refused(folder).splitlines()
    assert [line for line in told if line in message.splitlines()] == message.splitlines()


def test_the_source_of_a_rule_is_a_clause_or_words_in_both_languages(tmp_path: Path) -> None:
    words = RULES.replace('"site manual 3.1"', "{zh: 现场手册, en: site manual}")
    for rules, source in (
        (RULES, Text("site manual 3.1", "site manual 3.1")),
        (words, Text("现场手册", "site manual")),
    ):
        packs, _ = check_packs([str(write_pack(tmp_path / "tank", rules=rules))], tmp_path)
        assert packs.rules[0].source == source


def test_grades_out_of_order_are_refused(tmp_path: Path) -> None:
    red_first = RULES.replace("yellow:", "x:").replace("red:", "yellow:").replace("x:", "red:")
    assert pack_refused(write_pack(tmp_path / "tank", rules=red_first)) == (
        "rules.yaml:8 rules.tank.level.grades.yellow: must stand above red: grades rise blue, yellow, orange, red,"
        " got 'yellow'"
    )


def test_an_id_that_two_packs_define_is_refused_with_both_places(tmp_path: Path) -> None:
    first = write_pack(tmp_path / "tank")
    second = tmp_path / "other"
    second.mkdir()
    (second / "kinds.yaml").write_text(KINDS, encoding="utf-8")
    assert pack_refused(first, second) == (
        f"{second}/kinds.yaml:2 kinds.level: must be unique over all packs, first given at kinds.yaml:2, got 'level'"
    )


def test_a_misnamed_file_is_refused_and_not_overlooked(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "tank")
    (folder / "rule.yaml").write_text("rules: {}\n", encoding="utf-8")
    assert pack_refused(folder) == ("rule.yaml: must be a file of a pack; did you mean 'rules.yaml'?, got 'rule.yaml'")


def test_all_mistakes_are_told_in_one_pass(tmp_path: Path) -> None:
    registry = REGISTRY.replace("kind: ch4_lel", "kind: x").replace("site: station-1}", "site: y}")
    message = refused(write_site(tmp_path, registry=registry))
    assert [line.split(" ")[0] for line in message.splitlines()] == ["registry.yaml:8", "registry.yaml:10"]


def test_a_password_never_stands_in_a_message(tmp_path: Path) -> None:
    settings = SETTINGS.replace("host: 127.0.0.1", "host: h, password: [hunter2]")
    message = refused(write_site(tmp_path, settings=settings))
    assert message == "fengsui.yaml:4 sources[0].password: must be text, got a list"
    settings = SETTINGS.replace("host: 127.0.0.1", "host: h, password: 123456")
    assert "123456" not in refused(write_site(tmp_path, settings=settings))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"packs: [\xff]\n", "fengsui.yaml:1: must be text in UTF-8, got byte 0xff"),
        (b"#" * 1_000_001, "fengsui.yaml: may have 1,000,000 bytes; long sensor lists belong in sensors_csv, got more"),
        (b"packs: " + b"[" * 40, "fengsui.yaml:1 packs[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: may be nested 16 levels deep, got more"),
        (b"a: 1\n---\nb: 2\n", "fengsui.yaml:2: must hold one YAML document, got a second one"),
        (b"packs: *p\n", "fengsui.yaml:1 packs: must not use aliases; write the value out, got '*p'"),
        (b"- packs\n", "fengsui.yaml:1: must be a mapping of keys to values, got a list"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = write_site(tmp_path)
    file.write_bytes(content)
    assert refused(file) == message
