"""Units: conversions that are exact enough to alarm on, and refusals where a gas or a temperature would be needed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import UnitError
from model.unit import factor_and_offset, known

UNITS = [
    "Pa", "hPa", "kPa", "MPa", "bar", "mbar", "degC", "K", "°F", "m", "mm", "km", "m3/h", "L/s", "m/s", "km/h", "mA",
    "%", "1", "%LEL", "%VOL", "ppm", "ppb", "mg/m3", "kW/m2", "dB/m", "s", "min", "h", "mH2O", "",
    "m3", "L", "kg", "t", "N", "kN", "Ah", "C", "uS/cm", "S/m", "Hz", "MHz", "kWh", "J", "dBm", "dBW", "rad", "deg",
    "‰", "byte/s", "Mbit/s", "uSv/h", "Sv/h", "L/h", "m3/min", "kg/s", "t/h", "mm/h", "ms", "g/m3",
    "degC/min", "K/s", "kPa/min", "%LEL/min", "1/s", "m3/h/min",
]  # fmt: skip


def turned(value: float, given_unit: str, wanted: str) -> float:
    factor, offset = factor_and_offset(given_unit, wanted)
    return value * factor + offset


@pytest.mark.parametrize(
    ("value", "given_unit", "wanted", "expected"),
    [
        (1, "MPa", "kPa", 1000),
        (1, "bar", "kPa", 100),
        (25, "degC", "K", 298.15),
        (32, "°F", "degC", 0),
        (-40, "°F", "degC", -40),
        (25, "Cel", "°C", 25),
        (3600, "m3/h", "m3/s", 1),
        (60, "L/min", "L/s", 1),
        (36, "km/h", "m/s", 10),
        (0.21, "1", "%", 21),
        (500, "ppb", "ppm", 0.5),
        (10, "degC/min", "K/s", 1 / 6),
        (18, "°F/min", "degC/min", 10),
        (60, "%LEL/min", "%LEL/s", 1),
        (5, "W/m2", "kW/m2", 0.005),
        (1, "kWh", "J", 3.6e6),
        (2, "Ah", "C", 7200),
        (1, "m3", "L", 1000),
        (60, "m3/min", "m3/h", 3600),
        (1, "mS/cm", "uS/cm", 1000),
        (1, "dBW", "dBm", 31),
        (180, "deg", "rad", 3.141592653589793),
        (5, "‰", "%", 0.5),
        (1, "MB/s", "Mbit/s", 8),
        (0.1, "uSv/h", "mSv/h", 1e-4),
    ],
)
def test_a_value_is_turned(value: float, given_unit: str, wanted: str, expected: float) -> None:
    assert turned(value, given_unit, wanted) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("given_unit", "wanted"),
    [
        ("%LEL", "%VOL"),
        ("ppm", "%VOL"),
        ("ppm", "mg/m3"),
        ("mH2O", "kPa"),
        ("degC", "degC/min"),
        ("m/s", "m3/s"),
        ("", "1"),
        ("s", "1"),
    ],
)
def test_what_needs_more_than_the_two_units_is_refused(given_unit: str, wanted: str) -> None:
    with pytest.raises(UnitError, match="cannot be turned into"):
        factor_and_offset(given_unit, wanted)


def test_an_unknown_unit_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UnitError, match=r"unit 'furlong' is not known; known are %, %LEL, .*kPa"):
        factor_and_offset("furlong", "m")
    assert not known("furlong")
    assert not known("furlong/s")
    assert not known("kPa/furlong")


@given(st.sampled_from(list(itertools.permutations(UNITS, 2))), st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same_value(pair: tuple[str, str], value: float) -> None:
    one, other = pair
    try:
        there = turned(value, one, other)
    except UnitError:
        with pytest.raises(UnitError):
            factor_and_offset(other, one)
        return
    assert turned(there, other, one) == pytest.approx(value, rel=1e-9, abs=1e-6)
