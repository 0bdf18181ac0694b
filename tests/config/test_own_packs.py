"""What is said of packs as folders, and of overrides as days go by."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from config import packs
from config.findings import Findings
from config.packs import check_packs, load_packs
from config.rules.overrides import dated
from model.errors import ConfigErrors

GOOD = Path(__file__).parent / "faulty" / "good"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    for file in GOOD.glob("*.yaml"):
        if file.name not in ("fengsui.yaml", "registry.yaml"):
            shutil.copy(file, folder)
    return folder


def refused(pack: Path) -> str:
    with pytest.raises(ConfigErrors) as refusal:
        check_packs([str(pack)], pack)
    return str(refusal.value).replace(f"{pack}/", "").replace(str(pack), "pack")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").startswith(
        "pack: must hold at least one of kinds.yaml, detectors.yaml, rules.yaml"
    )


def test_advice_without_rules(pack: Path) -> None:
    (pack / "rules.yaml").unlink()
    assert "advice.yaml:1 advice: must belong to rules in rules.yaml, got nothing" in refused(pack)


def test_overrides_belong_in_a_folder_of_ones_own(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "SHIPPED", pack.parent)
    said = "overrides.yaml: must stand in a folder of your own: an upgrade replaces the shipped packs"
    assert f"{said}, got 'overrides.yaml'" in refused(pack)


SOON = "until: should be renewed in time, or the pack's settings count again after that day"
OVER = "until: should be taken out or renewed: it is over, and the pack's settings count again"


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 10, 31), ["since: should be known to count only from that day, got '2026-11-20'"]),
        (date(2026, 12, 1), []),
        (date(2026, 12, 14), [f"{SOON}, got '2026-12-20'"]),
        (date(2026, 12, 21), [f"{OVER}, got '2026-12-20'"]),
    ],
)
def test_days_of_overrides(pack: Path, today: date, said: list[str]) -> None:
    found = dated(load_packs([str(pack)], pack, Findings()).overrides, today)
    own = [str(one).rpartition("hatch_works.")[2] for one in found if "hatch_works" in str(one)]
    assert own == said
