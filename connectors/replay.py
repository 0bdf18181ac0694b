"""Plays a recording again: as a source of its own, or into an MQTT broker as if its sensors were there.

Readings keep their order and their distance in time, at any speed. ``publish`` returns when the broker has acknowledged
the last of them, so that what a broker then delivers is the whole recording.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import structlog
from pydantic import AfterValidator, Field

from connectors.channel_map import load_channel_map
from connectors.contract import Role
from connectors.decoder import MessageDecoder
from connectors.mqtt.broker import BrokerSettings
from connectors.mqtt.publisher import Publisher
from connectors.recording import RecordedSensor, Recording, load_recording, registry, series_files
from connectors.settings import LocalPath, SettingsModel
from connectors.topic import OWN_TAG, Subscription, TagTemplate
from model.connector import Decoder, Deliveries, Delivery, Inbox, Probe, Source
from model.errors import FengsuiError

__all__ = [
    "ROLE",
    "Options",
    "Published",
    "Recording",
    "Settings",
    "build",
    "decoder",
    "load",
    "messages",
    "publish",
    "registry",
]

_log = structlog.get_logger(__name__)

ROLE: Role = "source"

TOPIC = "replay/{series}"

_PUT_WAIT_S = 0.1
_PROGRESS_EVERY_S = 0.2

Progress: TypeAlias = Callable[[int, int], None]


def _shift(text: str) -> str:
    if text not in {"none", "now"}:
        _begin_ns(text)
    return text


def _topic(text: str) -> str:
    template = TagTemplate(text)
    unknown = set(template.words) - {"series", "channel", OWN_TAG}
    if unknown or set("+#") & set(text):
        raise ValueError(f"a topic to publish to may use {{series}}, {{channel}} and {{tag}}, got {text!r}")
    return text


class Options(SettingsModel):
    """How a recording is played."""

    speed: float = Field(default=1.0, ge=0, description="Times real time; 0 is flat out.")
    shift_to: Annotated[str, AfterValidator(_shift)] = Field(
        default="none",
        description="`none` keeps the times; an ISO 8601 time is when the recording shall begin; `now` lets it begin "
        "now, or end now where it is played faster than real time, so that no reading comes from the future.",
    )
    group: int = Field(default=1, ge=1, le=10000, description="Readings a message; more than one makes an array.")
    topic: Annotated[str, AfterValidator(_topic)] = Field(
        default=TOPIC, description="Topic of the messages; without `{tag}` in it each reading names its own."
    )


class Settings(Options):
    """A recording as a source of readings."""

    path: LocalPath = Field(description="A file, or a folder of series, CSV (also .gz) or Parquet.")
    map: LocalPath = Field(description="Channel map: which columns are sensors.")
    series: list[str] = Field(default_factory=list, description="Patterns of the series to play; all without.")


@dataclass(frozen=True, slots=True)
class ReplayMessage:
    """One message and when it is due, on the recording's own clock."""

    topic: str
    payload: bytes
    time_ns: int  # of its last reading, before the shift
    readings: int


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it; every message was acknowledged by the broker."""

    messages: int
    readings: int
    shift_ns: int  # added to the recording's times
    duration_s: float


def load(settings: Settings) -> Recording:
    """Read the recording.

    Raises:
        FengsuiError: it cannot be read, or the map does not fit it.

    """
    return load_recording(settings.path, load_channel_map(settings.map), settings.series)


def build(name: str, settings: Settings) -> Source:
    return ReplaySource(name, settings)


def decoder(settings: Settings) -> Decoder:
    """The decoder of what this source hands over: each reading names its own tag."""
    return MessageDecoder([Subscription(topic="#", tag="{tag}")], payload_bytes_max=settings.group * 1000)


def shift_ns(recording: Recording, options: Options, now_ns: int) -> int:
    """What to add to the recording's times."""
    if options.shift_to == "none" or not len(recording):
        return 0
    if options.shift_to == "now":
        real_time = 0 < options.speed <= 1
        return now_ns - int(recording.time_ns[0 if real_time else -1])
    return _begin_ns(options.shift_to) - int(recording.time_ns[0])


def messages(recording: Recording, options: Options, shift: int, *, name_tag: bool = False) -> Iterator[ReplayMessage]:
    """The recording as JSON messages, readings of a sensor in order of time.

    Args:
        recording: what to play.
        options: topic and readings a message.
        shift: ns to add to the times.
        name_tag: whether readings name their tag although the topic does.

    """
    own = name_tag or OWN_TAG not in TagTemplate(options.topic).words
    topics = [_topic_of(options.topic, one) for one in recording.sensors]
    heads = [_head(one, own=own) for one in recording.sensors]
    waiting: dict[str, list[str]] = {}
    time_ns = 0
    columns = recording.sensor.tolist(), recording.time_ns.tolist(), recording.value.tolist()
    for sensor, time_ns, value in zip(*columns, strict=True):
        topic = topics[sensor]
        readings = waiting.setdefault(topic, [])
        readings.append(f'{heads[sensor]}"time":{time_ns + shift},"value":{value!r}}}')
        if len(readings) == options.group:
            yield _message(topic, readings, time_ns)
            readings.clear()
    for topic, readings in waiting.items():
        if readings:
            yield _message(topic, readings, time_ns)


def publish(
    recording: Recording,
    broker: BrokerSettings,
    options: Options,
    *,
    under_way_max: int = 1000,
    progress: Progress | None = None,
    stopping: threading.Event | None = None,
) -> Published:
    """Play a recording into a broker with QoS 1; returns when the broker has acknowledged every message.

    Args:
        recording: what to play.
        broker: where to.
        options: how.
        under_way_max: messages without acknowledgement at one time.
        progress: called with readings acknowledged and readings in all, a few times a second.
        stopping: set by another thread to end early.

    Raises:
        FengsuiError: the broker cannot be reached, refuses us, or acknowledges nothing for a minute.

    """
    stopping = stopping or threading.Event()
    shift = shift_ns(recording, options, time.time_ns())
    begun_s = reported_s = time.monotonic()
    with Publisher(broker, "fengsui-replay", under_way_max, stopping) as publisher:
        pace = _Pace(options.speed, stopping)
        for message in messages(recording, options, shift):
            if not pace.wait(message.time_ns) or not publisher.send(message.topic, message.payload, message.readings):
                break
            if progress is not None and time.monotonic() - reported_s > _PROGRESS_EVERY_S:
                reported_s = time.monotonic()
                progress(publisher.readings_acknowledged, len(recording))
        publisher.drain()
    if progress is not None:
        progress(publisher.readings_acknowledged, len(recording))
    return Published(publisher.acknowledged, publisher.readings_acknowledged, shift, time.monotonic() - begun_s)


class ReplaySource:
    """A recording as a source. ``run`` returns when all is handed over, or earlier when stopped.

    A restart plays the recording from its begin; rows that are already known are then recognised as duplicates.

    Attributes:
        finished: all is handed over.
        received: messages handed over.
        acknowledged: messages acknowledged.
        bad_rows: rows and cells of the recording that were left out.
        last_error: why the recording cannot be played; empty while it can.

    """

    def __init__(self, name: str, settings: Settings, recording: Recording | None = None) -> None:
        """Take the settings; and the recording, where it has been read already."""
        self.name = name
        self._recording = recording
        self.finished = False
        self.received = 0
        self.acknowledged = 0
        self.bad_rows = 0
        self.last_error = ""
        self._settings = settings
        self._stopping = threading.Event()
        self._ready = False

    def probe(self) -> Probe:
        try:
            load_channel_map(self._settings.map)
            files = series_files(self._settings.path, self._settings.series)
        except (FengsuiError, OSError) as error:
            return Probe(ok=False, message=str(error))
        return Probe(ok=True, message=f"{self._settings.path}: {len(files)} series")

    def run(self, inbox: Inbox) -> None:
        try:
            recording = load(self._settings) if self._recording is None else self._recording
        except (FengsuiError, OSError) as error:
            self.last_error = str(error)
            _log.error("recording_not_played", source=self.name, error=self.last_error)
            return
        self.bad_rows = recording.bad_rows.count
        self._ready = True
        pace = _Pace(self._settings.speed, self._stopping)
        shift = shift_ns(recording, self._settings, time.time_ns())
        for message in messages(recording, self._settings, shift, name_tag=True):
            if not pace.wait(message.time_ns) or not self._hand_over(inbox, message):
                break
        else:
            self.finished = True

    def acknowledge(self, through: int) -> None:
        self.acknowledged = through

    def connected(self) -> bool:
        """True once the recording is read, until it is stopped."""
        return self._ready and not self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()

    def _hand_over(self, inbox: Inbox, message: ReplayMessage) -> bool:
        receipt = self.received + 1
        delivery = Delivery(self.name, message.topic, message.payload, time.time_ns(), False, receipt)  # noqa: FBT003
        one = Deliveries.of([delivery])
        while not self._stopping.is_set():
            if inbox.put(one, _PUT_WAIT_S):
                self.received = receipt
                return True
        return False


class _Pace:
    """Waits until something is due. Times are differences on the recording's clock, divided by the speed."""

    def __init__(self, speed: float, stopping: threading.Event) -> None:
        self._speed = speed
        self._stopping = stopping
        self._begun_s = time.monotonic()
        self._first_ns: int | None = None

    def wait(self, time_ns: int) -> bool:
        """False when it is time to stop."""
        if self._first_ns is None:
            self._first_ns, self._begun_s = time_ns, time.monotonic()
        if self._speed == 0:
            return not self._stopping.is_set()
        due_s = self._begun_s + (time_ns - self._first_ns) / 1e9 / self._speed
        return not self._stopping.wait(max(0.0, due_s - time.monotonic()))


def _begin_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"shift_to is none, now or an ISO 8601 time, got {text!r}") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def _topic_of(template: str, sensor: RecordedSensor) -> str:
    words = {"series": sensor.series, "channel": sensor.channel, OWN_TAG: sensor.sensor.tag}
    return TagTemplate(template).render(words).replace("+", "_").replace("#", "_")


def _head(sensor: RecordedSensor, *, own: bool) -> str:
    tag = f'"tag":{json.dumps(sensor.sensor.tag)},' if own else ""
    unit = f'"unit":{json.dumps(sensor.unit)},' if sensor.unit else ""
    return "{" + tag + unit


def _message(topic: str, readings: list[str], time_ns: int) -> ReplayMessage:
    payload = readings[0] if len(readings) == 1 else f"[{','.join(readings)}]"
    return ReplayMessage(topic, payload.encode(), time_ns, len(readings))
