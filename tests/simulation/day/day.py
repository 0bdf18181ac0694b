"""One simulated day from one seed: the shipped code in one thread, and everything that can befall it.

Every moment the gateways speak, the wire carries, the pipeline turns once and the delivery works; in between the seed
throws faults: kills at any point, power cuts, a disk that fills or refuses, commits that fail, the clock set by an
hour, a suspend, the connection or the session lost, receivers that are down. At the end all is mended, and what must
be true is checked.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from model.errors import FengsuiError
from model.inputs import HumanAct
from pipeline.ingest.inbox import BoundedInbox
from store.pipeline_reader import PipelineReader
from tests.simulation.day.fate import Fate, Killed, SimulatedClock
from tests.simulation.day.ledger import Ledger
from tests.simulation.day.link import TAGS, Broker, Gateway, LinkSource, Sent
from tests.simulation.day.site import (
    INBOX_MAX,
    PLANS,
    SINKS,
    Commits,
    DeliveryProcess,
    Machine,
    PipelineProcess,
    SimulatedSink,
)
from tests.simulation.disk import SimulatedDisk

HOUR_S = 3600.0
#: What ends a process of ours when the disk or the database refuses; anything else is a fault of the program.
ENDS = (FengsuiError, OSError, SQLAlchemyError)
MEND_MOMENTS_MAX = 3_000
#: Seconds from one turn of the loop to the next: mostly just short of what counts as an outage.
PACES_S = (9.9, 9.5, 9.5, 9.0, 9.0, 8.5, 8.0, 7.0, 1.2, 0.3)
DELIVERY_EVERY = 8
FAULTS_A_MOMENT = 0.05


class Day:
    """Everything there is, and what must be true of it."""

    def __init__(self, seed: int, files: Path) -> None:
        self.chance = random.Random(seed)
        self.machine = Machine(self.chance, files, SimulatedDisk(seed=seed), SimulatedClock())
        self.fate, self.delivery_fate = Fate(), Fate()
        self.commits, self.delivery_commits = Commits(self.fate), Commits(self.delivery_fate)
        self.broker = Broker()
        self.source = LinkSource(self.broker, self.chance, self._on_acknowledge)
        self.gateways = [Gateway(TAGS[at::3], self.chance) for at in range(3)]
        self.sinks = [SimulatedSink(name, self.machine, self.delivery_fate) for name in SINKS]
        self.pipeline: PipelineProcess | None = None
        self.delivery: DeliveryProcess | None = None
        self.plan_at = 0
        self.sent: list[Sent] = []
        self.ledger = Ledger()
        self.forgiven: list[Sent] = []  # held by a session that the broker lost
        self.acts: dict[str, tuple[HumanAct, queue.SimpleQueue[str] | None]] = {}
        self.told: dict[str, str] = {}  # command id -> reply
        self.log: list[str] = []
        self.lives = 0
        self._pipeline_due_s = self._delivery_due_s = self._connect_due_s = self._room_due_s = 0.0
        self._moments = 0
        self._power_goes_too = False
        self._refuses = False  # the disk will refuse a call
        self._may_end = False  # a fault was injected, so a process may end by itself

    # The day

    def live(self, hours: float) -> None:
        while self.machine.clock.now_s < hours * HOUR_S:
            if self.chance.random() < FAULTS_A_MOMENT:
                self._some_fault()
            self._moment(self.chance.choice(PACES_S))

    def mend(self) -> None:
        """Nothing fails any more; go on until everything has arrived, ends in order."""
        self._note("all is mended")
        self._disk_has_room()
        for fate, commits in ((self.fate, self.commits), (self.delivery_fate, self.delivery_commits)):
            fate.spare()
            commits.refuse = 0
        for sink in self.sinks:
            sink.is_well, sink.down_until_s = True, 0.0
        for gateway in self.gateways:
            gateway.cut_off_until_s, gateway.silent_until_s = 0.0, dict.fromkeys(gateway.silent_until_s, float("inf"))
        self.source.slow_until_s = 0.0
        self.machine.disk.hook, self._refuses = self._at_call, False
        for _ in range(MEND_MOMENTS_MAX):
            self._moment(9.0 if self.pipeline and self.source.is_idle() else 1.0)
            if self.pipeline and self.source.is_idle() and not self.acts and not len(self._inbox()):
                break
        else:
            raise AssertionError("the readings do not come to an end")
        self._check_accounts()
        self.pipeline.finish()
        self.pipeline = None
        for _ in range(MEND_MOMENTS_MAX):
            if self._all_told():
                break
            self._delivery_moment()
        else:
            raise AssertionError("the notices do not come to an end")

    def _all_told(self) -> bool:
        """What is stored has reached every sink; long waits between attempts are passed over."""
        reader = PipelineReader(self.machine.pipeline_db)
        stored = reader.last_outbox_seq()
        reader.close()
        if all(len({message.id for message in sink.taken}) == stored for sink in self.sinks):
            return True
        self.machine.clock.go_on(120.0)
        return False

    def _moment(self, seconds: float) -> None:
        self._moments += 1
        clock, source = self.machine.clock, self.source
        clock.go_on(seconds)
        if clock.now_s >= self._room_due_s:
            self._disk_has_room()
        for gateway in self.gateways:
            said = gateway.say(clock.now_s, clock.true_ns)
            self.sent += said
            self.broker.publish(said)
        if not source.connected() and clock.now_s >= self._connect_due_s and self.pipeline:
            source.connect()
        source.exchange(clock.now_s, clock.wall_ns, self._inbox() if self.pipeline else None)
        self._pipeline_moment()
        if self._moments % DELIVERY_EVERY == 0 or seconds < 1:
            self._delivery_moment()
        assert source.waiting() <= 2 * INBOX_MAX

    def _inbox(self) -> BoundedInbox:
        assert self.pipeline
        assert self.pipeline.runner
        return self.pipeline.runner.inbox

    def _pipeline_moment(self) -> None:
        if self.pipeline is None:
            if self.machine.clock.now_s >= self._pipeline_due_s:
                with self._pipeline_may_die():
                    self._begin_pipeline()
            return
        with self._pipeline_may_die():
            self._hand_in_acts()
            self.pipeline.turn()
            assert len(self._inbox()) <= INBOX_MAX
            self._hear_replies()
            if self._moments % 50 == 0:
                self._check_accounts()

    def _begin_pipeline(self) -> None:
        self.lives += 1
        life = self.pipeline = PipelineProcess(self.machine, self.source, PLANS[self.plan_at], self.commits)
        self.source.disconnect()
        life.begin()
        assert life.reconciled() == 0, "after a start the open alarms are not as people were told"
        self.ledger.look_up(self.machine.disk)
        self.source.connect()
        at_peace = not (self.commits.refuse or self.delivery_commits.refuse or self._refuses)
        self._may_end = not (at_peace and self.machine.disk.capacity is None)

    def _delivery_moment(self) -> None:
        with self._delivery_may_die():
            if self.delivery is None:
                if self.machine.clock.now_s >= self._delivery_due_s:
                    self.delivery = DeliveryProcess(self.machine, self.sinks, self.delivery_commits)
                    self.delivery.begin()
            else:
                self.delivery.work()

    # People

    def _somebody_acts(self) -> None:
        alarms = self.pipeline.runner.state.alarms.open_alarms() if self.pipeline and self.pipeline.runner else []
        if not alarms:
            return
        chosen = self.chance.choice(sorted(alarms, key=lambda alarm: alarm.id))
        command = f"c{len(self.acts) + len(self.told)}"
        what = self.chance.choice(("acknowledge", "acknowledge", "reset"))
        act = HumanAct(command, what, chosen.id, "Wang", command, self.machine.clock.wall_ns)
        self.acts[command] = (act, None)

    def _hand_in_acts(self) -> None:
        """An act whose reply did not come is sent again with the same command id."""
        assert self.pipeline
        assert self.pipeline.runner
        for command, (act, reply) in self.acts.items():
            if reply is None:
                self.acts[command] = (act, self.pipeline.runner.hand_in(act))

    def _hear_replies(self) -> None:
        for command, (_, reply) in list(self.acts.items()):
            if reply is not None and not reply.empty():
                self.told[command] = reply.get()
                del self.acts[command]

    # What goes wrong

    def _some_fault(self) -> None:
        faults: list[tuple[Callable[[], None], float]] = [
            (self._somebody_acts, 6),
            (self._doom, 6),
            (self._doom_delivery, 2),
            (self._power_cut, 1.5),
            (self._restart, 1),
            (self._disk_fills, 0.5),
            (self._disk_refuses, 2),
            (self._commits_fail, 0.5),
            (self._clock_is_set, 0.7),
            (self._suspend, 0.3),
            (self._gateway_repeats, 5),
            (self._wire_breaks, 2),
            (self._wire_is_slow, 1),
            (self._session_is_lost, 0.3),
            (self._gateway_is_cut_off, 1),
            (self._device_clock_is_wrong, 0.5),
            (self._sensor_stops, 1),
            (self._sink_is_down, 1),
        ]
        fault = self.chance.choices([one for one, _ in faults], [weight for _, weight in faults])[0]
        self._note(fault.__name__.strip("_"))
        fault()

    def _doom(self) -> None:
        """The pipeline will be killed, or the power will go, in the middle of something."""
        kind = self.chance.choice(("", "", "commit", "commit", "acknowledge", "write", "sync", "sync_folder", "rename"))
        self.fate.doom(self.chance.randint(1, 60 if not kind else 3), kind)
        self._power_goes_too = self.chance.random() < 0.4

    def _doom_delivery(self) -> None:
        kind = self.chance.choice(("", "commit", "send", "sent"))
        self.delivery_fate.doom(self.chance.randint(1, 20 if not kind else 3), kind)

    def _power_cut(self) -> None:
        self._pipeline_gone()
        self._delivery_gone()
        capacity, hook = self.machine.disk.capacity, self.machine.disk.hook
        self.machine.disk = self.machine.disk.image(self.chance)
        self.machine.disk.capacity, self.machine.disk.hook = capacity, hook
        self.machine.clock.go_on(self.chance.choice((3.0, 8.0, 40.0, 600.0)))
        self.machine.clock.reboot()

    def _restart(self) -> None:
        """In order, perhaps with another configuration."""
        self.plan_at = self.chance.randrange(len(PLANS))
        if self.pipeline:
            with self._pipeline_may_die():
                self.pipeline.finish()
                self._pipeline_gone()

    def _disk_fills(self) -> None:
        disk = self.machine.disk
        disk.capacity = sum(len(disk.content(path)) for path in disk.paths()) + self.chance.choice((0, 500, 20_000))
        self._room_due_s = self.machine.clock.now_s + self.chance.choice((20.0, 60.0, 240.0))
        self._may_end = True

    def _disk_has_room(self) -> None:
        self.machine.disk.capacity = None

    def _disk_refuses(self) -> None:
        self._may_end = True
        disk, at = self.machine.disk, len(self.machine.disk.calls) + self.chance.randint(1, 30)
        number = self.chance.choice((errno.EIO, errno.EIO, errno.ENOSPC))
        short = self.chance.random() < 0.2

        def hook(call: int, name: str) -> int | None:
            self.fate.point(name)
            if call < at:
                return None
            self.machine.disk.hook, self._refuses = self._at_call, False
            if short and name == "write":
                return 1
            raise OSError(number, "injected", name)

        disk.hook, self._refuses = hook, True

    def _at_call(self, _call: int, name: str) -> int | None:
        self.fate.point(name)
        return None

    def _commits_fail(self) -> None:
        self.chance.choice((self.commits, self.delivery_commits)).refuse = self.chance.randint(1, 3)
        self._may_end = True

    def _clock_is_set(self) -> None:
        self.machine.clock.set_wall(self.chance.choice((3600.0, -3600.0, 0.0, 0.0, 30.0, -30.0)))

    def _suspend(self) -> None:
        self.machine.clock.go_on(self.chance.choice((20.0, 900.0)))
        self._wire_breaks()

    def _gateway_repeats(self) -> None:
        self.chance.choice(self.gateways).repeats = True

    def _wire_breaks(self) -> None:
        self.source.disconnect()
        self._connect_due_s = self.machine.clock.now_s + self.chance.choice((0.0, 5.0, 120.0, 1800.0))

    def _wire_is_slow(self) -> None:
        self.source.slow_until_s = self.machine.clock.now_s + 600.0

    def _session_is_lost(self) -> None:
        self.source.disconnect()
        self.forgiven += self.broker.session_lost()
        self._connect_due_s = self.machine.clock.now_s

    def _gateway_is_cut_off(self) -> None:
        gateway = self.chance.choice(self.gateways)
        gateway.cut_off_until_s = self.machine.clock.now_s + self.chance.choice((60.0, 900.0, 5400.0))

    def _device_clock_is_wrong(self) -> None:
        self.chance.choice(self.gateways).clock_wrong_s = self.chance.choice(
            (0.0, 0.0, 200.0, 4000.0, -50.0, -90_000.0)
        )

    def _sensor_stops(self) -> None:
        gateway = self.chance.choice(self.gateways)
        tag = self.chance.choice(sorted(gateway.silent_until_s))
        gateway.silent_until_s[tag] = self.machine.clock.now_s + self.chance.choice((100.0, 1000.0))

    def _sink_is_down(self) -> None:
        self.chance.choice(self.sinks).down_until_s = self.machine.clock.now_s + self.chance.choice((60.0, 3600.0))

    # How processes end

    @contextlib.contextmanager
    def _pipeline_may_die(self) -> Iterator[None]:
        self.machine.disk.hook = self.machine.disk.hook or self._at_call
        try:
            yield
        except Killed:
            self._note("pipeline killed" + (", and the power is gone" if self._power_goes_too else ""))
            if self._power_goes_too:
                self._power_goes_too = False
                self._power_cut()
        except ENDS as error:
            self._ended_by_itself("pipeline", error)
        else:
            return
        self._pipeline_gone()

    @contextlib.contextmanager
    def _delivery_may_die(self) -> Iterator[None]:
        try:
            yield
        except Killed:
            self._note("delivery killed")
        except ENDS as error:
            self._ended_by_itself("delivery", error)
        else:
            return
        self._delivery_gone()

    def _ended_by_itself(self, name: str, error: Exception) -> None:
        assert self._may_end, f"the {name} ended although nothing was wrong: {error!r}"
        self._note(f"{name} ended: {error}")

    def close(self) -> None:
        self._pipeline_gone()
        self._delivery_gone()

    def _pipeline_gone(self) -> None:
        self.source.die()
        self.machine.disk.kill()
        if self.pipeline is not None:
            self.pipeline.gone()
            self.pipeline = None
        self.acts = {command: (act, None) for command, (act, _) in self.acts.items()}
        self._pipeline_due_s = self.machine.clock.now_s + self.chance.choice((0.5, 0.5, 4.0, 15.0))

    def _delivery_gone(self) -> None:
        if self.delivery is not None:
            self.delivery.gone()
            self.delivery = None
        self._delivery_due_s = self.machine.clock.now_s + self.chance.choice((0.5, 10.0))

    def _check_accounts(self) -> None:
        """Every message that was acknowledged in this life is in exactly one counter."""
        assert self.pipeline
        found, due = self.pipeline.accounted(), self.pipeline.acknowledged
        assert found == due, f"{due} messages acknowledged, {found} accounted for"

    def _on_acknowledge(self, sent: Sent) -> None:
        self.ledger.note(sent, self.machine.disk)
        if self.pipeline:
            self.pipeline.acknowledged += 1
        self.fate.point("acknowledge")

    def _note(self, what: str) -> None:
        self.log.append(f"{self.machine.clock.now_s:9.1f} s  {what}")
