"""The pack in docs/detectors/process.md is a real one: it loads beside the shipped one, and its tests hold."""

from __future__ import annotations

import re
from pathlib import Path

from app.jobs.check_packs import played
from config.pack_tests import judge
from config.packs import check_packs

GUIDE = (Path(__file__).parents[2] / "docs" / "detectors" / "process.md").read_text(encoding="utf-8")
FILES = re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", GUIDE, re.DOTALL)


def test_the_guides_pack_loads_without_a_warning_and_its_tests_hold(tmp_path: Path) -> None:
    for name, text in FILES:
        (tmp_path / name).write_text(text, encoding="utf-8")
    packs, warnings = check_packs(["plant", str(tmp_path)], tmp_path)
    assert warnings == []
    own = [test for test in packs.tests if Path(test.place.file).is_relative_to(tmp_path)]
    assert [judge(test, played(packs, test)[0]) for test in own] == [[]] * 3
