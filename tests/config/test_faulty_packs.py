"""Packs with one fault each, and what is said of it: in ``faulty/`` a folder a fault, with what differs from ``good``.

``expected.txt`` holds every line of it, first the errors, then the warnings, which begin with an exclamation mark.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.plan import load_configuration
from config.settings import load_settings
from model.errors import ConfigErrors

FOLDER = Path(__file__).parent / "faulty"
FAULTS = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir() and folder.name != "good")
OUTSIDE = ("fengsui.yaml", "registry.yaml", "sensors.csv")  # of the pack


class Mqtt(BaseModel):
    pass


def said_of(fault: str, site: Path) -> str:
    for folder in dict.fromkeys((FOLDER / "good", FOLDER / fault)):
        for file in folder.glob("*.*"):
            if file.suffix != ".txt":
                target = site if file.name in OUTSIDE else site / "pack"
                target.mkdir(exist_ok=True)
                shutil.copy(file, target / file.name)
    try:
        loaded = load_configuration(load_settings(site / "fengsui.yaml", {"mqtt": Mqtt}.get, connector_names=["mqtt"]))
    except ConfigErrors as refusal:
        said = str(refusal).splitlines()
    else:
        said = [f"! {warning}" for warning in loaded.warnings]
    return "".join(f"{line}\n" for line in said).replace(f"{site}/", "")


def test_nothing_is_said_of_a_good_pack(tmp_path: Path) -> None:
    assert not said_of("good", tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place_and_how_to_mend_it(fault: str, tmp_path: Path) -> None:
    assert said_of(fault, tmp_path) == (FOLDER / fault / "expected.txt").read_text(encoding="utf-8")
