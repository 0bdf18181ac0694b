"""docs/detectors.md names every parameter with its unit and default, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detectors import ASSET_DETECTORS, DETECTORS
from detectors.declaration import KIND_UNIT, Declared, declared

EVERY = {**DETECTORS, **ASSET_DETECTORS}
MANUAL = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", MANUAL, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def row(parameter: Declared) -> tuple[str, str, str]:
    unit = {KIND_UNIT: "of the kind", "": "–"}.get(parameter.unit, parameter.unit)
    default = parameter.default
    shown = f"{default:.15g}" if isinstance(default, float) else default
    return parameter.name, unit, str(shown or "none")


@pytest.mark.parametrize("name", EVERY)
def test_the_manual_gives_every_parameter_with_its_unit_and_default(name: str) -> None:
    assert ROW.findall(SECTIONS[name]) == [row(parameter) for parameter in declared(EVERY[name])]


@pytest.mark.parametrize("name", EVERY)
def test_the_manual_says_how_each_detector_fails_and_where_it_comes_from(name: str) -> None:
    for beginning in ("Fails: ", "Reference: "):
        assert re.search(f"^{beginning}", SECTIONS[name], re.MULTILINE)
