"""The folder in docs/site-rules.md is a real one."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from config.plan import Configuration, load_configuration
from config.settings import load_settings
from rules.selection import Selection

GUIDE = (Path(__file__).parents[2] / "docs" / "site-rules.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", GUIDE, re.DOTALL))
SETTINGS = "packs: [gas, ./site-rules]\nregistry: registry.yaml\nsources:\n  - {name: district, connector: mqtt}\n"


class Mqtt(BaseModel):
    pass


def loaded(folder: Path) -> Configuration:
    (folder / "site-rules").mkdir()
    for name, text in FILES.items():
        (folder if name == "registry.yaml" else folder / "site-rules").joinpath(name).write_text(text, encoding="utf-8")
    (folder / "fengsui.yaml").write_text(SETTINGS, encoding="utf-8")
    return load_configuration(load_settings(folder / "fengsui.yaml", {"mqtt": Mqtt}.get, connector_names=["mqtt"]))


def test_the_guides_folder_loads_and_says_what_the_text_says(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert {str(warning).partition(": ")[2] for warning in found.warnings} == {
        "should have a test that expects it, got nothing"
    }
    plan = found.plan
    rules = {rule.id: rule for rule in plan.rules}
    canteen = rules["site.canteen_gas"]
    assert (canteen.name.en, canteen.grades[0].when, canteen.grades[0].on_delay_s) == (
        "Gas in the canteen", "value >= 6 %LEL", 60.0
    )  # fmt: skip
    where = rules["site.upstairs_gas"].where
    assert where is not None
    assert Selection(plan).sensors(where) == [1]
    assert [one.id for one in plan.overrides] == ["canteen_steam", "boiler_spikes"]
    assert rules["gas.lel"].advice[-1].text.en.endswith("call 119.")
