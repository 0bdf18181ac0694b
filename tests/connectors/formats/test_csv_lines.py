"""Lines of cells: each line alone, with the columns, the comma and the encoding that the subscription names."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from model.batch import BAD, GOOD, UNCERTAIN
from tests.connectors.formats.decoding import Decoded, Row, decode, subscription

COLUMNS = ["tag", "time", "value", "unit", "quality", "-"]
NS = 1_772_971_530 * 10**9


def lines(text: str | bytes, **more: object) -> Decoded:
    given_: dict[str, object] = {"columns": COLUMNS, **more}
    return decode("csv", text if isinstance(text, bytes) else text.encode(), **given_)


def test_lines_become_readings() -> None:
    found = lines("a,1772971530,1.5,kPa,good,x\r\nb,2026-03-08 20:05:30,2,,64,\n\nc,,3,,,\n")
    assert not found.refused
    assert found.rows == [
        Row("a", 1.5, NS, GOOD, "kPa"),
        Row("b", 2, NS, UNCERTAIN),
        Row("c", 3),
    ]


def test_a_comma_may_stand_before_the_fraction() -> None:
    found = lines("a;;-1,5;;;\nb;;1.5;;;\nc;;1e3;;;", delimiter=";", decimal=",")
    assert (found.values, found.reasons) == ([-1.5, 1000], ["bad_value"])
    assert "a comma before its fraction" in found.refused[0].detail


def test_a_header_is_no_reading() -> None:
    text = "tag,time,value,unit,quality,note\na,,1,,,\n"
    assert lines(text, header=True).values == [1]
    assert lines(text).reasons == ["bad_value"]
    assert lines("tag,time,value,unit,quality,note\n", header=True).reasons == ["no_value"]


def test_columns_may_hold_the_values_of_one_sensor_each() -> None:
    columns = ["time", {"name": "t", "unit": "degC"}, "-", {"name": "h", "scale": 0.5, "offset": 1}, "quality"]
    found = lines("1772971530,21.5,x,40,bad\n,warm,,,\n", columns=columns, tag="{gateway}/{tag}")
    assert found.rows[:2] == [Row("g/t", 21.5, NS, BAD, "degC"), Row("g/h", 21, NS, BAD)]
    assert (len(found.rows), found.rows[2].tag, math.isnan(found.rows[2].value)) == (3, "g/h", True)
    assert found.reasons == ["bad_value"]
    assert found.refused[0].payload == b",warm,,,"


def test_quotes_may_stand_around_a_cell() -> None:
    found = lines('"a,1",,"2.5","k""P",,\n"b,,1,,,\n c ,, 3 ,,,"x\ny"\nd,,4,,,')
    assert [(row.tag, row.value, row.unit) for row in found.rows] == [("a,1", 2.5, 'k"P'), ("d", 4, "")]
    assert found.reasons == ["bad_line", "bad_line", "wrong_shape"]
    assert [one.payload for one in found.refused] == [b'"b,,1,,,', b' c ,, 3 ,,,"x', b'y"']


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        (b"a,,1,,", "wrong_shape", "line 2: a line has 6 cells (columns), got 5"),
        (b"a,,1,,,,", "wrong_shape", "got 7"),
        (b"a,,x,,,", "bad_value", "line 2: value must be a number, got 'x'"),
        (b"a,then,1,,,", "bad_time", "line 2: time"),
        (b"a,,1,,fine,", "bad_quality", "line 2: quality"),
        (b"a,,1,,999,", "bad_quality", "999"),
        (b"\xff,,1,,,", "bad_encoding", "utf-8"),
        (b",,1,,,", "no_tag", "names its own tag"),
        (b"a b,,1,,,", "bad_tag", "blanks"),
        (b'a,,"1,,,', "bad_line", "quotes"),
        (b"a,,nan,,,", "bad_value", "nan"),
    ],
)
def test_a_bad_line_is_refused_alone(line: bytes, reason: str, words: str) -> None:
    found = lines(b"x,,7,,,\n" + line + b"\ny,,8,,,\n")
    assert (found.tags, found.reasons) == (["x", "y"], [reason])
    assert words in found.refused[0].detail
    assert found.refused[0].payload == line


def test_an_empty_value_is_a_reading_without_a_value() -> None:
    found = lines("a,,,,good,\n")
    assert (math.isnan(found.values[0]), found.rows[0].quality) == (True, BAD)


@pytest.mark.parametrize("payload", [b"", b"\n\r\n", b" \n"])
def test_a_message_without_a_line_is_refused(payload: bytes) -> None:
    assert lines(payload).reasons == ["no_value"]


def test_lines_may_be_encoded_as_chinese_loggers_do() -> None:
    text = "一号/甲烷,,1,%LEL,,备注\n"
    assert lines(text.encode("gb18030"), encoding="gb18030").tags == ["一号/甲烷"]
    assert lines(text.encode("gb18030")).reasons == ["bad_encoding"]
    assert lines(b"\xef\xbb\xbf" + text.encode()).tags == ["一号/甲烷"]


def test_times_may_have_a_pattern() -> None:
    found = lines("a,08.03.2026 13:05,1,,,\nb,2026,1,,,", time={"form": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"})
    assert (found.times, found.reasons) == ([NS - 30 * 10**9], ["bad_time"])


def test_a_topic_may_give_the_tag() -> None:
    assert lines("1.5\n2.5", columns=["value"], tag="{gateway}").rows == [Row("g", 1.5), Row("g", 2.5)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": []}, "columns"),
        ({"columns": ["tag", "colour", "value"]}, "must be one of tag, time"),
        ({"columns": ["tag", "time"]}, "value, or values with names"),
        ({"columns": ["value", {"name": "a"}, "tag"]}, "both"),
        ({"columns": [{"name": "a"}, "unit"]}, "give tag and unit themselves"),
        ({"columns": ["value", "value", "tag"]}, "value again"),
        ({"columns": ["value"]}, "columns need tag"),
        ({"columns": COLUMNS, "delimiter": ",,"}, "delimiter"),
        ({"columns": COLUMNS, "delimiter": ",", "decimal": ","}, "neither the decimal"),
        ({"columns": COLUMNS, "delimiter": '"'}, "neither the decimal"),
        ({"columns": COLUMNS, "encoding": "latin-1"}, "encoding"),
        ({"columns": COLUMNS, "decimal": ";"}, "decimal"),
    ],
)
def test_columns_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        subscription("csv", topic="a/{x}", tag="{tag}", **change)


cell = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x00"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(cell, st.floats(-1e6, 1e6), cell), max_size=5))
def test_what_python_writes_as_csv_is_read_again(rows: list[tuple[str, float, str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([(tag, value, note) for tag, value, note in rows])
    found = lines(out.getvalue(), columns=["tag", "value", "-"])
    usable = [
        (tag.strip(), value)
        for tag, value, _ in rows
        if tag.strip().isprintable() and tag.strip() and " " not in tag.strip()
    ]
    assert [(row.tag, row.value) for row in found.rows] == usable
    assert len(found.refused) == len(rows) - len(usable) or not rows
