"""Gateways, a broker with one session of ours, and the wire between: everything on it can be late, doubled or lost.

What MQTT at QoS 1 forbids does not happen: what the broker took over and we did not acknowledge comes again, unless
the session itself is lost.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from model.connector import Deliveries, Delivery, Inbox, Probe
from tests.pipeline.plans import SECOND_NS

NAME = "memory"
WINDOW = 60  # messages under way at most (receive maximum)
REPEATED = 6
TAGS = tuple(f"s{number:02d}" for number in range(12))
LEVELS = (1.0, 1.0, 1.0, 15.0, 30.0, 60.0)
PERIOD_S = 30.0


class Identity(NamedTuple):
    """By which a reading is known again in the journal; ``value`` None = it had none."""

    tag: str
    time_ns: int | None
    value: float | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of a gateway; it holds one reading, or none that can be used."""

    topic: str
    payload: bytes
    identity: Identity | None  # None = not a reading of a registered sensor
    retained: bool = False


class Gateway:
    """Some sensors on one line: it can be cut off and come back, say things twice, and change the order."""

    def __init__(self, tags: tuple[str, ...], chance: random.Random) -> None:
        self._tags, self._chance = tags, chance
        self._due_s = {tag: chance.uniform(0, PERIOD_S) for tag in tags}
        self._level, self._left = dict.fromkeys(tags, 1.0), dict.fromkeys(tags, 10)
        self._kept: list[Sent] = []
        self._said: dict[str, deque[Sent]] = {tag: deque(maxlen=REPEATED) for tag in tags}
        self.repeats = False  # it has lost its memory of what was taken over, and says the last readings again
        self.cut_off_until_s = 0.0
        self.silent_until_s = dict.fromkeys(tags, 0.0)
        self.clock_wrong_s = 0.0
        self._number = 0

    def say(self, now_s: float, true_ns: int) -> list[Sent]:
        """What it hands to the broker now."""
        for tag in self._tags:
            if self._due_s[tag] <= now_s:
                self._due_s[tag] = now_s + PERIOD_S * self._chance.uniform(0.8, 1.2)
                if now_s >= self.silent_until_s[tag]:
                    self._kept.append(self._message(tag, true_ns))
        if now_s < self.cut_off_until_s:
            return []
        said, self._kept = self._kept, []
        if self.repeats:
            self.repeats = False
            said = [again for readings in self._said.values() for again in readings] + said
        for one in said:
            if one.identity is not None:
                self._said[one.identity.tag].append(one)
        if len(said) > 1 and self._chance.random() < 0.05:
            at = self._chance.randrange(len(said) - 1)
            said[at], said[at + 1] = said[at + 1], said[at]
        return [again for one in said for again in [one] * (2 if self._chance.random() < 0.02 else 1)]

    def _message(self, tag: str, true_ns: int) -> Sent:
        self._number += 1
        chance = self._chance
        what = chance.random()
        if what < 0.004:
            return Sent(f"d/{tag}", b'{"value": %d,' % self._number, None)
        if what < 0.008:
            return Sent(f"d/stranger{self._number % 50}", b'{"value": 1}', None)
        if what < 0.012:
            return Sent(f"d/{tag}", b'{"value": 99}', None, retained=True)
        time_ns: int | None = true_ns + round(self.clock_wrong_s * SECOND_NS)
        value: float | None = self._value(tag)
        if what < 0.022:
            value = None
        elif what < 0.03:
            time_ns = None
        elif what < 0.034 and time_ns is not None:
            time_ns += 7200 * SECOND_NS
        body = {"value": value} if time_ns is None else {"value": value, "time": time_ns}
        return Sent(f"d/{tag}", json.dumps(body).encode(), Identity(tag, time_ns, value))

    def _value(self, tag: str) -> float:
        """Noise on a staircase; the last digits are those of no other reading."""
        self._left[tag] -= 1
        if self._left[tag] <= 0:
            self._level[tag], self._left[tag] = self._chance.choice(LEVELS), self._chance.randint(6, 80)
        return round(self._level[tag] + self._chance.gauss(0, 0.4), 3) + self._number * 1e-9


class Broker:
    """Keeps for our session what we did not acknowledge."""

    def __init__(self) -> None:
        self.queue: deque[Sent] = deque()
        self.under_way: dict[int, Sent] = {}  # by packet id, in the order of sending
        self._next_id = 0

    def publish(self, sent: list[Sent]) -> None:
        self.queue.extend(sent)

    def acknowledged(self, packet: int) -> None:
        self.under_way.pop(packet, None)

    def connection_lost(self) -> None:
        """What was under way comes again, first of all."""
        self.queue.extendleft(reversed(self.under_way.values()))
        self.under_way = {}

    def session_lost(self) -> list[Sent]:
        """The broker has forgotten us: what it held for us is gone."""
        self.connection_lost()
        gone, self.queue = list(self.queue), deque()
        return gone

    def next_packets(self) -> list[tuple[int, Sent]]:
        sent = []
        while self.queue and len(self.under_way) < WINDOW:
            self._next_id += 1
            self.under_way[self._next_id] = self.queue.popleft()
            sent.append((self._next_id, self.under_way[self._next_id]))
        return sent


class LinkSource:
    """A source of the pipeline over a simulated wire; true to ``model.connector.Source``, without a thread."""

    name = NAME

    def __init__(self, broker: Broker, chance: random.Random, on_acknowledge: Callable[[Sent], None]) -> None:
        self._broker, self._chance, self._on_acknowledge = broker, chance, on_acknowledge
        self._down: deque[tuple[float, int, Sent]] = deque()  # (arrival, packet id, message)
        self._up: deque[int] = deque()  # packet ids; the broker hears of them next time, if ever
        self._arrived: deque[tuple[int, Delivery, Sent]] = deque()
        self._handed: deque[tuple[int, int, Sent]] = deque()  # (receipt, packet id, message), not acknowledged
        self._receipt = 0
        self._connected = True
        self.slow_until_s = 0.0

    def exchange(self, now_s: float, wall_ns: int, inbox: Inbox | None) -> None:
        """Let the wire carry what is due, and hand on what there is room for."""
        if not self._connected:
            return
        for packet in self._up:
            self._broker.acknowledged(packet)
        self._up.clear()
        delay_s = 30.0 if now_s < self.slow_until_s else 0.5
        for packet, sent in self._broker.next_packets():
            due_s = max(now_s + self._chance.random() * delay_s, self._down[-1][0] if self._down else 0.0)
            self._down.append((due_s, packet, sent))
        while self._down and self._down[0][0] <= now_s:
            _, packet, sent = self._down.popleft()
            self._receipt += 1
            delivery = Delivery(NAME, sent.topic, sent.payload, wall_ns, sent.retained, self._receipt)
            self._arrived.append((packet, delivery, sent))
        if inbox is not None and self._arrived:
            taken = inbox.put(Deliveries.of([delivery for _, delivery, _ in self._arrived]), 0.0)
            for _ in range(taken):
                packet, delivery, sent = self._arrived.popleft()
                self._handed.append((delivery.receipt, packet, sent))

    def acknowledge(self, through: int) -> None:
        while self._handed and self._handed[0][0] <= through:
            _, packet, sent = self._handed.popleft()
            self._on_acknowledge(sent)
            if packet and self._chance.random() < 0.5:  # of this connection; the broker hears of it at once
                self._broker.acknowledged(packet)
            elif packet:
                self._up.append(packet)

    def disconnect(self) -> None:
        """What is on the wire is lost, both ways; what was handed on is judged all the same."""
        self._connected = False
        self._down.clear()
        self._up.clear()
        self._arrived.clear()
        self._handed = deque((receipt, 0, sent) for receipt, _, sent in self._handed)
        self._broker.connection_lost()

    def die(self) -> None:
        """The process that it is a part of is no more."""
        self.disconnect()
        self._handed.clear()

    def connect(self) -> None:
        self._connected = True

    def is_idle(self) -> bool:
        return not (self._broker.queue or self._broker.under_way or self._arrived or self._down)

    def waiting(self) -> int:
        """Messages that it holds itself."""
        return len(self._arrived)

    def probe(self) -> Probe:
        return Probe(ok=self._connected, message="simulated")

    def run(self, inbox: Inbox) -> None:  # noqa: ARG002
        raise AssertionError("a simulated source has no thread")

    def connected(self) -> bool:
        return self._connected

    def stop(self) -> None:
        """Nothing runs."""
