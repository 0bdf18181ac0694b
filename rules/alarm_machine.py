"""The lives of alarms: who or what caused which transition.

A return needs readings; an alarm whose rule or sensor is gone stays until a person deals with it. Flags keep alarms
from annunciation; their lives go on underneath.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from model.alarm import Alarm, AlarmEvent, AlarmState, Grade, Why, after, beginning
from model.errors import CommandRefused
from model.flag import Cover, Flag, FlagEnd, FlagEvent, FlagKind
from model.plan import NO_POLICY
from rules.alarm_event import News, event_of
from rules.circumstance import Circumstance, digest
from rules.flags import Flags, Wish
from rules.terms import Terms
from rules.timers import Timers, Waits
from rules.transitions import ACTIVE, TRANSITIONS, Signal


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alarm is about."""

    rule: str
    tag: str
    asset: str
    latching: bool


@dataclass(slots=True)
class _Open:
    alarm: Alarm
    latching: bool
    events: int  # how many events it has had; the next one's id is made from it


@dataclass(frozen=True, slots=True)
class Now:
    """A tick, as the ticks before it tell the time."""

    offset: int
    wall_ns: int
    live_ns: int  # elapsed without the system's own outages
    passed_ns: int  # elapsed with them


class AlarmMachine:
    """All alarms that are not normal, how often each has been raised, and what hides them."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.flags = Flags()
        self._terms = terms or Terms(NO_POLICY)
        self._open: dict[str, _Open] = {}  # by alarm id
        self._at: dict[tuple[str, str], list[str]] = {}  # (rule, tag) -> open alarms, first the one readings reach
        self._episodes: dict[tuple[str, str], int] = {}
        self._realarms, self._stales = Timers(), Timers()
        self._looks_again = False  # at the next tick, whether each alarm is hidden as the flags say

    def open_alarms(self) -> list[Alarm]:
        entries = list(self._open.values())  # in one go: the status asks from another thread
        return [entry.alarm for entry in entries]

    def get(self, alarm_id: str) -> Alarm | None:
        """An open alarm."""
        entry = self._open.get(alarm_id)
        return None if entry is None else entry.alarm

    def judged_alarms(self) -> list[Alarm]:
        """The open alarms that readings reach: one a rule and tag."""
        return [self._open[ids[0]].alarm for ids in self._at.values()]

    def judged(self, rule: str, tag: str) -> Alarm | None:
        """The open alarm of a rule and tag that can be reached; None = there is none."""
        ids = self._at.get((rule, tag))
        return None if ids is None else self._open[ids[0]].alarm

    def is_judged(self, alarm: Alarm) -> bool:
        return self._at.get((alarm.rule, alarm.tag), [""])[0] == alarm.id

    def set_terms(self, terms: Terms) -> None:
        """Count by another plan from now on; what has passed counts."""
        self._terms = terms
        self._realarms.retime(self._realarm_ns)
        self._stales.retime(self._stale_ns)

    def level_changed(
        self,
        subject: Subject,
        old: Grade,
        new: Grade,
        circumstance: Circumstance,
        why: Why | None,
        *,
        chattering: bool = False,
    ) -> list[AlarmEvent]:
        """Report a change of grade that the readings brought about; a graver one ends a shelf first."""
        events: list[AlarmEvent] = []
        shelf = self.flags.of(FlagKind.SHELVED, subject.rule, subject.tag)
        if shelf is not None and new > shelf.grade:
            self.flags.end(shelf, FlagEnd.HIGHER_GRADE, circumstance)
            events += self._reconsider([shelf.cover], circumstance)
        ids = self._at.get((subject.rule, subject.tag))
        entry = None if ids is None else self._open[ids[0]]
        active = entry is not None and entry.alarm.state in ACTIVE
        if new == Grade.NONE:
            signal = Signal.RETURN
        elif not active:
            signal = Signal.RAISE
        else:
            signal = Signal.UPGRADE if new > old else Signal.DOWNGRADE
        if entry is None:
            entry = self._begin(subject, circumstance)
        entry.latching = subject.latching  # as the rule in force says
        events.append(self._apply(entry, News(signal, new, why, chattering=chattering), circumstance))
        return events

    def act(self, signal: Signal, alarm_id: str, circumstance: Circumstance, *, verdict: str = "") -> AlarmEvent:
        """Carry out what a person asked for.

        Raises:
            CommandRefused: the alarm is unknown, closed, or not in a state in which this can be done.

        """
        entry = self._open.get(alarm_id)
        if entry is None:
            raise CommandRefused(f"alarm {alarm_id!r} is not open; `fengsui alarms list` shows the open ones")
        if (entry.alarm.state, signal) not in TRANSITIONS:
            raise CommandRefused(f"alarm {alarm_id} is {entry.alarm.state}; it cannot be given the signal {signal}")
        grade = Grade.NONE if signal is Signal.RETURN else None
        return self._apply(entry, News(signal, grade, verdict=verdict), circumstance)

    def remark(
        self,
        signal: Signal,
        about: tuple[str, str, str, str],
        command_id: str,
        circumstance: Circumstance,
        *,
        verdict: str = "",
    ) -> AlarmEvent:
        """Say something of an alarm, open or closed.

        Args:
            signal: ``COMMENT`` or ``JUDGE``.
            about: its id, rule, tag and asset; the last three count where it is closed.
            command_id: tells remarks on closed alarms apart.
            circumstance: ``note`` is what is said.
            verdict: of ``JUDGE``.

        Raises:
            CommandRefused: nothing is known of such an alarm.

        """
        alarm_id, rule, tag, asset = about
        if alarm_id in self._open:
            return self.act(signal, alarm_id, circumstance, verdict=verdict)
        if not rule:
            raise CommandRefused(f"alarm {alarm_id!r} is not known; `fengsui alarms list --all` shows the closed ones")
        closed = beginning(alarm_id, rule, tag, asset, circumstance.time_ns)
        event_id = digest("remark", alarm_id, command_id)
        return event_of(closed, event_id, News(signal, verdict=verdict), circumstance, latching=False)

    def hide(self, wish: Wish, circumstance: Circumstance) -> list[AlarmEvent]:
        """Keep what it covers from annunciation."""
        self.flags.put_on(wish, circumstance)
        return self._reconsider([wish.cover], circumstance)

    def approve(self, flag: Flag, circumstance: Circumstance) -> list[AlarmEvent]:
        """Put on what was asked for.

        Raises:
            CommandRefused: the alarm is closed by now, or graver than it was; the request has ended.

        """
        if flag.alarm_id:
            alarm = self.get(flag.alarm_id)
            if alarm is None or alarm.grade > flag.grade:
                self.flags.end(flag, FlagEnd.ALARM_CHANGED, circumstance)
                now = "closed" if alarm is None else f"{alarm.grade.name.lower()} by now"
                raise CommandRefused(f"alarm {flag.alarm_id} is {now}, so the request {flag.id} has ended; ask anew")
        self.flags.approve(flag, circumstance)
        return self._reconsider([flag.cover], circumstance)

    def end_flag(self, flag: Flag, why: FlagEnd, circumstance: Circumstance) -> list[AlarmEvent]:
        """End a flag or a request before its time."""
        self.flags.end(flag, why, circumstance)
        return self._reconsider([flag.cover], circumstance)

    def suppression_changed(
        self, subject: Subject, circumstance: Circumstance, *, on: bool, unknown: bool = False
    ) -> list[AlarmEvent]:
        """Suppress the alarms of a rule on a sensor or asset by design, or no more; saying what is known does nothing.

        Args:
            subject: whom it concerns.
            circumstance: its ``note`` is the reason on record.
            on: whether ``suppress_when`` holds.
            unknown: it ends because for too long nobody could tell whether it holds.

        """
        flag = self.flags.of(FlagKind.SUPPRESSED, subject.rule, subject.tag)
        if on == (flag is not None):
            return []
        if flag is not None:
            return self.end_flag(flag, FlagEnd.UNKNOWN if unknown else FlagEnd.CONDITION_OVER, circumstance)
        return self.hide(Wish(FlagKind.SUPPRESSED, Cover(subject.rule, subject.tag), circumstance.note), circumstance)

    def end_suppressions(self, goes_on: Callable[[str, str], bool], circumstance: Circumstance) -> list[AlarmEvent]:
        """End those of which a new plan's rules say nothing any more: ``goes_on(rule, tag)`` is False."""
        flags = [flag for flag in self.flags.all() if flag.kind is FlagKind.SUPPRESSED]
        over = [flag for flag in flags if not goes_on(flag.cover.rule, flag.cover.tag)]
        for flag in sorted(over, key=lambda flag: (flag.cover.rule, flag.cover.tag)):
            self.flags.end(flag, FlagEnd.RULE_GONE, circumstance)
        return self._reconsider([flag.cover for flag in over], circumstance)

    def take_flag_events(self) -> list[FlagEvent]:
        """What became of flags since this was asked last."""
        return self.flags.take_events()

    def tick(self, now: Now) -> list[AlarmEvent]:
        """What time alone brings about: flags that end, then alarms that are told of again or stale."""
        circumstance = Circumstance(now.offset, now.wall_ns, now.wall_ns)
        ended = self.flags.end_due(now.wall_ns, now.passed_ns, circumstance)
        covers = [Cover()] if self._looks_again else [flag.cover for flag in ended]
        self._looks_again = False
        events = self._reconsider(covers, circumstance)
        due = [(key, Signal.REALARM) for key in self._realarms.advance(now.live_ns)]
        due += [(key, Signal.STALE) for key in self._stales.advance(now.live_ns)]
        for key, signal in sorted(due, key=lambda one: (*self._order(one[0]), one[1])):
            entry = self._open[key]
            events.append(self._apply(entry, News(signal, why=entry.alarm.why), circumstance))
        return events

    def remove(self, gone: Alarm) -> None:
        """Take out an open alarm: it is over, or nobody was told of it."""
        del self._open[gone.id]
        self._realarms.stop(gone.id)
        self._stales.stop(gone.id)
        key = (gone.rule, gone.tag)
        ids = self._at[key]
        if len(ids) == 1:
            del self._at[key]
        elif ids[0] == gone.id:
            self._at[key] = sorted(ids[1:])
        else:
            ids.remove(gone.id)

    def adopt(self, alarm: Alarm, *, latching: bool, events: int) -> None:
        """Take an open alarm as people were told of it, in place of what is known under its id.

        Where its rule and tag have another open alarm already, it stands beside that one, out of reach of readings,
        and takes its place when that one is over.
        """
        if alarm.id not in self._open:
            self._next_episode(alarm.rule, alarm.tag)
        self._place(_Open(alarm, latching, events))
        self._time(alarm)
        self._looks_again = True

    def look_again(self) -> None:
        """See at the next tick whether each alarm is hidden as the flags say."""
        self._looks_again = True

    def _begin(self, subject: Subject, circumstance: Circumstance) -> _Open:
        episode = self._next_episode(subject.rule, subject.tag)
        alarm_id = digest("alarm", subject.rule, subject.tag, str(circumstance.time_ns), str(episode))
        alarm = beginning(alarm_id, subject.rule, subject.tag, subject.asset, circumstance.time_ns)
        alarm = replace(alarm, hidden=self.flags.hides(subject.rule, subject.tag, subject.asset))
        return self._place(_Open(alarm, subject.latching, 0))

    def _next_episode(self, rule: str, tag: str) -> int:
        episode = self._episodes.get((rule, tag), 0) + 1
        self._episodes[rule, tag] = episode
        return episode

    def _place(self, entry: _Open) -> _Open:
        alarm = entry.alarm
        if alarm.id not in self._open:
            self._at.setdefault((alarm.rule, alarm.tag), []).append(alarm.id)
        self._open[alarm.id] = entry
        return entry

    def _reconsider(self, covers: list[Cover], circumstance: Circumstance) -> list[AlarmEvent]:
        """Tell of each alarm that is hidden by another flag than before, or by none."""
        if not covers:
            return []
        events = []
        for alarm_id in sorted(self._covered(covers), key=self._order):
            entry = self._open[alarm_id]
            alarm = entry.alarm
            hidden = self.flags.hides(alarm.rule, alarm.tag, alarm.asset)
            if hidden != alarm.hidden:
                signal, why = (Signal.HIDE, None) if hidden else (Signal.SHOW, alarm.why)
                events.append(self._apply(entry, News(signal, why=why, hidden=hidden), circumstance))
        return events

    def _covered(self, covers: list[Cover]) -> set[str]:
        if all(cover.rule and cover.tag for cover in covers):
            return {alarm_id for cover in covers for alarm_id in self._at.get((cover.rule, cover.tag), ())}
        return {
            alarm.id
            for alarm in self.open_alarms()
            if any(cover.covers(alarm.rule, alarm.tag, alarm.asset) for cover in covers)
        }

    def _order(self, alarm_id: str) -> tuple[str, str, str]:
        alarm = self._open[alarm_id].alarm
        return alarm.rule, alarm.tag, alarm.id

    def _apply(self, entry: _Open, news: News, circumstance: Circumstance) -> AlarmEvent:
        old = entry.alarm
        entry.events += 1
        event_id = digest("event", old.id, str(entry.events))
        event = event_of(old, event_id, news, circumstance, latching=entry.latching)
        entry.alarm = after(old, event)
        if event.state == AlarmState.NORMAL:
            self.remove(old)
        else:
            self._time(entry.alarm, news.signal)
        return event

    def _time(self, alarm: Alarm, signal: Signal | None = None) -> None:
        """Let the waits run that the alarm's state calls for; ``signal`` None = all of them, anew."""
        waits = alarm.state is AlarmState.ACKNOWLEDGED and not alarm.hidden
        if not waits:
            self._realarms.stop(alarm.id)
        elif signal in (None, Signal.ACKNOWLEDGE, Signal.DOWNGRADE):
            self._realarms.start(alarm.id, self._realarm_ns(alarm.id))
        if alarm.state not in ACTIVE or alarm.stale:
            self._stales.stop(alarm.id)
        elif signal in (None, Signal.RAISE):
            self._stales.start(alarm.id, self._stale_ns(alarm.id))

    def _realarm_ns(self, alarm_id: str) -> int:
        alarm = self._open[alarm_id].alarm
        return self._terms.realarm_ns(alarm.rule, alarm.grade)

    def _stale_ns(self, alarm_id: str) -> int:
        return self._terms.stale_ns(self._open[alarm_id].alarm.rule)

    def snapshot(self) -> tuple[list[tuple[Alarm, bool, int]], list[tuple[str, str, int]]]:
        """Open alarms (with latching and number of events) and episode counters, in a stable order.

        Of alarms with the same rule and tag the one that readings reach comes first.
        """
        entries = [(e.alarm, e.latching, e.events) for e in self._open.values()]
        entries.sort(key=lambda e: (e[0].rule, e[0].tag, not self.is_judged(e[0]), e[0].id))
        return entries, [(rule, tag, n) for (rule, tag), n in sorted(self._episodes.items())]

    def waits(self) -> tuple[Waits, Waits]:
        """Since when alarms wait to be told of again, and to be stale; ns, without the system's own outages."""
        return self._realarms.snapshot(), self._stales.snapshot()

    @classmethod
    def restore(
        cls,
        entries: Iterable[tuple[Alarm, bool, int]],
        episodes: Iterable[tuple[str, str, int]],
        *,
        terms: Terms | None = None,
        flags: Flags | None = None,
        waits: tuple[Waits, Waits] = ([], []),
    ) -> AlarmMachine:
        """Make a machine of what ``snapshot``, ``waits`` and the flags' snapshot gave; waits that lack begin anew."""
        machine = cls(terms)
        machine.flags = flags or Flags()
        for alarm, latching, events in entries:
            machine._place(_Open(alarm, latching, events))
            machine._time(alarm)
        machine._episodes = {(rule, tag): n for rule, tag, n in episodes}
        machine._realarms.restore(waits[0], machine._realarm_ns)
        machine._stales.restore(waits[1], machine._stale_ns)
        machine.look_again()
        return machine
