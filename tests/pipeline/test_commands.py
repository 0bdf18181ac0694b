"""The local socket: one line of JSON each way, and an answer to whatever comes."""

from __future__ import annotations

import json
import socket
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from model.alarm import beginning
from model.inputs import HumanAct
from pipeline.runners.commands import REQUEST_BYTES_MAX, CommandServer

ANSWER_S = 30.0
KNOWN = {"closed": beginning("closed", "r", "t", "station", 7)}


class Desk:
    """A server and what reached the pipeline through it."""

    def __init__(self, path: Path) -> None:
        self.path, self.acts = path, list[HumanAct]()
        self.server = CommandServer(
            path, submit=self.submit, status=lambda: {"rows": 7}, find=KNOWN.get, wall_ns=lambda: 42
        )

    def submit(self, act: HumanAct) -> str:
        if act.note == "too slow":
            raise TimeoutError("the pipeline did not answer within 10 s; send the command again")
        self.acts.append(act)
        return "alarm 'x' is not open" if act.alarm_id == "x" else ""

    def ask(self, line: bytes) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_S)
            client.connect(str(self.path))
            client.sendall(line)
            client.shutdown(socket.SHUT_WR)
            return json.loads(client.makefile("rb").readline())

    def act(self, **more: str) -> dict[str, Any]:
        request = {"do": "act", "command_id": "c", "act": "acknowledge", "alarm_id": "a", "by": "Wang"} | more
        return self.ask(json.dumps(request).encode() + b"\n")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        opened = Desk(Path(folder) / "s")
        opened.server.start()
        yield opened
        opened.server.stop()
        assert not opened.path.exists()


def test_an_act_reaches_the_pipeline_with_who_and_when(desk: Desk) -> None:
    assert desk.act(note="seen")["ok"]
    assert desk.acts == [HumanAct("c", "acknowledge", "a", "Wang", "seen", 42)]


def test_what_is_said_of_a_closed_alarm_carries_what_it_was_about(desk: Desk) -> None:
    assert desk.act(act="verdict", alarm_id="closed", verdict="false", note="steam", rule="other")["ok"]
    assert desk.acts[0] == HumanAct(
        "c", "verdict", "closed", "Wang", "steam", 42, rule="r", tag="t", asset="station", verdict="false"
    )


@pytest.mark.parametrize("act", ["comment", "verdict"])
def test_nothing_is_said_of_an_alarm_that_nobody_knows(desk: Desk, act: str) -> None:
    reply = desk.act(act=act, alarm_id="gone", note="seen", verdict="real")
    assert (reply["ok"], reply["error"], desk.acts) == (False, "alarm 'gone' is not known", [])


def test_acts_on_sensors_and_flags_name_no_alarm(desk: Desk) -> None:
    assert desk.act(act="take_out", alarm_id="", tag="a", note="permit 7")["ok"]
    assert desk.act(act="approve", alarm_id="", flag="f")["ok"]
    assert desk.act(act="put_back", alarm_id="", flag="f")["ok"]
    assert [act.tag or act.flag for act in desk.acts] == ["a", "f", "f"]
    for act in ("acknowledge", "put_back", "shelve"):
        assert desk.act(act=act, alarm_id="")["error"] == f"act {act} needs alarm_id"


def test_a_refusal_by_the_pipeline_comes_back_with_its_reason(desk: Desk) -> None:
    reply = desk.act(alarm_id="x")
    assert (reply["ok"], reply["error"]) == (False, "alarm 'x' is not open")


def test_an_answer_that_does_not_come_in_time_is_no_refusal_and_may_be_sent_again(desk: Desk) -> None:
    reply = desk.act(note="too slow")
    assert (reply["ok"], reply["unknown"]) == (False, True)
    assert "send the command again" in reply["error"]
    assert desk.act(alarm_id="x")["unknown"] is False


@pytest.mark.parametrize("missing", ["command_id", "alarm_id", "by"])
def test_an_act_without_who_what_or_its_id_is_not_carried_out(missing: str, desk: Desk) -> None:
    assert desk.act(**{missing: ""})["error"] in ("an act needs command_id and by", "act acknowledge needs alarm_id")
    assert desk.acts == []


def test_the_status_is_told(desk: Desk) -> None:
    assert desk.ask(b'{"do": "status"}\n') == {
        "ok": True,
        "error": "",
        "unknown": False,
        "status": {"rows": 7},
        "change": None,
    }


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "a request is one line of JSON"),
        (b"hello\n", "a request is one line of JSON"),
        (b"{}\n", "a request is one line of JSON"),
        (b'{"do": 1}\n', "a request is one line of JSON"),
        (b'{"do": "sing"}\n', "do must be act, apply or status, got 'sing'"),
        (b'{"do": "act", "note": "' + b"x" * REQUEST_BYTES_MAX, "a request is one line of JSON"),
        (b"\xff\xfe\n", "a request is one line of JSON"),
    ],
)
def test_whatever_else_comes_is_answered_with_what_is_wrong(line: bytes, error: str, desk: Desk) -> None:
    reply = desk.ask(line)
    assert not reply["ok"]
    assert error in reply["error"]
    assert desk.ask(b'{"do": "status"}\n')["ok"]


def test_a_client_that_says_nothing_holds_nobody_up(desk: Desk) -> None:
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(desk.path))
        with ThreadPoolExecutor() as pool:
            replies = list(pool.map(lambda number: desk.act(command_id=str(number)), range(20)))
    assert all(reply["ok"] for reply in replies)
    assert {act.command_id for act in desk.acts} == {str(number) for number in range(20)}


def test_only_the_owner_may_open_the_socket_and_one_left_behind_is_replaced(desk: Desk) -> None:
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600
    again = Desk(desk.path)
    again.server.start()
    assert again.act()["ok"]
    again.server.stop()
