"""Frames: those worked out by hand, byte for byte both ways; and a stream in which anything may stand between them."""

from __future__ import annotations

import itertools
import random
import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.gb26875 import times
from connectors.gb26875.frames import (
    DATA_BYTES_MAX,
    FRAME_BYTES_MAX,
    Broken,
    Command,
    Frame,
    FrameBuffer,
    encode,
    is_frame,
)
from simulator.uitd import wire
from tests.connectors.gb26875 import worked

ROUND_S_MAX = 0.05


def taken(*pieces: bytes) -> list[bytes]:
    """Frames of a stream that came in these pieces, and then stood still for long."""
    buffer = FrameBuffer()
    found: list[Frame | Broken] = []
    for piece in pieces:
        buffer.feed(piece)
        found += buffer.take()
        assert len(buffer) < FRAME_BYTES_MAX
    while len(buffer):
        found += buffer.give_up(len(buffer))
    return [one.raw for one in found if isinstance(one, Frame)]


def first_good(stream: bytes) -> list[bytes]:
    """The obvious way: try a frame at each byte, and go on behind the ones that are sound."""
    frames, at = [], 0
    while at < len(stream):
        length = int.from_bytes(stream[at + 24 : at + 26], "little")
        raw = stream[at : at + 30 + length]
        if is_frame(raw):
            frames.append(raw)
            at += len(raw)
        else:
            at += 1
    return frames


@pytest.mark.parametrize("name", worked.ALL)
def test_a_worked_frame_is_read_and_written_byte_for_byte(name: str) -> None:
    raw = worked.ALL[name]
    assert taken(raw) == [raw]
    frame = Frame(raw)
    written = encode(
        frame.sequence,
        frame.version,
        frame.time,
        frame.source,
        frame.destination,
        Command(frame.command),
        frame.data,
    )
    assert written == raw
    assert {frame.source, frame.destination} == {worked.DEVICE, worked.CENTRE}
    assert times.reader("Asia/Shanghai", "binary")(frame.time) == worked.SENT_NS


def test_the_confirmation_of_a_worked_frame_is_the_worked_confirmation() -> None:
    assert Frame(worked.B).reply(Command.CONFIRM, worked.LABEL) == worked.C


def test_the_simulated_device_writes_the_worked_frames() -> None:
    at = datetime.fromtimestamp(worked.SENT_NS / 1e9, UTC)
    smoke = wire.Component(1, 1, 42, 0x00030007, "3层东走廊烟感")
    pump = wire.Component(11, 1, 91, 0x00010001)
    addresses = {"source": 330_100_001, "destination": 1, "at": at}
    fire = wire.component_states([(smoke, ["normal", "fire"])], at)
    assert wire.frame(wire.SEND, fire, sequence=1, **addresses) == worked.A
    assert wire.frame(wire.SEND, wire.analog(pump, 5, 320.5, at), sequence=2, **addresses) == worked.B
    assert wire.frame(wire.SEND, wire.device_state(["normal"], at), sequence=3, **addresses) == worked.E
    (check,) = wire.read(bytearray(worked.D))
    assert (check.sequence, check.command, check.data) == (0x0105, wire.CONTROL, bytes((wire.CHECK_DUTY, 1, 10)))


def test_frames_that_stick_together_and_frames_in_halves_are_told_apart() -> None:
    stream = worked.A + worked.B + worked.E
    assert taken(stream) == [worked.A, worked.B, worked.E]
    assert taken(stream[:50], stream[50:100], stream[100:]) == [worked.A, worked.B, worked.E]
    assert taken(*(bytes((byte,)) for byte in stream)) == [worked.A, worked.B, worked.E]


@pytest.mark.parametrize(
    "before", [b"@", b"@@", b"@@@", b"##", b"\x00" * 40, worked.A[:30], worked.A[:-1], worked.A[1:]]
)
def test_behind_anything_the_next_good_frame_is_found(before: bytes) -> None:
    assert taken(before + worked.B) == [worked.B]


def test_marks_inside_data_end_nothing_and_begin_nothing() -> None:
    raw = encode(b"\1\0", b"\1\1", worked.LABEL, worked.DEVICE, worked.CENTRE, Command.SEND, b"##@@" * 12 + b"@@\xff")
    assert taken(raw + worked.E) == [raw, worked.E]


def test_a_wrong_checksum_is_told_with_the_number_of_its_frame() -> None:
    damaged = bytearray(worked.A)
    damaged[40] ^= 1
    buffer = FrameBuffer()
    buffer.feed(bytes(damaged) + worked.B)
    broken, good = buffer.take()
    assert isinstance(broken, Broken)
    assert broken.reason == "checksum"
    deny = Frame(broken.head.reply(Command.DENY, worked.LABEL))
    assert (deny.sequence, deny.command, deny.data) == (b"\1\0", Command.DENY, b"")
    assert (deny.source, deny.destination) == (worked.CENTRE, worked.DEVICE)
    assert is_frame(deny.raw)
    assert good == Frame(worked.B)


def test_a_length_that_cannot_be_is_told_at_once_and_not_waited_for() -> None:
    longer = bytearray(worked.A)
    longer[24:26] = (DATA_BYTES_MAX + 1).to_bytes(2, "little")
    buffer = FrameBuffer()
    buffer.feed(bytes(longer) + worked.B)
    broken, good = buffer.take()
    assert isinstance(broken, Broken)
    assert broken.reason == "data of 1025 bytes"
    assert good == Frame(worked.B)


def test_the_longest_frame_is_taken_and_a_longer_one_not_written() -> None:
    head = b"\1\0", b"\1\1", worked.LABEL, worked.DEVICE, worked.CENTRE, Command.SEND
    longest = encode(*head, bytes(DATA_BYTES_MAX))
    assert taken(longest) == [longest]
    with pytest.raises(ValueError, match="at most 1024 bytes, got 1025"):
        encode(*head, bytes(DATA_BYTES_MAX + 1))


def test_a_beginning_that_is_too_old_is_given_up_and_a_fresh_one_waits_on() -> None:
    buffer = FrameBuffer()
    buffer.feed(worked.A[:60])
    assert buffer.take() == []
    old = len(buffer)
    buffer.feed(worked.B[:10])
    assert buffer.take() == []
    assert buffer.give_up(old) == []
    buffer.feed(worked.B[10:])
    assert buffer.take() == [Frame(worked.B)]


SOUND = st.builds(
    encode,
    st.binary(min_size=2, max_size=2),
    st.binary(min_size=2, max_size=2),
    st.binary(min_size=6, max_size=6),
    st.binary(min_size=6, max_size=6),
    st.binary(min_size=6, max_size=6),
    st.sampled_from(Command),
    st.binary(max_size=80) | st.sampled_from([b"@@", b"##", b"@@##" * 8]),
)
RUBBISH = st.binary(max_size=120) | st.sampled_from([b"@", b"@@", b"@@" * 30, b"##", worked.A[:-3], worked.B[:27]])
STREAMS = st.lists(SOUND | RUBBISH, max_size=8)


@settings(max_examples=400, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 1000), max_size=12))
@example([b"@@" * 40, worked.A], [])
@example([worked.A[:-1], worked.A[:-1], worked.B], [77])
def test_whatever_comes_in_whatever_pieces_the_sound_frames_are_found(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[begin:end] for begin, end in itertools.pairwise(bounds)]
    assert taken(*pieces) == first_good(stream)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000), SOUND)
def test_any_bytes_are_gone_through_at_once_and_a_good_frame_ends_them(rubbish: bytes, sound: bytes) -> None:
    buffer = FrameBuffer()
    begun_s = time.thread_time()
    buffer.feed(rubbish)
    buffer.take()
    assert len(buffer) < FRAME_BYTES_MAX
    while len(buffer):
        buffer.give_up(len(buffer))
    assert time.thread_time() - begun_s < ROUND_S_MAX
    buffer.feed(sound)
    assert buffer.take() == [Frame(sound)]
    assert buffer.dropped == 0


@pytest.mark.parametrize(
    "hostile", [b"@@" * 8192, (b"@@" + bytes(22) + b"\xff\x03\x02") * 600, b"@@#\x04\x00" * 3276, b"@" * 16384]
)
def test_bytes_chosen_to_be_slow_are_not(hostile: bytes) -> None:
    buffer = FrameBuffer()
    begun_s = time.thread_time()
    buffer.feed(hostile[:16384])
    buffer.take()
    assert time.thread_time() - begun_s < ROUND_S_MAX
    assert len(buffer) < FRAME_BYTES_MAX


@pytest.mark.prove
def test_a_million_frames_with_rubbish_between_them_are_all_found() -> None:
    chance = random.Random(26875)
    buffer, sent, found = FrameBuffer(), 0, 0
    longest_s = 0.0
    for _ in range(10_000):
        parts = []
        for number in range(100):
            frame = bytearray(worked.A if number % 2 else worked.E)
            frame[2:4] = chance.randbytes(2)
            frame[-3] = sum(frame[2:-3]) & 0xFF
            parts += [bytes(frame), chance.randbytes(chance.choice((0, 0, 0, 7))).replace(b"@", b"")]
            sent += 1
        stream, at = b"".join(parts), 0
        while at < len(stream):
            size = chance.randint(1, 4096)
            begun_s = time.thread_time()
            buffer.feed(stream[at : at + size])
            found += sum(isinstance(one, Frame) for one in buffer.take())
            longest_s = max(longest_s, time.thread_time() - begun_s)
            at += size
    assert found == sent == 1_000_000
    assert longest_s < ROUND_S_MAX
