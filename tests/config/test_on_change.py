"""Kinds whose sensors report changes only: what makes no sense for them is said."""

# ruff: noqa: E501 - the messages are the point, and stand unbroken

from __future__ import annotations

from pathlib import Path

import pytest

from config.packs import check_packs
from tests.config.test_messages import DETECTORS, KINDS, RULES, pack_refused, write_pack

ON_CHANGE = KINDS + "    on_change: true\n"


def test_an_off_delay_that_no_second_reading_can_end_is_warned_of(tmp_path: Path) -> None:
    rules = RULES.replace('value >= 15 m"', 'value >= 15 m", off_delay: 5 s')
    folder = write_pack(tmp_path / "tank", kinds=ON_CHANGE, rules=rules)
    _, warnings = check_packs([str(folder)], tmp_path)
    assert [str(warning).replace(f"{folder}/", "") for warning in warnings] == [
        "rules.yaml:7 rules.tank.level.grades.yellow.off_delay: should be 0 for kind level, which reports changes only: no second reading says it is over, got '5 s'"
    ]


@pytest.mark.parametrize("detector", ["silence", "flatline"])
def test_a_sensor_that_reports_changes_only_is_not_watched_for_being_quiet(tmp_path: Path, detector: str) -> None:
    detectors = f"{DETECTORS}  still:\n    detector: {detector}\n    kinds: [level]\n"
    assert pack_refused(write_pack(tmp_path / "tank", kinds=ON_CHANGE, detectors=detectors)) == (
        "detectors.yaml:8 detectors.still.kinds[0]: must be a kind whose sensors report regularly, for "
        f"{detector} watches for the opposite, got 'level'"
    )
