"""What is known of the broker itself: whether it forgot our session, dropped messages, is old, or is filling up.

A broker acknowledges to the gateway and may still lose the message before it comes to us: its queue has a limit, its
session was not saved, it was killed. Nothing of that shows in the messages that do come. Mosquitto says it under
``$SYS``; what it says there is no reading and is handed to nobody.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque

import numpy as np
import structlog
from numpy.typing import NDArray
from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from model.connector import Deliveries, Gap, GapReason

_log = structlog.get_logger(__name__)

_SYS = b"$SYS/"
VERSION = "$SYS/broker/version"
DROPPED = "$SYS/broker/publish/messages/dropped"
STORED = "$SYS/broker/store/messages/count"
STORED_BYTES = "$SYS/broker/store/messages/bytes"
TOPICS = (VERSION, DROPPED, STORED, STORED_BYTES)

#: What the figures are called towards the pipeline.
_FIGURES = {DROPPED: "dropped", STORED: "stored", STORED_BYTES: "stored_bytes"}

#: Older ones can be brought down by anybody who may connect (CVE-2023-0809, CVE-2023-3592, CVE-2023-28366).
MOSQUITTO_MIN = (2, 0, 16)

#: A broker that hangs up so often on the wish to read its state is not asked again.
_REFUSALS_MAX = 2
_GAPS_MAX = 100
_DIGITS_MAX = 18


class BrokerCare:
    """Of one source, over all its connections. The source's thread tells; ``gaps`` and ``figures`` are for others.

    Args:
        source: name of the source.
        watch: whether the broker is asked for its own state.
        session_kept: whether the broker keeps our session while we are away, so that a lost one is a loss.
        sys_is_wanted: ``$SYS`` is among the subscriptions; what comes from there is a reading all the same.

    Attributes:
        version: what the broker says it is; empty until it says so.
        granted: whether the broker lets us read its state; None while it has not answered.

    """

    def __init__(self, source: str, *, watch: bool, session_kept: bool, sys_is_wanted: bool = False) -> None:
        self.version = ""
        self.granted: bool | None = None
        self._source = source
        self._watch = watch
        self._session_kept = session_kept
        self._sys_is_wanted = sys_is_wanted
        self._refusals = 0
        self._asked: int | None = None  # the packet that asks, while it is not answered
        self._figures: dict[str, float] = {}
        self._gaps: deque[Gap] = deque(maxlen=_GAPS_MAX)
        self._lock = threading.Lock()

    def admitted(self, *, session_present: bool, again: bool) -> None:
        """The broker let us in; ``again``: not for the first time since this program began."""
        if session_present or not self._session_kept:
            return
        reason = GapReason.SESSION_LOST if again else GapReason.SESSION_NEW
        self._found(reason, None, "the broker did not know our session: what it had kept for us is gone")

    def ask(self, client: Client) -> None:
        """Ask for the broker's state, after the readings were granted: nothing of it may keep them away."""
        if self._watch and self._refusals < _REFUSALS_MAX:
            _, self._asked = client.subscribe([(topic, 0) for topic in TOPICS])

    def answers(self, packet: int, reasons: list[ReasonCode]) -> bool:
        """Whether this was the answer to ``ask``."""
        if packet != self._asked or self._asked is None:
            return False
        self._asked = None
        self.granted = not all(reason.is_failure for reason in reasons)
        if not self.granted:
            _log.info("mqtt_broker_state_refused", source=self._source)
        return True

    def disconnected(self) -> None:
        """Some brokers hang up on who asks for ``$SYS``."""
        if self._asked is not None:
            self._asked = None
            self._refusals += 1
            if self._refusals == _REFUSALS_MAX:
                self.granted = False
                _log.warning("mqtt_broker_state_refused", source=self._source, hung_up=self._refusals)

    def listen(self, deliveries: Deliveries) -> NDArray[np.bool_] | None:
        """Which of these are no words of the broker about itself: bool [n]; None = all."""
        if not self._watch or _SYS not in deliveries.data:
            return None
        others = np.ones(len(deliveries), np.bool_)
        begins = np.frombuffer(deliveries.data, np.uint8)[np.minimum(deliveries.topic_at, len(deliveries.data) - 1)]
        for at in np.flatnonzero(begins == _SYS[0]).tolist():
            if deliveries.data[deliveries.topic_at[at] : deliveries.topic_end[at]].startswith(_SYS):
                others[at] = self._sys_is_wanted
                delivery = deliveries[at]
                self.hear(delivery.topic, delivery.payload)
        return others

    def hear(self, topic: str, payload: bytes) -> None:
        """Take one word of the broker; what cannot be read is let go."""
        if topic == VERSION:
            self._hear_version(payload[:100].decode(errors="replace").strip())
        elif topic in _FIGURES and payload.isdigit() and len(payload) <= _DIGITS_MAX:
            if topic == DROPPED:
                self._hear_dropped(int(payload))
            with self._lock:
                self._figures[_FIGURES[topic]] = int(payload)

    def gaps(self) -> list[Gap]:
        """What was found since the last call; thread-safe."""
        with self._lock:
            found = list(self._gaps)
            self._gaps.clear()
        return found

    def figures(self) -> dict[str, float]:
        """The broker's own figures, as far as it told them; thread-safe."""
        with self._lock:
            return dict(self._figures)

    def _hear_version(self, said: str) -> None:
        if said == self.version:
            return
        self.version = said
        if is_old(said):
            _log.warning("mqtt_broker_old", source=self._source, version=said, needed=minimum())

    def _hear_dropped(self, dropped: int) -> None:
        before = self._figures.get("dropped")
        if before is None:
            if dropped:  # nobody knows when, nor whose
                _log.warning("mqtt_broker_has_dropped", source=self._source, since_its_start=dropped)
            return
        # A count that went down was begun anew with the broker.
        more = dropped - int(before) if dropped >= before else dropped
        if more:
            self._found(GapReason.BROKER_DROPPED, more, "the broker dropped messages because a queue was full")

    def _found(self, reason: GapReason, messages: int | None, detail: str) -> None:
        with self._lock:
            self._gaps.append(Gap(self._source, reason, messages, detail, time.time_ns()))


def minimum() -> str:
    return ".".join(map(str, MOSQUITTO_MIN))


def is_old(version: str) -> bool:
    """Whether this is a Mosquitto that should be replaced; a broker of another name is not judged."""
    found = re.match(r"mosquitto version (\d{1,4})\.(\d{1,4})\.(\d{1,4})", version)
    return found is not None and tuple(map(int, found.groups())) < MOSQUITTO_MIN
