"""From frames to readings by tag: which signals, of which sensor, when.

A frame that says nothing usable is refused with its reason and kept; it never makes the decoder fail. A fire counts
whether or not the device says that it is being tested: that is a signal of its own beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import structlog

from connectors.formats.contract import Fault
from connectors.gb26875 import reports, times
from connectors.gb26875.codes import (
    CLEARED_BIT,
    MANUAL_ALARM_BIT,
    NORMAL_BIT,
    RESET_BIT,
    STATE_BITS,
    Type,
)
from connectors.gb26875.frames import Command, Frame, is_frame
from connectors.gb26875.objects import Object, objects
from connectors.gb26875.settings import Settings, byte_order
from connectors.gb26875.tags import Tags
from connectors.interning import Vocabulary
from model.batch import GOOD, NO_TIME, UNCERTAIN
from model.connector import Deliveries, Readings, Refusal

_log = structlog.get_logger(__name__)

#: Tags that are remembered; a flood of new ones costs time, not memory.
_REMEMBERED_MAX = 200_000
#: Texts that are told; some vendors change them with every frame.
_DESCRIBED_MAX = 20_000
_MICROSECOND_NS, _SECOND_NS = 10**3, 10**9
_TEXTS = frozenset(
    {Type.COMPONENT_STATE, Type.SYSTEM_CONFIGURATION, Type.COMPONENT_CONFIGURATION, Type.DEVICE_CONFIGURATION}
)
_VERSIONS = frozenset({Type.SYSTEM_VERSION, Type.DEVICE_VERSION})
_OPERATIONS = frozenset({Type.SYSTEM_OPERATION, Type.DEVICE_OPERATION})
_CLOCKS = frozenset({Type.SYSTEM_TIME, Type.DEVICE_TIME})


@dataclass(slots=True)
class _Rows:
    tag: list[int] = field(default_factory=list)
    time_ns: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    unit: list[int] = field(default_factory=list)
    delivery: list[int] = field(default_factory=list)

    def add(self, tag: int, time_ns: int, value: float, quality: int, unit: int, delivery: int) -> None:
        self.tag.append(tag)
        self.time_ns.append(time_ns)
        self.value.append(value)
        self.quality.append(quality)
        self.unit.append(unit)
        self.delivery.append(delivery)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What counts for all objects of a frame.

    Attributes:
        row: which delivery.
        device: six bytes.
        received_ns: wall clock at receipt.
        send_ns: the frame's own time, None where it is of no use.
        order_ns: places events of one second, which is all that a device's clock shows, in the order of their frames.
        quality: of what the device says.

    """

    row: int
    device: bytes
    received_ns: int
    send_ns: int | None
    order_ns: int
    quality: int


class FrameDecoder:
    """Decoder of frames and of the receiver's own reports; ``decode`` never raises on a payload."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tags = Tags(settings)
        self._units = Vocabulary("")
        self._time_of = times.reader(settings.time_zone, settings.time_format)
        self._signals = frozenset(settings.signals)
        self._bits = {
            kind: [(signal, bit) for signal, bit in bits.items() if signal in self._signals]
            for kind, bits in STATE_BITS.items()
        }
        self._analogs = settings.analog_types()
        self._described: set[tuple[bytes, int, bytes]] = set()

    def decode(self, deliveries: Deliveries) -> tuple[Readings, list[Refusal]]:
        if len(self._tags) > _REMEMBERED_MAX:
            self._tags.clear()
        rows, refused = _Rows(), []
        ends = zip(deliveries.payload_at.tolist(), deliveries.payload_end.tolist(), strict=True)
        for row, (begin, end) in enumerate(ends):
            payload = deliveries.data[begin:end]
            received_ns = int(deliveries.received_ns[row])
            fault = (
                self._report(row, payload, rows)
                if payload[:1] == b"{"
                else self._frame(row, payload, received_ns, rows)
            )
            if fault is not None:
                refused.append(Refusal(deliveries[row], fault.reason, fault.detail, payload))
        readings = Readings(
            self._tags.names,
            np.array(rows.tag, np.int32),
            np.array(rows.time_ns, np.int64),
            np.array(rows.value, np.float64),
            np.array(rows.quality, np.uint8),
            self._units.words,
            np.array(rows.unit, np.int32),
            np.array(rows.delivery, np.int32),
        )
        return readings, refused

    def _report(self, row: int, payload: bytes, rows: _Rows) -> Fault | None:
        report = reports.decode(payload)
        if report is None:
            return Fault("not_a_frame", f"neither a frame nor a report, got {payload[:40]!r}")
        device = bytes.fromhex(report.device)
        for signal, value in report.signals.items():
            if signal in self._signals:
                unit = self._units.place("s" if signal == "clock_offset" else "")
                rows.add(self._tags.place(device, b"", signal), NO_TIME, value, GOOD, unit, row)
        return None

    def _frame(self, row: int, payload: bytes, received_ns: int, rows: _Rows) -> Fault | None:
        if not is_frame(payload):
            return Fault("not_a_frame", f"a frame is @@, 25 bytes, data, a checksum and ##, got {payload[:40].hex()}")
        frame = Frame(payload)
        if frame.command not in {Command.SEND, Command.RESPONSE}:
            return Fault("unknown_command", f"a device sends data (2) or responds (5), got command {frame.command}")
        items, fault = objects(frame.data)
        heard = self._heard(row, frame, received_ns)
        for place, item in enumerate(items):
            own = self._read(item, heard, place, rows)
            fault = fault or own
        return fault

    def _heard(self, row: int, frame: Frame, received_ns: int) -> _Heard:
        send_ns = self._time_of(frame.time)
        quality = GOOD
        if send_ns is not None and abs(send_ns - received_ns) > self._settings.clock_fault_s * 1e9:
            send_ns, quality = None, UNCERTAIN
        sequence = int.from_bytes(frame.sequence, byte_order(self._settings.sequence_order))
        return _Heard(row, frame.source, received_ns, send_ns, sequence * _MICROSECOND_NS, quality)

    def _when(self, item: Object, heard: _Heard, place: int) -> int:
        """When it happened, at the latest in the second of its receipt.

        An event of the future would make all that follows look old, once the clock is set back.
        """
        if heard.send_ns is None:
            return NO_TIME
        of_object = self._time_of(item.time) if item.time and self._settings.event_time == "object" else None
        shown_ns = heard.send_ns if of_object is None else of_object
        return min(shown_ns, heard.received_ns // _SECOND_NS * _SECOND_NS) + heard.order_ns + place

    def _read(self, item: Object, heard: _Heard, place: int, rows: _Rows) -> Fault | None:
        """Rows of one object; what is a text goes to the log, for whoever writes the registry."""
        if item.type in _TEXTS:
            self._describe(item, heard, item.text)
        elif item.type in _VERSIONS:
            self._describe(item, heard, f"{item.body[0]}.{item.body[1]}")
        values: list[tuple[str, float, str]] = []
        if item.type in STATE_BITS:
            values = self._state(item)
        elif item.type in _OPERATIONS:
            values = self._operation(item.body[0])
        elif item.type in _CLOCKS:
            values = self._clock(item, heard)
        elif item.type == Type.COMPONENT_ANALOG:
            analog = self._analogs.get(item.body[0])
            if analog is None:
                return Fault("unknown_analog", f"analog type {item.body[0]} is not known; name it under analogs")
            raw = int.from_bytes(item.body[1:3], "little", signed=True)
            if "analog" in self._signals:  # rounded, so that 3 * 0.1 is 0.3
                values = [(analog.signal, round(raw * analog.resolution, 9), analog.unit)]
        time_ns = self._when(item, heard, place)
        quality = heard.quality if item.whole else UNCERTAIN
        for signal, value, unit in values:
            tag = self._tags.place(heard.device, item.place, signal)
            rows.add(tag, time_ns, value, quality, self._units.place(unit), heard.row)
        return None

    def _state(self, item: Object) -> list[tuple[str, float, str]]:
        state = int.from_bytes(item.body[:2] if item.place else item.body[:1], "little")
        values = [(str(signal), float(state >> bit & 1), "") for signal, bit in self._bits[item.type]]
        if "test" in self._signals:
            normal = bool(state >> NORMAL_BIT & 1) == (self._settings.normal_bit == "set")
            values.append(("test", float(not normal), ""))
        return values

    def _operation(self, done: int) -> list[tuple[str, float, str]]:
        values = [("operation", float(done), "")] if "operation" in self._signals else []
        alarm = done >> MANUAL_ALARM_BIT & 1
        if "manual_alarm" in self._signals and (alarm or done >> CLEARED_BIT & 1 or done >> RESET_BIT & 1):
            values.append(("manual_alarm", float(alarm), ""))
        return values

    def _clock(self, item: Object, heard: _Heard) -> list[tuple[str, float, str]]:
        shown_ns = self._time_of(item.body[:6])
        if shown_ns is None or "clock_offset" not in self._signals:
            return []
        return [("clock_offset", (shown_ns - heard.received_ns) / 1e9, "s")]

    def _describe(self, item: Object, heard: _Heard, text: str) -> None:
        """Tell the first text of each place."""
        key = heard.device, item.type, item.place
        if text and key not in self._described and len(self._described) < _DESCRIBED_MAX:
            self._described.add(key)
            tag = self._tags.render(heard.device, item.place, "*")
            _log.info("gb26875_described", tag=tag, what=Type(item.type).name.lower(), text=text)
