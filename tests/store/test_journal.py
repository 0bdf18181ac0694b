"""The journal: what was committed is there after any end, in order, once; what was not is cut, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.batch import Batch
from model.errors import JournalError
from model.inputs import Input, Tick
from store import journal as journal_module
from store import segment
from store.journal import Entry, Journal, JournalReader, segments
from tests.store.inputs import batch_of, batches, count, inputs, plain

EACH_ITS_OWN_FOLDER = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Iterator[Path]]:
    return (tmp_path / str(number) for number in range(10**6))


def read(folder: Path, offset: int = 0) -> list[Entry]:
    return list(JournalReader(folder, offset).read())


def values(entries: list[Entry]) -> list[tuple[int, object]]:
    return [(entry.offset, plain(entry.item)) for entry in entries]


def written(folder: Path, *items: Input, segment_bytes: int = 10**6) -> None:
    """Every item in a commit of its own."""
    writer = Journal(folder, segment_bytes=segment_bytes)
    for item in items:
        writer.append(item)
        writer.commit()
    writer.close()


@EACH_ITS_OWN_FOLDER
@given(commits=st.lists(st.lists(inputs(), max_size=4), max_size=6), segment_bytes=st.sampled_from([100, 600, 10**6]))
def test_what_is_committed_reads_back_in_order_over_restarts(
    folders: Iterator[Path], commits: list[list[Input]], segment_bytes: int
) -> None:
    folder, kept, offset = next(folders), [], 0
    for items in commits:
        writer = Journal(folder, segment_bytes=segment_bytes)
        assert writer.next_offset == offset
        for item in items:
            assert writer.append(item) == offset
            offset += count(item)
        durable = writer.commit()
        kept += durable
        writer.close()
    assert values(read(folder)) == values(kept)
    assert sum(count(entry.item) for entry in kept) == offset


@EACH_ITS_OWN_FOLDER
@given(
    items=st.lists(batches(rows_max=4), min_size=1, max_size=8),
    reads=st.lists(st.booleans(), min_size=8, max_size=8),
    segment_bytes=st.sampled_from([100, 400, 10**6]),
)
def test_a_reader_follows_the_writer_over_segments_and_misses_nothing(
    folders: Iterator[Path], items: list[Batch], reads: list[bool], segment_bytes: int
) -> None:
    folder = next(folders)
    writer, reader, kept, seen = Journal(folder, segment_bytes=segment_bytes), JournalReader(folder, 0), [], []
    for item, read_now in zip(items, reads, strict=False):
        writer.append(item)
        kept += writer.commit()
        seen += reader.read() if read_now else ()
    seen += reader.read()
    assert values(seen) == values(kept)
    assert reader.offset == writer.next_offset
    assert reader.bytes_behind() == 0
    writer.close()


def test_nothing_is_there_before_the_commit(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    writer.append(Tick(1, 1))
    assert read(tmp_path) == []
    assert writer.commit() == [Entry(0, Tick(1, 1))]
    assert writer.commit() == []
    assert read(tmp_path) == [Entry(0, Tick(1, 1))]
    writer.close()


@pytest.mark.parametrize("offset", range(8))
def test_a_reader_may_begin_anywhere_and_a_batch_is_cut_there(tmp_path: Path, offset: int) -> None:
    written(tmp_path, batch_of(3), Tick(1, 1), batch_of(3, 4))
    found = []
    for entry in read(tmp_path, offset):
        rows = entry.item.value.tolist() if isinstance(entry.item, Batch) else [3.0]
        found += list(enumerate(rows, entry.offset))
    assert found == [(at, float(at)) for at in range(offset, 7)]


def test_a_last_record_torn_at_any_byte_is_cut_and_kept_aside_and_writing_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    written(whole, batch_of(2))
    begin = segments(whole)[0].stat().st_size
    written(whole, batch_of(2, 2))
    data = segments(whole)[0].read_bytes()
    for end in range(begin, len(data)):
        folder = tmp_path / str(end)
        folder.mkdir()
        (folder / segments(whole)[0].name).write_bytes(data[:end])
        writer = Journal(folder)
        assert (writer.next_offset, writer.torn_bytes) == (2, end - begin)
        writer.append(Tick(9, 9))
        writer.commit()
        writer.close()
        assert values(read(folder)) == [*values(read(whole)[:1]), (2, Tick(9, 9))]
        aside = [path.read_bytes() for path in folder.glob("*.torn")]
        assert aside == ([data[begin:end]] if end > begin else [])


def test_a_segment_torn_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    for size in range(segment.FILE_HEADER.size):
        folder = tmp_path / str(size)
        written(folder, batch_of(2))
        (folder / f"{2:020d}.seg").write_bytes(segment.file_header()[:size])
        writer = Journal(folder)
        assert (writer.next_offset, writer.torn_bytes) == (2, size)
        writer.append(Tick(1, 1))
        writer.commit()
        writer.close()
        assert [entry.offset for entry in read(folder)] == [0, 2]


def test_every_flipped_bit_of_a_record_is_found(tmp_path: Path) -> None:
    written(tmp_path, batch_of(1), Tick(5, 5))
    path = segments(tmp_path)[0]
    data = path.read_bytes()
    first = read(tmp_path)[:1]
    begin = len(data) - len(segment.pack(segment.Record(2, 1, 1, b'{"boot":"","elapsed_ns":5,"wall_ns":5}')))
    reserved = range(begin + segment.RECORD_HEADER_BYTES - 4, begin + segment.RECORD_HEADER_BYTES)
    for at in set(range(begin, len(data))) - set(reserved):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            assert values(read(tmp_path)) == values(first), (at, bit)


def test_damage_in_a_closed_segment_is_reported_with_its_range_and_not_skipped(tmp_path: Path) -> None:
    written(tmp_path, batch_of(3), batch_of(3, 3), batch_of(3, 6), segment_bytes=1)
    middle = segments(tmp_path)[1]
    middle.write_bytes(middle.read_bytes()[:-1] + b"\xff")
    reader = JournalReader(tmp_path, 0)
    with pytest.raises(JournalError, match=rf"{middle.name}: damaged between offsets 3 and 6"):
        list(reader.read())
    assert reader.offset == 3


def test_segments_roll_at_their_size_and_are_named_by_their_first_offset(tmp_path: Path) -> None:
    written(tmp_path, *[batch_of(2, 2 * at) for at in range(5)], segment_bytes=250)
    assert [int(path.stem) for path in segments(tmp_path)] == [0, 4, 8]
    assert [entry.offset for entry in read(tmp_path)] == [0, 2, 4, 6, 8]


def test_a_batch_without_rows_leaves_no_record_and_cannot_stop_the_next_roll(tmp_path: Path) -> None:
    written(tmp_path, batch_of(2), batch_of(0), batch_of(2, 2), batch_of(0), batch_of(2, 4), segment_bytes=1)
    assert [(entry.offset, count(entry.item)) for entry in read(tmp_path)] == [(0, 2), (2, 2), (4, 2)]


def test_more_rows_than_a_record_holds_become_several(tmp_path: Path) -> None:
    rows = journal_module.RECORD_ROWS_MAX + 5
    written(tmp_path, batch_of(rows), Tick(1, 1))
    assert [(entry.offset, count(entry.item)) for entry in read(tmp_path)] == [
        (0, rows - 5),
        (rows - 5, 5),
        (rows, 1),
    ]


def test_a_record_too_large_to_be_read_back_is_never_written() -> None:
    with pytest.raises(JournalError, match="a record holds at most"):
        segment.pack(segment.Record(1, 0, 1, bytes(segment.PAYLOAD_BYTES_MAX + 1)))


def test_a_second_writer_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(JournalError, match="another process writes this journal; stop it first"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()


def test_a_journal_of_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    written(tmp_path, batch_of(2))
    path = segments(tmp_path)[0]
    newer = segment.FILE_HEADER.pack(segment.FILE_MAGIC, segment.FORMAT_VERSION + 1, 0)
    path.write_bytes(newer + path.read_bytes()[len(newer) :])
    before = path.read_bytes()
    for _ in range(2):  # the first refusal has let the lock go
        with pytest.raises(JournalError, match="format 2 is newer than 1, which this version reads; upgrade"):
            Journal(tmp_path)
    with pytest.raises(JournalError, match="is newer than"):
        read(tmp_path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_segment_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{0:020d}.seg").write_bytes(b"something else entirely")
    with pytest.raises(JournalError, match="not a journal segment, it begins with b'somethin'"):
        Journal(tmp_path)


def test_an_offset_that_is_no_longer_kept_is_refused(tmp_path: Path) -> None:
    written(tmp_path, batch_of(2), batch_of(2, 2), segment_bytes=1)
    segments(tmp_path)[0].unlink()
    with pytest.raises(JournalError, match="offset 1 is no longer kept; the oldest is 2"):
        read(tmp_path, 1)


def test_after_a_failed_write_nothing_more_is_written_until_a_restart(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    writer.append(batch_of(2))
    writer.commit()
    behind = os.dup(writer._file)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._file)
    writer.append(Tick(1, 1))
    with pytest.raises(JournalError, match=r"cannot write the journal: .*No space left"):
        writer.commit()
    os.dup2(behind, writer._file)  # there is room again, but nobody may try
    with pytest.raises(JournalError, match="an earlier write failed; restart to recover"):
        writer.commit()
    writer.close()
    os.close(behind)
    os.close(full)
    again = Journal(tmp_path)
    assert (again.next_offset, again.torn_bytes) == (2, 0)
    again.close()
