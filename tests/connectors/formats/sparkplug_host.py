"""Our side of Sparkplug for tests: a decoder, and what it asks for on a clock of its own."""

from __future__ import annotations

from typing import Any

from connectors.decoder import MessageDecoder
from connectors.formats.contract import Context
from connectors.formats.sparkplug_payload import BOOLEAN, DOUBLE, FLOAT
from connectors.formats.sparkplug_settings import SparkplugSubscription
from connectors.requests import Requests
from model.batch import BAD
from tests.connectors.formats.decoding import RECEIVED_NS, Decoded, decoded
from tests.connectors.formats.edge_node import EdgeNode, M
from tests.connectors.test_requests import Clock

MS = RECEIVED_NS // 10**6


class Host:
    """Our side: a decoder, and what it asks for on a clock of its own."""

    def __init__(self, **given: Any) -> None:
        self.clock = Clock()
        self.requests = Requests(self.clock)
        settings_ = SparkplugSubscription.model_validate({"tag": "{device}/{tag}", "node_tag": "{tag}", **given})
        self.decoder = MessageDecoder([settings_], context=Context(requests=self.requests))

    def hear(self, *messages: tuple[str, bytes], received_ns: int = RECEIVED_NS) -> Decoded:
        return decoded(self.decoder, *messages, received_ns=received_ns)

    def asks(self, after_s: float = 2.0) -> list[str]:
        """Topics of requests that are due so much later."""
        self.clock.now_s += after_s
        return [one.topic for one in self.requests.take()]


def born(host: Host, node: EdgeNode) -> None:
    host.hear(
        node.birth(M("temp", 20.5, FLOAT, alias=1), time_ms=MS),
        node.device_birth("pump", M("flow", 5.25, DOUBLE, alias=2), M("on", value=True, datatype=BOOLEAN, alias=3)),
    )


def dead(*tags: str) -> list[tuple[str, int, int | None]]:
    return [(tag, BAD, None) for tag in tags]


def marks(found: Decoded) -> list[tuple[str, int, int | None]]:
    return [(row.tag, row.quality, row.time_ns) for row in found.rows]
