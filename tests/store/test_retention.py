"""What is kept of the journal, what goes, and who loses by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import JournalError, OffsetGone
from model.inputs import Tick
from store.journal import segment
from store.journal.entries import Entry, Gap
from store.journal.reader import JournalReader, segments
from store.journal.retention import NS_PER_DAY, KeepLimits, KeptSegment, Removal, oldest_to_go
from store.journal.writer import Journal
from tests.simulation.disk import SimulatedDisk
from tests.store.inputs import batch_of

DAY = NS_PER_DAY
FOLDER = Path("/data/journal")
EVERYTHING = 10**9


def kept(*sizes: int) -> list[KeptSegment]:
    """Segments of ten inputs each, a day apart."""
    return [
        KeptSegment(FOLDER / segment.file_name(10 * at), 10 * at, size, (at + 1) * DAY) for at, size in enumerate(sizes)
    ]


def goes(
    segments: list[KeptSegment],
    limits: KeepLimits,
    *,
    snapshot_offset: int | None = EVERYTHING,
    now_ns: int = 100 * DAY,
    **holds: int,
) -> Removal | None:
    return oldest_to_go(segments, limits, now_ns=now_ns, snapshot_offset=snapshot_offset, holds=holds)


@pytest.mark.parametrize(
    ("limits", "now_d", "went"),
    [
        (KeepLimits(), 1000, False),
        (KeepLimits(bytes=300), 1000, False),
        (KeepLimits(bytes=299), 4, True),
        (KeepLimits(ns=3 * DAY), 5, False),
        (KeepLimits(ns=3 * DAY), 5.1, True),
        (KeepLimits(bytes_max=299), 4, True),
        (KeepLimits(bytes=10**6, ns=3 * DAY), 5.1, True),
    ],
)
def test_the_oldest_goes_when_there_is_too_much_or_when_all_of_it_is_too_old(
    limits: KeepLimits, now_d: float, *, went: bool
) -> None:
    removal = goes(kept(100, 100, 100), limits, now_ns=int(now_d * DAY))
    assert (removal is not None) == went
    if removal is not None:
        assert (removal.segment.first_offset, removal.next_offset, removal.lost) == (0, 10, ())


@pytest.mark.parametrize(("snapshot", "went"), [(None, False), (9, False), (10, True), (15, True)])
def test_what_a_recovery_needs_never_goes_whatever_the_limit(snapshot: int | None, *, went: bool) -> None:
    limits = KeepLimits(bytes=0, ns=0, bytes_max=0)
    assert (goes(kept(100, 100), limits, snapshot_offset=snapshot) is not None) == went


def test_what_a_cursor_needs_stays_until_the_hard_limit_and_then_the_slowest_loses_first() -> None:
    limits = KeepLimits(bytes=0, bytes_max=300)
    assert goes(kept(100, 100, 100), limits, slow=9, fast=25) is None
    assert goes(kept(100, 100, 100), limits, slow=10, fast=25) is not None
    removal = goes(kept(100, 100, 101), limits, slow=9, slower=0, fast=25)
    assert removal is not None
    assert removal.lost == ("slow", "slower")


def test_the_segment_that_is_written_never_goes() -> None:
    assert goes(kept(10**9), KeepLimits(bytes=0, ns=0, bytes_max=0)) is None


def test_a_clock_that_was_not_set_ages_nothing() -> None:
    unset = [KeptSegment(FOLDER / "0.seg", 0, 100, 0), KeptSegment(FOLDER / "10.seg", 10, 100, 0)]
    assert goes(unset, KeepLimits(ns=1)) is None


@given(
    sizes=st.lists(st.integers(1, 100), min_size=1, max_size=8),
    soft=st.integers(0, 400),
    hard=st.integers(0, 400),
    snapshot=st.integers(0, 80),
    holds=st.dictionaries(st.sampled_from("abc"), st.integers(0, 80)),
)
def test_as_much_goes_as_may_and_no_more(
    sizes: list[int], soft: int, hard: int, snapshot: int, holds: dict[str, int]
) -> None:
    left, limits = kept(*sizes), KeepLimits(bytes=soft, bytes_max=hard)
    while removal := goes(left, limits, snapshot_offset=snapshot, **holds):
        assert removal.next_offset <= snapshot
        if sum(one.bytes for one in left) <= hard:
            assert all(offset >= removal.next_offset for offset in holds.values())
        left = left[1:]
    total, behind_first = sum(one.bytes for one in left), left[0].first_offset + 10
    needed = min([snapshot, *(holds.values() if total <= hard else ())])
    assert len(left) == 1 or total <= min(soft, hard) or behind_first > needed


def written(disk: SimulatedDisk, segments: int = 5) -> Journal:
    """A segment a commit: offsets 0 to 1, 2 to 3 and so on."""
    journal = Journal(FOLDER, segment_bytes=1, disk=disk)
    for at in range(segments):
        journal.append(Tick((at + 1) * DAY, at * DAY))
        journal.append(batch_of(1, 2 * at + 1))
        journal.commit()
    return journal


def trimmed(journal: Journal, limits: KeepLimits, snapshot: int | None = EVERYTHING) -> list[int]:
    """First offsets of the segments that went."""
    gone = []
    while removal := journal.trim(limits, lambda: snapshot):
        gone.append(removal.segment.first_offset)
    return gone


def test_segments_go_one_at_a_time_and_the_rest_reads_on() -> None:
    disk = SimulatedDisk()
    journal = written(disk)
    each = journal.bytes_written // 5
    assert trimmed(journal, KeepLimits(bytes=2 * each + 50)) == [0, 2, 4]
    assert [path.name for path in segments(FOLDER, disk)] == [segment.file_name(6), segment.file_name(8)]
    assert journal.bytes_written <= 2 * each + 50
    assert [entry.offset for entry in JournalReader(FOLDER, 6, disk=disk).read()] == [6, 7, 8, 9]
    journal.close()
    again = Journal(FOLDER, disk=disk)
    assert (again.next_offset, again.damage) == (10, [])
    again.close()


def test_age_counts_from_the_wall_time_that_the_segments_tell() -> None:
    journal = written(SimulatedDisk())
    assert trimmed(journal, KeepLimits(ns=2 * DAY)) == [0, 2]
    assert trimmed(journal, KeepLimits(ns=DAY)) == [4]
    assert trimmed(journal, KeepLimits(ns=DAY)) == []
    journal.close()


def test_a_held_segment_stays_until_the_hold_moves_or_is_let_go() -> None:
    journal, all_of_it = written(SimulatedDisk()), KeepLimits(bytes=0)
    journal.hold("influx", 3)
    assert trimmed(journal, all_of_it) == [0]
    journal.hold("influx", 6)
    assert trimmed(journal, all_of_it) == [2, 4]
    journal.let_go("influx")
    assert trimmed(journal, all_of_it, snapshot=8) == [6]
    journal.close()


def test_a_cursor_that_lost_is_told_where_the_journal_begins_and_goes_on_there_with_a_gap() -> None:
    disk = SimulatedDisk()
    journal = written(disk)
    reader = JournalReader(FOLDER, 1, disk=disk)
    journal.hold("influx", 1)
    removal = journal.trim(KeepLimits(bytes_max=0), lambda: EVERYTHING)
    assert removal is not None
    assert removal.lost == ("influx",)
    with pytest.raises(OffsetGone, match="offset 1 is no longer kept; the oldest is 2") as gone:
        list(reader.read())
    assert gone.value.oldest == 2
    assert reader.skip_to_oldest() == Gap(1, 2)
    assert [entry.offset for entry in reader.read()] == [2, 3, 4, 5, 6, 7, 8, 9]
    journal.close()


def test_removal_takes_nothing_from_a_reader_that_has_read_it() -> None:
    disk = SimulatedDisk()
    journal = written(disk, 2)
    reader = JournalReader(FOLDER, 0, disk=disk)
    assert len(list(reader.read())) == 4
    for at in range(2, 5):
        journal.append(Tick(at, at))
        journal.commit()
    trimmed(journal, KeepLimits(bytes=0), snapshot=4)
    assert [entry.offset for entry in reader.read()] == [4, 5, 6]
    assert reader.bytes_behind() == 0
    journal.close()


def test_removal_while_a_reader_stands_in_the_file_lets_it_finish() -> None:
    disk = SimulatedDisk()
    journal = written(disk, 3)
    reading = JournalReader(FOLDER, 0, disk=disk).read()
    assert next(reading).offset == 0
    assert trimmed(journal, KeepLimits(bytes=0), snapshot=2) == [0]
    assert [entry.offset for entry in reading] == [1, 2, 3, 4, 5]
    journal.close()


def test_a_segment_that_somebody_took_away_stops_nothing() -> None:
    disk = SimulatedDisk()
    journal = written(disk)
    disk.unlink(FOLDER / segment.file_name(0))
    assert trimmed(journal, KeepLimits(bytes=0), snapshot=4) == [0, 2]
    journal.append(Tick(1, 1))
    assert journal.commit()
    journal.close()


def test_a_refused_removal_ends_the_writer_like_any_refused_sync() -> None:
    disk = SimulatedDisk()
    journal = written(disk)

    def hook(_call: int, name: str) -> None:
        if name == "sync_folder":
            raise OSError(5, "Input/output error")

    disk.hook = hook
    with pytest.raises(JournalError, match="cannot write the journal"):
        journal.trim(KeepLimits(bytes=0), lambda: EVERYTHING)
    journal.append(Tick(1, 1))
    with pytest.raises(JournalError, match="an earlier write failed"):
        journal.commit()


def test_a_segment_of_format_1_tells_its_age_by_its_first_tick(tmp_path: Path) -> None:
    import shutil

    from tests.pipeline.plans import START_NS
    from tests.store.test_journal import GOLDEN_V1

    shutil.copytree(GOLDEN_V1, tmp_path, dirs_exist_ok=True)
    journal = Journal(tmp_path)
    journal.append(Tick(START_NS + 40 * 10**9, 1))
    journal.commit()
    assert isinstance(next(JournalReader(tmp_path, 0).read()), Entry)
    assert trimmed(journal, KeepLimits(ns=20 * 10**9)) == [0]
    journal.close()
