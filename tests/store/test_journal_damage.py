"""Damage costs what was damaged and nothing else, is told with its range, and gives no row to another sensor."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.batch import Batch
from model.errors import JournalError
from model.inputs import Input, PlanChange, Tick
from store.journal import segment
from store.journal.entries import Damage, DamageReason, Entry, Gap
from store.journal.reader import JournalReader, segments
from store.journal.writer import Journal
from tests.pipeline.plans import grade, plan, rule
from tests.simulation.disk import SimulatedDisk
from tests.store.inputs import batch_of, count, plain
from tests.store.test_journal import GOLDEN_V1

PLANS = [plan(rule(f"r{number}", grade("red", "value >= 50"))) for number in range(3)]
FOLDER = Path("/data/journal")


def story() -> Iterator[Input]:
    """One of everything; the value of a row is its offset."""
    offset = 0
    for item in (
        PlanChange(PLANS[0], 1),
        batch_of(3),
        Tick(10**9, 10**9),
        batch_of(2),
        PlanChange(PLANS[1], 2),
        batch_of(4),
        Tick(2 * 10**9, 2 * 10**9),
        batch_of(1),
    ):
        yield batch_of(len(item), offset) if isinstance(item, Batch) else item
        offset += count(item)


def written(disk: SimulatedDisk, *commits: list[Input], segment_bytes: int = 10**5) -> dict[int, Entry]:
    """Each list a commit; returns what is then in the journal, by offset."""
    journal = Journal(FOLDER, segment_bytes=segment_bytes, disk=disk)
    kept = {}
    for items in commits:
        for item in items:
            journal.append(item)
        kept.update({entry.offset: entry for entry in journal.commit()})
    disk.kill()  # so that the room taken beforehand stays behind the last record
    return kept


def read(disk: SimulatedDisk, offset: int = 0) -> tuple[list[Entry | Gap], list[Damage]]:
    reader = JournalReader(FOLDER, offset, disk=disk)
    return list(reader.read_with_gaps()), reader.damage


def inputs_missing(found: list[Entry | Gap]) -> list[tuple[int, int]]:
    """Gaps, after a look that gaps and entries together leave nothing out and say nothing twice."""
    offset = 0
    for one in found:
        first, following = (one.first, one.next) if isinstance(one, Gap) else (one.offset, one.next_offset)
        assert first == offset
        offset = following
    return [(one.first, one.next) for one in found if isinstance(one, Gap)]


def shown(one: Entry | Gap) -> object:
    """Comparable."""
    return one if isinstance(one, Gap) else (one.offset, plain(one.item), one.again)


def flip(disk: SimulatedDisk, path: Path, position: int, bit: int = 0) -> None:
    data = bytearray(disk.content(path))
    data[position] ^= 1 << bit
    disk.put(path, bytes(data))


def position_of(disk: SimulatedDisk, item: bytes) -> tuple[Path, int]:
    for path in disk.paths():
        if path.suffix == ".seg" and (at := disk.content(path).find(item)) >= 0:
            return path, at
    raise AssertionError(item)


@pytest.mark.parametrize("segment_bytes", [10**5, 2000])
def test_any_flipped_bit_costs_the_record_that_it_is_in_and_no_other(segment_bytes: int) -> None:
    """Not even the record where it is in a plan, because later segments tell the plan again, or in a file's header."""
    items = [[item] for item in story()]
    whole = SimulatedDisk()
    kept = written(whole, *items, [Tick(9, 9)], [Tick(10, 10)], segment_bytes=segment_bytes)
    end = max(entry.next_offset for entry in kept.values())
    for path in whole.paths():
        for position in range(0, len(whole.content(path).rstrip(b"\0")), 3):
            disk = whole.only_durable()
            flip(disk, path, position, position % 8)
            _check_one_flip(disk, kept, end)


def _check_one_flip(disk: SimulatedDisk, kept: dict[int, Entry], end: int) -> None:
    """A reader first, then the writer, then a reader again."""
    journal = Journal(FOLDER, disk=disk)
    list(journal.replay(0))
    assert journal.next_offset in {end, end - 1}  # what is flipped in the last commit counts as torn
    found, damage = read(disk)
    missing = inputs_missing(found)
    assert {at for one in damage for at in range(one.gap.first, one.gap.next)} == {
        at for first, following in missing for at in range(first, following)
    }
    lost = {entry.offset for entry in kept.values() if any(low <= entry.offset < high for low, high in missing)}
    plans = [offset for offset in lost if isinstance(kept[offset].item, PlanChange)]
    if not plans:
        assert len(lost) <= 1
    for one in found:
        if isinstance(one, Entry) and not one.again:
            assert (one.offset, plain(one.item)) == (kept[one.offset].offset, plain(kept[one.offset].item))
    _check_sensors(found, kept)


def _check_sensors(found: list[Entry | Gap], kept: dict[int, Entry]) -> None:
    """Rows that are given out stand under the plan under which they were appended."""
    told = None
    for one in found:
        if isinstance(one, Entry) and isinstance(one.item, PlanChange):
            told = one.item.plan
        elif isinstance(one, Entry) and isinstance(one.item, Batch):
            before = [e for e in kept.values() if isinstance(e.item, PlanChange) and e.offset < one.offset]
            assert told == before[-1].item.plan


def test_a_damaged_middle_of_the_last_segment_is_told_copied_aside_and_gone_round() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'{"wall_ns":1000000000')
    flip(disk, path, at)
    before = disk.content(path).rstrip(b"\0")
    journal = Journal(FOLDER, disk=disk)
    gap, begin = Gap(4, 5), at - segment.RECORD_HEADER_BYTES
    assert journal.damage == [Damage(path.name, begin, before.index(b"FNSI", at) - begin, gap, DamageReason.CHECKSUM)]
    assert (journal.next_offset, journal.torn_bytes) == (14, 0)
    bad = disk.content(FOLDER / f"{path.stem}-{begin}.bad")
    assert bad == before[begin : begin + journal.damage[0].length]
    assert disk.content(path).rstrip(b"\0") == before
    journal.append(Tick(3, 3))
    journal.commit()
    assert [p.name for p in disk.paths() if p.suffix == ".seg"] == [path.name, segment.file_name(14)]
    found, damage = read(disk)
    assert inputs_missing(found) == [(4, 5)]
    assert damage == journal.damage
    journal.close()


def test_damage_in_a_closed_segment_is_told_by_the_replay_that_meets_it() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()], segment_bytes=1)
    path, at = position_of(disk, b'{"wall_ns":1000000000')
    flip(disk, path, at)
    journal = Journal(FOLDER, disk=disk)
    assert journal.damage == []
    assert [entry.offset for entry in journal.replay(0)] == [0, 1, 5, 7, 8, 12, 13]
    assert [(damage.segment, damage.gap) for damage in journal.damage] == [(path.name, Gap(4, 5))]
    assert [path.name for path in disk.paths() if path.suffix == ".bad"]
    journal.close()


def test_where_the_first_plan_is_lost_a_replay_of_everything_begins_with_the_next_one() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'"version":"%s"' % PLANS[0].version.encode())
    flip(disk, path, at + 12)
    journal = Journal(FOLDER, disk=disk)
    assert [entry.offset for entry in journal.replay(None)] == [7, 8, 12, 13]
    assert [one.gap for one in journal.damage] == [Gap(0, 1), Gap(1, 4), Gap(5, 7)]
    journal.close()


def test_a_segment_that_is_gone_is_a_gap() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()], segment_bytes=1)
    disk.unlink(FOLDER / segment.file_name(5))
    found, damage = read(disk)
    assert inputs_missing(found) == [(5, 7)]
    assert damage == [Damage(segment.file_name(4), damage[0].position, 0, Gap(5, 7), DamageReason.MISSING)]


def test_rows_behind_a_lost_plan_are_set_aside_until_the_next_plan() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()], [PlanChange(PLANS[2], 3)], [batch_of(2, 15)])
    path, at = position_of(disk, b'"version":"%s"' % PLANS[1].version.encode())
    flip(disk, path, at + 12)
    found, damage = read(disk)
    assert [one.offset for one in found if isinstance(one, Entry)] == [0, 1, 4, 5, 12, 14, 15]
    assert inputs_missing(found) == [(7, 12), (13, 14)]
    assert [(one.reason, one.gap) for one in damage] == [
        (DamageReason.CHECKSUM, Gap(7, 8)),
        (DamageReason.PLAN_LOST, Gap(8, 12)),
        (DamageReason.PLAN_LOST, Gap(13, 14)),
    ]


def test_a_lost_plan_is_taken_from_where_it_is_told_again() -> None:
    disk = SimulatedDisk()
    kept = written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'"version":"%s"' % PLANS[1].version.encode())
    flip(disk, path, at + 12)
    journal = Journal(FOLDER, disk=disk)
    assert journal.needs_plan
    disk.put(FOLDER / segment.file_name(14), _head(14, 2, PlanChange(PLANS[1], 2)))
    found, damage = read(disk)
    assert inputs_missing([one for one in found if not (isinstance(one, Entry) and one.again)]) == [(7, 8)]
    assert [one for one in found if isinstance(one, Entry) and one.again] == [
        Entry(8, PlanChange(PLANS[1], 2), again=True)
    ]
    assert [one.reason for one in damage] == [DamageReason.CHECKSUM]
    _check_sensors(found, kept)
    journal.close()


def _head(first: int, number: int, told: PlanChange) -> bytes:
    from store.journal.encoding import RecordType, encode

    again = segment.Record(RecordType.PLAN_AGAIN, first, 0, encode(told)[1], number, segment.FILE_HEADER_BYTES)
    return segment.pack_header(segment.FileHeader(first, 0, number)) + segment.pack(again)


def test_a_writer_whose_plan_is_lost_takes_no_rows_before_a_new_one() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'"version":"%s"' % PLANS[1].version.encode())
    flip(disk, path, at + 12)
    journal = Journal(FOLDER, disk=disk)
    assert journal.needs_plan
    with pytest.raises(JournalError, match="the plan in force is lost; rows need a new one before them"):
        journal.append(batch_of(1))
    assert journal.append(Tick(5, 5)) == 14
    journal.append(PlanChange(PLANS[0], 6))
    journal.append(batch_of(1, 16))
    journal.commit()
    assert not journal.needs_plan
    found, _ = read(disk)
    assert [one.offset for one in found if isinstance(one, Entry)][-3:] == [14, 15, 16]
    journal.close()


def test_what_others_know_to_be_durable_is_not_taken_for_torn() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'{"wall_ns":2000000000')
    data = disk.content(path)
    disk.put(path, data[: at + 5] + b"\xff" * 30 + bytes(500))
    torn = Journal(FOLDER, disk=disk.only_durable())
    assert (torn.next_offset, torn.torn_bytes > 0, torn.damage) == (12, True, [])
    journal = Journal(FOLDER, durable_to=14, disk=disk)
    assert (journal.next_offset, journal.torn_bytes) == (14, 0)
    assert [one.gap for one in journal.damage] == [Gap(12, 14)]
    journal.append(Tick(9, 9))
    journal.commit()
    found, _ = read(disk)
    assert inputs_missing(found) == [(12, 14)]
    journal.close()


def test_a_journal_that_was_cut_clean_is_not_made_up_for() -> None:
    disk = SimulatedDisk()
    written(disk, [Tick(1, 1)])
    assert Journal(FOLDER, durable_to=7, disk=disk).next_offset == 1


def test_a_sector_that_the_disk_cannot_read_is_damage_like_any_other() -> None:
    disk = SimulatedDisk()
    kept = written(disk, *[[batch_of(100, 100 * at)] for at in range(8)])
    path = disk.paths()[0]
    disk.unreadable.add((path.name, 2))
    found, damage = read(disk)
    assert inputs_missing(found) == [(200, 500)]
    assert [one.gap for one in damage] == [Gap(200, 500)]
    assert len(found) == len(kept) - 3 + 1
    journal = Journal(FOLDER, disk=disk)
    assert (journal.next_offset, [one.gap for one in journal.damage]) == (800, [Gap(200, 500)])


def test_a_follower_sees_zeros_in_the_middle_as_soon_as_the_writer_has_gone_on() -> None:
    disk = SimulatedDisk()
    journal = Journal(FOLDER, disk=disk)
    reader = JournalReader(FOLDER, 0, disk=disk)
    for at in range(4):
        journal.append(batch_of(200, 200 * at))
        journal.commit()
    path = disk.paths()[0]
    data = disk.content(path)
    record = segment.RECORD_HEADER_BYTES + 200 * 29
    disk.put(path, data[: 40 + record] + bytes(record) + data[40 + 2 * record :])
    assert inputs_missing(list(reader.read_with_gaps())) == [(200, 400)]
    journal.close()


def test_a_reader_left_in_the_middle_goes_on_there_and_tells_a_gap_once() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'{"wall_ns":1000000000')
    flip(disk, path, at)
    reader = JournalReader(FOLDER, 0, disk=disk)
    found: list[Entry | Gap] = []
    while more := next(iter(reader.read_with_gaps()), None):
        found.append(more)
    assert list(map(shown, found)) == list(map(shown, read(disk)[0]))
    assert len(reader.damage) == 1


def test_a_reader_that_does_not_ask_goes_round_damage_and_knows_of_it() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'{"wall_ns":1000000000')
    flip(disk, path, at)
    reader = JournalReader(FOLDER, 0, disk=disk)
    assert [entry.offset for entry in reader.read()] == [0, 1, 5, 7, 8, 12, 13]
    assert [one.gap for one in reader.damage] == [Gap(4, 5)]
    assert reader.offset == 14


def test_damage_that_lies_before_the_place_of_a_reader_is_not_its_business() -> None:
    disk = SimulatedDisk()
    written(disk, *[[item] for item in story()])
    path, at = position_of(disk, b'{"wall_ns":1000000000')
    flip(disk, path, at)
    assert read(disk, 5)[1] == []


def test_a_record_inside_the_payload_of_a_damaged_one_is_not_believed() -> None:
    """Whoever sends values can send those that spell a record."""
    disk = SimulatedDisk()
    forged = segment.pack(segment.Record(2, 1, 1, b'{"wall_ns":6,"elapsed_ns":6}', 0, 45))
    rows = batch_of(20)
    rows.value.view("u1")[: len(forged)] = list(forged)
    written(disk, [rows], [Tick(1, 1)])
    path, at = position_of(disk, forged)
    flip(disk, path, at - 20)
    found, _ = read(disk)
    assert found == [Gap(0, 20), Entry(20, Tick(1, 1))]


@pytest.mark.parametrize(("in_rows", "aside"), [(True, False), (False, True)])
def test_format_1_has_no_numbers_so_that_what_may_have_been_a_plan_counts_as_one(
    tmp_path: Path, *, in_rows: bool, aside: bool
) -> None:
    """Damage within one record of rows is known to be no more than that; anything else may have hidden a plan."""
    shutil.copytree(GOLDEN_V1, tmp_path, dirs_exist_ok=True)
    path = segments(tmp_path)[-1]
    entries = [entry for entry in JournalReader(tmp_path, int(path.stem)).read() if isinstance(entry.item, Batch)]
    data = bytearray(path.read_bytes())
    at = data.index(entries[1].item.value.tobytes())
    data[at if in_rows else data.rindex(b"FNSI", 0, at)] ^= 1
    path.write_bytes(data)
    reader = JournalReader(tmp_path, int(path.stem))
    found = [entry for entry in reader.read() if isinstance(entry.item, Batch)]
    assert len(found) == (1 if aside else len(entries) - 1)
    assert (DamageReason.PLAN_LOST in {one.reason for one in reader.damage}) == aside
    writer = Journal(tmp_path)
    assert writer.needs_plan == aside
    writer.close()


def test_only_so_many_pieces_are_kept_aside() -> None:
    from store.journal import recovery

    disk = SimulatedDisk()
    written(disk, [Tick(1, 1)])
    (path,) = disk.paths()
    for number in range(150):
        disk.put(FOLDER / f"{number:020d}-40.torn", b"x")
    disk.put(path, disk.content(path).rstrip(b"\0") + b"torn")
    Journal(FOLDER, disk=disk).close()
    assert len([p for p in disk.paths() if p.suffix == ".torn"]) == recovery.ASIDE_FILES_MAX
