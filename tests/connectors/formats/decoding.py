"""Decoding for tests: payloads in, readings as tuples out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from connectors.decoder import MessageDecoder
from connectors.formats import SomeSubscription
from model.batch import NO_TIME
from model.connector import Deliveries, Delivery, Refusal

RECEIVED_NS = 1_772_971_530 * 10**9
_subscription: TypeAdapter[Any] = TypeAdapter(SomeSubscription)


class Row(NamedTuple):
    """One reading; ``time_ns`` is None where the device gave none."""

    tag: str
    value: float
    time_ns: int | None = None
    quality: int = 0
    unit: str = ""


@dataclass
class Decoded:
    rows: list[Row]
    refused: list[Refusal]
    left_out: dict[str, int]

    @property
    def reasons(self) -> list[str]:
        return [one.reason for one in self.refused]

    @property
    def values(self) -> list[float]:
        return [row.value for row in self.rows]

    @property
    def tags(self) -> list[str]:
        return [row.tag for row in self.rows]

    @property
    def times(self) -> list[int | None]:
        return [row.time_ns for row in self.rows]


def subscription(format: str, **more: object) -> Any:  # noqa: A002 - as the key is called
    """As it stands in a configuration."""
    return _subscription.validate_python({"format": format, **more})


def decoded(decoder: MessageDecoder, *messages: tuple[str, bytes], received_ns: int = RECEIVED_NS) -> Decoded:
    deliveries = Deliveries.of(
        [Delivery("s", topic, data, received_ns, retained=False, receipt=n) for n, (topic, data) in enumerate(messages)]
    )
    readings, refused = decoder.decode(deliveries)
    rows = [
        Row(
            tag,
            float(readings.value[at]),
            None if readings.time_ns[at] == NO_TIME else int(readings.time_ns[at]),
            int(readings.quality[at]),
            readings.units[readings.unit[at]],
        )
        for at, tag in enumerate(readings.tags)
    ]
    return Decoded(rows, refused, readings.left_out)


def decode(format_: str, *payloads: object, topic: str = "gateways/g", **more: object) -> Decoded:
    """Payloads of one topic; what is no bytes is written as JSON. Readings name their own tags."""
    given = {"topic": "gateways/{gateway}", "tag": "{tag}", **more}
    written = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]
    decoder = MessageDecoder([subscription(format_, **given)])
    return decoded(decoder, *((topic, one) for one in written))
