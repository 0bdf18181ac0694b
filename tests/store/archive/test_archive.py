"""An archive holds what the journal held: each reading once, whatever was late, merged, renamed or cut off."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.batch import Batch
from model.errors import StoreError, UnitError
from model.heartbeat import HEARTBEAT
from model.inputs import Input, PlanChange, Tick
from store.archive.archiver import Archiver
from store.archive.layout import POSITION, Role, all_files, load_position
from store.archive.merge import merge
from store.archive.reader import ArchiveReader
from store.archive.retention import ArchiveLimits, trim
from store.disk import LOCAL_DISK
from store.journal.reader import segments
from tests.pipeline.plans import kind, plan
from tests.store.archive.worlds import (
    ALWAYS,
    DAY,
    HOUR,
    ITEMS,
    MINUTE,
    NOON,
    PLANS,
    TAGS,
    TIMES,
    archive_all,
    day_of_readings,
    held,
    merge_all,
    readings,
    truth,
    write,
)

DAY_NUMBER = NOON // DAY


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def names(archive: Path) -> list[str]:
    return [file.key for file in all_files(archive, LOCAL_DISK)]


def test_ten_minutes_make_a_file_in_the_folder_of_their_day_and_the_rest_is_read_from_the_journal(
    journal: Path, archive: Path
) -> None:
    write(journal, day_of_readings(NOON, minutes=25))
    cuts = archive_all(archive, journal)
    assert names(archive) == [
        "2026-11-26/1200-1209.00000000000000000041.parquet",
        "2026-11-26/1210-1219.00000000000000000081.parquet",
    ]
    assert [cut.rows for cut in cuts] == [30, 30]
    assert len(held(ArchiveReader(archive))) == 60
    assert held(ArchiveReader(archive, journal)) == truth(journal)


def test_the_sensor_that_is_made_up_for_the_heartbeat_is_left_out(journal: Path, archive: Path) -> None:
    with_own = plan(kinds=(kind("gas"),), sensors=((HEARTBEAT, "gas"), ("a", "gas")))
    write(journal, day_of_readings(NOON, minutes=25, sensors=2, plan=with_own))
    archive_all(archive, journal)
    reader = ArchiveReader(archive, journal)
    assert held(reader, tags=["a", HEARTBEAT]) == [row for row in truth(journal) if row[1] == "a"]


def test_any_reader_of_parquet_reads_a_file(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=12, sensors=2))
    archive_all(archive, journal)
    table = pq.read_table(archive / names(archive)[0])
    assert table.column_names == ["tag", "unit", "time", "received", "value", "quality", "offset", "device_time_ns"]
    assert table["tag"].to_pylist() == ["a"] * 10 + ["b"] * 10
    assert table["unit"].to_pylist() == ["kPa"] * 20
    times = table["time"].cast("int64").to_pylist()
    assert times == sorted(times[:10]) * 2
    assert table["device_time_ns"].null_count == 20


def test_a_day_is_merged_into_one_file_and_reads_the_same(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=60))
    archive_all(archive, journal)
    before = held(ArchiveReader(archive, journal))
    merged = merge(archive, DAY_NUMBER, chunk_rows=50)
    assert (merged.replaced, merged.rows) == (5, 150)
    assert names(archive) == ["2026-11-26/day.00000000000000000201.parquet"]
    assert held(ArchiveReader(archive, journal)) == before == truth(journal)


def test_what_comes_for_a_merged_day_stands_beside_it_until_it_is_worth_merging(journal: Path, archive: Path) -> None:
    write(journal, [*day_of_readings(NOON, minutes=120), Tick(NOON + 3 * HOUR, 0), Tick(NOON + 4 * HOUR, 0)])
    archive_all(archive, journal)
    merge_all(archive)
    at = NOON + DAY
    for late in range(3):
        begin = at + late * HOUR
        write(journal, [readings((0, NOON + late, begin, 7.0 + late)), Tick(begin, 0), Tick(begin + HOUR // 2, 0)])
        archive_all(archive, journal)
        merge_all(archive)
        roles = [file.role for file in all_files(archive, LOCAL_DISK) if file.day == DAY_NUMBER]
        assert sorted(role.value for role in roles) == ["day", "late"]
    many = [readings(*((0, NOON + late, at + 9 * HOUR, 1.0) for late in range(40)))]
    write(journal, [*many, Tick(at + 9 * HOUR, 0), Tick(at + 10 * HOUR, 0)])
    archive_all(archive, journal)
    merge_all(archive)
    assert [file.role for file in all_files(archive, LOCAL_DISK) if file.day == DAY_NUMBER] == [Role.DAY]
    assert held(ArchiveReader(archive, journal)) == truth(journal)


def test_a_tag_keeps_its_readings_when_its_unit_changes_and_when_it_is_removed(journal: Path, archive: Path) -> None:
    first = day_of_readings(NOON, minutes=10)
    second = day_of_readings(NOON + 10 * MINUTE, minutes=20, plan=PLANS[1])
    write(journal, first + second)
    archive_all(archive, journal)
    merge_all(archive)
    reader = ArchiveReader(archive, journal)
    both = reader.readings("a", *ALWAYS)
    assert both.units == ("bar", "kPa")
    kpa = both.values_in("kPa")
    assert np.array_equal(kpa, np.where(both.unit == 0, both.value * 100, both.value))
    with pytest.raises(UnitError):
        both.values_in("ppm")
    assert len(reader.readings("c", *ALWAYS)) == 10
    assert held(reader) == truth(journal)


def test_all_sensors_come_in_time_order_in_the_units_of_the_wanted_plan(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=10) + day_of_readings(NOON + 10 * MINUTE, minutes=25, plan=PLANS[1]))
    archive_all(archive, journal)
    reader = ArchiveReader(archive, journal)
    got = list(reader.batches(PLANS[0], *ALWAYS, rows_max=8, window_rows=20))
    assert all(len(one) <= 8 for one in got)
    times = np.concatenate([one.time_ns for one in got])
    assert (np.diff(times) >= 0).all()
    known = [row for row in truth(journal) if row[1] in "abc"]
    assert len(times) == len(known)
    assert reader.problems.unknown == len(truth(journal)) - len(known) == 25
    values = sorted(value for one in got for value in one.value.tolist())
    assert values == pytest.approx(sorted(row[5] * (100 if row[2] == "bar" else 1) for row in known))


def test_the_same_journal_gives_the_same_bytes(journal: Path, tmp_path: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=45))
    archive_all(tmp_path / "one", journal)
    for _ in range(9):  # begun anew for every cut
        archiver = Archiver(tmp_path / "two", journal, rows_max=10_000)
        archiver.work()
        archiver.close()
    for folder in (tmp_path / "one", tmp_path / "two"):
        merge(folder, DAY_NUMBER)
    one, two = (
        {file.key: file.path.read_bytes() for file in all_files(tmp_path / n, LOCAL_DISK)} for n in ("one", "two")
    )
    assert one == two


def test_a_position_that_is_lost_is_taken_from_the_files(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=45))
    archive_all(archive, journal)
    before = load_position(archive, LOCAL_DISK)
    for ruin in (b"", b"{", b'{"next_offset":9,"wall_ns":9,"check":9}'):
        (archive / POSITION).write_bytes(ruin)
        archive_all(archive, journal)
        assert load_position(archive, LOCAL_DISK) == before
    assert held(ArchiveReader(archive, journal)) == truth(journal)


def test_a_second_archiver_is_refused(journal: Path, archive: Path) -> None:
    first = Archiver(archive, journal)
    with pytest.raises(StoreError, match="another archiver is at work here; stop it first"):
        Archiver(archive, journal)
    first.close()


def test_a_journal_that_ends_before_the_archive_is_refused(journal: Path, archive: Path, tmp_path: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=45))
    archive_all(archive, journal)
    write(tmp_path / "other", day_of_readings(NOON, minutes=5))
    with pytest.raises(StoreError, match=r"lost or exchanged\. Move the archive elsewhere"):
        archive_all(archive, tmp_path / "other")


def test_what_the_journal_no_longer_has_is_counted_and_gone_round(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=20))
    archive_all(archive, journal)
    write(journal, day_of_readings(NOON + 20 * MINUTE, minutes=40)[1:])
    after = truth(journal)
    for path in segments(journal)[:-3]:
        path.unlink()
    oldest = int(segments(journal)[0].stem)
    cuts = archive_all(archive, journal)
    assert sum(cut.missing for cut in cuts) == oldest - 41
    assert held(ArchiveReader(archive, journal)) == [row for row in after if row[0] < 41 or row[0] >= oldest]


def test_a_damaged_file_is_named_and_everything_else_is_read_and_merged(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=45))
    archive_all(archive, journal)
    spoilt = archive / names(archive)[1]
    data = bytearray(spoilt.read_bytes())
    data[pq.ParquetFile(spoilt).metadata.row_group(0).column(4).data_page_offset + 20] ^= 255
    spoilt.write_bytes(data)
    reader = ArchiveReader(archive, journal)
    left = [row for row in truth(journal) if not NOON + 10 * MINUTE <= row[3] < NOON + 20 * MINUTE]
    assert held(reader) == left
    assert list(reader.problems.files) == [names(archive)[1]]
    assert "does not read" in reader.problems.files[names(archive)[1]]
    merged = merge(archive, DAY_NUMBER)
    assert (merged.damaged, merged.replaced) == ((spoilt.name,), 3)
    assert spoilt.read_bytes() == data
    spoilt.write_bytes(b"")
    assert held(ArchiveReader(archive, journal)) == left


def test_old_days_go_by_age_and_the_oldest_by_size_but_never_the_last(journal: Path, archive: Path) -> None:
    items: list[Input] = []
    for day in range(5):
        items += day_of_readings(NOON + day * DAY, minutes=25)
    write(journal, items)
    archive_all(archive, journal)
    now = NOON + 5 * DAY
    assert trim(archive, ArchiveLimits(), now_ns=now) == []
    assert [one.day for one in trim(archive, ArchiveLimits(ns=4 * DAY), now_ns=now)] == ["2026-11-26"]
    assert not (archive / "2026-11-26").exists()
    assert [one.day for one in trim(archive, ArchiveLimits(bytes=1), now_ns=now)] == [
        "2026-11-27",
        "2026-11-28",
        "2026-11-29",
    ]
    assert {row[3] // DAY for row in held(ArchiveReader(archive))} == {DAY_NUMBER + 4}


@given(
    lives=st.lists(st.tuples(st.lists(ITEMS, max_size=12), st.booleans(), st.booleans()), max_size=5),
    spans=st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=3),
    rows_max=st.sampled_from([1, 4, 1000]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_archive_equals_its_naive_twin(
    lives: list[tuple[list[Input], bool, bool]], spans: list[tuple[int, int]], rows_max: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        archive, journal = Path(name) / "archive", Path(name) / "journal"
        write(journal, [PlanChange(PLANS[0], 1)])
        for items, merges, forgets in lives:
            write(journal, items, segment_bytes=70_000)
            archive_all(archive, journal, rows_max=rows_max)
            if merges:
                merge_all(archive, chunk_rows=3)
            if forgets:
                (archive / POSITION).unlink(missing_ok=True)
        everything = truth(journal)
        reader = ArchiveReader(archive, journal)
        assert held(reader) == everything
        for one, other in spans:
            low, high = min(one, other), max(one, other)
            assert held(reader, low, high) == [row for row in everything if low <= row[3] < high]
        got = list(reader.batches(PLANS[0], *ALWAYS, rows_max=5, window_rows=6))
        _is_by_time(got, [row for row in everything if row[1] in "abc"])
        assert not reader.problems.files


def _is_by_time(got: list[Batch], expected: list[tuple]) -> None:
    assert sum(map(len, got)) == len(expected)
    received = [at for one in got for at in one.received_ns.tolist()]
    assert received == [row[4] for row in sorted(expected, key=lambda row: (row[3], row[0]))]
    assert sorted(TAGS[at] for one in got for at in one.sensor) == sorted(
        {"a": "b", "b": "a", "c": "c"}[row[1]] for row in expected
    )


def test_whatever_byte_of_a_file_is_spoilt_it_is_found_or_changes_no_reading(journal: Path, archive: Path) -> None:
    write(journal, day_of_readings(NOON, minutes=12))
    archive_all(archive, journal)
    everything = truth(journal)
    file = next(all_files(archive, LOCAL_DISK)).path
    sound = file.read_bytes()
    for at in range(0, len(sound), 17):
        spoilt = bytearray(sound)
        spoilt[at] ^= 1
        file.write_bytes(spoilt)
        reader = ArchiveReader(archive, journal)
        assert held(reader) == everything or reader.problems.files, at
