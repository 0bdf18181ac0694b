"""Readings out of anybody's JSON: where paths lead, what belongs together, and which settings cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.formats.json_path import MISSING, JsonPath, found_at
from model.batch import BAD, GOOD, UNCERTAIN
from tests.connectors.formats.decoding import Decoded, Row, decode, subscription

T = 1_772_971_530
NS = T * 10**9


def mapped(fields: dict[str, Any], *messages: object, **more: object) -> Decoded:
    return decode("mapped-json", *messages, fields=fields, **more)


@pytest.mark.parametrize(
    ("text", "scopes", "rest"),
    [
        ("$", (), ()),
        ("$.a.b[0]", (), ("a", "b", 0)),
        ("$['a b'][12].温度", (), ("a b", 12, "温度")),
        ("$.data[*].v", (("data",),), ("v",)),
        ("$[*][*]", ((), ()), ()),
        ("$.a[*].b.c[*][1]", (("a",), ("b", "c")), (1,)),
    ],
)
def test_a_path_is_taken_apart_at_its_stars(text: str, scopes: object, rest: object) -> None:
    path = JsonPath.of(text)
    assert (path.scopes, path.rest, path.key) == (scopes, rest, False)


def test_a_tilde_means_the_key_of_the_element() -> None:
    assert JsonPath.of("$.data[*]~") == JsonPath("$.data[*]~", (("data",),), (), key=True)


@pytest.mark.parametrize(
    "text", ["", "a", "$a", "$.", "$..a", "$.a[", "$.a[-1]", "$.a[x]", "$.a~", "$.a[*].b~", "$.*", "$[']"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="got"):
        JsonPath.of(text)


def test_what_is_not_there_is_missing() -> None:
    data = {"a": [1, {"b": None}]}
    assert found_at(data, ("a", 1, "b")) is None
    assert found_at(data, ("a", 2)) is MISSING
    assert found_at(data, ("a", "b")) is MISSING
    assert found_at(data, (0,)) is MISSING


def test_one_object_gives_several_readings() -> None:
    fields = {
        "values": [
            {"path": "$.temp", "name": "t", "unit": "degC"},
            {"path": "$.hum", "name": "h", "unit": "%RH", "scale": 0.1, "offset": -1},
            {"path": "$.co", "name": "co"},
        ],
        "time": "$.ts",
    }
    found = mapped(fields, {"temp": 21.5, "hum": 455, "ts": T}, {"temp": None}, tag="{gateway}/{tag}")
    assert not found.refused
    assert found.rows[:2] == [Row("g/t", 21.5, NS, GOOD, "degC"), Row("g/h", 44.5, NS, GOOD, "%RH")]
    assert (found.rows[2].tag, found.rows[2].quality) == ("g/t", BAD)
    assert len(found.rows) == 3


def test_paths_with_the_same_beginning_go_over_an_array_together() -> None:
    fields = {
        "value": "$.groups[*].items[*].v",
        "tag": "$.groups[*].items[*].id",
        "time": "$.ts",
        "unit": "$.groups[*].unit",
        "words": {"group": "$.groups[*].name", "line": "l-1"},
    }
    message = {
        "ts": T,
        "groups": [
            {"name": "a", "unit": "kPa", "items": [{"id": "1", "v": 1}, {"id": "2", "v": 2}]},
            {"name": "b", "items": [{"id": 3, "v": 3}]},
            {"name": "c"},
        ],
    }
    found = mapped(fields, message, tag="{line}/{group}/{tag}")
    assert found.rows == [
        Row("l-1/a/1", 1, NS, GOOD, "kPa"),
        Row("l-1/a/2", 2, NS, GOOD, "kPa"),
        Row("l-1/b/3", 3, NS),
    ]


def test_an_object_is_gone_over_by_its_members_with_their_keys() -> None:
    """As the things of several clouds report their properties."""
    fields = {"value": "$.params[*].value", "tag": "$.params[*]~", "time": "$.params[*].time"}
    message = {"id": "123", "params": {"ch4": {"value": 1.25, "time": T * 1000}, "co": {"value": "5"}, "x": 7}}
    assert mapped(fields, message).rows == [Row("ch4", 1.25, NS), Row("co", 5)]


def test_readings_may_stand_in_arrays_of_numbers() -> None:
    fields = {"value": "$[*][1]", "time": {"path": "$[*][0]", "form": "s"}, "tag": "fixed"}
    assert mapped(fields, [[T, 1.5], [T + 1, 2.5], [T + 2]]).rows == [
        Row("fixed", 1.5, NS),
        Row("fixed", 2.5, NS + 10**9),
    ]


@pytest.mark.parametrize(
    ("form", "zone", "written", "expected"),
    [
        ("auto", "Asia/Shanghai", T * 1000, NS),
        ("auto", "Asia/Shanghai", "2026-03-08 20:05:30", NS),
        ("auto", "Europe/Berlin", "2026-03-08 13:05:30", NS),
        ("auto", "Europe/Berlin", str(T), NS),
        ("s", "Asia/Shanghai", T, NS),
        ("s", "Asia/Shanghai", T + 0.25, NS + 250_000_000),
        ("s", "Asia/Shanghai", str(T), NS),
        ("ms", "Asia/Shanghai", 5, 5_000_000),
        ("us", "Asia/Shanghai", "7", 7_000),
        ("ns", "Asia/Shanghai", NS + 1, NS + 1),
        ("ns", "Asia/Shanghai", 10**30, 2**63 - 1),
        ("s", "Asia/Shanghai", 1e300, 2**63 - 1),
        ("iso", "Asia/Shanghai", "2026-03-08T12:05:30Z", NS),
        ("iso", "UTC", "2026-03-08T12:05:30", NS),
        ("%d.%m.%Y %H:%M:%S", "UTC", "08.03.2026 12:05:30", NS),
        ("%d.%m.%Y %H:%M:%S", "Europe/Berlin", "08.07.2026 12:05:30", (T + 122 * 86400 - 7200) * 10**9),
        ("%Y%m%d%H%M%S%z", "Asia/Shanghai", "20260308120530+0000", NS),
        ("%Y%m%d%H%M%S", "Asia/Shanghai", None, None),
    ],
)
def test_times_are_read_as_their_form_says(form: str, zone: str, written: object, expected: int | None) -> None:
    fields = {"value": "$.v", "tag": "a", "time": {"path": "$.t", "form": form, "zone": zone}}
    found = mapped(fields, {"v": 1, "t": written})
    assert not found.refused
    assert found.times == [expected]


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("s", "now"),
        ("iso", 5),
        ("iso", "2026-03-08"),
        ("%d.%m.%Y", "31.02.2026"),
        ("%d.%m.%Y", 5),
        ("auto", True),
        ("auto", {}),
        ("%Y", "9" * 200),
    ],
)
def test_a_time_that_is_written_otherwise_is_refused(form: str, written: object) -> None:
    fields = {"values": [{"path": "$.v", "name": "a"}], "time": {"path": "$.t", "form": form}}
    found = mapped(fields, {"v": 1, "t": written}, {"v": 2})
    assert (found.values, found.reasons) == ([2], ["bad_time"])
    assert repr(form) in found.refused[0].detail


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, GOOD), ("0", GOOD), (3, BAD), (True, UNCERTAIN), (None, GOOD), ("odd", UNCERTAIN), ([], UNCERTAIN)],
)
def test_a_map_says_what_qualities_mean(given: object, expected: int) -> None:
    quality = {"path": "$.q", "map": {"0": "good", "3": "bad", "true": "uncertain"}, "otherwise": "uncertain"}
    assert mapped({"value": "$.v", "tag": "a", "quality": quality}, {"v": 1, "q": given}).rows[0].quality == expected


def test_a_quality_that_is_not_in_the_map_is_refused() -> None:
    fields = {"value": "$.v", "tag": "a", "quality": {"path": "$.q", "map": {"0": "good"}}}
    found = mapped(fields, {"v": 1, "q": 1}, {"v": 2})
    assert (found.values, found.reasons) == ([2], ["bad_quality"])
    assert mapped({"value": "$.v", "tag": "a", "quality": "$.q"}, {"v": 1, "q": 64}).rows[0].quality == UNCERTAIN
    assert mapped({"value": "$.v", "tag": "a", "quality": "$.q"}, {"v": 1, "q": []}).reasons == ["bad_quality"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"v":NaN}', "not_json"),
        (b"[" * 30 + b"]" * 30, "too_deep"),
        ({}, "no_value"),
        ([1], "no_value"),
        ({"data": []}, "no_value"),
        ({"data": 5}, "wrong_shape"),
        ({"data": "abc"}, "wrong_shape"),
        ({"data": [{"v": {}, "id": 1}]}, "bad_value"),
        ({"data": [{"v": "warm", "id": 1}]}, "bad_value"),
        ({"data": [{"v": 1}]}, "no_tag"),
        ({"data": [{"v": 1, "id": None}]}, "no_tag"),
        ({"data": [{"v": 1, "id": "a b"}]}, "bad_tag"),
        ({"data": [{"v": 1, "id": "a", "u": 5}]}, "bad_unit"),
    ],
)
def test_what_cannot_be_used_is_refused_alone(message: object, reason: str) -> None:
    fields = {"value": "$.data[*].v", "tag": "$.data[*].id", "unit": "$.data[*].u"}
    good = {"data": [{"v": 7, "id": "x"}]}
    found = mapped(fields, good, message, good)
    assert (found.values, found.reasons) == ([7, 7], [reason])


def test_a_bad_reading_leaves_its_neighbours_alone_and_is_shown_with_its_object() -> None:
    fields = {"value": "$.data[*].v", "tag": "$.data[*].id"}
    found = mapped(fields, {"data": [{"v": 1, "id": "a"}, {"v": "x", "id": "b"}, {"v": 3, "id": "c"}]})
    assert (found.tags, found.reasons) == (["a", "c"], ["bad_value"])
    assert found.refused[0].payload == b'{"v": "x", "id": "b"}'


def test_numbers_that_no_float_holds_are_bad() -> None:
    found = mapped({"value": "$.data[*]", "tag": "a"}, b'{"data":[1e400,1,%s]}' % (b"9" * 500))
    assert [math.isnan(value) for value in found.values] == [True, False, True]


def test_a_word_that_holds_the_mark_between_words_makes_no_tag() -> None:
    found = mapped(
        {"value": "$.v", "tag": "$.a", "words": {"w": "$.b"}}, {"v": 1, "a": "x\x1fy", "b": "z"}, tag="{tag}/{w}"
    )
    assert found.reasons == ["bad_tag"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "value, or values"),
        ({"value": "$.v", "values": [{"path": "$.w"}]}, "both"),
        ({"value": "v"}, "must be a path"),
        ({"value": "$.v", "tag": "$.["}, "must be a path"),
        ({"value": "$.v"}, "fields needs tag"),
        ({"values": [{"path": "$.v"}]}, "fields needs tag"),
        ({"value": "$.v", "tag": "$.data[*].id"}, "goes over an array that the value"),
        ({"value": "$.a[*].v", "tag": "$.b[*].id"}, "goes over an array that the value"),
        ({"value": "$.v", "tag": "a", "words": {"tag": "$.x"}}, "not tag"),
        ({"value": "$.v", "tag": "a", "words": {"A": "$.x"}}, "lower-case"),
        ({"value": "$.v", "tag": "a", "time": {"path": "$.t", "form": "hms"}}, "pattern such as"),
        ({"value": "$.v", "tag": "a", "time": {"path": "$.t", "form": "%Q"}}, "pattern such as"),
        ({"value": "$.v", "tag": "a", "time": {"path": "$.t", "zone": "Mars"}}, "time zone"),
        ({"value": "$.v", "tag": "a", "quality": {"path": "$.q", "map": {"0": "fine"}}}, "good"),
        ({"value": "$.v", "tag": "a", "colour": "red"}, "colour"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        subscription("mapped-json", topic="a/{x}", tag="{tag}", fields=fields)


def test_a_word_of_the_fields_must_not_be_one_of_the_topic() -> None:
    with pytest.raises(ValidationError, match="reading's own"):
        subscription("mapped-json", topic="a/{x}", tag="{x}", fields={"value": "$.v", "words": {"x": "$.y"}})
    with pytest.raises(ValidationError, match=r"\{tag\} and \{w\}"):
        subscription("mapped-json", topic="a/{x}", tag="{y}", fields={"value": "$.v", "words": {"w": "$.y"}})
