"""Settings of the receiver. What vendors do differently is a setting; what the standard fixes is not."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from connectors.gb26875.codes import ANALOG_OWN_MIN, ANALOGS, Analog, Signal, Type
from connectors.gb26875.times import TimeFormat
from connectors.settings import SettingsModel, ZoneName
from connectors.topic import TagTemplate, tag_fault
from model.unit import known

DAY_S = 86_400
ADDRESS_MAX = (1 << 48) - 1

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")

#: The longest word of a tag: fifteen digits of a device, or a signal's name.
_WORD_LENGTH_MAX = 24

#: Words of the three tag templates.
DEVICE_WORDS = ("device", "signal")
SYSTEM_WORDS = (*DEVICE_WORDS, "system", "system_address")
COMPONENT_WORDS = (*SYSTEM_WORDS, "component", "component_address")

Readable: TypeAlias = Literal[
    "system_state",
    "component_state",
    "component_analog",
    "system_operation",
    "system_version",
    "system_configuration",
    "component_configuration",
    "system_time",
    "device_state",
    "device_operation",
    "device_version",
    "device_configuration",
    "device_time",
]
Address: TypeAlias = Annotated[int, Field(ge=0, le=ADDRESS_MAX)]
Byte: TypeAlias = Annotated[int, Field(ge=0, le=255)]
ByteOrder: TypeAlias = Literal["low_first", "high_first"]


def _template(text: str, words: tuple[str, ...], needed: tuple[str, ...]) -> str:
    given = TagTemplate(text).words
    unknown = sorted(set(given) - set(words))
    if unknown:
        raise ValueError(f"a tag may use {{{'}, {'.join(words)}}}, got {unknown} in {text!r}")
    missing = [word for word in needed if word not in given]
    if missing:
        raise ValueError(f"a tag without {{{'}, {'.join(missing)}}} would belong to several sensors, got {text!r}")
    fault = tag_fault(TagTemplate(text).render(dict.fromkeys(words, "0" * _WORD_LENGTH_MAX)))
    if fault is not None:
        raise ValueError(fault)
    return text


def _device_tag(text: str) -> str:
    return _template(text, DEVICE_WORDS, DEVICE_WORDS)


def _system_tag(text: str) -> str:
    return _template(text, SYSTEM_WORDS, (*DEVICE_WORDS, "system"))


def _component_tag(text: str) -> str:
    return _template(text, COMPONENT_WORDS, (*DEVICE_WORDS, "component_address"))


def _hours(text: str) -> str:
    if text and not _HOURS.fullmatch(text):
        raise ValueError(f"must be hours of the day such as 22:00-06:00, got {text!r}")
    return text


def byte_order(written: ByteOrder) -> Literal["little", "big"]:
    return "little" if written == "low_first" else "big"


def minutes_of(hours: str) -> tuple[int, int]:
    """Begin and end of hours of the day, in minutes after midnight; equal where there are none."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        return 0, 0
    begin_h, begin_min, end_h, end_min = map(int, found.groups())
    return 60 * begin_h + begin_min, 60 * end_h + end_min


class OwnAnalog(SettingsModel):
    """An analog quantity of a vendor's own."""

    type: int = Field(ge=ANALOG_OWN_MIN, le=255, description="Its number, 128 to 255.")
    signal: str = Field(
        pattern="^[a-z][a-z0-9_]*$",
        max_length=_WORD_LENGTH_MAX,
        description="Its name in the tag, e.g. `residual_current`.",
    )
    unit: str = Field(description="Unit of the value, e.g. `mA`.")
    resolution: float = Field(gt=0, description="Value of one count.")

    @model_validator(mode="after")
    def _unit_is_known(self) -> Self:
        if not known(self.unit):
            raise ValueError(f"unit must be one that is known, such as mA or kPa, got {self.unit!r}")
        return self

    def analog(self) -> Analog:
        return Analog(self.signal, self.unit, self.resolution)


class Poll(SettingsModel):
    """Something that devices are asked for from time to time."""

    read: Readable = Field(description="What to read (types 61 to 68 and 81 to 88), e.g. `system_state`.")
    every_s: float = Field(ge=1, description="How often.")
    device: Address | None = Field(default=None, description="Address of the one device to ask; left out: all.")
    system: Byte = Field(default=1, description="System type, where a system or component is read.")
    system_address: Byte = Field(default=1, description="System address.")
    component: Byte = Field(default=0, description="Component type, where a component is read.")
    component_address: str = Field(
        default="00000000", pattern="^[0-9a-fA-F]{8}$", description="Component address, eight hex digits as in tags."
    )
    records: Byte = Field(default=10, description="How many records of operations to read.")

    def type(self) -> Type:
        return Type[f"READ_{self.read.upper()}"]


class Settings(SettingsModel):
    """User information transmission devices of fire protection, GB/T 26875.3-2011 over TCP."""

    host: str = Field(default="0.0.0.0", description="Address to listen on; `0.0.0.0` is every one of this machine.")  # noqa: S104 - devices come from outside
    port: int = Field(ge=0, le=65535, description="Port to listen on, as agreed with the devices; 0 is any free one.")
    networks: list[IPv4Network | IPv6Network] = Field(
        default=[], description="Networks that may connect, e.g. `10.20.0.0/16`; empty: all."
    )
    devices: list[Address] = Field(
        default=[],
        description="Addresses of the devices that belong here: others are refused, and each that does not come is "
        "reported as lost. Empty: any device may come.",
    )
    device_address: Literal["decimal", "hex", "ipv4"] = Field(
        default="decimal",
        description="How `{device}` is written: the number, the six bytes as they come, or the four first as an IPv4 "
        "address.",
    )
    tag: Annotated[str, AfterValidator(_component_tag)] = Field(
        default="{device}/{system}-{system_address}/{component}-{component_address}/{signal}",
        description="Tag template of a component's signals.",
    )
    system_tag: Annotated[str, AfterValidator(_system_tag)] = Field(
        default="{device}/{system}-{system_address}/{signal}", description="Tag template of a system's signals."
    )
    device_tag: Annotated[str, AfterValidator(_device_tag)] = Field(
        default="{device}/{signal}", description="Tag template of a device's own signals."
    )
    signals: list[Signal] = Field(
        default=[
            "fire",
            "fault",
            "disabled",
            "supervisory",
            "activated",
            "test",
            "manual",
            "mains_fault",
            "battery_fault",
            "bus_fault",
            "channel_fault",
            "line_fault",
            "manual_alarm",
            "analog",
            "link",
            "clock_offset",
            "resends",
            "duty_missed",
        ],
        description="Signals that become readings.",
    )
    analogs: list[OwnAnalog] = Field(default=[], description="Analog quantities of the vendor's own.")
    time_zone: ZoneName = Field(default="Asia/Shanghai", description="Zone of the devices' clocks.")
    normal_bit: Literal["set", "clear"] = Field(
        default="set", description="What bit 0 of a state is in normal operation; the other value means test."
    )
    component_address_order: ByteOrder = Field(default="low_first", description="Byte order of component addresses.")
    sequence_order: ByteOrder = Field(default="low_first", description="Byte order of sequence numbers.")
    time_format: TimeFormat = Field(default="binary", description="How times are written.")
    event_time: Literal["object", "send"] = Field(
        default="object",
        description="Where the time of an event comes from: its object, or the frame's time of sending where the "
        "object's is of no use.",
    )
    heartbeat_byte: Byte = Field(default=0x16, description="A single byte that some devices send as a heartbeat.")
    heartbeat_answer: Byte = Field(default=0x17, description="The byte that answers it.")
    clock_fault_s: float = Field(
        default=300,
        ge=1,
        description="A device whose clock is off by more has a wrong clock: the time of receipt counts, and its "
        "readings are uncertain.",
    )
    clock_sync_every_s: float = Field(
        default=DAY_S, ge=0, description="How often a device's clock is set, besides when it connects; 0: never."
    )
    report_every_s: float = Field(
        default=60, ge=1, description="How often link, clock offset and resends of each device are reported."
    )
    duty_check_every_s: float = Field(
        default=0, ge=0, description="How often a duty room is checked (查岗), on average, at random; 0: never."
    )
    duty_minutes: Byte = Field(default=10, description="Minutes that a duty room has to answer.")
    duty_quiet: Annotated[str, AfterValidator(_hours)] = Field(
        default="", description="Hours of the day without duty checks, e.g. `22:00-06:00`."
    )
    polls: list[Poll] = Field(default=[], max_length=50, description="What devices are asked for.")
    reply_s_max: float = Field(default=10, gt=0, description="Time in which a device confirms a command.")
    resends_max: int = Field(default=3, ge=0, le=10, description="How often a command is sent again.")
    silent_s_max: float = Field(
        default=1800, gt=0, description="A connection without a byte for so long is closed: the device is lost."
    )
    keepalive_s: int = Field(
        default=40,
        ge=1,
        le=7200,
        description="TCP asks a quiet peer after so long whether it is there; one that does not answer is lost a "
        "minute later.",
    )
    frame_s_max: float = Field(default=10, gt=0, description="A frame that is not whole by then is no frame.")
    first_frame_s_max: float = Field(
        default=60, gt=0, description="A new connection without a good frame by then is closed."
    )
    connections_max: int = Field(default=5000, ge=1, description="Connections at one time; more are refused.")
    unacknowledged_max: int = Field(
        default=500, ge=1, description="Frames of one connection that wait to be durable; then it is not read."
    )

    def analog_types(self) -> dict[int, Analog]:
        return ANALOGS | {one.type: one.analog() for one in self.analogs}
