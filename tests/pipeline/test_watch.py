"""A process says that it is ready only while every loop goes on and nothing it looks at is in trouble for long."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from pipeline.metrics import ready_gauge
from pipeline.watch.progress import Loops, Turns
from pipeline.watch.readiness import REPORT_AGE_S_MAX, Condition, Watch
from pipeline.watch.server import serve
from pipeline.watch.words import SAID, Code
from tests.servers import until

LIMIT_S = 20.0


@dataclass
class World:
    """A watched process whose clock is ours."""

    now_s: float = 100.0
    turns: Turns = field(default_factory=Turns)
    has_work: bool = True
    trouble: str | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.watch = Watch(lambda: round(self.now_s * 1e9), ready_gauge(self.registry), lambda: self.now_s)

    def begin(self) -> None:
        loops = Loops(LIMIT_S)
        loops.watch("step", self.turns, now_s=self.now_s, has_work=lambda: self.has_work)
        self.watch.take_on(loops, [lambda: [Condition(Code.SOURCE_DISCONNECTED, "district", self.trouble, 10.0)]])

    def reasons_after(self, seconds: int, *, turning: bool = True) -> list[tuple[str, str]]:
        """Look once a second."""
        for _ in range(seconds):
            self.now_s += 1
            if turning:
                self.turns.turn()
            self.watch.look()
        return [(reason.code.value, reason.subject) for reason in self.watch.report().reasons]

    def shown(self, code: Code) -> float | None:
        return self.registry.get_sample_value("fengsui_ready", {"reason": code.value})


def started() -> World:
    world = World()
    world.begin()
    assert world.reasons_after(1) == []
    return world


def test_until_it_has_begun_a_process_is_not_ready() -> None:
    world = World()
    assert world.reasons_after(3) == [("starting", "")]
    assert world.shown(Code.STARTING) == 0
    world.begin()
    assert world.reasons_after(1) == []
    assert world.shown(Code.STARTING) == 1


def test_given_a_loop_that_stands_it_is_named_after_its_limit_with_the_time_since_when() -> None:
    world = started()
    assert world.reasons_after(20, turning=False) == []
    assert world.reasons_after(1, turning=False) == [("loop_stands", "step")]
    assert not world.watch.report().is_live
    assert world.shown(Code.LOOP_STANDS) == 0
    assert world.reasons_after(1) == []
    assert world.watch.report().is_live


def test_given_a_loop_that_rightly_rests_it_does_not_stand() -> None:
    world = started()
    world.has_work = False
    assert world.reasons_after(100, turning=False) == []
    world.has_work = True
    assert world.reasons_after(21, turning=False) == [("loop_stands", "step")]


def test_given_a_loop_that_waits_long_in_pieces_it_goes_on() -> None:
    turns, stop = Turns(), threading.Event()
    assert not turns.rest(stop, 0.01)
    assert turns.count == 1
    stop.set()
    assert turns.rest(stop, 600)


def test_given_a_trouble_that_lasts_it_counts_from_when_it_may_not_last_longer() -> None:
    world = started()
    world.trouble = "refused"
    begun_ns = round((world.now_s + 1) * 1e9)
    assert world.reasons_after(10) == []
    assert world.reasons_after(1) == [("source_disconnected", "district")]
    reason = world.watch.report().reasons[0]
    assert (reason.since_ns, reason.detail) == (begun_ns, "refused")
    assert world.watch.report().is_live
    world.trouble = None
    assert world.reasons_after(1) == []
    assert (Code.SOURCE_DISCONNECTED, "district") in world.watch.report().in_order


def test_given_a_trouble_that_comes_and_goes_each_one_begins_anew() -> None:
    world = started()
    for _ in range(5):
        world.trouble = "refused"
        assert world.reasons_after(9) == []
        world.trouble = None
        assert world.reasons_after(1) == []


def test_given_a_watch_that_stands_itself_its_old_report_is_a_reason() -> None:
    world = started()
    world.now_s += REPORT_AGE_S_MAX + 1
    report = world.watch.report()
    assert [(reason.code, reason.subject) for reason in report.reasons] == [(Code.LOOP_STANDS, "watch")]
    assert not report.in_order


def test_every_code_is_said_in_both_languages() -> None:
    assert set(SAID) == set(Code)
    assert all(text.zh and text.en and text.zh != text.en for text in SAID.values())


def ask(port: int, path: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read(), type=dict[str, Any])
    finally:
        connection.close()


def test_whoever_asks_over_http_gets_200_or_503_with_reasons_in_both_languages() -> None:
    world = started()
    port = serve("127.0.0.1:0", world.registry, world.watch)
    assert ask(port, "/readyz") == (200, {"ready": True, "reasons": []})
    assert ask(port, "/livez") == (200, {"live": True, "reasons": []})

    world.trouble = "refused"
    world.reasons_after(11)
    status, body = ask(port, "/readyz")
    assert (status, body["ready"]) == (503, False)
    assert body["reasons"][0]["en"] == "a source is disconnected: district (refused)"
    assert body["reasons"][0]["zh"] == "数据源断开: district (refused)"
    assert ask(port, "/livez")[0] == 200

    world.reasons_after(21, turning=False)
    assert [reason["subject"] for reason in ask(port, "/livez")[1]["reasons"]] == ["step"]
    assert ask(port, "/livez")[0] == 503


def test_the_metrics_stand_beside_them() -> None:
    world = started()
    port = serve("127.0.0.1:0", world.registry, world.watch)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.status == 200
    assert b'fengsui_ready{reason="loop_stands"} 1.0' in answer.read()
    connection.close()


def test_the_watch_looks_by_itself() -> None:
    registry = CollectorRegistry()
    watch, stop = Watch(lambda: 0, ready_gauge(registry)), threading.Event()
    watch.take_on(Loops(LIMIT_S), [])
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    until(lambda: not watch.report().reasons, "a first look")
    stop.set()
    thread.join(10)
    assert watch.turns >= 1
