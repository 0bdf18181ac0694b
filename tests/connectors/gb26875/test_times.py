"""When things happened: the object's time, that of sending, or that of receipt; and clocks that are wrong."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from connectors.gb26875 import times
from model.batch import GOOD, NO_TIME, UNCERTAIN
from tests.connectors.gb26875 import worked
from tests.connectors.gb26875.decoding import SECOND_NS, decoded, frame, values


def test_times_in_decimal_digits_can_be_read() -> None:
    label = bytes.fromhex("30 05 14 09 03 26")
    readings, _ = decoded(frame(bytes((21, 1, 1)) + label, label=label), time_format="bcd")
    assert set((readings.time_ns // SECOND_NS).tolist()) == {worked.SENT_NS // SECOND_NS}
    assert times.label(worked.SENT_NS, "Asia/Shanghai", "bcd") == label


def label_at(seconds: float) -> bytes:
    return times.label(worked.SENT_NS + int(seconds * SECOND_NS), "Asia/Shanghai", "binary")


def test_an_event_has_its_own_time_however_old_it_is() -> None:
    readings, _ = decoded(frame(bytes((1, 1, 1, 1, 3, 0)) + label_at(-7200)))
    assert set((readings.time_ns // SECOND_NS).tolist()) == {worked.SENT_NS // SECOND_NS - 7200}
    assert set(readings.quality.tolist()) == {GOOD}


def test_no_event_is_later_than_its_receipt_so_that_a_clock_may_be_set_back() -> None:
    ahead, right = (frame(bytes((1, 1, 1, 1, 3, 0)) + label_at(s), label=label_at(s), sequence=1) for s in (120, 0))
    first, _ = decoded(ahead, signals=["fire"])
    then, _ = decoded(right, received_ns=worked.SENT_NS + SECOND_NS // 2, signals=["fire"])
    assert first.time_ns[0] // SECOND_NS == worked.SENT_NS // SECOND_NS
    together, _ = decoded(ahead, frame(bytes((1, 1, 1, 1, 1, 0)) + label_at(120), label=label_at(120), sequence=2))
    fires = [time for tag, time in zip(together.tags, together.time_ns.tolist(), strict=True) if tag.endswith("/fire")]
    assert fires[0] < fires[1]
    assert then.time_ns[0] >= first.time_ns[0]


@pytest.mark.parametrize(
    "nonsense", [bytes(6), b"\xff" * 6, bytes((60, 5, 14, 9, 3, 26)), bytes((30, 5, 14, 31, 2, 26))]
)
def test_a_time_that_is_none_is_replaced_by_that_of_sending_and_that_by_receipt(nonsense: bytes) -> None:
    state = bytes((1, 1, 1, 1, 3, 0))
    readings, _ = decoded(frame(state + nonsense))
    assert set((readings.time_ns // SECOND_NS).tolist()) == {worked.SENT_NS // SECOND_NS}
    readings, _ = decoded(frame(state + worked.LABEL, label=nonsense))
    assert set(readings.time_ns.tolist()) == {NO_TIME}
    assert set(readings.quality.tolist()) == {GOOD}


@pytest.mark.parametrize("off_s", [-86400, -301, 301, 86400])
def test_a_device_whose_clock_is_wrong_is_doubted_and_the_time_of_receipt_counts(off_s: int) -> None:
    readings, refused = decoded(frame(bytes((1, 1, 1, 1, 3, 0)) + label_at(off_s), label=label_at(off_s)))
    assert refused == []
    assert values(readings, "330100001/1-1/")["fire"] == 1.0
    assert set(readings.time_ns.tolist()) == {NO_TIME}
    assert set(readings.quality.tolist()) == {UNCERTAIN}


def test_objects_times_that_are_of_no_use_can_be_left_aside() -> None:
    readings, _ = decoded(frame(bytes((1, 1, 1, 1, 3, 0)) + label_at(-7200)), event_time="send")
    assert set((readings.time_ns // SECOND_NS).tolist()) == {worked.SENT_NS // SECOND_NS}


def test_events_of_one_second_keep_the_order_of_their_frames_and_a_frame_sent_again_its_time() -> None:
    fire, over = (bytes((1, 1, 1, 1, state, 0)) + worked.LABEL for state in (3, 1))
    times_ns = [decoded(frame(data, sequence=n), signals=["fire"])[0].time_ns[0] for n, data in enumerate([fire, over])]
    assert times_ns[0] < times_ns[1] < times_ns[0] + SECOND_NS
    again = decoded(frame(fire, sequence=0), received_ns=worked.SENT_NS + 40 * SECOND_NS, signals=["fire"])
    assert again[0].time_ns[0] == times_ns[0]
    high = [
        decoded(frame(fire, sequence=n, order="big"), sequence_order="high_first", signals=["fire"])[0].time_ns[0]
        for n in (255, 256)
    ]
    assert high[0] < high[1]


def test_a_day_of_labels_is_read_as_it_was_written() -> None:
    read = times.reader("Asia/Shanghai", "binary")
    start = datetime(2026, 3, 8, tzinfo=UTC)
    for step in itertools.count():
        moment = start + timedelta(seconds=977 * step)
        if moment > start + timedelta(days=2):
            break
        ns = int(moment.timestamp()) * SECOND_NS
        assert read(times.label(ns, "Asia/Shanghai", "binary")) == ns
