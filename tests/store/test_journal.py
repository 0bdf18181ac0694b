"""The journal: what was committed is there after any end, in order, once; what was not is cut, and nothing else."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.batch import Batch
from model.errors import JournalError
from model.inputs import Input, PlanChange, Tick
from store.disk import LOCAL_DISK, LocalDisk
from store.journal import segment
from store.journal.encoding import decode, encode
from store.journal.entries import Entry
from store.journal.reader import JournalReader, first_plan, segments
from store.journal.writer import RECORD_ROWS_MAX, Journal
from tests.pipeline.plans import plan
from tests.store.inputs import PLAN, batch_of, batches, count, inputs, plain

GOLDEN_V1 = Path(__file__).parents[1] / "golden" / "journal-v1"

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


@pytest.mark.parametrize("room", [0, 500])
def test_a_last_record_torn_at_any_byte_is_cut_and_kept_aside_and_writing_goes_on(tmp_path: Path, room: int) -> None:
    whole = tmp_path / "whole"
    written(whole, batch_of(2))
    begin = segments(whole)[0].stat().st_size
    written(whole, batch_of(2, 2))
    data = segments(whole)[0].read_bytes()
    for end in range(begin, len(data.rstrip(b"\0"))):
        folder = tmp_path / str(end)
        folder.mkdir()
        (folder / segments(whole)[0].name).write_bytes(data[:end] + bytes(room))
        torn = data[begin:end].rstrip(b"\0")
        writer = Journal(folder)
        assert (writer.next_offset, writer.torn_bytes, writer.damage) == (2, len(torn), [])
        writer.append(Tick(9, 9))
        writer.commit()
        writer.close()
        assert values(read(folder)) == [*values(read(whole)[:1]), (2, Tick(9, 9))]
        assert [path.read_bytes() for path in folder.glob("*.torn")] == ([torn] if torn else [])


def test_a_segment_torn_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    head = segment.pack_header(segment.FileHeader(2))
    for size in range(len(head.rstrip(b"\0"))):
        folder = tmp_path / str(size)
        written(folder, batch_of(2))
        (folder / segment.file_name(2)).write_bytes(head[:size] + bytes(100))
        writer = Journal(folder)
        assert (writer.next_offset, writer.torn_bytes) == (2, len(head[:size].rstrip(b"\0")))
        writer.append(Tick(1, 1))
        writer.commit()
        writer.close()
        assert [entry.offset for entry in read(folder)] == [0, 2]


def test_a_whole_commit_is_torn_or_nothing_of_it_although_a_later_record_of_it_is_there(tmp_path: Path) -> None:
    """Sectors reach the disk in any order: the end of a commit may be there without its middle."""
    writer = Journal(tmp_path)
    writer.append(batch_of(2))
    writer.commit()
    for item in (Tick(1, 1), Tick(2, 2), Tick(3, 3)):
        writer.append(item)
    writer.commit()
    writer.close()
    path = segments(tmp_path)[0]
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"wall_ns":2', b'"wall_ns":7'))
    again = Journal(tmp_path)
    assert (again.next_offset, again.damage) == (3, [])
    assert again.torn_bytes == 2 * segment.Draft(segment.Record(2, 0, 1, encode(Tick(2, 2))[1])).record.size
    again.close()
    assert [entry.offset for entry in read(tmp_path)] == [0, 2]


def test_segments_roll_at_their_size_and_are_named_by_their_first_offset(tmp_path: Path) -> None:
    written(tmp_path, *[batch_of(2, 2 * at) for at in range(5)], segment_bytes=250)
    assert [int(path.stem) for path in segments(tmp_path)] == [0, 4, 8]
    assert [entry.offset for entry in read(tmp_path)] == [0, 2, 4, 6, 8]


def test_a_batch_without_rows_leaves_no_record_and_cannot_stop_the_next_roll(tmp_path: Path) -> None:
    written(tmp_path, batch_of(2), batch_of(0), batch_of(2, 2), batch_of(0), batch_of(2, 4), segment_bytes=1)
    assert [(entry.offset, count(entry.item)) for entry in read(tmp_path)] == [(0, 2), (2, 2), (4, 2)]


def test_more_rows_than_a_record_holds_become_several(tmp_path: Path) -> None:
    rows = RECORD_ROWS_MAX + 5
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
    with patch.object(segment, "FORMAT_VERSION", segment.FORMAT_VERSION + 1):
        newer = segment.pack_header(segment.FileHeader(0))
    path.write_bytes(newer + path.read_bytes()[len(newer) :])
    before = path.read_bytes()
    for _ in range(2):  # the first refusal has let the lock go
        with pytest.raises(JournalError, match="format 3 is newer than 2, which this version reads; upgrade"):
            Journal(tmp_path)
    with pytest.raises(JournalError, match="is newer than"):
        read(tmp_path)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name, "lock"]


def test_a_file_that_is_no_segment_is_kept_aside_whole(tmp_path: Path) -> None:
    (tmp_path / segment.file_name(0)).write_bytes(b"something else entirely")
    writer = Journal(tmp_path)
    assert (writer.next_offset, writer.torn_bytes) == (0, 23)
    writer.append(Tick(1, 1))
    writer.commit()
    writer.close()
    assert (tmp_path / f"{0:020d}-0.torn").read_bytes() == b"something else entirely"
    assert [entry.offset for entry in read(tmp_path)] == [0]


def test_an_offset_that_is_no_longer_kept_is_refused(tmp_path: Path) -> None:
    written(tmp_path, batch_of(2), batch_of(2, 2), segment_bytes=1)
    segments(tmp_path)[0].unlink()
    with pytest.raises(JournalError, match="offset 1 is no longer kept; the oldest is 2"):
        read(tmp_path, 1)


def test_entries_may_be_appended_while_a_sync_is_under_way_and_belong_to_the_next_commit(tmp_path: Path) -> None:
    may_sync = threading.Event()

    class SlowDisk(LocalDisk):
        def sync(self, file: int) -> None:
            assert may_sync.wait(10)
            super().sync(file)

    writer = Journal(tmp_path, disk=SlowDisk())
    may_sync.set()
    writer.append(Tick(1, 1))
    writer.commit()
    may_sync.clear()
    writer.append(Tick(2, 2))
    writer.begin_commit()
    assert (writer.append(Tick(3, 3)), writer.pending_bytes > 0) == (2, True)
    with pytest.raises(JournalError, match="a commit is under way; finish it before the next"):
        writer.begin_commit()
    may_sync.set()
    assert writer.finish_commit() == [Entry(1, Tick(2, 2))]
    assert writer.finish_commit() == []
    assert writer.commit() == [Entry(2, Tick(3, 3))]
    assert writer.pending_bytes == 0
    writer.close()
    assert [entry.offset for entry in read(tmp_path)] == [0, 1, 2]


def test_an_end_while_a_sync_is_under_way_keeps_what_was_begun(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    writer.append(Tick(1, 1))
    writer.begin_commit()
    writer.close()
    assert [entry.offset for entry in read(tmp_path)] == [0]


def in_halves(writer: Journal) -> None:
    writer.begin_commit()
    writer.finish_commit()


@pytest.mark.parametrize("commit", [Journal.commit, in_halves])
def test_after_a_failed_sync_nothing_is_tried_again_until_a_restart(
    tmp_path: Path, commit: Callable[[Journal], object]
) -> None:
    class BadDisk(LocalDisk):
        syncs = 0

        def sync(self, file: int) -> None:
            self.syncs += 1
            if self.syncs > 2:  # the first two are the new segment's and the first commit's
                raise OSError(errno.EIO, "Input/output error")
            super().sync(file)

    disk = BadDisk()
    writer = Journal(tmp_path, disk=disk)
    writer.append(batch_of(2))
    writer.commit()
    writer.append(Tick(1, 1))
    with pytest.raises(JournalError, match=r"cannot write the journal: .*Input/output error"):
        commit(writer)
    for again in (writer.commit, writer.begin_commit, writer.finish_commit):
        with pytest.raises(JournalError, match="an earlier write failed; restart to recover"):
            again()
    writer.close()
    assert disk.syncs == 3
    again = Journal(tmp_path)
    assert (again.next_offset, again.torn_bytes) == (3, 0)  # the kernel had it after all; it is durable now
    again.close()


def test_room_is_taken_beforehand_and_given_back_at_the_end(tmp_path: Path) -> None:
    writer = Journal(tmp_path, segment_bytes=100_000)
    writer.append(Tick(1, 1))
    writer.commit()
    path = segments(tmp_path)[0]
    assert path.stat().st_size == 100_000
    assert not any(path.read_bytes()[writer.bytes_written :])
    assert read(tmp_path) == [Entry(0, Tick(1, 1))]
    writer.append(Tick(2, 2))
    writer.commit()
    assert path.stat().st_size == 100_000
    written_bytes = writer.bytes_written
    writer.close()
    assert path.stat().st_size == written_bytes


def test_where_the_file_system_cannot_take_room_beforehand_the_file_grows(tmp_path: Path) -> None:
    class PlainDisk(LocalDisk):
        def allocate(self, _file: int, _size: int) -> bool:
            return False

    writer = Journal(tmp_path, disk=PlainDisk(), reserve_bytes=3_000_000)
    for at in range(3):
        writer.append(Tick(at, at))
        writer.commit()
        assert segments(tmp_path)[0].stat().st_size == writer.bytes_written
    assert (tmp_path / "reserve").stat().st_size == 3_000_000
    writer.close()
    assert [entry.offset for entry in read(tmp_path)] == [0, 1, 2]


def test_every_segment_tells_the_plan_in_force_at_its_head(tmp_path: Path) -> None:
    other = PlanChange(plan(), 9)
    written(tmp_path, PlanChange(PLAN, 7), batch_of(9, 1), other, batch_of(9, 11), batch_of(9, 20), segment_bytes=1)
    told = [first_plan(LOCAL_DISK, path) for path in segments(tmp_path)]
    assert [(record.plan, record.first_offset) if record else None for record in told] == [
        None,
        (1, 1),
        (1, 10),
        (2, 11),
        (2, 20),
    ]
    assert decode(told[-1].type, told[-1].payload) == other
    assert [entry.again for entry in read(tmp_path)] == [False] * 5


def test_a_reader_that_begins_where_the_journal_begins_now_is_told_the_plan(tmp_path: Path) -> None:
    written(tmp_path, PlanChange(PLAN, 7), batch_of(9, 1), Tick(1, 1), batch_of(9, 11), segment_bytes=1)
    for path in segments(tmp_path)[:2]:
        path.unlink()
    writer = Journal(tmp_path)
    assert values(list(writer.replay(None)))[:2] == [(10, PlanChange(PLAN, 7)), (10, Tick(1, 1))]
    assert [(entry.offset, entry.next_offset) for entry in writer.replay(None)] == [(10, 10), (10, 11), (11, 20)]
    writer.close()


def test_a_journal_of_format_1_is_read_and_gone_on_with_in_a_new_segment(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN_V1, tmp_path, dirs_exist_ok=True)
    old = [path.read_bytes() for path in segments(tmp_path)]
    before = read(tmp_path)
    writer = Journal(tmp_path)
    assert (writer.next_offset, writer.needs_plan, writer.damage) == (before[-1].next_offset, False, [])
    writer.append(batch_of(2, writer.next_offset))
    writer.commit()
    writer.close()
    paths = segments(tmp_path)
    assert [path.read_bytes() for path in paths[:-1]] == old
    assert paths[-1].name == segment.file_name(before[-1].next_offset)
    assert values(read(tmp_path))[:-1] == values(before)
    last_plan = [entry.item for entry in before if isinstance(entry.item, PlanChange)][-1]
    told = first_plan(LOCAL_DISK, paths[-1])
    assert (told.plan, decode(told.type, told.payload)) == (1, last_plan)


def test_a_torn_end_of_format_1_is_cut(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN_V1, tmp_path, dirs_exist_ok=True)
    path = segments(tmp_path)[-1]
    path.write_bytes(path.read_bytes()[:-3])
    before = read(tmp_path)
    writer = Journal(tmp_path)
    assert writer.torn_bytes > 0
    assert writer.next_offset == before[-1].next_offset
    writer.close()
    assert values(read(tmp_path)) == values(before)
