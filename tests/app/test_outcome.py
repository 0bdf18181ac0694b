"""An act whose answer does not come is not told as a refusal: it can be sent again, and has one effect."""

from __future__ import annotations

import shlex
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import PipelineClient
from app.configured import read
from model.errors import CommandRefused, FengsuiError, OutcomeUnknown
from model.inputs import HumanAct
from pipeline.runners.commands import CommandServer
from store.pipeline_store import PipelineStore
from tests.faults.harness.desk import Desk, Done, desk
from tests.faults.harness.site import Site, make_site
from tests.servers import free_port
from tests.store.test_pipeline_store import PLAN, outbox, some_events


@pytest.fixture(scope="module")
def cli() -> Iterator[Desk]:
    with desk() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A system that has raised alarms and does not run."""
    made = make_site(tmp_path, free_port())
    store = PipelineStore(made.paths.pipeline_db)
    events = some_events()
    store.note_plan(PLAN)
    store.record(events, outbox(events), 99)
    store.close()
    return made


class Pipeline:
    """Takes acts, and answers in time only from the second one on."""

    def __init__(self, path: Path) -> None:
        self.acts: list[HumanAct] = []
        self._server = CommandServer(path, submit=self.submit, status=dict, find=lambda _: None, wall_ns=lambda: 42)
        self._server.start()

    def submit(self, act: HumanAct) -> str:
        self.acts.append(act)
        if len(self.acts) == 1:
            raise TimeoutError("the pipeline did not answer within 10 s; send the command again")
        return "it cannot be done" if act.note == "never" else ""

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def pipeline(site: Site) -> Iterator[Pipeline]:
    opened = Pipeline(read(site.config).socket)
    yield opened
    opened.stop()


def ask(cli: Desk, site: Site, *arguments: str) -> Done:
    return cli.run("alarms", *arguments, "--config", str(site.config))


@pytest.mark.parametrize(("verb", "act"), [("ack", "acknowledge"), ("reset", "reset")])
def test_an_unknown_outcome_has_its_own_exit_code_and_prints_the_command_that_repeats_it(
    verb: str, act: str, cli: Desk, site: Site, pipeline: Pipeline
) -> None:
    (alarm, *_) = ask(cli, site, "list", "--json").json()
    done = ask(cli, site, verb, alarm["id"], "--by", "王工", "--note", "on my way", "--lang", "en")
    assert done.code == 4, done.err
    assert "It may have been carried out or not" in done.err
    fengsui, *again = shlex.split(done.err.strip().splitlines()[-1])
    assert fengsui == "fengsui"
    assert cli.run(*again).code == 0
    first, second = pipeline.acts
    assert first == second
    assert (first.act, first.alarm_id, first.by, first.note) == (act, alarm["id"], "王工", "on my way")
    assert first.command_id in done.err
    assert "不知是否已执行" in _unanswered(cli, site, alarm["id"], pipeline).err


def _unanswered(cli: Desk, site: Site, alarm: str, pipeline: Pipeline) -> Done:
    pipeline.acts.clear()
    return ask(cli, site, "ack", alarm, "--lang", "zh")


def test_a_refusal_stays_a_refusal(cli: Desk, site: Site, pipeline: Pipeline) -> None:
    client = PipelineClient(read(site.config).socket)
    with pytest.raises(OutcomeUnknown, match="Sending it again as command mine is safe"):
        client.act("acknowledge", "a", by="Wang", command_id="mine")
    with pytest.raises(CommandRefused, match="it cannot be done"):
        client.act("acknowledge", "a", by="Wang", note="never")
    client.act("acknowledge", "a", by="Wang")
    assert len({act.command_id for act in pipeline.acts}) == 3


def test_a_pipeline_that_dies_over_an_act_leaves_its_outcome_unknown_and_one_that_is_away_does_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    client = PipelineClient(path)
    with pytest.raises(FengsuiError, match="does not answer") as away:
        client.act("acknowledge", "a", by="Wang")
    assert not isinstance(away.value, OutcomeUnknown)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        dying = threading.Thread(target=_take_one_line_and_die, args=(listening,))
        dying.start()
        with pytest.raises(OutcomeUnknown, match="does not answer"):
            client.act("acknowledge", "a", by="Wang")
        dying.join(30)


def _take_one_line_and_die(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as lines:
        lines.readline()
