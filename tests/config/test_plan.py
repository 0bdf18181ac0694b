"""Settings, packs and registry come to one plan with a version of its own."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import msgspec
import pytest
from pydantic import BaseModel

from config.plan import Configuration, load_configuration, overdue_calibrations
from config.settings import load_settings
from model.errors import ConfigErrors
from model.plan import Plan
from model.sensor import Position
from model.text import Text

REGISTRY = """\
enterprises: [{id: e, name: {zh: 企业, en: Enterprise}}]
grid_cells: [{id: g, name: {zh: 网格, en: Cell}}]
sites: [{id: s, name: {zh: 站, en: Site}, enterprise: e, grid_cell: g}]
assets: [{id: a, name: {zh: 房间, en: Room}, site: s}]
sensors:
  - {tag: s/ch4-1, kind: ch4_lel, asset: a}
"""


def load(folder: Path, registry: str = REGISTRY, packs: str = "[gas]") -> Configuration:
    (folder / "fengsui.yaml").write_text(f"packs: {packs}\nregistry: registry.yaml\n", encoding="utf-8")
    (folder / "registry.yaml").write_text(registry, encoding="utf-8")
    return load_configuration(load_settings(folder / "fengsui.yaml", {"x": BaseModel}.get))


def test_equal_content_has_an_equal_version_and_any_change_another(tmp_path: Path) -> None:
    plan = load(tmp_path).plan
    assert len(plan.version) == 16
    assert load(tmp_path, "# a remark changes nothing\n" + REGISTRY).plan.version == plan.version
    assert load(tmp_path, REGISTRY.replace("s/ch4-1", "s/ch4-2")).plan.version != plan.version
    assert load(tmp_path, packs="[gas, fire]").plan.version != plan.version


def test_kinds_that_no_sensor_has_are_kept(tmp_path: Path) -> None:
    assert {kind.id for kind in load(tmp_path).plan.kinds} == {
        "ch4_lel",
        "ch4_vol",
        "ch4_ppm",
        "wind_speed",
        "wind_direction",
        "ventilation",
        "room_people",
    }


def test_a_sensor_table_is_read_after_the_sensors_of_the_registry(tmp_path: Path) -> None:
    table = "tag,kind,asset,name_zh,name_en,lat,lon,along_m,period_s\ns/ch4-2,ch4_lel,a,甲烷,,41.5,120.4,,5\n\n"
    (tmp_path / "more.csv").write_text(table, encoding="utf-8-sig")
    first, second = load(tmp_path, REGISTRY + "sensors_csv: more.csv\n").plan.sensors
    assert (first.tag, first.name, first.period_s) == ("s/ch4-1", Text("s/ch4-1", "s/ch4-1"), None)
    assert (second.tag, second.name, second.period_s) == ("s/ch4-2", Text("甲烷", "甲烷"), 5.0)
    assert second.position == Position(41.5, 120.4, None)


def test_a_sensor_may_name_its_gateway_in_the_registry_and_in_the_table(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("tag,kind,asset,gateway\nb,ch4_lel,a,rtu-07\nc,ch4_lel,a,\n")
    named = REGISTRY.replace("asset: a}", "asset: a, gateway: rtu-07}") + "sensors_csv: more.csv\n"
    assert [sensor.gateway for sensor in load(tmp_path, named).plan.sensors] == ["rtu-07", "rtu-07", ""]


def test_a_sensor_that_reports_too_slowly_for_its_silence_rule_is_warned_of(tmp_path: Path) -> None:
    slow = REGISTRY.replace("asset: a}", "asset: a, period_s: 90}")
    silent, _ = load(tmp_path, slow).warnings
    assert str(silent).endswith(
        "registry.yaml sensors: should report at least every 60 s, or ch4_lel counts as silent,"
        " got a longer period for s/ch4-1"
    )


def test_a_sensor_that_reports_too_slowly_for_a_rate_is_warned_of(tmp_path: Path) -> None:
    slow = REGISTRY.replace("asset: a}", "asset: a, period_s: 31}")
    (warning,) = load(tmp_path, slow).warnings
    assert str(warning).endswith(
        "registry.yaml sensors: should report at least every 30 s, or lel_rate may have no slope,"
        " got a longer period for s/ch4-1"
    )


def test_a_folder_beside_the_file_is_a_pack_and_may_add_rules_to_shipped_kinds(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "rules.yaml").write_text(
        "rules:\n  mine.lel:\n    name: {zh: 本站, en: Ours}\n    kinds: [ch4_lel]\n    source: site manual\n"
        '    grades: {blue: {when: "value >= 5 %LEL and lel_rate > 1 %LEL/min"}}\n',
        encoding="utf-8",
    )
    (mine / "advice.yaml").write_text("advice: {mine.lel: {blue: {zh: 看, en: Look}}}\n", encoding="utf-8")
    rules = {rule.id: rule for rule in load(tmp_path, packs="[gas, mine]").plan.rules}
    assert rules["mine.lel"].advice[0].text == Text("看", "Look")


def test_ten_thousand_sensors_load_within_three_seconds(tmp_path: Path) -> None:
    rows = "".join(f"s/x-{number},ch4_lel,a,41.5,120.4\n" for number in range(10_000))
    (tmp_path / "more.csv").write_text("tag,kind,asset,lat,lon\n" + rows, encoding="utf-8")
    load(tmp_path)  # detectors are compiled or read from the cache on first use
    begun = time.perf_counter()
    plan = load(tmp_path, REGISTRY + "sensors_csv: more.csv\n").plan
    assert len(plan.sensors) == 10_001
    assert time.perf_counter() - begun < 3.0


def test_ten_thousand_mistakes_are_told_soon_and_not_all(tmp_path: Path) -> None:
    rows = "".join(f"s/x-{number},ch4_lel,room-{number}\n" for number in range(10_000))
    (tmp_path / "more.csv").write_text("tag,kind,asset\n" + rows, encoding="utf-8")
    with pytest.raises(ConfigErrors) as refusal:
        load(tmp_path, REGISTRY + "sensors_csv: more.csv\n")
    assert len(refusal.value.errors) == 201
    assert str(refusal.value).endswith("is the last of the errors not shown, got 9800 more")


def test_a_sensor_may_say_until_when_its_calibration_holds(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("tag,kind,asset,calibrated_until\nb,ch4_lel,a,2027-05-31\nc,ch4_lel,a,\n")
    dated = REGISTRY.replace("asset: a}", "asset: a, calibrated_until: 2027-02-28}") + "sensors_csv: more.csv\n"
    plan = load(tmp_path, dated).plan
    assert [one.calibrated_until for one in plan.sensors] == [date(2027, 2, 28), date(2027, 5, 31), None]
    decoded = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    assert decoded == plan


def test_a_plan_that_was_journaled_without_calibrations_still_reads(tmp_path: Path) -> None:
    plan = load(tmp_path).plan
    data = msgspec.json.decode(msgspec.json.encode(plan))
    for sensor in data["sensors"]:
        del sensor["calibrated_until"]
    assert msgspec.convert(data, Plan) == plan


@pytest.mark.parametrize("day", ["2027-02-30", "tomorrow", "2027", "5", "[2027]"])
def test_a_day_of_calibration_that_is_none_is_refused_with_its_line(tmp_path: Path, day: str) -> None:
    with pytest.raises(ConfigErrors, match=r"registry.yaml:6 sensors\[0\].calibrated_until: must be a day such as"):
        load(tmp_path, REGISTRY.replace("asset: a}", f"asset: a, calibrated_until: {day}}}"))


def test_calibrations_that_are_past_are_warned_of_the_oldest_by_name(tmp_path: Path) -> None:
    dated = REGISTRY.replace("asset: a}", "asset: a, calibrated_until: 2027-02-28}")
    dated += "  - {tag: s/ch4-2, kind: ch4_lel, asset: a, calibrated_until: 2027-01-31}\n"
    plan = load(tmp_path, dated).plan
    assert overdue_calibrations(plan, tmp_path / "registry.yaml", date(2027, 1, 31)) == []
    (warning,) = overdue_calibrations(plan, tmp_path / "registry.yaml", date(2027, 3, 1))
    assert str(warning).endswith(
        "registry.yaml sensors: should have a calibrated_until that is not past, got 2027-01-31 for s/ch4-2 and 1 more"
    )
