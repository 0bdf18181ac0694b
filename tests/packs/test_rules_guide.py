"""The pack in docs/rules.md is a real one: it loads without a warning and its tests hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.jobs.check_packs import check
from config.packs import check_packs
from model.errors import ConfigErrors
from rules.language import parse, resolve
from rules.words import words_of

GUIDE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
FILES = re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", GUIDE, re.DOTALL)
CONDITIONS = [line for block in re.findall(r"```condition\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    for name, text in FILES:
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_guide_shows_every_file_of_a_pack() -> None:
    assert [name for name, _ in FILES] == ["kinds.yaml", "detectors.yaml", "rules.yaml", "advice.yaml", "tests.yaml"]


def test_the_guides_pack_loads_without_a_warning_and_its_tests_hold(pack: Path) -> None:
    report = check([str(pack)], pack)
    assert report.warnings == []
    assert [result.complaints for result in report.results] == [()] * 4


@pytest.mark.parametrize("text", CONDITIONS)
def test_the_guides_conditions_hold_on_its_kind(text: str, pack: Path) -> None:
    found, _ = check_packs([str(pack)], pack)
    words = words_of(found.kinds[0], found.kinds, {"cellar_rate": "m/min", "cellar_silence": "s"})
    resolve(parse(text), words.units, words.states)


def test_the_message_in_the_guide_is_the_one_that_is_given(pack: Path) -> None:
    rules = pack / "rules.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("value >= 5 cm", "valu >= 5 cm"), encoding="utf-8")
    (message,) = re.findall(r"```text\n(.*?)\n```", GUIDE, re.DOTALL)
    with pytest.raises(ConfigErrors, match=re.escape(message)):
        check_packs([str(pack)], pack)


def test_silence_beside_a_reading_is_refused_because_it_could_never_come_on(pack: Path) -> None:
    rules = pack / "rules.yaml"
    text = rules.read_text(encoding="utf-8")
    assert "cellar_silence >= 5 min" in text
    rules.write_text(text.replace("cellar_silence >= 5 min", "cellar_silence >= 5 min and value > 1"), encoding="utf-8")
    with pytest.raises(ConfigErrors, match=r"must not mix silence \(cellar_silence\) with readings"):
        check_packs([str(pack)], pack)
