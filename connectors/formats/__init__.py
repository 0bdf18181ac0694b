"""How payloads are written, one format a file. ``FORMATS`` names the class of each.

A format turns payloads into rows with the names that the payload gives; which sensor a row belongs to is for
``connectors.decoder`` to say, by the topic.
"""

from __future__ import annotations

from connectors.formats.contract import Format
from connectors.formats.json_readings import JsonReadings

#: ``format`` of a subscription -> class, made with the subscription.
FORMATS: dict[str, type[Format]] = {
    "json": JsonReadings,
}
