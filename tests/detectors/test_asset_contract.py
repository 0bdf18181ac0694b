"""Every check on every detector that looks at whole assets."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors import ASSET_DETECTORS
from detectors.declaration import ParameterError
from detectors.parameters import build, build_for_assets
from tests.checks.asset_detectors import CHECKS, EXAMPLES, asset, streams

CASES = [(name, at) for name in ASSET_DETECTORS for at in range(len(EXAMPLES[name]))]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "at"), CASES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_detector_on_assets_holds_what_it_must(name: str, at: int, check: object, data: st.DataObject) -> None:
    detector = build_for_assets(name, EXAMPLES[name][at])
    assert callable(check)
    check(name, detector, data.draw(streams(detector)))


def test_a_vote_needs_as_many_sensors_as_must_agree() -> None:
    two = build_for_assets("vote", {"of": 2.0})
    assert [two.fits(asset(count)) for count in (1, 2, 3)] == [False, True, True]


@pytest.mark.parametrize(
    ("make", "name", "parameters", "message"),
    [
        (build, "vote", {}, "detector looks at whole assets: assets must be given, got 'vote'"),
        (build_for_assets, "ewma", {}, "detector looks at single sensors: assets must not be given, got 'ewma'"),
        (build_for_assets, "vote", {"of": 1.5}, "vote.of must be a whole number, got 1.5"),
        (build_for_assets, "vote", {"off": 2}, "is no parameter of vote; it has of, side, every_s"),
    ],
)
def test_a_mistake_is_told(make: object, name: str, parameters: dict[str, float], message: str) -> None:
    assert callable(make)
    with pytest.raises(ParameterError) as refusal:
        make(name, parameters)
    assert message in str(refusal.value)
