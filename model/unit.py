"""Units of measurement and their conversion. What would need a gas, a temperature or a pressure is refused."""

from __future__ import annotations

from dataclasses import dataclass

from model.errors import UnitError


@dataclass(frozen=True, slots=True)
class _Unit:
    dimension: str
    factor: float  # base = value * factor + offset
    offset: float = 0.0


# %LEL, %VOL and ppm are dimensions of their own on purpose: turning one into the other needs the gas and
# its LEL basis (5.0 or 4.4 %VOL for methane), which a unit string does not carry.
_UNITS: dict[str, _Unit] = {
    "Pa": _Unit("pressure", 1.0),
    "hPa": _Unit("pressure", 100.0),
    "kPa": _Unit("pressure", 1e3),
    "MPa": _Unit("pressure", 1e6),
    "bar": _Unit("pressure", 1e5),
    "mbar": _Unit("pressure", 100.0),
    "°C": _Unit("temperature", 1.0, 273.15),
    "degC": _Unit("temperature", 1.0, 273.15),
    "Cel": _Unit("temperature", 1.0, 273.15),
    "K": _Unit("temperature", 1.0),
    "°F": _Unit("temperature", 5 / 9, 459.67 * 5 / 9),
    "m": _Unit("length", 1.0),
    "cm": _Unit("length", 0.01),
    "mm": _Unit("length", 0.001),
    "km": _Unit("length", 1e3),
    "mH2O": _Unit("head", 1.0),
    "m3/h": _Unit("flow", 1 / 3600),
    "m3/min": _Unit("flow", 1 / 60),
    "m3/s": _Unit("flow", 1.0),
    "L/s": _Unit("flow", 1e-3),
    "L/min": _Unit("flow", 1e-3 / 60),
    "m/s": _Unit("speed", 1.0),
    "km/h": _Unit("speed", 1 / 3.6),
    "A": _Unit("current", 1.0),
    "mA": _Unit("current", 1e-3),
    "V": _Unit("voltage", 1.0),
    "mV": _Unit("voltage", 1e-3),
    "W": _Unit("power", 1.0),
    "kW": _Unit("power", 1e3),
    "kW/m2": _Unit("heat flux", 1e3),
    "W/m2": _Unit("heat flux", 1.0),
    "%": _Unit("ratio", 0.01),
    "1": _Unit("ratio", 1.0),
    "%LEL": _Unit("share of the lower explosive limit", 1.0),
    "%VOL": _Unit("volume fraction", 1.0),
    "ppm": _Unit("trace fraction", 1.0),
    "ppb": _Unit("trace fraction", 1e-3),
    "mg/m3": _Unit("mass concentration", 1.0),
    "ug/m3": _Unit("mass concentration", 1e-3),
    "dB/m": _Unit("optical density", 1.0),
    "%RH": _Unit("relative humidity", 1.0),
    "deg": _Unit("angle", 1.0),
    "s": _Unit("time", 1.0),
    "min": _Unit("time", 60.0),
    "h": _Unit("time", 3600.0),
    "sigma": _Unit("deviations", 1.0),
    "": _Unit("count", 1.0),
}


def known(unit: str) -> bool:
    return unit in _UNITS or _per_time(unit) is not None


def _per_time(unit: str) -> tuple[_Unit, _Unit] | None:
    """Split a rate such as ``degC/min`` into what changes and per which time; m/s is a unit of its own."""
    numerator, _, denominator = unit.rpartition("/")
    over = _UNITS.get(denominator)
    if numerator not in _UNITS or over is None or over.dimension != "time":
        return None
    return _UNITS[numerator], over


def factor_and_offset(given: str, wanted: str) -> tuple[float, float]:
    """Conversion ``wanted = given * factor + offset``.

    Raises:
        UnitError: a unit is unknown, or the two measure different things.

    """
    if given == wanted:
        return 1.0, 0.0
    a, b = _UNITS.get(given), _UNITS.get(wanted)
    if a is not None and b is not None and a.dimension == b.dimension:
        return a.factor / b.factor, (a.offset - b.offset) / b.factor
    rate_a, rate_b = _per_time(given), _per_time(wanted)
    if rate_a and rate_b and rate_a[0].dimension == rate_b[0].dimension:
        return (rate_a[0].factor / rate_a[1].factor) / (rate_b[0].factor / rate_b[1].factor), 0.0
    for name in (given, wanted):
        if not known(name):
            message = f"unit {name!r} is not known; known are {', '.join(sorted(u for u in _UNITS if u))}"
            raise UnitError(message)
    message = f"{given!r} cannot be turned into {wanted!r}"
    raise UnitError(message)
