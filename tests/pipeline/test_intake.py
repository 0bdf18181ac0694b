"""From deliveries to rows: every reading ends in the batch, among the refused, or on the list of unknown tags."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from model.batch import BAD, GOOD, NO_TIME, UNCERTAIN
from model.connector import Deliveries, Delivery
from model.sensor import Beyond, Kind
from pipeline.ingest.intake import Ingest, Intake
from tests.pipeline.plans import NAME, START_NS, plan

KINDS = (
    Kind("gas", NAME, "%LEL", -5.0, 100.0, 10.0, Beyond.BAD, Beyond.UNCERTAIN),
    Kind("pipe", NAME, "kPa", 0.0, 1000.0, 1.0, Beyond.UNCERTAIN, Beyond.BAD),
    Kind("heat", NAME, "degC", -50.0, 150.0, 1.0),
)
PLAN = plan(kinds=KINDS, sensors=[("site/gas", "gas"), ("site/pipe", "pipe"), ("site/heat", "heat")])
DECODER = MessageDecoder([Subscription(topic="d/{site}/{sensor}", tag="{site}/{sensor}")])


def delivery(body: object, sensor: str = "gas", *, source: str = "s", retained: bool = False) -> Delivery:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(source, f"d/site/{sensor}", payload, START_NS, retained=retained, receipt=0)


def take_in(*deliveries: Delivery) -> Intake:
    return Ingest(PLAN, {"s": DECODER, "other": DECODER}).take_in(blocks(deliveries))


def blocks(deliveries: Sequence[Delivery]) -> list[Deliveries]:
    """Deliveries in order, a block where the source changes."""
    return [Deliveries.of(list(run)) for _, run in groupby(deliveries, attrgetter("source"))]


def reading(value: object, **more: object) -> dict[str, object]:
    return {"value": value, "time": START_NS / 1e9, **more}


def test_readings_become_rows_in_their_order() -> None:
    intake = take_in(delivery([reading(1), reading(2)]), delivery(reading(3), "pipe"), delivery(reading(4)))
    assert intake.batch.value.tolist() == [1, 2, 3, 4]
    assert intake.batch.sensor.tolist() == [0, 0, 1, 0]
    assert intake.batch.time_ns.tolist() == [START_NS] * 4
    assert intake.batch.received_ns.tolist() == [START_NS] * 4
    assert intake.journaled == {"s": 4}


@pytest.mark.parametrize(
    ("value", "unit", "sensor", "expected"),
    [
        (1.0, "MPa", "pipe", 1000.0),
        (1.0, "bar", "pipe", 100.0),
        (300.0, "K", "heat", 26.85),
        (212.0, "degF", "heat", None),
        (212.0, "°F", "heat", 100.0),
        (5.0, "%LEL", "gas", 5.0),
        (5.0, "", "gas", 5.0),
        (5.0, "%VOL", "gas", None),
        (5.0, "kPa", "heat", None),
        (5.0, "furlong", "gas", None),
    ],
)
def test_a_value_is_turned_into_the_unit_of_its_kind_or_refused(
    value: float, unit: str, sensor: str, expected: float | None
) -> None:
    intake = take_in(delivery(reading(value, unit=unit), sensor))
    if expected is None:
        assert len(intake.batch) == 0
        assert [refusal.reason for refusal in intake.refusals] == ["bad_unit"]
        assert f"site/{sensor}: unit {unit!r} cannot be turned into" in intake.refusals[0].detail
    else:
        assert intake.batch.value.tolist() == [pytest.approx(expected)]


def test_a_bad_unit_does_not_take_its_neighbours_along() -> None:
    intake = take_in(delivery([reading(1), reading(2, unit="kPa"), reading(3)]), delivery(reading(4)))
    assert intake.batch.value.tolist() == [1, 3, 4]
    assert len(intake.refusals) == 1


@pytest.mark.parametrize(
    ("sensor", "value", "quality"),
    [
        ("gas", -5.0, GOOD),
        ("gas", -5.1, BAD),
        ("gas", 100.0, GOOD),
        ("gas", 100.1, UNCERTAIN),
        ("pipe", -0.1, UNCERTAIN),
        ("pipe", 1000.1, BAD),
    ],
)
def test_a_value_outside_the_physical_range_is_what_its_kind_says(sensor: str, value: float, quality: int) -> None:
    assert take_in(delivery(reading(value), sensor)).batch.quality.tolist() == [quality]


def test_the_worse_of_the_reported_and_the_judged_quality_counts() -> None:
    values = [reading(1, quality="bad"), reading(1, quality="uncertain"), reading(101, quality="bad"), reading(-6)]
    assert take_in(delivery(values)).batch.quality.tolist() == [BAD, UNCERTAIN, BAD, BAD]


def test_the_range_is_checked_after_the_conversion() -> None:
    assert take_in(delivery([reading(0.9, unit="MPa"), reading(1.1, unit="MPa")], "pipe")).batch.quality.tolist() == [
        GOOD,
        BAD,
    ]


def test_a_null_is_a_row_without_a_value() -> None:
    batch = take_in(delivery({"value": None})).batch
    assert math.isnan(batch.value[0])
    assert (batch.quality.tolist(), batch.time_ns.tolist()) == ([BAD], [NO_TIME])


def test_unknown_tags_are_listed_with_what_they_sent_and_not_journaled() -> None:
    intake = take_in(delivery([reading(1), reading(2)], "new"), delivery(reading(3)), delivery(reading(4), "new"))
    assert intake.batch.value.tolist() == [3]
    assert list(intake.unregistered) == ["site/new"]
    listed = intake.unregistered["site/new"]
    assert (listed.topic, listed.count, listed.last_value) == ("d/site/new", 3, 4)


def test_retained_messages_are_no_events() -> None:
    intake = take_in(delivery(reading(1), retained=True), delivery(reading(2)), delivery(b"poison", retained=True))
    assert (intake.batch.value.tolist(), intake.retained, intake.refusals) == ([2], 2, [])


def test_each_source_has_its_own_decoder_and_its_own_count() -> None:
    intake = take_in(delivery(reading(1)), delivery(reading(2), source="other"), delivery(reading(3)))
    assert intake.batch.value.tolist() == [1, 2, 3]
    assert intake.journaled == {"s": 2, "other": 1}


def test_nothing_in_gives_nothing_out() -> None:
    intake = take_in()
    assert (len(intake.batch), intake.refusals, intake.unregistered) == (0, [], {})


def test_a_plan_without_sensors_lists_everything() -> None:
    intake = Ingest(plan(sensors=[]), {"s": DECODER}).take_in(blocks([delivery(reading(1))]))
    assert (len(intake.batch), list(intake.unregistered)) == (0, ["site/gas"])


NUMBERS = st.floats(allow_nan=False) | st.none() | st.integers(-(2**70), 2**70)
READINGS = st.fixed_dictionaries(
    {"value": NUMBERS | st.just("text")},
    optional={"unit": st.sampled_from(["", "kPa", "MPa", "%LEL", "K", "nonsense"]), "time": st.just(START_NS / 1e9)},
)
MESSAGES = st.tuples(
    st.sampled_from(["gas", "pipe", "heat", "new", "newer"]), st.lists(READINGS, min_size=1, max_size=5)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, max_size=6))
def test_every_reading_received_is_journaled_refused_or_listed(messages: Sequence[tuple[str, list[object]]]) -> None:
    intake = take_in(*[delivery(json.dumps(body).replace("Infinity", "1e999").encode(), to) for to, body in messages])
    listed = sum(tag.count for tag in intake.unregistered.values())
    received = sum(len(body) for _, body in messages)
    refused = sum(refusal.count for refusal in intake.refusals)
    assert len(intake.batch) + refused + listed == received
    assert sum(intake.journaled.values()) == len(intake.batch)
    assert set(intake.batch.quality.tolist()) <= {GOOD, UNCERTAIN, BAD}
    good = intake.batch.value[intake.batch.quality == GOOD]
    assert all(math.isfinite(value) for value in good)


def test_a_value_that_no_number_can_hold_after_its_conversion_is_bad() -> None:
    batch = take_in(delivery(reading(1e308, unit="MPa"), "pipe")).batch
    assert batch.quality.tolist() == [BAD]
