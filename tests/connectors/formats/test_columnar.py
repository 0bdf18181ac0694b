"""Columns: the two encodings say the same, every byte of the packed one is checked, and a bad cell is refused alone."""

from __future__ import annotations

import json
import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.columnar_table import TAGS_MAX
from model.batch import BAD, GOOD, UNCERTAIN
from tests.connectors.formats.decoding import Row, decode
from tests.connectors.formats.gateway import packed

MS = 1_767_225_600_000
NS = MS * 10**6
GRID = {"v": 1, "tags": ["a/1", "a/2"], "time": [MS, MS + 1000], "value": [[1.5, 2.5], [3.5, 4.5]]}


def test_a_grid_has_a_row_for_each_time_and_a_column_for_each_tag() -> None:
    found = decode("columns", GRID)
    assert not found.refused
    assert found.rows == [
        Row("a/1", 1.5, NS),
        Row("a/2", 2.5, NS),
        Row("a/1", 3.5, NS + 10**9),
        Row("a/2", 4.5, NS + 10**9),
    ]


def test_a_list_names_the_tag_of_each_reading_by_its_place() -> None:
    body = {"v": 1, "tags": ["a", "b"], "tag": [1, 0, 1], "time": [MS, MS + 1, MS + 2], "value": [1, 2, 3]}
    assert decode("columns", body).rows == [Row("b", 1, NS), Row("a", 2, NS + 10**6), Row("b", 3, NS + 2 * 10**6)]


def test_one_value_for_each_tag_needs_no_places() -> None:
    assert decode("columns", {"v": 1, "tags": ["a", "b"], "time": MS, "value": [1, 2]}).rows == [
        Row("a", 1, NS),
        Row("b", 2, NS),
    ]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (None, [None, None]),
        (MS, [NS, NS]),
        (MS // 1000, [NS, NS]),
        ([MS, None], [NS, None]),
        ("2026-01-01 08:00:00", [NS, NS]),
        (["2026-01-01T00:00:00Z", MS + 5], [NS, NS + 5 * 10**6]),
        ({"start": MS, "step": 250}, [NS, NS + 250 * 10**6]),
        ({"start": MS // 1000, "step": 0.5}, [NS, NS + 5 * 10**8]),
        ({"start": MS, "step": -1}, [NS, NS - 10**6]),
    ],
)
def test_times_are_one_or_one_a_row_or_a_start_and_a_step(time: object, expected: list[int | None]) -> None:
    found = decode("columns", {"v": 1, "tags": ["a"], "tag": [0, 0], "value": [1, 2], "time": time})
    assert not found.refused
    assert found.times == expected


def test_units_are_one_for_all_or_one_a_tag() -> None:
    assert [row.unit for row in decode("columns", {**GRID, "unit": "kPa"}).rows] == ["kPa"] * 4
    assert [row.unit for row in decode("columns", {**GRID, "unit": ["kPa", ""]}).rows] == ["kPa", "", "kPa", ""]


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        ("uncertain", [UNCERTAIN] * 4),
        (0, [BAD] * 4),
        ([["good", 64], [0, None]], [GOOD, UNCERTAIN, BAD, GOOD]),
    ],
)
def test_qualities_are_one_or_of_the_shape_of_the_values(quality: object, expected: list[int]) -> None:
    assert [row.quality for row in decode("columns", {**GRID, "quality": quality}).rows] == expected


@pytest.mark.parametrize("cell", ["null", "1e400", "-1e301", "9" * 400, '"1e400"'])
def test_a_cell_that_is_no_measurement_is_bad_and_has_no_value(cell: str) -> None:
    found = decode("columns", b'{"v":1,"tags":["a","b"],"value":[%s,2]}' % cell.encode())
    assert math.isnan(found.values[0])
    assert [row.quality for row in found.rows] == [BAD, GOOD]
    assert found.values[1] == 2


def test_a_bad_cell_is_refused_alone_and_numbers_as_text_are_numbers() -> None:
    body = {**GRID, "value": [["2.5", "warm"], [True, {"x": 1}]], "quality": [["good", "good"], ["fine", "good"]]}
    found = decode("columns", body)
    assert found.rows == [Row("a/1", 2.5, NS)]
    assert found.reasons == ["bad_value", "bad_quality", "bad_value"]
    assert json.loads(found.refused[1].payload) == {"row": 2, "tag": "a/1", "time": NS + 10**9, "value": 1.0}


def test_a_bad_time_takes_along_the_readings_of_its_row_only() -> None:
    found = decode("columns", {**GRID, "time": ["yesterday", MS]})
    assert (found.values, found.reasons) == ([3.5, 4.5], ["bad_time", "bad_time"])


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"v": 2}, "bad_version", "got 2"),
        ({"v": "1"}, "wrong_shape", "v"),
        ({"tags": "a"}, "wrong_shape", "array"),
        ({"tags": [1, 2]}, "wrong_shape", "str"),
        ({"tags": ["a"]}, "wrong_shape", "each of the 1 tags"),
        ({"value": []}, "wrong_shape", "each of the 2 tags"),
        ({"value": [[1, 2], [3]]}, "wrong_shape", "several lengths"),
        ({"value": [[1, 2], 3]}, "wrong_shape", "several lengths"),
        ({"value": {"a": 1}}, "wrong_shape", "array"),
        ({"value": [1, 2, 3]}, "wrong_shape", 'without "tag"'),
        ({"tag": [0, 1]}, "wrong_shape", "flat"),
        ({"tag": [0], "value": [1, 2]}, "wrong_shape", "place for each of 2"),
        ({"tag": ["a"], "value": [1]}, "wrong_shape", "int"),
        ({"time": [MS]}, "wrong_shape", "each of 2 rows"),
        ({"time": "yesterday"}, "wrong_shape", "yesterday"),
        ({"time": {"start": 1}}, "wrong_shape", "step"),
        ({"unit": ["kPa"]}, "wrong_shape", "each of 2 tags"),
        ({"unit": 5}, "wrong_shape", "got"),
        ({"quality": [["good"], ["good"]]}, "wrong_shape", "shape"),
        ({"quality": ["good"]}, "wrong_shape", "got"),
        ({"value": [[1, 2]] * 9000, "time": MS}, "too_many", "5000"),
        ({"tags": [str(n) for n in range(TAGS_MAX + 1)]}, "too_many", "10000"),
    ],
)
def test_a_message_whose_columns_do_not_fit_is_refused_whole(
    change: dict[str, object], reason: str, words: str
) -> None:
    found = decode("columns", GRID, {**GRID, **change}, GRID)
    assert len(found.rows) == 8
    assert found.reasons == [reason]
    assert words in found.refused[0].detail


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b"FS", b"FSC", b"\xff", b'{"v":1,"tags":["a"],"value":[NaN]}'])
def test_what_is_neither_of_the_two_encodings_is_refused(payload: bytes) -> None:
    found = decode("columns", payload)
    assert found.reasons[0] in {"not_json", "wrong_shape", "bad_length"}
    assert not found.rows


def test_a_place_that_no_tag_has_is_refused_alone_in_both_encodings() -> None:
    body = {"v": 1, "tags": ["a"], "tag": [0, 1, -1, 0], "value": [1, 2, 3, 4]}
    for payload in (body, packed(["a"], [1, 2, 3, 4], places=[0, 1, 65535, 0])):
        found = decode("columns", payload)
        assert (found.values, found.reasons) == ([1, 4], ["bad_tag", "bad_tag"])


def test_a_message_without_a_tag_is_refused_in_both_encodings() -> None:
    for payload in ({"v": 1, "tags": [], "tag": [0], "value": [1]}, packed([], [1.0], places=[0])):
        assert decode("columns", payload).reasons == ["wrong_shape"]


@pytest.mark.parametrize("step", ["1e308", "-1e308", "9" * 400, "1e400"])
def test_steps_beyond_all_times_break_nothing(step: str) -> None:
    found = decode(
        "columns", b'{"v":1,"tags":["a"],"tag":[0,0],"value":[1,2],"time":{"start":1,"step":%s}}' % step.encode()
    )
    assert len(found.rows) + len(found.refused) in {1, 2}


def test_the_packed_bytes_are_those_of_the_guide() -> None:
    body = (
        b"FSC1"
        b"\x00\x01\x02\x00"  # a grid, one time, with qualities
        b"\x0a\x00\x00\x00"  # ten bytes of tag table
        b"\x02\x00\x00\x00"  # two tags
        b"\x01\x00\x00\x00"  # one row
        b"\x01\x00\x00a"  # the tag a, of the kind's unit
        b"\x01\x00\x02b"
        + b"%L"[:2]  # the tag b in %L
        + struct.pack("<q", NS)
        + struct.pack("<dd", 1.5, -2.0)
        + b"\xc0\x40"  # good, uncertain
    )
    payload = body + struct.pack("<I", zlib.crc32(body))
    assert payload == packed(["a", ("b", "%L")], [1.5, -2.0], times=(NS,), qualities=(192, 64))
    assert decode("columns", payload).rows == [Row("a", 1.5, NS), Row("b", -2.0, NS, UNCERTAIN, "%L")]


@pytest.mark.parametrize(
    ("payload", "times"),
    [
        (packed(["a", "b"], [1, 2, 3, 4]), [None] * 4),
        (packed(["a", "b"], [1, 2, 3, 4], times=(5, 6)), [5, 5, 6, 6]),
        (packed(["a", "b"], [1, 2, 3, 4], times=(5, 10), kind=3), [5, 5, 15, 15]),
        (packed(["a"], [1, 2, 3], places=(0, 0, 0), times=(5, 10), kind=3), [5, 15, 25]),
        (packed(["a"], [1, 2], places=(0, 0), times=(7,)), [7, 7]),
    ],
)
def test_packed_times_are_none_or_one_or_each_or_steps(payload: bytes, times: list[int | None]) -> None:
    found = decode("columns", payload)
    assert not found.refused
    assert found.times == times


def test_packed_values_may_be_single_and_what_is_no_number_is_bad() -> None:
    found = decode("columns", packed(["a"], [0.1, math.nan, math.inf], single=True))
    assert found.values[0] == np.float32(0.1)
    assert [math.isnan(one) for one in found.values] == [False, True, True]
    assert [row.quality for row in found.rows] == [GOOD, BAD, BAD]


WHOLE = packed(["a", "b"], [1.5, 2.5], times=(NS,), qualities=(192, 0))


@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_a_changed_byte_anywhere_is_noticed(at: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= 1
    found = decode("columns", bytes(changed))
    assert not found.rows
    assert len(found.reasons) == 1


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_message_cut_short_is_noticed(length: int) -> None:
    assert not decode("columns", WHOLE[:length]).rows
    assert not decode("columns", WHOLE + WHOLE[:length] if length else WHOLE[:-1]).rows


def sealed(head: bytes, body: bytes = b"") -> bytes:
    return head + body + struct.pack("<I", zlib.crc32(head + body))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (sealed(b"FSC2" + WHOLE[4:-4]), "bad_version"),
        (sealed(b"FSC1\x02" + WHOLE[5:-4]), "wrong_shape"),
        (sealed(b"FSC1\x00\x04" + WHOLE[6:-4]), "wrong_shape"),
        (sealed(b"FSC1\x00\x01\x06" + WHOLE[7:-4]), "wrong_shape"),
        (sealed(b"FSC1\x00\x01\x02\x01" + WHOLE[8:-4]), "wrong_shape"),
        (packed([], [], rows=5), "wrong_shape"),
        (packed(["a"], [], rows=0), "wrong_shape"),
        (packed([str(n) for n in range(TAGS_MAX + 1)], [0.0] * (TAGS_MAX + 1)), "too_many"),
        (sealed(b"FSC1" + b"\x00" * 4 + struct.pack("<III", 3, 1, 1), b"\x05\x00\x00" + b"\x00" * 8), "bad_tags"),
        (sealed(b"FSC1" + b"\x00" * 4 + struct.pack("<III", 5, 1, 1), b"\x01\x00\x00aa" + b"\x00" * 8), "bad_tags"),
        (sealed(b"FSC1" + b"\x00" * 4 + struct.pack("<III", 4, 1, 1), b"\x01\x00\x00\xff" + b"\x00" * 8), "bad_tags"),
        (sealed(b"FSC1" + b"\x00" * 4 + struct.pack("<III", 4, 2, 1), b"\x01\x00\x00a" + b"\x00" * 16), "bad_tags"),
    ],
)
def test_what_is_wrong_with_packed_bytes_is_named(payload: bytes, reason: str) -> None:
    found = decode("columns", WHOLE, payload, WHOLE)
    assert (found.reasons, len(found.rows)) == ([reason], 4)


values = st.lists(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(values, st.lists(st.integers(10**17, 2 * 10**18), min_size=5, max_size=5))
def test_both_encodings_say_the_same(rows: list[list[float]], times: list[int]) -> None:
    tags = ["a", "b", "c"]
    body = {"v": 1, "tags": tags, "time": times[: len(rows)], "value": rows, "unit": ["", "kPa", "ppm"]}
    flat = [value for row in rows for value in row]
    payload = packed(["a", ("b", "kPa"), ("c", "ppm")], flat, times=times[: len(rows)], kind=2)
    assert decode("columns", body).rows == decode("columns", payload).rows


def test_tags_are_remembered_by_their_bytes_and_a_flood_of_them_is_forgotten() -> None:
    many = [{"v": 1, "tags": [f"{n}/{k}" for k in range(5000)], "value": list(range(5000))} for n in range(50)]
    found = decode("columns", *many, GRID)
    assert len(found.rows) == 250_004
    assert found.rows[-1] == Row("a/2", 4.5, NS + 10**9)
