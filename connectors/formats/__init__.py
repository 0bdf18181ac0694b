"""How payloads are written, one format a file. ``FORMATS`` names the class of each.

A format turns payloads into rows with the names that the payload gives; which sensor a row belongs to is for
``connectors.decoder`` to say, by the topic. Beside its class, a file has the settings that a subscription to it takes.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from connectors.formats.columnar import Columns, ColumnsSubscription
from connectors.formats.contract import Format
from connectors.formats.csv_lines import CsvLines, CsvSubscription
from connectors.formats.json_readings import JsonReadings, JsonSubscription
from connectors.formats.mapped_json import MappedJson
from connectors.formats.mapped_settings import MappedJsonSubscription
from connectors.formats.senml import Senml, SenmlSubscription
from connectors.formats.sparkplug import Sparkplug
from connectors.formats.sparkplug_settings import SparkplugSubscription

#: ``format`` of a subscription -> class, made with the subscription.
FORMATS: dict[str, type[Format]] = {
    "columns": Columns,
    "csv": CsvLines,
    "json": JsonReadings,
    "mapped-json": MappedJson,
    "senml": Senml,
    "sparkplug": Sparkplug,
}


def _json_where_none_is_named(given: object) -> object:
    return {"format": "json", **given} if isinstance(given, dict) else given


#: A subscription as it stands in a configuration; its ``format`` says which settings it takes.
SomeSubscription: TypeAlias = Annotated[
    Annotated[
        ColumnsSubscription
        | CsvSubscription
        | JsonSubscription
        | MappedJsonSubscription
        | SenmlSubscription
        | SparkplugSubscription,
        Field(discriminator="format"),
    ],
    BeforeValidator(_json_where_none_is_named),
]
