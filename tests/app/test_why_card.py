"""The explanation of a score in words: everything that is known, and nothing that is not."""

from __future__ import annotations

import pytest

from app.cli.why import explained
from model.explanation import Contributor, Explanation

SINCE_NS = 1_700_000_000_000_000_000  # 2023-11-14 22:13:20 UTC


def test_everything_that_is_known_is_said_with_units_and_local_time() -> None:
    told = Explanation(5.0216, 2.0, 1.5, 2.5, "%LEL", SINCE_NS, 0.96, (Contributor("ch4-03", 0.64), Contributor("b")))
    assert explained("clean", told, "en", "Asia/Shanghai") == (
        "clean: saw 5.022 %LEL, expected 2 %LEL, usual 1.5 … 2.5 %LEL, deviates since 2023-11-15 06:13:20, "
        "foremost ch4-03 (64%), foremost b, confidence 96 %"
    )
    assert explained("clean", told, "zh", "Asia/Shanghai") == (
        "clean: 实际 5.022 %LEL，应为 2 %LEL，正常范围 1.5 … 2.5 %LEL，自 2023-11-15 06:13:20 起偏离，"
        "主要来自 ch4-03 (64%)，主要来自 b，置信度 96 %"
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Explanation(), ""),
        (Explanation(unit="kPa"), ""),
        (Explanation(observed=0.0), "d: saw 0"),
        (Explanation(observed=0.5, unit="1"), "d: saw 0.5"),
        (Explanation(high=3.0, unit="kPa"), "d: usual ≤ 3 kPa"),
        (Explanation(low=-3.0, unit="kPa"), "d: usual ≥ -3 kPa"),
        (Explanation(confidence=0.0), "d: confidence 0 %"),
        (Explanation(confidence=0.9949), "d: confidence 99 %"),
        (Explanation(confidence=0.9999), "d: confidence 99.99 %"),
        (Explanation(confidence=1.0), "d: confidence > 99.999 %"),
    ],
)
def test_what_is_not_known_is_left_out(told: Explanation, words: str) -> None:
    assert explained("d", told, "en", "UTC") == words
