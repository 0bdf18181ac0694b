"""The rule in docs/detectors/pipeline.md that takes wave and balance together."""

from __future__ import annotations

import re
from pathlib import Path

from app.jobs.check_packs import played
from config.pack_tests import START_NS
from config.packs import check_packs

GUIDE = (Path(__file__).parents[2] / "docs" / "detectors" / "pipeline.md").read_text(encoding="utf-8")
HOUR_S = 3600


def pressure(along_m: int, begins_s: int, kpa: int, drop: int) -> str:
    return f"""      pt-{along_m}:
        kind: pipe_pressure
        period: 1 s
        along_m: {along_m}
        given:
          - {{from: 0 s, until: {begins_s} s, value: {kpa}, noise: 1.4}}
          - {{from: {begins_s} s, until: {begins_s + 1} s, value: {kpa}, to: {kpa - drop}, noise: 1.4}}
          - {{from: {begins_s + 1} s, until: {5 * HOUR_S + 400} s, value: {kpa - drop}, noise: 1.4}}
"""


def flow(name: str, along_m: int, leak: int) -> str:
    return f"""      {name}:
        kind: pipe_flow
        along_m: {along_m}
        given:
          - {{from: 0 s, until: {5 * HOUR_S + 10} s, value: 900, noise: 2}}
          - {{from: {5 * HOUR_S + 10} s, until: {5 * HOUR_S + 400} s, value: {900 + leak}, noise: 2}}
"""


def raised_s(folder: Path, leak: int) -> list[float]:
    """When the rule of the guide is raised, seconds after five hours of quiet."""
    begun = 5 * HOUR_S
    (detectors,) = re.findall(r"```yaml\n# detectors\.yaml[^\n]*\n(.*?)```", GUIDE, re.DOTALL)
    (when,) = re.findall(r'`when: "(.*?)"`', GUIDE)
    (folder / "detectors.yaml").write_text(detectors, encoding="utf-8")
    (folder / "rules.yaml").write_text(
        "rules:\n  mine.both:\n    name: {zh: 两法, en: Both}\n    assets: [pipeline]\n    source: site manual\n"
        f"    grades: {{red: {{when: '{when}'}}}}\n",
        encoding="utf-8",
    )
    (folder / "advice.yaml").write_text("advice: {mine.both: {red: {zh: 停, en: Stop}}}\n", encoding="utf-8")
    (folder / "tests.yaml").write_text(
        "tests:\n  - name: {zh: 两法, en: both}\n    asset: pipeline\n"
        "    attributes: {wave_speed_m_s: 1100, diameter_m: 0.5, density_kg_m3: 860}\n    sensors:\n"
        + pressure(0, begun + 13, 2600, 80)
        + pressure(10_000, begun + 6, 1700, 85)
        + pressure(20_000, begun + 15, 800, 70)
        + flow("ft-in", 0, leak)
        + flow("ft-out", 20_000, -leak)
        + "    expect: nothing\n",
        encoding="utf-8",
    )
    packs, _ = check_packs(["pipeline", str(folder)], folder)
    (test,) = [one for one in packs.tests if one.name.en == "both"]
    events = [one for one in played(packs, test)[0] if one.rule == "mine.both"]
    return [(one.time_ns - START_NS) / 1e9 - begun for one in events]


def test_a_leak_that_both_see_is_red_within_a_minute_and_one_that_the_wave_alone_sees_is_not(tmp_path: Path) -> None:
    first, *_ = raised_s(tmp_path, 15)
    assert 10.0 < first < 70.0
    assert raised_s(tmp_path, 0) == []
