"""What every format promises: no bytes break it, each message ends somewhere, cuts change nothing, it is bounded."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import FORMATS
from connectors.formats.contract import PAYLOAD_BYTES_MAX, READINGS_MAX
from model.connector import Readings, Refusal
from tests.fuzz.ruin import SPARKPLUG_WORST, TRICKS, WORST
from tests.fuzz.targets import TARGETS, Message, Target, check, deliveries_of, one_input

NAMES = sorted(FORMATS)

#: CPU time of one message of the largest size; the machine may be slow and busy.
MESSAGE_S_MAX = 0.5
MESSAGE_BYTES_MAX = 80_000_000


def test_every_format_is_fuzzed() -> None:
    assert sorted(TARGETS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_its_seeds_are_read_without_a_fault_but_those_of_single_readings(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        deliveries = deliveries_of(target.messages(seed))
        readings, refused = target.decoder().decode(deliveries)
        check(deliveries, readings, refused)
        assert len(readings), refused
        assert not {one.reason for one in refused} & {
            "not_json",
            "not_cbor",
            "not_protobuf",
            "bad_length",
            "wrong_shape",
        }


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A seed with some of it cut, changed, doubled or put in; or nothing of a seed at all."""
    data = draw(st.sampled_from(TARGETS[name].seeds) | st.binary(max_size=80))
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, max(len(data), 1))), draw(st.integers(0, 12))
        middle = draw(st.binary(max_size=6) | st.just(data[at : at + length] * 2) | st.sampled_from(TRICKS))
        data = data[:at] + middle + data[at + length :]
    return data


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_break_it_and_every_message_ends_somewhere(name: str) -> None:
    @settings(max_examples=300, deadline=None)
    @given(mutated(name))
    def run(data: bytes) -> None:
        one_input(TARGETS[name], data)

    run()


def rows(readings: Readings, begin: int = 0) -> list[tuple[str, ...]]:
    columns = (readings.time_ns, readings.value, readings.quality, readings.delivery + begin)
    return [
        (tag, readings.units[readings.unit[row]], *(repr(column[row]) for column in columns))
        for row, tag in enumerate(readings.tags)
    ]


def outcome(target: Target, messages: Sequence[Message], cuts: Sequence[int]) -> tuple[object, ...]:
    decoder, first, found, refused, left_out = target.decoder(), 0, [], [], {}
    for begin, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        deliveries = deliveries_of(messages[begin:end], begin)
        readings, own = decoder.decode(deliveries)
        found += rows(readings, first)
        refused += [(one.reason, one.detail, one.payload, one.count, one.delivery.receipt) for one in own]
        for label, count in readings.left_out.items():
            left_out[label] = left_out.get(label, 0) + count
        first = end
    return found, refused, left_out


@pytest.mark.parametrize("name", NAMES)
def test_any_split_of_a_batch_gives_the_same(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=120, deadline=None)
    @given(st.lists(mutated(name), min_size=1, max_size=6), st.data())
    def run(inputs: list[bytes], data: st.DataObject) -> None:
        messages = [message for one in inputs for message in target.messages(one)]
        cuts = sorted(data.draw(st.sets(st.integers(0, len(messages)), max_size=4)))
        assert outcome(target, messages, []) == outcome(target, messages, cuts)

    run()


def cost(target: Target, messages: list[Message]) -> tuple[float, int]:
    """CPU seconds of the slowest message, best of three runs; bytes at the peak of the last."""
    slowest = [float("inf")] * len(messages)
    for _ in range(3):
        decoder = target.decoder()
        for number, message in enumerate(messages):
            deliveries = deliveries_of([message], number)
            begun_s = time.thread_time()
            found = decoder.decode(deliveries)
            slowest[number] = min(slowest[number], time.thread_time() - begun_s)
            check(deliveries, *found)
    tracemalloc.start()
    target.decoder().decode(deliveries_of(messages))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return max(slowest), peak


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, all_ in WORST.items() for place in range(len(all_))]
)
def test_the_worst_message_of_a_format_costs_a_bounded_time_and_memory(name: str, place: int) -> None:
    payload = WORST[name][place]
    assert len(payload) <= PAYLOAD_BYTES_MAX
    seconds, peak = cost(TARGETS[name], [(TARGETS[name].topics[0], payload)])
    assert seconds < MESSAGE_S_MAX
    assert peak < MESSAGE_BYTES_MAX


@pytest.mark.parametrize("payload", SPARKPLUG_WORST, ids=range(len(SPARKPLUG_WORST)))
def test_the_worst_births_and_deaths_cost_a_bounded_time_and_memory(payload: bytes) -> None:
    topics = TARGETS["sparkplug"].topics
    messages = [(topics[0], payload), (topics[3], payload), (topics[2], payload), (topics[1], b"")]
    seconds, peak = cost(TARGETS["sparkplug"], messages)
    assert seconds < MESSAGE_S_MAX
    assert peak < MESSAGE_BYTES_MAX


@pytest.mark.parametrize("name", ["senml", "mapped-json", "csv"])
def test_a_message_of_more_readings_than_one_may_hold_is_refused_whole(name: str) -> None:
    count = READINGS_MAX + 1
    payload = {
        "senml": json.dumps([{"n": "a", "v": 1}] * count).encode(),
        "mapped-json": json.dumps({"line": 1, "rows": [[0, 1]] * count}).encode(),
        "csv": b"a;;1;;;\n" * count,
    }[name]
    readings, refused = TARGETS[name].decoder().decode(deliveries_of([(TARGETS[name].topics[0], payload)]))
    assert (len(readings), [one.reason for one in refused]) == (0, ["too_many"])
    assert f"at most {READINGS_MAX}" in refused[0].detail


def test_refusals_are_named_by_labels_that_are_few() -> None:
    """A reason is a label of a metric: it must not hold anything that a sender can choose."""
    refused: list[Refusal] = []
    for target in TARGETS.values():
        for number in range(300):
            seed = target.seeds[number % len(target.seeds)]
            cut = (
                seed[: number * 7 % (len(seed) + 1)]
                + TRICKS[number % len(TRICKS)]
                + seed[number * 5 % (len(seed) + 1) :]
            )
            refused += target.decoder().decode(deliveries_of(target.messages(cut)))[1]
    assert {one.reason for one in refused} <= REASONS


REASONS = {
    "bad_base", "bad_checksum", "bad_encoding", "bad_length", "bad_line", "bad_name", "bad_quality", "bad_record",
    "bad_tag", "bad_tags", "bad_time", "bad_unit", "bad_value", "bad_version", "data_value", "must_understand",
    "no_birth", "no_datatype", "no_name", "no_subscription", "no_tag", "no_time", "no_value", "not_cbor", "not_json",
    "not_protobuf", "text_value", "too_deep", "too_large", "too_many", "two_values", "unknown_alias", "wrong_shape",
}  # fmt: skip
