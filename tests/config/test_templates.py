"""A rule made by a template is the rule that a person would have written out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs.check_packs import check
from config.packs import Packs, check_packs
from model.errors import ConfigErrors
from model.plan import RuleSpec

GOOD = Path(__file__).parent / "faulty" / "good"
USES = """\
rules:
  drained.by_template:
    use: drained
    with: {least: 0.75, hold: 2 min, what: {zh: 水箱, en: basin}}
    owner: Li Lei
  drained.by_hand:
    name: {zh: 水箱将抽空, en: basin runs dry}
    kinds: [level]
    source: {zh: 低于 0.75 m, en: below 0.75 m}
    owner: Li Lei
    grades:
      blue: {when: "value <= 0.75 m and level_rate < 0", on_delay: 2 min}
"""
ADVICE = """\
advice:
  drained.by_hand:
    blue: {zh: 停泵, en: Stop the pump of basin}
"""


def packs(folder: Path, uses: str, advice: str = ADVICE) -> Packs:
    pack, own = folder / "pack", folder / "own"
    pack.mkdir()
    own.mkdir()
    for name in ("kinds", "detectors", "rules", "advice"):
        shutil.copy(GOOD / f"{name}.yaml", pack)
    (own / "rules.yaml").write_text(uses, encoding="utf-8")
    (own / "advice.yaml").write_text(advice, encoding="utf-8")
    return check_packs(["./pack", "./own"], folder)[0]


def rule(found: Packs, name: str) -> RuleSpec:
    return next(one for one in found.rules if one.id == name)


def test_a_template_of_another_pack_gives_the_rule_that_a_person_would_write(tmp_path: Path) -> None:
    found = packs(tmp_path, USES)
    assert replace(rule(found, "drained.by_template"), id="drained.by_hand") == rule(found, "drained.by_hand")


def test_advice_of_the_pack_goes_before_that_of_the_template(tmp_path: Path) -> None:
    own = ADVICE + "  drained.by_template:\n    blue: {zh: 关泵, en: Close down}\n"
    assert rule(packs(tmp_path, USES, own), "drained.by_template").advice[0].text.en == "Close down"


def test_an_error_tells_the_use_and_the_template_of_the_other_pack(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as refusal:
        packs(tmp_path, USES.replace("with: {", "with: {rate: gone, "))
    said = str(refusal.value).replace(f"{tmp_path}/", "")
    assert said.startswith(
        "own/rules.yaml:3 rules.drained.by_template.grades.blue.when (template drained, pack/rules.yaml:"
    )


def test_the_good_pack_passes_its_own_tests(tmp_path: Path) -> None:
    for file in GOOD.glob("*.yaml"):
        if file.name not in ("fengsui.yaml", "registry.yaml"):
            shutil.copy(file, tmp_path)
    report = check([str(tmp_path)], tmp_path)
    assert report.ok, [result.complaints for result in report.results]
    assert not report.warnings
