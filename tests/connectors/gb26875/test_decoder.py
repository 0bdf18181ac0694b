"""From frames to readings: every type of information, vendors' ways, and what is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connectors import gb26875
from connectors.gb26875 import reports, times
from connectors.gb26875.codes import Type
from model.batch import GOOD, NO_TIME, UNCERTAIN
from tests.connectors.gb26875 import worked
from tests.connectors.gb26875.decoding import PUMP_AT, SECOND_NS, SMOKE_AT, TEXT, decoded, frame, settings_with, values


def only(raised: set[str], of: dict[str, float]) -> None:
    assert {signal for signal, value in of.items() if value} == raised


def test_a_worked_fire_becomes_readings_of_its_detector() -> None:
    readings, refused = decoded(worked.A)
    assert refused == []
    found = values(readings, "330100001/1-1/42-00030007/")
    only({"fire"}, found)
    assert set(found) == {
        "fire", "fault", "disabled", "supervisory", "activated", "feedback", "delay", "power_fault", "test",
    }  # fmt: skip
    assert set(readings.quality.tolist()) == {GOOD}
    assert set((readings.time_ns // SECOND_NS).tolist()) == {worked.SENT_NS // SECOND_NS}


def test_a_worked_pressure_becomes_a_reading_in_its_unit() -> None:
    readings, refused = decoded(worked.B)
    assert refused == []
    assert values(readings) == {"11-1/91-00010001/pressure": 320.5}
    assert readings.units[readings.unit[0]] == "kPa"


def test_a_worked_healthy_device_reports_that_nothing_is_wrong() -> None:
    readings, refused = decoded(worked.E)
    assert refused == []
    assert values(readings) == dict.fromkeys(
        ("fire", "fault", "mains_fault", "battery_fault", "channel_fault", "line_fault", "test"), 0.0
    )


SYSTEM_BITS = [
    "fire", "fault", "disabled", "supervisory", "activated", "feedback", "delay", "mains_fault", "battery_fault",
    "bus_fault", "manual", "config_changed", "reset",
]  # fmt: skip
COMPONENT_BITS = [
    "fire", "fault", "disabled", "supervisory", "activated", "feedback", "delay", "power_fault",
]  # fmt: skip
DEVICE_BITS = ["fire", "fault", "mains_fault", "battery_fault", "channel_fault", "line_fault"]


@pytest.mark.parametrize(("bit", "signal"), list(enumerate(SYSTEM_BITS, 1)))
def test_each_bit_of_a_system_is_its_signal(bit: int, signal: str) -> None:
    readings, _ = decoded(frame(bytes((1, 1, 12, 3)) + (1 | 1 << bit).to_bytes(2, "little") + worked.LABEL))
    only({signal}, values(readings, "330100001/12-3/"))


@pytest.mark.parametrize(("bit", "signal"), list(enumerate(COMPONENT_BITS, 1)))
def test_each_bit_of_a_component_is_its_signal(bit: int, signal: str) -> None:
    state = (1 | 1 << bit).to_bytes(2, "little")
    readings, _ = decoded(frame(bytes((2, 1)) + SMOKE_AT + state + TEXT + worked.LABEL))
    only({signal}, values(readings, "330100001/1-1/42-00030007/"))


@pytest.mark.parametrize(("bit", "signal"), list(enumerate(DEVICE_BITS, 1)))
def test_each_bit_of_a_device_is_its_signal(bit: int, signal: str) -> None:
    readings, _ = decoded(frame(bytes((21, 1, 1 | 1 << bit)) + worked.LABEL))
    only({signal}, values(readings))


def test_a_fire_while_the_device_says_test_is_a_fire_and_a_test() -> None:
    readings, _ = decoded(frame(bytes((2, 1)) + SMOKE_AT + b"\2\0" + TEXT + worked.LABEL))
    only({"fire", "test"}, values(readings, "330100001/1-1/42-00030007/"))


def test_a_vendor_who_turns_the_normal_bit_round_can_be_followed() -> None:
    fire = frame(bytes((2, 1)) + SMOKE_AT + b"\2\0" + TEXT + worked.LABEL)
    readings, _ = decoded(fire, normal_bit="clear")
    only({"fire"}, values(readings, "330100001/1-1/42-00030007/"))


@pytest.mark.parametrize(
    ("kind", "raw", "signal", "value", "unit"),
    [
        (1, 3, "event_count", 3.0, ""),
        (2, 321, "height", 3.21, "m"),
        (3, -125, "temperature", -12.5, "degC"),
        (4, 3, "pressure", 0.3, "MPa"),
        (5, 3205, "pressure", 320.5, "kPa"),
        (6, 255, "gas", 25.5, "%LEL"),
        (7, 32000, "duration", 32000.0, "s"),
        (8, 2201, "voltage", 220.1, "V"),
        (9, 7, "current", 0.7, "A"),
        (10, 153, "flow", 15.3, "L/s"),
        (11, 11, "air_flow", 1.1, "m3/min"),
        (12, 20, "air_speed", 20.0, "m/s"),
        (130, 312, "residual_current", 31.2, "mA"),
    ],
)
def test_an_analog_value_has_its_unit_and_resolution(kind: int, raw: int, signal: str, value: float, unit: str) -> None:
    own = {"type": 130, "signal": "residual_current", "unit": "mA", "resolution": 0.1}
    data = bytes((3, 1)) + PUMP_AT + struct.pack("<Bh", kind, raw) + worked.LABEL
    readings, refused = decoded(frame(data), analogs=[own])
    assert refused == []
    assert values(readings, "330100001/11-1/91-00010001/") == {signal: value}
    assert readings.units[readings.unit[0]] == unit


def test_a_negative_value_is_the_two_bytes_of_the_standard() -> None:
    readings, _ = decoded(frame(bytes((3, 1)) + PUMP_AT + bytes.fromhex("03 83 FF")))
    assert readings.value.tolist() == [-12.5]


def test_an_analog_type_that_nobody_named_is_refused_alone() -> None:
    objects = PUMP_AT + struct.pack("<Bh", 200, 5), PUMP_AT + struct.pack("<Bh", 5, 3205)
    readings, (refusal,) = decoded(frame(bytes((3, 2)) + b"".join(objects)))
    assert (refusal.reason, readings.value.tolist()) == ("unknown_analog", [320.5])
    assert "analog type 200 is not known; name it under analogs" in refusal.detail


@pytest.mark.parametrize(
    ("pressed", "found"),
    [
        (1 << 2, {"manual_alarm": 1.0, "operation": 4.0}),
        (1 << 3, {"manual_alarm": 0.0, "operation": 8.0}),
        (1 << 0, {"manual_alarm": 0.0, "operation": 1.0}),
        (1 << 1, {"operation": 2.0}),
        (1 << 5, {"operation": 32.0}),
    ],
)
@pytest.mark.parametrize("of_device", [True, False])
def test_keys_pressed_at_a_panel(pressed: int, found: dict[str, float], *, of_device: bool) -> None:
    data = bytes((24, 1, pressed, 7)) if of_device else bytes((4, 1, 1, 2, pressed, 7))
    readings, refused = decoded(frame(data + worked.LABEL))
    assert refused == []
    assert values(readings, "330100001/" if of_device else "330100001/1-2/") == found


def test_clocks_of_devices_and_systems_are_compared_with_ours() -> None:
    ahead = times.label(worked.SENT_NS + 90 * SECOND_NS, "Asia/Shanghai", "binary")
    readings, _ = decoded(frame(bytes((28, 1)) + ahead), frame(bytes((8, 1, 1, 1)) + ahead))
    assert values(readings) == {"clock_offset": 90.0, "1-1/clock_offset": 90.0}
    assert {readings.units[unit] for unit in readings.unit} == {"s"}


def test_texts_and_versions_are_told_in_the_log_with_the_tag_they_belong_to() -> None:
    text = "东区1号主机".encode("gb18030")
    payloads = [
        worked.A,
        frame(bytes((5, 1, 1, 1, 2, 7))),
        frame(bytes((6, 1, 1, 1, len(text))) + text),
        frame(bytes((7, 1)) + SMOKE_AT + TEXT),
        frame(bytes((25, 1, 3, 4))),
        frame(bytes((26, 1, len(text))) + text),
    ]
    with capture_logs() as logs:
        readings, refused = decoded(*payloads, *payloads)
    assert refused == []
    assert set(readings.delivery.tolist()) == {0, 6}
    assert [(line["tag"], line["what"], line["text"]) for line in logs] == [
        ("330100001/1-1/42-00030007/*", "component_state", "3层东走廊烟感"),
        ("330100001/1-1/*", "system_version", "2.7"),
        ("330100001/1-1/*", "system_configuration", "东区1号主机"),
        ("330100001/1-1/42-00030007/*", "component_configuration", "3层东走廊烟感"),
        ("330100001/*", "device_version", "3.4"),
        ("330100001/*", "device_configuration", "东区1号主机"),
    ]


def test_an_object_may_come_with_or_without_its_time() -> None:
    state = bytes((1, 1, 1, 1, 3, 0))
    for data in (state, state + worked.LABEL):
        readings, refused = decoded(frame(data))
        assert refused == []
        assert values(readings, "330100001/1-1/")["fire"] == 1.0
        assert set((readings.time_ns // SECOND_NS).tolist()) == {worked.SENT_NS // SECOND_NS}


def test_a_fire_in_an_object_of_odd_length_is_still_a_fire_but_can_end_nothing() -> None:
    data = bytes((2, 1)) + SMOKE_AT + b"\3\0" + b"short text"
    readings, (refusal,) = decoded(frame(data))
    assert values(readings, "330100001/1-1/42-00030007/")["fire"] == 1.0
    assert set(readings.quality.tolist()) == {UNCERTAIN}
    assert refusal.reason == "wrong_length"
    assert "1 objects of type 2 have 40 bytes each, 6 more with event time; got 19 bytes in all" in refusal.detail


def test_of_several_objects_of_one_odd_length_each_is_read() -> None:
    one, two = SMOKE_AT + b"\3\0" + bytes(35), PUMP_AT + b"\5\0" + bytes(35)
    readings, (refusal,) = decoded(frame(bytes((2, 2)) + one + two))
    found = values(readings)
    assert found["1-1/42-00030007/fire"] == 1.0
    assert found["11-1/91-00010001/fault"] == 1.0
    assert refusal.reason == "wrong_length"


REFUSED = [
    (b"rubbish", "not_a_frame"),
    (worked.A[:-1], "not_a_frame"),
    (b"{", "not_a_frame"),
    (b'{"device": "12", "signals": {}}', "not_a_frame"),
    (worked.D, "unknown_command"),
    (frame(b"", command=200), "unknown_command"),
    (frame(b""), "no_objects"),
    (frame(bytes((2,))), "no_objects"),
    (frame(bytes((2, 0))), "no_objects"),
    (frame(bytes((2, 1, 1))), "wrong_length"),
    (frame(bytes((6, 1, 1, 1, 200)) + b"short"), "wrong_length"),
    (frame(bytes((26, 3, 1)) + b"a"), "wrong_length"),
    (frame(bytes((9, 1)) + bytes(10)), "unknown_type"),
    (frame(bytes((61, 1, 1, 1))), "unknown_type"),
    (frame(bytes((140, 1)) + bytes(10)), "unknown_type"),
]


@pytest.mark.parametrize(("payload", "reason"), REFUSED, ids=[f"{n}: {one[1]}" for n, one in enumerate(REFUSED)])
def test_what_says_nothing_usable_is_refused_with_its_reason_and_takes_nobody_along(
    payload: bytes, reason: str
) -> None:
    readings, (refusal,) = decoded(worked.B, payload, worked.E)
    assert refusal.reason == reason
    assert refusal.payload == payload
    assert refusal.delivery.topic == "uitd/330100001"
    assert set(readings.delivery.tolist()) == {0, 2}


def test_a_refusal_says_whose_type_it_is() -> None:
    for kind, words in ((9, "reserved"), (140, "the vendor's own"), (91, "goes from the centre to a device")):
        _, (refusal,) = decoded(frame(bytes((kind, 1, 1))))
        assert words in refusal.detail


def test_every_type_of_the_standard_has_a_name() -> None:
    assert [int(kind) for kind in Type] == [
        *range(1, 9),
        21,
        24,
        25,
        26,
        28,
        *range(61, 69),
        81,
        84,
        85,
        86,
        *range(88, 92),
    ]


def test_the_receivers_own_report_becomes_readings_at_the_time_of_receipt() -> None:
    report = reports.encode(reports.Report(worked.DEVICE.hex(), {"link": 1.0, "clock_offset": -2.5, "resends": 3.0}))
    readings, refused = decoded(report)
    assert refused == []
    assert values(readings) == {"link": 1.0, "clock_offset": -2.5, "resends": 3.0}
    assert set(readings.time_ns.tolist()) == {NO_TIME}


def test_only_wanted_signals_become_readings() -> None:
    report = reports.encode(reports.Report(worked.DEVICE.hex(), {"link": 1.0, "resends": 3.0}))
    readings, _ = decoded(worked.A, worked.B, worked.E, report, signals=["fire", "link"])
    assert values(readings) == {"1-1/42-00030007/fire": 1.0, "fire": 0.0, "link": 1.0}


def test_tags_are_made_by_their_templates() -> None:
    changed = {
        "device_address": "hex",
        "tag": "fire/{device}.{system}.{system_address}.{component}.{component_address}.{signal}",
        "system_tag": "fire/{device}.{system}.{system_address}.{signal}",
        "device_tag": "fire/{device}.{signal}",
        "signals": ["fire"],
    }
    readings, _ = decoded(worked.A, frame(bytes((1, 1, 1, 1, 3, 0))), worked.E, **changed)
    assert readings.tags == [
        "fire/21edac130000.1.1.42.00030007.fire",
        "fire/21edac130000.1.1.fire",
        "fire/21edac130000.fire",
    ]
    readings, _ = decoded(worked.E, device_address="ipv4", signals=["fire"])
    assert readings.tags == ["33.237.172.19/fire"]


def test_component_addresses_with_the_high_byte_first_can_be_read() -> None:
    data = bytes((2, 1, 1, 1, 42)) + bytes.fromhex("00030007") + b"\3\0" + TEXT
    readings, _ = decoded(frame(data), component_address_order="high_first")
    assert values(readings)["1-1/42-00030007/fire"] == 1.0


def test_the_same_list_of_names_is_handed_out_and_only_added_to() -> None:
    decoder = gb26875.decoder(settings_with())
    first, _ = decoded(worked.A, decoder=decoder)
    known = list(first.names)
    second, _ = decoded(worked.B, decoder=decoder)
    assert second.names is first.names
    assert second.names[: len(known)] == known


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.binary(max_size=200).map(frame)), min_size=1, max_size=5))
def test_no_payload_makes_the_decoder_fail_and_none_vanishes(payloads: list[bytes]) -> None:
    readings, refused = decoded(*payloads)
    silent = {Type.SYSTEM_VERSION, Type.SYSTEM_CONFIGURATION, Type.COMPONENT_CONFIGURATION, Type.DEVICE_VERSION,
              Type.DEVICE_CONFIGURATION, Type.SYSTEM_TIME, Type.DEVICE_TIME}  # fmt: skip
    spoken = set(readings.delivery.tolist()) | {refusal.delivery.receipt - 1 for refusal in refused}
    for at, payload in enumerate(payloads):
        assert at in spoken or payload[27] in silent
    assert readings.delivery.tolist() == sorted(readings.delivery.tolist())
