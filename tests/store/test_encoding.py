"""Inputs as bytes and back, without a bit lost."""

from __future__ import annotations

import pytest
from hypothesis import given

from model.errors import JournalError
from model.inputs import Input
from store.journal.encoding import RecordType, decode, encode
from tests.store.inputs import count, inputs, plain


@given(inputs())
def test_what_is_encoded_reads_back_bit_for_bit(item: Input) -> None:
    kind, payload, number = encode(item)
    assert plain(decode(kind, payload)) == plain(item)
    assert encode(decode(kind, payload)) == (kind, payload, number)
    assert number == count(item)


def test_a_record_of_a_later_version_is_refused_by_its_type() -> None:
    with pytest.raises(JournalError, match="record type 99 is not known to this version; upgrade"):
        decode(99, b"")


def test_half_a_row_is_refused() -> None:
    with pytest.raises(JournalError, match="whole rows of 29 bytes, got 30 bytes"):
        decode(RecordType.BATCH, bytes(30))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b'{"wall_ns": "x", "elapsed_ns": 1}', b"\xff"])
def test_a_tick_that_does_not_read_says_so(payload: bytes) -> None:
    with pytest.raises(JournalError, match="a tick record does not read"):
        decode(RecordType.TICK, payload)
