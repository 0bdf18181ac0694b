"""What is particular to InfluxDB: line protocol, refused points, which refusals may pass."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from connectors import influxdb
from model.connector import Point
from model.errors import FengsuiError, PermanentError, RetryableError
from tests.servers import HttpReceiver, VictoriaMetrics, until

REFUSED = (400, {}, b'{"code":"invalid","message":"partial write: field type conflict"}')


def sink_at(url: str, **settings: object) -> influxdb.InfluxSink:
    sink = influxdb.build(
        "influx", influxdb.Settings.model_validate({"url": url, "org": "o", "bucket": "b", **settings})
    )
    assert isinstance(sink, influxdb.InfluxSink)
    return sink


def point(value: float = 1.5, tag: str = "a/b") -> Point:
    return Point("reading", {"tag": tag}, {"value": value}, 7)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (point(), "reading,tag=a/b value=1.5 7"),
        (Point("m n,o", {"b c": "d=e", "a,": "x\ny"}, {"f g": 1}, 1), r"m\ n\,o,a\,=x\ y,b\ c=d\=e f\ g=1i 1"),
        (Point("m", {"t": "", "u": "\\"}, {"f": True, "g": 'say "\\"'}, 1), r'm f=true,g="say \"\\\"" 1'),
        (Point("m", {}, {"f": math.nan, "g": 1e300}, 1), "m g=1e+300 1"),
        (Point("m", {}, {"f": math.inf}, 1), ""),
        (Point("m", {}, {"f": 2**63}, 1), ""),
        (Point("m", {}, {"t": "两\n行"}, 1), 'm t="两\\n行" 1'),
        (Point("m", {"t": "甲烷"}, {"f": -1}, -5), "m,t=甲烷 f=-1i -5"),
    ],
)
def test_a_point_becomes_a_line(given: Point, line: str) -> None:
    assert influxdb.line_of(given) == line


def test_a_hostile_tag_adds_no_line_and_no_field(victoria_metrics: VictoriaMetrics) -> None:
    hostile = "x value=9\nother,tag=x value=8\\"
    sink_at(victoria_metrics.url).write([Point("hostile", {"tag": hostile}, {"value": 1.0}, 1_700_000_000_000_000_000)])
    until(lambda: victoria_metrics.export('{__name__=~"hostile.*"}'), "the point")
    found = victoria_metrics.export('{__name__=~"hostile.*"}')
    assert [one["values"] for one in found] == [[1.0]]
    assert victoria_metrics.export('{__name__=~"other.*"}') == []


def test_token_organisation_and_precision_reach_the_server(receiver: HttpReceiver, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-1\n", encoding="utf-8")
    receiver.answer(204)
    sink_at(receiver.url, token_file=token).write([point()])
    request = receiver.requests[0]
    assert request.path == "/api/v2/write?org=o&bucket=b&precision=ns"
    assert request.headers["authorization"] == "Token secret-1"
    assert request.body == b"reading,tag=a/b value=1.5 7"


def test_a_changed_token_counts_without_a_restart(receiver: HttpReceiver, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old", encoding="utf-8")
    sink = sink_at(receiver.url, token_file=token)
    receiver.answer(401, 204)
    with pytest.raises(RetryableError, match="401"):
        sink.write([point()])
    token.write_text("new", encoding="utf-8")
    sink.write([point()])
    assert [one.headers["authorization"] for one in receiver.requests] == ["Token old", "Token new"]


def test_a_missing_token_is_named_when_the_sink_writes_and_does_not_keep_others_from_starting(tmp_path: Path) -> None:
    sink = sink_at("http://127.0.0.1:1", token_file=tmp_path / "nowhere")
    with pytest.raises(FengsuiError, match="token_file"):
        sink.write([point(1, "good")])


class Choosy(HttpReceiver):
    """Refuses every request that holds a point it does not like."""

    def next_answer(self) -> tuple[int, dict[str, str], bytes]:
        return REFUSED if b"poison" in self.requests[-1].body else (204, {}, b"")


@pytest.fixture
def choosy() -> object:
    server = Choosy()
    server.open()
    yield server
    server.close()


def test_poison_points_are_named_and_their_neighbours_written(choosy: Choosy) -> None:
    sink = sink_at(choosy.url, batch_max=400)
    items = [point(n, "poison" if n in {5, 399, 700} else "good") for n in range(1000)]
    with pytest.raises(PermanentError, match=r"refused 3 of 1000 points.*field type conflict") as refused:
        sink.write(items)
    assert refused.value.items == [5, 399, 700]
    written = {line for one in choosy.requests if b"poison" not in one.body for line in one.body.splitlines()}
    assert written == {influxdb.line_of(item).encode() for n, item in enumerate(items) if n not in {5, 399, 700}}
    assert sink.written == 997
    assert sink.rejected == 3
    assert sink.requests < 80


def test_a_request_that_is_too_large_is_halved(receiver: HttpReceiver) -> None:
    receiver.answer(413, 204)
    sink_at(receiver.url).write([point(1), point(2)])
    assert [one.body.count(b"reading") for one in receiver.requests] == [2, 1, 1]


def test_points_without_a_finite_field_are_left_out(receiver: HttpReceiver) -> None:
    receiver.answer(204)
    sink_at(receiver.url).write([point(math.nan), point(2.0), point(math.inf)])
    assert [one.body for one in receiver.requests] == [b"reading,tag=a/b value=2.0 7"]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 301, 302])
def test_what_may_pass_is_retryable(status: int, receiver: HttpReceiver) -> None:
    receiver.answer((status, {"Retry-After": "7", "Location": "http://127.0.0.1:1/"}, b"no"))
    with pytest.raises(RetryableError, match=str(status)) as refused:
        sink_at(receiver.url).write([point()])
    assert refused.value.retry_after_s == 7
    assert len(receiver.requests) == 1


def test_a_server_that_does_not_answer_in_time_is_retryable(receiver: HttpReceiver) -> None:
    receiver.may_answer.clear()
    with pytest.raises(RetryableError):
        sink_at(receiver.url, timeout_s=0.2).write([point()])
