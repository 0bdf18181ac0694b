"""``fengsui replay --at``: why there was an alarm, or none, value by value, out of a journal that is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.app.test_backtest import config

__all__ = ["config"]

TAG = "gas-station-1/ch4-01"


def run(config: Path, *arguments: str, lang: str = "en") -> tuple[int, str]:
    asked = ["replay", "--config", str(config), "--lang", lang, "--tag", TAG, *arguments]
    done = CliRunner().invoke(app, asked, env={"COLUMNS": "200"})
    return done.exit_code, f"{done.output}{done.exception or ''}"


def told(config: Path, at: str, rule: str = "gas.lel") -> dict[str, object]:
    code, said = run(config, "--at", at, "--rule", rule, "--json")
    assert code == 0, said
    found: dict[str, object] = json.loads(said)
    return found


def test_during_the_leak_the_alarm_is_explained_by_its_values(config: Path) -> None:
    found = told(config, "2026-01-05T00:11:00")
    assert found["out_of"] == "journal"
    then = found["then"]
    assert then["reading"]["value"] == 30.0  # type: ignore[index]
    (rule,) = then["rules"]  # type: ignore[index]
    assert rule["operands"]["value"] == 30.0
    on = [grade for grade in rule["grades"] if grade["is_on"]]
    assert [grade["says"] for grade in on] == ["holds"] * len(on)
    assert on
    assert all(grade["lacks"] <= 0 for grade in on if grade["lacks"] is not None)
    assert then["events"][-1]["transition"] in ("raised", "upgraded")  # type: ignore[index]


def test_before_the_leak_it_says_what_was_missing(config: Path) -> None:
    then = told(config, "2026-01-05T00:09:00")["then"]
    (rule,) = then["rules"]  # type: ignore[index]
    assert [grade["is_on"] for grade in rule["grades"]] == [False] * len(rule["grades"])
    assert {grade["says"] for grade in rule["grades"]} == {"over"}
    limits = [grade["lacks"] + 1.0 for grade in rule["grades"] if grade["lacks"] is not None]
    assert limits == sorted(limits)
    assert all(limit >= 10 for limit in limits)
    assert then["events"] == []  # type: ignore[index]


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ("holds", "on since", "journal")), ("zh", ("成立", "已报警", "日志"))]
)
def test_the_screen_speaks_both_languages(config: Path, lang: str, words: tuple[str, ...]) -> None:
    code, said = run(config, "--at", "2026-01-05T00:11:00", lang=lang)
    assert code == 0, said
    assert all(word in said for word in words), said


def test_every_rule_on_the_sensor_is_shown_and_an_unknown_one_is_exit_code_3(config: Path) -> None:
    code, said = run(config, "--at", "2026-01-05T00:11:00", "--json")
    assert code == 0
    assert {"gas.lel", "gas.lel_rise"} < {one["rule"] for one in json.loads(said)["then"]["rules"]}
    assert run(config, "--at", "2026-01-05T00:11:00", "--rule", "no.such")[0] == 3


def test_what_is_missing_or_wrong_is_said(config: Path) -> None:
    code, said = run(config, "--at", "yesterday")
    assert (code, "must be a time such as" in said) == (2, True)
    code, said = run(config, "--at", "2026-01-05T00:11:00", "--tag", "no/such")
    assert (code, "no configuration of that time knows it" in said) == (1, True)
    assert CliRunner().invoke(app, ["replay"]).exit_code == 2
