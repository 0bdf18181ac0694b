from __future__ import annotations

import pytest

from detectors import DETECTORS
from detectors.declaration import KIND_UNIT, ParameterError, declared
from detectors.general.ewma import Ewma
from detectors.parameters import build
from model import unit


def test_a_name_and_a_table_make_a_detector() -> None:
    assert build("ewma", {"smooth_s": 30, "hold_sigma": 4.0}) == Ewma(smooth_s=30.0, hold_sigma=4.0)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("cusun", {}, r"detector must be one of limit, .*did you mean 'cusum'\?\), got 'cusun'"),
        ("rate", {"windows": 3.0}, r"rate\.windows is no parameter of rate; it has window_s \(did you mean 'window_s'"),
        ("silence", {"limit_s": 3.0}, r"silence\.limit_s is no parameter of silence"),
        ("rate", {"window_s": 0.0}, r"rate\.window_s must be a number s, at least 0\.01, at most 604800, got 0\.0"),
        ("rate", {"window_s": "60"}, r"rate\.window_s must be a number s, .*, got '60'"),
        ("rate", {"window_s": True}, r"rate\.window_s must be a number s, .*, got True"),
        ("rate", {"window_s": float("nan")}, r"rate\.window_s must be a number s, .*, got nan"),
        ("rate", {"window_s": None}, r"rate\.window_s must be a number s, .*, got None"),
        ("ewma", {"hold_s": float("inf")}, r"ewma\.hold_s must be a number s, at least 0, got inf"),
        ("flatline", {"tolerance": -1}, r"flatline\.tolerance must be a number, at least 0, got -1"),
    ],
)
def test_an_error_names_parameter_requirement_and_what_was_given(name: str, parameters: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build(name, parameters)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_parameter_is_documented_with_a_unit_and_a_default(name: str) -> None:
    for parameter in declared(DETECTORS[name]):
        assert parameter.doc
        assert parameter.unit == KIND_UNIT or unit.known(parameter.unit)
        assert parameter.unit != "s" or parameter.name.endswith("_s")


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_says_when_to_use_it_how_it_fails_and_where_it_is_from(name: str) -> None:
    manual = DETECTORS[name].__doc__ or ""
    for heading in ("score", "Use it:", "Fails:", "Source:"):
        assert heading in manual
