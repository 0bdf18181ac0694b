"""Sensor by sensor the archive gives each reading once, in time order, whatever was late, merged or redelivered."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from model.inputs import Input, PlanChange, Tick
from store.archive.by_sensor import SensorReader, SensorRows
from store.archive.layout import all_files
from store.archive.merge import merge
from store.disk import LOCAL_DISK
from tests.store.archive.worlds import (
    ALWAYS,
    DAY,
    ITEMS,
    MINUTE,
    NOON,
    PLANS,
    TIMES,
    S,
    archive_all,
    day_of_readings,
    merge_all,
    readings,
    truth,
    write,
)

#: A life of an archive takes long to shrink; the example that was found says enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

Told = list[tuple[str, int, float, int]]


def told(parts: Iterable[SensorRows]) -> Told:
    """What is left when all has been read; the order of each sensor's readings is checked on the way."""
    kept: dict[int, list[tuple[int, float, int]]] = {}
    for part in parts:
        for sensor in part.anew.tolist():
            kept[sensor] = []
        begins = np.flatnonzero(np.diff(part.sensor, prepend=-1))
        assert len(set(part.sensor[begins].tolist())) == len(begins), "a sensor's rows stand together"
        rows = zip(part.sensor.tolist(), part.time_ns.tolist(), part.value.tolist(), part.quality.tolist(), strict=True)
        for sensor, *row in rows:
            assert not kept[sensor] or row[0] > kept[sensor][-1][0]
            kept[sensor].append(tuple(row))
    return sorted(
        (PLANS[0].sensors[sensor].tag, time_ns, value + 0.0, quality)  # no zero is negative
        for sensor, rows in kept.items()
        for time_ns, value, quality in rows
    )


def expected(journal: Path, from_ns: int, to_ns: int) -> tuple[Told, int]:
    """The first journaled of each sensor and time, in kPa; and how many are of no sensor of the plan."""
    first: dict[tuple[str, int], tuple[str, int, float, int]] = {}
    unknown = 0
    for offset, tag, unit, at_ns, _, value, quality, *_ in sorted(truth(journal)):
        del offset
        if not from_ns <= at_ns < to_ns:
            continue
        if tag not in "abc":
            unknown += 1
            continue
        kpa = float(value) * (100.0 if unit == "bar" else 1.0) + 0.0
        first.setdefault((tag, at_ns), (tag, at_ns, kpa, quality))
    return sorted(first.values()), unknown


@given(
    lives=st.lists(st.tuples(st.lists(ITEMS, max_size=12), st.booleans()), max_size=5),
    span=st.one_of(st.just(ALWAYS), st.tuples(TIMES, TIMES)),
    sorted_rows_max=st.sampled_from([1, 5, 1000]),
)
@settings(max_examples=25, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_every_sensor_comes_in_order_and_each_reading_once(
    lives: list[tuple[list[Input], bool]], span: tuple[int, int], sorted_rows_max: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        archive, journal = Path(name) / "archive", Path(name) / "journal"
        write(journal, [PlanChange(PLANS[0], 1)])
        for items, merges in lives:
            write(journal, items, segment_bytes=70_000)
            archive_all(archive, journal, rows_max=4)
            if merges:
                merge_all(archive, chunk_rows=3)
        reader = SensorReader(archive, journal, sorted_rows_max=sorted_rows_max)
        low, high = min(span), max(span)
        rows, unknown = expected(journal, low, high)
        assert _same(told(reader.by_sensor(PLANS[0], low, high)), rows)
        assert reader.problems.unknown == unknown


def _same(got: Told, rows: Told) -> bool:
    """NaN is as good as NaN."""
    assert [one for one in zip(map(repr, got), map(repr, rows), strict=False) if one[0] != one[1]] == []
    return len(got) == len(rows)


def test_what_comes_late_is_read_again_and_nothing_else(tmp_path: Path) -> None:
    archive, journal = tmp_path / "archive", tmp_path / "journal"
    write(journal, day_of_readings(NOON, minutes=60))
    late = [readings((0, NOON + 5 * MINUTE + 7 * S, NOON + 60 * MINUTE, 5.0)), Tick(NOON + 60 * MINUTE + S, 0)]
    write(journal, [*late, Tick(NOON + 75 * MINUTE, 0)])
    archive_all(archive, journal)
    parts = list(SensorReader(archive, journal).by_sensor(PLANS[0], *ALWAYS))
    assert [part.anew.tolist() for part in parts if len(part.anew)] == [[0, 1, 2], [0]]
    assert _same(told(parts), expected(journal, *ALWAYS)[0])


def test_a_day_that_is_merged_while_it_is_read_is_begun_anew(tmp_path: Path) -> None:
    archive, journal = tmp_path / "archive", tmp_path / "journal"
    write(journal, day_of_readings(NOON, minutes=60))
    archive_all(archive, journal)
    parts = SensorReader(archive, journal).by_sensor(PLANS[0], *ALWAYS)
    begun = [next(parts) for _ in range(3)]
    merge(archive, NOON // DAY)
    assert _same(told([*begun, *parts]), expected(journal, *ALWAYS)[0])


def test_a_damaged_file_is_named_and_everything_else_is_given(tmp_path: Path) -> None:
    archive, journal = tmp_path / "archive", tmp_path / "journal"
    write(journal, day_of_readings(NOON, minutes=45))
    archive_all(archive, journal)
    spoilt = next(iter(all_files(archive, LOCAL_DISK)))
    spoilt.path.write_bytes(b"PAR1")
    reader = SensorReader(archive, journal)
    left = [one for one in expected(journal, *ALWAYS)[0] if not spoilt.from_ns <= one[1] < spoilt.to_ns]
    assert _same(told(reader.by_sensor(PLANS[0], *ALWAYS)), left)
    assert list(reader.problems.files) == [spoilt.key]
