"""``fengsui rules``: what holds where and from where, out to a sheet and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import app

GOOD = Path(__file__).parent.parent / "config" / "faulty" / "good"
SETTINGS = """\
packs: [./pack]
registry: registry.yaml
sources:
  - name: district
    connector: mqtt
    host: 127.0.0.1
    subscriptions: [{topic: "d/{site}/{sensor}", tag: "{site}/{sensor}"}]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pack").mkdir()
    for file in GOOD.glob("*.yaml"):
        shutil.copy(file, tmp_path if file.name == "registry.yaml" else tmp_path / "pack")
    (tmp_path / "pack" / "fengsui.yaml").unlink()
    (tmp_path / "fengsui.yaml").write_text(SETTINGS, encoding="utf-8")
    text = (tmp_path / "pack" / "overrides.yaml").read_text(encoding="utf-8").replace("2027-01-31", "2999-01-31")
    (tmp_path / "pack" / "overrides.yaml").write_text(text.replace("2026-11-01", "2020-11-01"), encoding="utf-8")
    rules = tmp_path / "pack" / "rules.yaml"
    everywhere = rules.read_text(encoding="utf-8").replace("    where: {labels: {duty: feed}}\n", "")
    rules.write_text(everywhere, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fengsui(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["rules", *arguments])


def as_data(*arguments: str) -> list[dict[str, object]]:
    done = fengsui(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, object]] = json.loads(done.output)
    return found


def test_the_limits_of_a_sensor_are_shown_with_who_changed_them(site: Path) -> None:
    own = {(one["rule"], one["grade"]): one for one in as_data("list", "--tag", "tank-2/level")}
    yellow = own["tank.level", "yellow"]
    assert (yellow["condition"], yellow["on_delay_s"], yellow["overrides"]) == ("value >= 12 m", 30.0, ["tank_2_low"])
    assert str(yellow["source"]).count("Han Mei") == 2  # in both languages
    assert ("tank.drained", "blue") not in own, "its rule looks at another tank"
    assert as_data("list", "--rule", "tank.level")[0]["condition"] == "value >= 15 m"


def test_overrides_are_listed_with_owner_and_state(site: Path) -> None:
    first, second = as_data("list", "--overrides")
    assert (first["id"], first["owner"], first["state"], first["concerns"]) == ("tank_2_low", "Han Mei", "in_force", 1)
    assert first["changes"] == "yellow: value 12 m, on_delay 30 s; red: value >= 19 m"
    assert (first["loosens_red"], second["loosens_red"]) == (True, False)


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ["loosens red: two persons", "in force"]), ("zh", ["放宽红色：须两人", "生效"])]
)
def test_tables_speak_both_languages(site: Path, lang: str, words: list[str]) -> None:
    shown = fengsui("list", "--overrides", "--lang", lang).output
    assert all(word in shown for word in words), shown
    assert "Level high" in fengsui("list", "--lang", "en").output


def test_a_rule_that_is_not_there(site: Path) -> None:
    assert fengsui("list", "--rule", "tank.levle").exit_code == 3


def test_a_sheet_goes_out_and_comes_back_as_a_proposal(site: Path) -> None:
    assert "6 rows written to a.csv" in fengsui("export", "a.csv", "--lang", "en").output
    assert "nothing was changed" in fengsui("import", "a.csv", "--out", "next", "--lang", "en").output
    sheet = site / "a.csv"
    text = sheet.read_text(encoding="utf-8-sig").replace("level_silence >= 60 s", "level_silence >= 90 s")
    sheet.write_text(text, encoding="utf-8-sig")
    done = fengsui("import", "a.csv", "--out", "next", "--by", "Li", "--reason", "works", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert "level_silence >= 90 s" in done.output
    assert "level_silence >=" in (site / "next" / "overrides.yaml").read_text(encoding="utf-8")
