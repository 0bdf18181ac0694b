"""All checks on all detectors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from detectors import DETECTORS, AnyDetector
from detectors.parameters import build
from model.plan import Parameter
from tests.checks.detectors import CHECKS, EXAMPLES, Stream, streams, units_are_known
from tests.naive.detectors import NAIVE

CASES = [
    pytest.param(name, parameters, id=f"{name}-{number}")
    for name in DETECTORS
    for number, parameters in enumerate(EXAMPLES.get(name, [{}]))
]


def test_every_detector_has_a_naive_twin_and_an_example() -> None:
    assert set(NAIVE) == set(DETECTORS) == set(EXAMPLES)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_every_detector_holds(
    name: str, parameters: dict[str, Parameter], check: Callable[[str, AnyDetector, Stream], None]
) -> None:
    detector = build(name, parameters)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(stream=streams())
    def holds(stream: Stream) -> None:
        check(name, detector, stream)

    holds()


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_every_detector_scores_in_a_known_unit(name: str, parameters: dict[str, Parameter]) -> None:
    units_are_known(name, build(name, parameters))
