"""Units of the SenML registry (RFC 8428, RFC 8798) that have another name with us; all others keep theirs.

Those that the project does not know (``model.unit``) stay as they are, and are refused by name where a sensor's kind
needs another unit.
"""

from __future__ import annotations

OURS = {
    "/": "1",
    "l": "L",
    "l/s": "L/s",
    "/100": "%",
    "/1000": "‰",
    "%EL": "%",
    "EL": "s",
    "count": "",
    "beats": "",
    "beat/min": "1/min",
    "lat": "deg",
    "lon": "deg",
    "Cel": "degC",
    "B": "byte",
    "B/s": "byte/s",
}

#: What a unit becomes when it is summed over seconds.
SUMMED = {
    "W": "J",
    "kW": "kJ",
    "A": "C",
    "m/s": "m",
    "m3/s": "m3",
    "L/s": "L",
    "kg/s": "kg",
    "1/s": "1",
    "": "",
}
