"""The format ``sparkplug``: Sparkplug B 3.0, where births announce what data messages then call by a number.

A birth gives values; a death makes all that was announced bad at once. What is in doubt (a number that nobody
announced, a message missing, data before a birth) is answered with the request for a rebirth, which brings everything
again. Nothing of this outlives a restart of ours: then every node is asked as soon as it says something.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.formats.columns import judge
from connectors.formats.contract import WHOLE, Context, Fault, Rows, payloads
from connectors.formats.sparkplug_message import Found, Message, Topic
from connectors.formats.sparkplug_nodes import Announced, Device, Node, Table
from connectors.formats.sparkplug_payload import (
    BD_SEQ,
    NUMBERS,
    OTHERS,
    Metric,
    Payload,
    bd_seq_of,
    datatype_of,
    number_of,
    property_of,
    quality_of,
    read_payload,
    rebirth_command,
)
from connectors.formats.sparkplug_settings import SparkplugSubscription
from connectors.interning import Vocabulary
from connectors.requests import ASKED_MAX, Request
from connectors.topic import JOINT, OWN_TAG, TagTemplate
from model.batch import NO_TIME
from model.connector import Deliveries, Refusals

#: Metrics of all nodes that are remembered; beyond them those that are known go on.
METRICS_MAX = 200_000

#: Nodes that are remembered.
NODES_MAX = ASKED_MAX

#: Names that are remembered; beyond them those of dead nodes are forgotten.
_REMEMBERED_MAX = 2 * METRICS_MAX
_TOPICS_MAX = 50_000

#: Reasons for a rebirth that are told apart for one node.
_OPEN_MAX = 100

_CONTROL = (b"Node Control/", b"Device Control/")
_TIME_MAX = np.iinfo(np.int64).max
_NO_ROWS: list[tuple[()]] = [()] * 7


class Sparkplug:
    """The format ``sparkplug``."""

    def __init__(self, subscription: SparkplugSubscription, context: Context) -> None:
        self._settings = subscription
        self._requests = context.requests
        self._readings_max = context.readings_max
        self._templates = {"D": TagTemplate(subscription.tag), "N": TagTemplate(subscription.node_tag)}
        self._unit_property = subscription.unit_property.encode()
        self._names = Vocabulary()
        self._units = Vocabulary("")
        self._topics: dict[str, Topic] = {}
        self._nodes: dict[str, Node] = {}
        self._metrics = 0  # of all nodes
        self._handlers = {
            "NBIRTH": self._node_birth,
            "NDEATH": self._node_death,
            "NDATA": self._data,
            "DBIRTH": self._device_birth,
            "DDEATH": self._device_death,
            "DDATA": self._data,
        }
        for name in subscription.nodes:
            self._ask(name, delay_s=0.0)

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        self._forget_if_many()
        readings = Found()
        for at, data in payloads(deliveries, wanted):
            topic = self._topic(deliveries.topic(at))
            payload = self._payload(topic, data)
            if isinstance(payload, Fault):
                refusals.add(at, WHOLE, payload, data)
                continue
            sent_ms = payload.timestamp if payload.HasField("timestamp") else None
            message = Message(at, topic, payload, sent_ms, int(deliveries.received_ns[at]), readings, refusals)
            node = self._nodes.setdefault(topic.node, Node())
            self._metrics -= len(node)
            self._handlers[topic.kind](node, message)
            self._metrics += len(node)
            if node.open:
                self._ask(topic.node, self._settings.reorder_timeout_s)
            else:
                self._requests.withdraw(topic.node)
        return self._rows(readings)

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        found = read_payload(payload)
        if isinstance(found, Fault):
            return [payload] * len(elements)
        return [found.metrics[at].SerializeToString() if 0 <= at < len(found.metrics) else payload for at in elements]

    def _payload(self, topic: Topic, data: bytes) -> Payload | Fault:
        payload = read_payload(data)
        if not isinstance(payload, Fault) and len(payload.metrics) > self._readings_max:
            got = len(payload.metrics)
            return Fault("too_many", f"a message holds at most {self._readings_max} metrics (readings_max), got {got}")
        if topic.node not in self._nodes and len(self._nodes) >= NODES_MAX:
            return Fault("too_many", f"at most {NODES_MAX} nodes are remembered, got one more: {topic.node[:100]}")
        return payload

    def _topic(self, text: str) -> Topic:
        """What a topic says; ``spBv1.0/group/type/node`` or the same with a device."""
        found = self._topics.get(text)
        if found is None:
            _, group, kind, node, *device = text.split("/")
            words = {"group": group, "node": node, "device": "".join(device), OWN_TAG: JOINT}
            around = self._templates[kind[0]].render(words).replace(" ", "_").split(JOINT)
            found = self._topics[text] = Topic(kind, f"{group}/{node}", words["device"], tuple(around))
        return found

    def _ask(self, node: str, delay_s: float) -> None:
        group, _, name = node.partition("/")
        request = Request(f"spBv1.0/{group}/NCMD/{name}", rebirth_command)
        self._requests.ask(node, request, delay_s=delay_s, every_s=self._settings.rebirth_every_s)

    def _node_birth(self, node: Node, message: Message) -> None:
        payload = message.payload
        bd_seq = bd_seq_of(payload)
        begins = not node.alive or bd_seq != node.bd_seq
        if begins and node.alive:  # its death did not reach us
            self._die(node, message)
        table = self._announce(node, message, node.table, begins=begins)
        if table is None:
            return
        node.table = table
        within_ns = int(self._settings.reorder_timeout_s * 1e9)
        node.begin(bd_seq, payload.seq, message.received_ns - within_ns)
        if node.died_since(bd_seq, message.received_ns - within_ns):
            self._die(node, message)
            node.open.add("death")

    def _node_death(self, node: Node, message: Message) -> None:
        """The will of a session; one that is over already, or that we have not seen begin, says nothing of this one."""
        bd_seq = bd_seq_of(message.payload)
        doubtful = not node.alive or bd_seq is None or node.bd_seq is None
        if (node.alive and bd_seq == node.bd_seq) or (doubtful and (node.alive or node.devices)):
            self._die(node, message)
            if doubtful:
                node.open.add("death")
            return
        message.readings.left_out["old_death"] += 1
        node.early_death = None if bd_seq is None else (bd_seq, message.received_ns)

    def _device_birth(self, node: Node, message: Message) -> None:
        self._count(node, message)
        device = message.topic.device
        known = node.devices.get(device)
        table = self._announce(node, message, known.table if known else Table(), begins=known is None)
        if table is not None:
            node.devices[device] = Device(table, confirmed=node.alive)
            node.open.discard(device)

    def _device_death(self, node: Node, message: Message) -> None:
        self._count(node, message)
        device = node.devices.pop(message.topic.device, None)
        if device is None:
            message.readings.left_out["unknown_device"] += 1
            return
        node.died_ns = message.received_ns
        message.readings.add_dead(device.table.tags, message.at)

    def _data(self, node: Node, message: Message) -> None:
        self._count(node, message)
        device = message.topic.device
        if device:
            known = node.devices.get(device)
            table = None if known is None else known.table
        else:
            table = node.table if node.alive else None
        if table is None and len(node.open) < _OPEN_MAX:
            node.open.add(device or "session")
        for element, metric in enumerate(message.payload.metrics):
            self._datum(node, message, table, element, metric)
        if not len(message.payload.metrics):
            message.readings.left_out["empty"] += 1

    @staticmethod
    def _count(node: Node, message: Message) -> None:
        if not node.alive:
            node.open.add("session")
        if message.payload.HasField("seq"):
            node.count(message.payload.seq, message.received_ns)

    @staticmethod
    def _die(node: Node, message: Message) -> None:
        node.died_ns = message.received_ns
        message.readings.add_dead(node.dead_tags(), message.at)
        node.end()

    def _announce(self, node: Node, message: Message, replaced: Table, *, begins: bool) -> Table | None:
        """Read a birth, its values too; None where there is no room for it."""
        metrics = message.payload.metrics
        if self._metrics + len(node) - len(replaced) + len(metrics) > METRICS_MAX:
            detail = f"at most {METRICS_MAX} metrics of all nodes are remembered, got {len(metrics)} more"
            message.refuse(WHOLE, Fault("too_many", detail))
            return None
        table = Table()
        since_ns = node.died_ns if begins else None
        for element, metric in enumerate(metrics):
            name = metric.name
            announced = self._announced(message, name, metric)
            if isinstance(announced, Fault):
                message.refuse(element, announced)
                continue
            table.add(name, metric.alias if metric.HasField("alias") else None, announced)
            self._add(message, element, metric, announced, since_ns)
        if not len(metrics):
            message.readings.left_out["empty"] += 1
        return table

    def _announced(self, message: Message, name: bytes, metric: Metric) -> Announced | Fault:
        if not name:
            return Fault("no_name", "a birth names each metric, got one without a name")
        datatype = datatype_of(metric)
        if datatype is None:
            return Fault("no_datatype", f"a birth gives each metric its datatype, got none for {name[:60]!r}")
        if datatype not in NUMBERS or _is_control(name):
            return Announced(-1, 0, datatype)
        tag = self._tag(message.topic, name)
        if isinstance(tag, Fault):
            return tag
        return Announced(tag, self._unit(metric) if metric.HasField("properties") else 0, datatype)

    def _unit(self, metric: Metric) -> int:
        unit = property_of(metric, self._unit_property) if self._unit_property else None
        return 0 if unit is None else self._units.place(unit.string_value.decode(errors="replace"))

    def _tag(self, topic: Topic, name: bytes) -> int | Fault:
        try:
            text = name.decode()
        except UnicodeDecodeError:
            return Fault("bad_name", f"a metric's name is UTF-8, got {name[:60]!r}")
        return self._names.place(text.replace(" ", "_").join(topic.around))

    def _datum(self, node: Node, message: Message, table: Table | None, element: int, metric: Metric) -> None:
        """One metric of a data message, by the name or the number that its birth gave it."""
        known = table or Table()
        announced: Announced | Fault
        if metric.name:
            announced = known.by_name.get(metric.name) or self._unannounced(message, metric)
        elif not metric.HasField("alias"):
            announced = Fault("no_name", "a metric has a name or an alias, got neither")
        elif metric.alias in known.by_alias:
            announced = known.by_alias[metric.alias]
        else:
            reason = "no_birth" if table is None else "unknown_alias"
            announced = Fault(
                reason, f"a birth announces an alias before it is used, got {metric.alias}; a rebirth is asked for"
            )
            if table is not None:
                node.open.add("alias")
        if isinstance(announced, Fault):
            message.refuse(element, announced)
            return
        self._add(message, element, metric, announced, None)

    def _unannounced(self, message: Message, metric: Metric) -> Announced | Fault:
        """What can be known of a metric that names itself before any birth."""
        if _is_control(metric.name):
            return Announced(-1, 0, 0)
        datatype = datatype_of(metric)
        if datatype is None:
            return Fault("no_birth", f"the datatype of {metric.name[:60]!r} is not known before a birth, got none")
        if datatype not in NUMBERS:
            return Announced(-1, 0, datatype)
        tag = self._tag(message.topic, metric.name)
        return tag if isinstance(tag, Fault) else Announced(tag, 0, datatype)

    @staticmethod
    def _add(message: Message, element: int, metric: Metric, announced: Announced, since_ns: int | None) -> None:
        """Add a reading, or say why it is none.

        Args:
            message: where it stands.
            element: its place there.
            metric: as it came.
            announced: what is known of it.
            since_ns: where it begins a session: when the one before was told dead. Its value then is as of the birth,
                however long ago it was measured.

        """
        tag, unit, datatype = announced
        if metric.HasField("datatype"):
            datatype = metric.datatype
        if tag < 0 or datatype not in NUMBERS:
            message.readings.left_out["control" if _is_control(metric.name) else OTHERS.get(datatype, "unknown")] += 1
            return
        value = number_of(metric, datatype)
        if value is None:
            message.refuse(element, Fault("bad_value", f"a metric holds a value of its datatype {datatype}, got none"))
            return
        own_ms = metric.timestamp if metric.HasField("timestamp") else None
        if metric.is_historical:
            if own_ms is None:
                message.refuse(element, Fault("no_time", "a historical metric has a timestamp, got none"))
                return
            time_ns = _time_ns(own_ms, None, since_ns)
        else:
            time_ns = _time_ns(own_ms, message.sent_ms, since_ns)
        message.readings.rows.append((tag, unit, value, time_ns, quality_of(metric), message.at, element))

    def _rows(self, readings: Found) -> Rows:
        tag, unit, value, time_ns, quality, delivery, element = (
            zip(*readings.rows, strict=True) if readings.rows else _NO_ROWS
        )
        values = np.array(value, np.float64)
        qualities = np.array(quality, np.uint8)
        judge(values, qualities)
        return Rows(
            self._names.words,
            np.array(tag, np.int32),
            self._units.words,
            np.array(unit, np.int32),
            values,
            np.array(time_ns, np.int64),
            qualities,
            np.array(delivery, np.int32),
            np.array(element, np.int32),
            dict(readings.left_out),
        )

    def _forget_if_many(self) -> None:
        """Forget the names that no node has announced."""
        if len(self._topics) > _TOPICS_MAX:
            self._topics.clear()
        if len(self._names) + len(self._units) <= _REMEMBERED_MAX:
            return
        names, units = self._names.words, self._units.words
        self._names.clear()
        self._units.clear()
        for node in self._nodes.values():
            for table in node.tables():
                table.move(
                    lambda place: self._names.place(names[place]) if place >= 0 else place,
                    lambda place: self._units.place(units[place]),
                )


def _time_ns(own_ms: int | None, sent_ms: int | None, since_ns: int | None) -> int:
    """The time of a reading: its own, else that of its message.

    At the beginning of a session (``since_ns``) the later of both, and none at all up to the death before.
    """
    if own_ms is None or (since_ns is not None and sent_ms is not None and sent_ms > own_ms):
        own_ms = sent_ms
    if own_ms is None:
        return NO_TIME
    time_ns = min(own_ms * 10**6, _TIME_MAX)
    return NO_TIME if since_ns is not None and time_ns <= since_ns else time_ns


def _is_control(name: bytes) -> bool:
    """Whether a metric is there to command a node, or to count its sessions."""
    return name == BD_SEQ or name.startswith(_CONTROL)
