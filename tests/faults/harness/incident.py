"""One alarm from its raise to its last notice, lived in one thread: each run makes the same system calls in order.

The parts are the shipped ones, put together as ``app.compose`` does; only what carries out their syncs and transactions
differs: the thread itself instead of another one. Outside stand the broker, which sends again what was not
acknowledged, and the person, who asks again until there is an answer; what they have heard is kept in a file.

Run as a program it imports everything once and forks lives. ``live FOLDER`` on standard input begins one and ``trace
FOLDER`` one that has stopped itself, to be watched; both answer with the process id. ``reap PID`` answers with the exit
status.
"""

from __future__ import annotations

import gc
import os
import queue
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import ParamSpec, TypeVar

from app import configured
from app.cli.screen import set_up_logging
from app.jobs.warm import warm
from config.plan import load_plan
from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from model.connector import Deliveries, Delivery, Inbox, Message, Probe, Sink
from model.inputs import HumanAct, Tick
from model.plan import Plan
from pipeline.delivery.outbox import EventWorker
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.runners.embedded import EmbeddedRunner, Limits
from store import snapshots
from store.delivery_store import DeliveryStore
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.faults.harness.site import Site
from tests.faults.harness.story import TAGS, Reading

SOURCE = "hand"
START_NS, SECOND_NS = 1_767_542_400_000_000_000, 10**9
SEGMENT_BYTES = 6_000
QUIET = 1.0
#: More would change nothing: a step takes two turns of the loop, or three.
TURNS_MAX = 20

Result = TypeVar("Result")
Given = ParamSpec("Given")


@dataclass(frozen=True, slots=True)
class Readings:
    """One message a sensor; the first sensor's level is given, the others are quiet."""

    level: float


@dataclass(frozen=True, slots=True)
class Act:
    """A person's command for the alarm of a rule."""

    act: str
    rule: str


@dataclass(frozen=True, slots=True)
class Restart:
    """The process ends in order and begins anew."""


Step = Readings | Act | Restart

STORY: tuple[Step, ...] = (
    Readings(QUIET),
    Readings(80.0),
    Readings(80.0),
    Act("acknowledge", "spine.level"),
    Readings(80.0),
    Restart(),
    Readings(QUIET),
    Readings(QUIET),
    Act("acknowledge", "spine.latched"),
    Act("reset", "spine.latched"),
    Readings(QUIET),
)
#: Event time passes with the readings alone: a person is as quick as the next reading.
SECONDS = tuple(accumulate(int(isinstance(step, Readings)) for step in STORY))


def told_readings() -> set[tuple[str, int]]:
    """(tag, time) of all that the story sends."""
    return {(tag, START_NS + second * SECOND_NS) for second in SECONDS for tag in TAGS}


class Outside:
    """What broker and person have heard, one line a step: it outlives the process, and decides what comes again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "heard"

    def heard(self) -> int:
        return self._path.read_bytes().count(b"\n") if self._path.exists() else 0

    def hear(self, step: int) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, b"%d\n" % step)
        os.close(file)


class AtOnce(Executor):
    """Carries out what it is given before it returns."""

    def submit(self, work: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        done: Future[Result] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as every executor: who asks for the result gets it
            done.set_exception(error)
        return done


class StoryClock:
    """Each step has its second, however often it is begun."""

    def __init__(self) -> None:
        self.second = 0

    @property
    def wall_ns(self) -> int:
        return START_NS + self.second * SECOND_NS

    def tick(self) -> Tick:
        return Tick(self.wall_ns, self.second * SECOND_NS)


class HandSource:
    """Its messages are put into the inbox by hand; the broker hears at once of what is acknowledged."""

    name = SOURCE

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.acknowledged = -1

    def probe(self) -> Probe:
        return Probe(ok=True, message="by hand")

    def run(self, inbox: Inbox) -> None:
        """Nothing comes by itself."""

    def acknowledge(self, through: int) -> None:
        self._outside.hear(through)
        self.acknowledged = through

    def connected(self) -> bool:
        return True

    def stop(self) -> None:
        """There is nothing to end."""


class Life:
    """The pipeline and the delivery of one site, from their start on."""

    def __init__(self, folder: Path, plan: Plan, sink: Sink[Message]) -> None:
        self._paths, self._outside, self._clock = Site(folder).paths, Outside(folder), StoryClock()
        self._source = HandSource(self._outside)
        self._plan, self._sink = plan, sink

    def live(self) -> None:
        """Go on where those outside have heard no more, to the story's end."""
        begin = self._outside.heard()
        self._clock.second = SECONDS[min(begin, len(STORY) - 1)]
        self._begin()
        for at in range(begin, len(STORY)):
            self._clock.second = SECONDS[at]
            match STORY[at]:
                case Readings(level):
                    self._send(at, level)
                case Act(act, rule):
                    self._ask(at, act, rule)
                case Restart():
                    self._end()
                    self._begin()
                    self._outside.hear(at)
            self._deliver()
        self._end()

    def _begin(self) -> None:
        paths, at_once = self._paths, AtOnce()
        self._store = PipelineStore(paths.pipeline_db)
        self._journal = Journal(
            paths.journal,
            segment_bytes=SEGMENT_BYTES,
            durable_to=max(self._store.position(), snapshots.newest_offset(paths.snapshots)),
            syncing=at_once,
        )
        self._runner = EmbeddedRunner(
            self._plan,
            sources=[self._source],
            decoders={SOURCE: MessageDecoder([Subscription(topic="d/{site}/{sensor}", tag="{site}/{sensor}")])},
            journal=self._journal,
            journal_folder=paths.journal,
            store=self._store,
            snapshot_folder=paths.snapshots,
            clock=self._clock,
            metrics=PipelineMetrics(),
            limits=Limits(wait_s=0.0, snapshot_every_s=2.0),
            storing=at_once,
        )
        self._delivered = DeliveryStore(paths.delivery_db)
        self._worker = EventWorker(
            self._sink,
            outbox=paths.pipeline_db,
            store=self._delivered,
            metrics=DeliveryMetrics(),
            wall_ns=lambda: self._clock.wall_ns,
        )

    def _send(self, at: int, level: float) -> None:
        now_ns = self._clock.wall_ns
        sent = [
            Delivery(
                SOURCE,
                f"d/{tag}",
                Reading(tag, now_ns, level if tag == TAGS[0] else QUIET).payload,
                now_ns,
                retained=False,
                receipt=at,
            )
            for tag in TAGS
        ]
        self._runner.inbox.put(Deliveries.of(sent), 0.0)
        self._turn_until(lambda: self._source.acknowledged == at)
        self._runner.turn()  # judges what the one before has made durable

    def _ask(self, at: int, act: str, rule: str) -> None:
        asked = HumanAct(f"command-{at}", act, self._alarm_of(rule), "duty officer", "", self._clock.wall_ns)
        reply: queue.SimpleQueue[str] = self._runner.hand_in(asked)
        self._turn_until(lambda: not reply.empty())
        refused = reply.get()
        assert not refused, refused
        self._outside.hear(at)

    def _turn_until(self, is_done: Callable[[], bool]) -> None:
        for _ in range(TURNS_MAX):
            if is_done():
                return
            self._runner.turn()
        raise AssertionError("a step of the story does not come to its end")

    def _alarm_of(self, rule: str) -> str:
        reader = PipelineReader(self._paths.pipeline_db)
        try:
            (found,) = [alarm.id for alarm in reader.alarms(open_only=False) if alarm.rule == rule]
        finally:
            reader.close()
        return found

    def _deliver(self) -> None:
        while self._worker.work():
            continue

    def _end(self) -> None:
        self._deliver()
        self._runner.finish()
        self._journal.close()
        self._store.close()
        self._delivered.close()


def _forked(live: Callable[[], None], log: Path, *, stopped: bool) -> int:
    """Process id of a child that lives so, and is nothing else."""
    child = os.fork()
    if child:
        if stopped:
            os.waitpid(child, os.WUNTRACED)
        return child
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if stopped:
        os.kill(os.getpid(), signal.SIGSTOP)
    code = 1
    try:
        live()
        code = 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this process and not the others
        sys.stderr.write(f"life ended by {error!r}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _answers(lines: Iterator[str], config: Path) -> Iterator[object]:
    settings = configured.read(config)
    plan, (connection,) = load_plan(settings), settings.sinks
    with tempfile.TemporaryDirectory() as folder:
        Life(Path(folder), plan, configured.build(connection)).live()  # what is made once, the children need not make
    gc.collect()
    gc.freeze()
    yield "ready"
    for line in lines:
        match line.split():
            case ["reap", pid]:
                yield os.waitstatus_to_exitcode(os.waitpid(int(pid), 0)[1])
            case [how, name]:
                folder = Path(name)
                yield _forked(
                    lambda folder=folder: Life(folder, plan, configured.build(connection)).live(),
                    Site(folder).log,
                    stopped=how == "trace",
                )


def main(config: Path) -> None:
    set_up_logging()
    warm()
    for answer in _answers(sys.stdin, config):
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
