"""Units of measurement and their conversion. What would need a gas, a temperature or a pressure is refused."""

from __future__ import annotations

import math
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
    "m2": _Unit("area", 1.0),
    "m3": _Unit("volume", 1.0),
    "L": _Unit("volume", 1e-3),
    "mL": _Unit("volume", 1e-6),
    "kg": _Unit("mass", 1.0),
    "g": _Unit("mass", 1e-3),
    "t": _Unit("mass", 1e3),
    "N": _Unit("force", 1.0),
    "kN": _Unit("force", 1e3),
    "m3/h": _Unit("flow", 1 / 3600),
    "m3/min": _Unit("flow", 1 / 60),
    "m3/s": _Unit("flow", 1.0),
    "L/s": _Unit("flow", 1e-3),
    "L/min": _Unit("flow", 1e-3 / 60),
    "m/s": _Unit("speed", 1.0),
    "km/h": _Unit("speed", 1 / 3.6),
    "m/s2": _Unit("acceleration", 1.0),
    "A": _Unit("current", 1.0),
    "mA": _Unit("current", 1e-3),
    "kA": _Unit("current", 1e3),
    "C": _Unit("charge", 1.0),
    "Ah": _Unit("charge", 3600.0),
    "V": _Unit("voltage", 1.0),
    "mV": _Unit("voltage", 1e-3),
    "kV": _Unit("voltage", 1e3),
    "Ohm": _Unit("resistance", 1.0),
    "F": _Unit("capacitance", 1.0),
    "S/m": _Unit("conductivity", 1.0),
    "mS/cm": _Unit("conductivity", 0.1),
    "uS/cm": _Unit("conductivity", 1e-4),
    "Hz": _Unit("frequency", 1.0),
    "kHz": _Unit("frequency", 1e3),
    "MHz": _Unit("frequency", 1e6),
    "W": _Unit("power", 1.0),
    "kW": _Unit("power", 1e3),
    "MW": _Unit("power", 1e6),
    "J": _Unit("energy", 1.0),
    "kJ": _Unit("energy", 1e3),
    "Wh": _Unit("energy", 3600.0),
    "kWh": _Unit("energy", 3.6e6),
    "VA": _Unit("apparent power", 1.0),
    "kVA": _Unit("apparent power", 1e3),
    "var": _Unit("reactive power", 1.0),
    "kvar": _Unit("reactive power", 1e3),
    "dBm": _Unit("power level", 1.0),
    "dBW": _Unit("power level", 1.0, 30.0),
    "dB": _Unit("level", 1.0),
    "cd": _Unit("luminous intensity", 1.0),
    "lm": _Unit("luminous flux", 1.0),
    "lx": _Unit("illuminance", 1.0),
    "Bq": _Unit("activity", 1.0),
    "Gy": _Unit("absorbed dose", 1.0),
    "Sv": _Unit("equivalent dose", 1.0),
    "mSv": _Unit("equivalent dose", 1e-3),
    "uSv": _Unit("equivalent dose", 1e-6),
    "mol": _Unit("amount", 1.0),
    "pH": _Unit("acidity", 1.0),
    "NTU": _Unit("turbidity", 1.0),
    "bit": _Unit("information", 1.0),
    "Mbit": _Unit("information", 1e6),
    "byte": _Unit("information", 8.0),
    "KiB": _Unit("information", 8192.0),
    "MB": _Unit("information", 8e6),
    "GB": _Unit("information", 8e9),
    "kW/m2": _Unit("heat flux", 1e3),
    "W/m2": _Unit("heat flux", 1.0),
    "%": _Unit("ratio", 0.01),
    "‰": _Unit("ratio", 0.001),
    "1": _Unit("ratio", 1.0),
    "%LEL": _Unit("share of the lower explosive limit", 1.0),
    "%VOL": _Unit("volume fraction", 1.0),
    "ppm": _Unit("trace fraction", 1.0),
    "ppb": _Unit("trace fraction", 1e-3),
    "mg/m3": _Unit("mass concentration", 1.0),
    "ug/m3": _Unit("mass concentration", 1e-3),
    "g/m3": _Unit("mass concentration", 1e3),
    "kg/m3": _Unit("mass concentration", 1e6),
    "dB/m": _Unit("optical density", 1.0),
    "1/m": _Unit("optical density", 10.0),  # log10 of the light that is lost
    "%RH": _Unit("relative humidity", 1.0),
    "deg": _Unit("angle", 1.0),
    "rad": _Unit("angle", 180 / math.pi),
    "ms": _Unit("time", 1e-3),
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
