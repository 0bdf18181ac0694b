"""How changed files come into force while the pipeline runs: looked at, proposed, applied, refused, and always told.

The plan in the journal rules; the files are a proposal. All of it happens on threads of its own, and one change at a
time. Whatever goes wrong leaves the plan in force as it is.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog

from app import config_files
from app.config_files import FilesKnown, FilesRead, FilesWrong, Warmed
from app.configured import Paths
from config.plan import as_run, load_plan
from config.settings import Settings
from model.alarm import Alarm
from model.errors import CommandRefused, FengsuiError
from model.inputs import PlanChange, Proposal
from model.plan import Plan
from pipeline.changes.difference import PlanDifference, difference
from pipeline.changes.rehearsal import rehearse
from pipeline.runners.commands import Reply, Request
from pipeline.runners.embedded import EmbeddedRunner
from pipeline.runners.in_force import AtStart, Ready
from rules.red_changes import RedChange
from store import warmed as warmed_states
from store.pipeline_reader import PipelineReader

log = structlog.get_logger("changes")

IN_FORCE_S_MAX = 60.0
#: So much of what is red is kept with a proposal; the rest is counted.
RED_KEPT = 50


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks for a change; what is no person can propose nothing that needs a second one."""

    name: str
    note: str = ""
    is_person: bool = True


def at_start(settings: Settings, wall_ns: Callable[[], int]) -> AtStart:
    """What counts when the pipeline starts: the files at the first start, else what is in force.

    Only the synthetic sensor follows ``heartbeat`` in fengsui.yaml, whose source begins or ends with a restart.
    """

    def decide(in_force: Plan | None) -> PlanChange | None:
        if in_force is None:
            checksum = config_files.checksum(settings)
            plan = load_plan(settings)
            config_files.note(settings.data_dir, FilesKnown(checksum, plan.version))
            return PlanChange(plan, wall_ns(), note="first start")
        changed = _from_files(settings, in_force) if settings.changes.live == "start" else None
        if changed is not None:
            return PlanChange(changed, wall_ns(), note="restart")
        fitted = as_run(in_force, settings)
        return None if fitted.version == in_force.version else PlanChange(fitted, wall_ns(), note="heartbeat")

    return decide


def _from_files(settings: Settings, in_force: Plan) -> Plan | None:
    """The files' plan if it may count at a restart."""
    try:
        plan = load_plan(settings)
    except FengsuiError as error:
        log.error("configuration files are wrong; what was in force goes on", error=str(error))
        return None
    if plan.version == in_force.version:
        return None
    if red := difference(in_force, plan).red:
        log.warning("configuration files change red limits; two persons must agree", red=_said(red))
        return None
    return plan


def _said(red: Sequence[RedChange]) -> tuple[str, ...]:
    """What is red, for the record; not endless."""
    more = (f"and {len(red) - RED_KEPT} more",) if len(red) > RED_KEPT else ()
    return (*(f"{one.place}: {one.text.en}" for one in red[:RED_KEPT]), *more)


class Changer:
    """Of the pipeline process; ``run`` on a thread of its own, the rest from any."""

    def __init__(
        self, settings: Settings, running: EmbeddedRunner, wall_ns: Callable[[], int], wanted: threading.Event
    ) -> None:
        """Take what it works on.

        Args:
            settings: as they were at the start.
            running: the pipeline.
            wall_ns: the time of day.
            wanted: set by SIGHUP; any number that come while one is at work are one.

        """
        self._config, self._settings, self._running, self._wall_ns = settings.file, settings, running, wall_ns
        self._paths = Paths.under(settings.data_dir)
        self._one_at_a_time = threading.Lock()
        self._wanted = wanted
        self._mark, self._is_new = "", True
        warmed_states.settle_all(self._paths.warmed, running.state.next_offset)
        self._files: dict[str, Any] = {"state": "unknown"}

    def answer(self, request: Request) -> Reply:
        """A request of the command socket."""
        if not request.by.strip():
            return Reply(ok=False, error="apply needs by: who does it")
        who = Who(request.by.strip(), request.note)
        try:
            change = self.approve(request.approve, who) if request.approve else self.apply(who)
        except FilesWrong as error:
            return Reply(ok=False, error=str(error), change={"outcome": "refused"})
        except TimeoutError as error:
            return Reply(ok=False, error=str(error), unknown=True)
        except FengsuiError as error:
            return Reply(ok=False, error=str(error))
        return Reply(ok=True, change=change)

    def run(self, stop: threading.Event) -> None:
        """Look at the files, and apply what is asked for, until ``stop``."""
        while not stop.is_set():
            if self._wanted.is_set():
                self._wanted.clear()
                self._try(Who("SIGHUP", is_person=False))
            self._look()
            self._wanted.wait(self._settings.changes.look_every_s)

    def view(self) -> dict[str, Any]:
        """How files and proposals stand, for ``fengsui status``."""
        proposal = self._running.state.proposal
        is_due = proposal is not None and proposal.expires_ns > self._wall_ns()
        return {"files": self._files, "proposal": asdict(proposal) if proposal is not None and is_due else None}

    def apply(self, who: Who) -> dict[str, Any]:
        """Have what the files say come into force, or propose it where a second person must agree.

        Raises:
            FilesWrong: the files cannot be used.
            FengsuiError: it could not be done.
            TimeoutError: it was journaled perhaps, and the pipeline did not answer.

        """
        with self._one_at_a_time:
            begun_s = time.monotonic()
            read, checksum = self._read()
            self._note_files(read, checksum)
            in_force = self._running.state.bound.plan
            found = difference(in_force, read.plan, self._open_alarms())
            if found.same:
                return _told("nothing", found, read)
            if found.red:
                return self._propose(found, read, who)
            change = PlanChange(read.plan, self._wall_ns(), who.name, who.note)
            return self._bring_in(change, found, read, begun_s)

    def approve(self, version: str, who: Who) -> dict[str, Any]:
        """Agree to what somebody else has proposed; raises as ``apply``."""
        with self._one_at_a_time:
            begun_s = time.monotonic()
            proposal, in_force = self._running.state.proposal, self._running.state.bound.plan
            if proposal is None or proposal.version != version:
                raise CommandRefused(f"no proposal {version} waits; `fengsui status` shows what does")
            if proposal.expires_ns <= self._wall_ns():
                raise CommandRefused(f"the proposal {version} has expired; apply it again")
            if proposal.by.casefold() == who.name.casefold():
                raise CommandRefused(f"two persons must agree: {proposal.by} has proposed it, another one approves it")
            if proposal.over != in_force.version:
                raise CommandRefused(f"the configuration in force has changed since {version} was proposed")
            read, checksum = self._read()
            self._note_files(read, checksum)
            if read.plan.version != version:
                raise CommandRefused(f"the files have changed since: they now make {read.plan.version}, not {version}")
            found = difference(in_force, read.plan, self._open_alarms())
            change = PlanChange(read.plan, self._wall_ns(), proposal.by, who.note or proposal.note, who.name)
            return self._bring_in(change, found, read, begun_s)

    def _propose(self, found: PlanDifference, read: FilesRead, who: Who) -> dict[str, Any]:
        if not who.is_person:
            raise CommandRefused(
                f"red limits change, so two persons must agree: `fengsui apply --by NAME`, then another one "
                f"`fengsui apply --approve {found.after} --by NAME`; {'; '.join(_said(found.red))}"
            )
        now_ns = self._wall_ns()
        expires_ns = now_ns + round(self._settings.changes.proposal_s * 1e9)
        red = _said(found.red)
        proposal = Proposal(found.after, found.before, who.name, who.note, red, now_ns, expires_ns)
        before = self._running.state.proposal
        is_known = before is not None and (before.version, before.over, before.by) == (
            found.after,
            found.before,
            who.name,
        )
        if before is None or not is_known or before.expires_ns <= now_ns:
            self._journaled(proposal)
            log.warning("change of a red limit proposed; a second person must agree", version=found.after, by=who.name)
        else:
            expires_ns = before.expires_ns
        return _told("proposed", found, read) | {"by": who.name, "expires_ns": expires_ns}

    def _bring_in(self, change: PlanChange, found: PlanDifference, read: FilesRead, begun_s: float) -> dict[str, Any]:
        """Warm, make ready, try on a copy, journal, and wait until it is in force."""
        if self._running.room.full:
            raise CommandRefused(f"the disk is full, nothing is journaled: {self._running.room.full}")
        warmed = self._warm(found, change.plan)
        change = replace(change, warmed=warmed.sha256)
        ready = self._running.in_force.make_ready(change)
        rehearse(change, self._paths.snapshots)
        self._journaled(ready)
        try:
            if warmed.sha256:
                warmed_states.settle(self._paths.warmed, warmed.sha256, self._running.state.next_offset)
            self._running.note_plan(self._running.state)
        except (FengsuiError, OSError) as error:  # for readers alone; the next start makes up for it
            log.error("the new configuration is in force, but readers are not told yet", error=str(error))
        return self._applied(found, read, change, warmed, begun_s)

    def _warm(self, found: PlanDifference, plan: Plan) -> Warmed:
        """The state that changed detectors begin with; without one they begin anew, and that is told."""
        if not found.anew or not self._settings.changes.warm_s_max:
            return Warmed()
        try:
            return config_files.warm_apart(self._config, plan, self._settings.changes.warm_s_max)
        except FengsuiError as error:
            names = [one.detector for one in found.anew]
            log.warning("changed detectors begin anew: they could not be warmed", detectors=names, error=str(error))
            return Warmed()

    def _journaled(self, what: Ready | Proposal) -> None:
        try:
            done = self._running.in_force.hand_in(what)
            self._running.inbox.wake()
            done.get(timeout=IN_FORCE_S_MAX)
        except queue.Full as error:
            raise CommandRefused("other changes wait already; try again") from error
        except queue.Empty as error:
            raise TimeoutError(
                f"the pipeline did not answer within {IN_FORCE_S_MAX:g} s; `fengsui status` shows what is in force"
            ) from error

    def _applied(
        self, found: PlanDifference, read: FilesRead, change: PlanChange, warmed: Warmed, begun_s: float
    ) -> dict[str, Any]:
        self._files = {"state": "same"}
        log.info(
            "configuration applied",
            version=found.after,
            before=found.before,
            by=change.by,
            second=change.second,
            changed=found.counts(),
            anew=[one.detector for one in found.anew if one.detector not in warmed.detectors],
            warmed=list(warmed.detectors),
            took_s=round(time.monotonic() - begun_s, 2),
        )
        own = {"by": change.by, "second": change.second, "warmed": list(warmed.detectors)}
        return _told("applied", found, read) | own

    def _try(self, who: Who) -> None:
        """Apply, and log what comes of it."""
        log.info("configuration files are read, and the packs' tests played, which takes a while", by=who.name)
        try:
            told = self.apply(who)
        except (FengsuiError, TimeoutError) as error:
            log.error("configuration not applied; what was in force goes on", by=who.name, error=str(error))
            return
        if told["outcome"] == "nothing":
            log.info("configuration not changed: the files say what is in force", by=who.name)

    def _look(self) -> None:
        """See whether files were written, and what they say then; apply it where that is wanted."""
        settings, mark = config_files.look(self._config, self._settings)
        is_first = not self._mark
        if mark != self._mark:
            self._mark, self._is_new = mark, True
            if not is_first:
                return  # perhaps they are still being written: the next look takes them
        if not self._is_new:
            return
        self._is_new = False
        version, checksum = self._running.state.bound.plan.version, config_files.checksum(settings)
        noted = config_files.known(settings.data_dir)
        if noted is not None and noted.sha256 == checksum:
            self._files = {"state": "same"} if noted.version == version else self._files_differ(noted.version)
            return
        if settings.changes.live == "watch":
            self._try(Who("watch", is_person=False))
            return
        try:
            read, checksum = self._read(tests=False)
        except FengsuiError as error:
            self._files = {"state": "wrong", "error": str(error)}
            log.error("configuration files are wrong; what was in force goes on", error=str(error))
        else:
            self._note_files(read, checksum)

    def _read(self, *, tests: bool | None = None) -> tuple[FilesRead, str]:
        """Read the files apart; they may not change meanwhile."""
        settings, _ = config_files.look(self._config, self._settings)
        wanted = settings.changes.tests if tests is None else tests
        before = config_files.checksum(settings)
        try:
            read = config_files.read_apart(self._config, tests=wanted)
        except FilesWrong as error:
            self._files = {"state": "wrong", "error": str(error)}
            raise
        if config_files.checksum(settings) != before:
            raise FilesWrong(f"{self._config}: the files were written while they were read; try again")
        return read, before

    def _note_files(self, read: FilesRead, checksum: str) -> None:
        config_files.note(self._settings.data_dir, FilesKnown(checksum, read.plan.version))
        is_same = read.plan.version == self._running.state.bound.plan.version
        self._files = {"state": "same"} if is_same else self._files_differ(read.plan.version)

    def _files_differ(self, version: str) -> dict[str, Any]:
        found = {"state": "differ", "version": version}
        if found != self._files:
            log.warning("configuration files differ from what is in force: fengsui diff, fengsui apply", files=version)
        return found

    def _open_alarms(self) -> list[Alarm]:
        reader = PipelineReader(self._paths.pipeline_db)
        try:
            return reader.alarms()
        finally:
            reader.close()


def _told(outcome: str, found: PlanDifference, read: FilesRead) -> dict[str, Any]:
    return {"outcome": outcome, "difference": asdict(found), "warnings": list(read.warnings)}
