"""What the numbers of GB/T 26875.3-2011 mean: types of information, bits of states, analog quantities."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple, TypeAlias


class Type(IntEnum):
    """Types of information. The numbers between are reserved; 128 to 254 are the vendors' own."""

    SYSTEM_STATE = 1
    COMPONENT_STATE = 2
    COMPONENT_ANALOG = 3
    SYSTEM_OPERATION = 4
    SYSTEM_VERSION = 5
    SYSTEM_CONFIGURATION = 6
    COMPONENT_CONFIGURATION = 7
    SYSTEM_TIME = 8
    DEVICE_STATE = 21
    DEVICE_OPERATION = 24
    DEVICE_VERSION = 25
    DEVICE_CONFIGURATION = 26
    DEVICE_TIME = 28
    # From the centre to a device alone:
    READ_SYSTEM_STATE = 61
    READ_COMPONENT_STATE = 62
    READ_COMPONENT_ANALOG = 63
    READ_SYSTEM_OPERATION = 64
    READ_SYSTEM_VERSION = 65
    READ_SYSTEM_CONFIGURATION = 66
    READ_COMPONENT_CONFIGURATION = 67
    READ_SYSTEM_TIME = 68
    READ_DEVICE_STATE = 81
    READ_DEVICE_OPERATION = 84
    READ_DEVICE_VERSION = 85
    READ_DEVICE_CONFIGURATION = 86
    READ_DEVICE_TIME = 88
    INITIALISE_DEVICE = 89
    SET_DEVICE_CLOCK = 90
    CHECK_DUTY = 91


#: What a tag template's ``{signal}`` can be, besides the names of analog quantities.
Signal: TypeAlias = Literal[
    "fire",
    "fault",
    "disabled",
    "supervisory",
    "activated",
    "feedback",
    "delay",
    "power_fault",
    "mains_fault",
    "battery_fault",
    "bus_fault",
    "channel_fault",
    "line_fault",
    "manual",
    "config_changed",
    "reset",
    "test",
    "manual_alarm",
    "operation",
    "analog",
    "link",
    "clock_offset",
    "resends",
    "duty_missed",
]

#: Bit of a state that says normal operation; clear, it says test.
NORMAL_BIT = 0

_COMMON: dict[Signal, int] = {
    "fire": 1,
    "fault": 2,
    "disabled": 3,
    "supervisory": 4,
    "activated": 5,
    "feedback": 6,
    "delay": 7,
}
#: Signal -> bit of the state of type 1, 2 and 21.
STATE_BITS: dict[int, dict[Signal, int]] = {
    Type.SYSTEM_STATE: {
        **_COMMON,
        "mains_fault": 8,
        "battery_fault": 9,
        "bus_fault": 10,
        "manual": 11,
        "config_changed": 12,
        "reset": 13,
    },
    Type.COMPONENT_STATE: {**_COMMON, "power_fault": 8},
    Type.DEVICE_STATE: {
        "fire": 1,
        "fault": 2,
        "mains_fault": 3,
        "battery_fault": 4,
        "channel_fault": 5,
        "line_fault": 6,
    },
}

#: Bits of an operation (types 4 and 24). The duty bit means "confirmed" in type 4.
RESET_BIT, MANUAL_ALARM_BIT, CLEARED_BIT, DUTY_BIT = 0, 2, 3, 5


class Analog(NamedTuple):
    """An analog quantity: value = raw * resolution, in the unit."""

    signal: str
    unit: str
    resolution: float


ANALOGS: dict[int, Analog] = {
    1: Analog("event_count", "", 1.0),
    2: Analog("height", "m", 0.01),
    3: Analog("temperature", "degC", 0.1),
    4: Analog("pressure", "MPa", 0.1),
    5: Analog("pressure", "kPa", 0.1),
    6: Analog("gas", "%LEL", 0.1),
    7: Analog("duration", "s", 1.0),
    8: Analog("voltage", "V", 0.1),
    9: Analog("current", "A", 0.1),
    10: Analog("flow", "L/s", 0.1),
    11: Analog("air_flow", "m3/min", 0.1),
    12: Analog("air_speed", "m/s", 1.0),
}
#: The vendors' own begin here; residual current is always one of them.
ANALOG_OWN_MIN = 128
