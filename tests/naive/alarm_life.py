"""Slow, obvious model of the life of alarms, written from docs/alarms.md: whole histories, a table, lists of flags.

It knows limits on values, no detectors. Inputs come one by one; each returns what is told of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from model.alarm import Grade
from tests.naive.alarm_flags import OUT, SHELVED, SUPPRESSED, Flag, Flags
from tests.naive.alarm_levels import Levels, LifeRule, Move
from tests.naive.alarm_table import ACTIVE, NORMAL, TABLE
from tests.naive_step import GAP_NS, SYSTEM, Device, NaiveSensor, Reading

ENDS_BY_PERSON = {"unshelve": SHELVED, "put_back": OUT}
VERDICTS = ("real", "false", "test", "drill", "works")


class Line(NamedTuple):
    """What is told, field by field."""

    rule: str
    tag: str
    event: str
    state: str
    grade: Grade
    time_ns: int
    offline: bool
    hidden: str
    chattering: bool
    by: str
    note: str


class Refused(Exception):
    """The act cannot be."""


@dataclass(frozen=True)
class Policy:
    shelf_max_ns: int
    out_max_ns: int
    confirm_ns: int


@dataclass(frozen=True)
class Site:
    """What the plan in force knows."""

    sensors: tuple[NaiveSensor, ...]
    rules: tuple[LifeRule, ...]
    policy: Policy
    assets: dict[str, str] = field(default_factory=dict)  # tag -> asset
    on_change: frozenset[str] = frozenset()  # kinds


@dataclass(frozen=True)
class Act:
    act: str
    alarm: tuple[str, str, int] | None = None  # rule, tag, how manieth
    by: str = ""
    note: str = ""
    wall_ns: int = 0
    lasts_ns: int = 0
    verdict: str = ""
    flag: Flag | None = None
    rule: str = ""
    tag: str = ""
    asset: str = ""
    command: str = ""


@dataclass
class Alarm:
    """One alarm, with all that was ever told of it and how long we had been live then."""

    number: int
    rule: str
    tag: str
    asset: str
    latching: bool
    told: list[tuple[Line, int]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.told[-1][0].state if self.told else NORMAL

    @property
    def grade(self) -> Grade:
        return self.told[-1][0].grade if self.told else Grade.NONE

    @property
    def highest(self) -> Grade:
        return max((line.grade for line, _ in self.told), default=Grade.NONE)

    @property
    def hidden(self) -> str:
        return self.told[-1][0].hidden if self.told else ""

    @property
    def chattering(self) -> bool:
        last = self.told[-1][0] if self.told else None
        return last is not None and last.chattering and last.event != "returned" and self.state in ACTIVE

    @property
    def asked_grade(self) -> Grade:
        """Of an alarm that has returned, the highest it had counts."""
        return self.grade or self.highest

    def live_ns_of_last(self, *events: str) -> int:
        return next((live_ns for line, live_ns in reversed(self.told) if line.event in events), 0)

    def is_stale(self) -> bool:
        """Whether that was told since it last became active."""
        since = max(at for at, (line, _) in enumerate(self.told) if line.event in ("raised", "re_raised"))
        return any(line.event == "stale" for line, _ in self.told[since:])


class AlarmLife:
    """All of it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.devices = {sensor.tag: Device() for sensor in site.sensors}
        self.levels: dict[tuple[str, str], Levels] = {}
        self.alarms: list[Alarm] = []  # all that ever were
        self.flags = Flags()
        self.commands: set[str] = set()
        self.last_tick: tuple[int, int, str] | None = None
        self.live_ns, self.in_gap = 0, False
        self._meet(site, {})

    def open(self) -> list[Alarm]:
        return sorted((a for a in self.alarms if a.state != NORMAL), key=lambda a: (a.rule, a.tag))

    def reload(self, site: Site) -> None:
        """Another plan counts. Nothing is told; a rule whose grades are the same goes on where it was."""
        before, self.site = self.levels, site
        self.devices = {sensor.tag: self.devices.get(sensor.tag, Device()) for sensor in site.sensors}
        self._meet(site, before)

    def row(self, at: int, reading: Reading) -> list[Line]:
        """``at``: which sensor of the site."""
        sensor = self.site.sensors[at]
        usable = reading.value if math.isfinite(reading.value) and reading.quality < 2 else math.nan
        verdict, time_ns, faulty = self.devices[sensor.tag].admit(reading, usable)
        if verdict == "duplicate":
            return []
        quality = 2 if math.isnan(usable) else max(reading.quality, 1 if faulty else 0)
        known = {"value": usable, "quality": float(quality), "clock_fault": float(faulty)}
        late = verdict == "late"
        good = not late and quality == 0
        paused = good and self.devices[sensor.tag].seen_good(time_ns, sensor.pause_ns)
        out = []
        if self.in_gap and good:
            self.in_gap = False
            wall_ns = self.last_tick[0] if self.last_tick else 0
            out += self._move(*SYSTEM, Move(Grade.YELLOW, Grade.NONE, wall_ns, chattering=False), offline=False)
        offline = late or reading.received_ns - time_ns > sensor.offline_ns
        for rule in self.site.rules:
            levels = self.levels.get((rule.id, sensor.tag))
            move = levels.hear(time_ns, known, paused=paused, late=late) if levels else None
            if move:
                out += self._move(rule.id, sensor.tag, move, offline=offline)
        return out

    def tick(self, wall_ns: int, elapsed_ns: int, boot: str) -> list[Line]:
        out = self._pass_time(wall_ns, elapsed_ns, boot)
        self.flags.end([flag for flag in self.flags.on() + self.flags.asked() if flag.is_over(wall_ns)], "time")
        out += self._show_and_hide(wall_ns)
        for rule in self.site.rules:
            for sensor in self.site.sensors:
                levels = self.levels.get((rule.id, sensor.tag))
                move = levels.tick(self.live_ns) if levels else None
                if move:
                    late = wall_ns - move.time_ns > sensor.offline_ns
                    out += self._move(rule.id, sensor.tag, move, offline=late)
        for alarm in self.open():
            out += self._time_alone(alarm, wall_ns)
        return out

    def suppress(self, rule: str, tag: str, wall_ns: int, *, holds: bool) -> list[Line]:
        """The rule's own condition for being suppressed is known to hold, or not to."""
        same = [flag for flag in self.flags.on() if (flag.kind, flag.rule, flag.tag) == (SUPPRESSED, rule, tag)]
        if holds and not same:
            flag = Flag(SUPPRESSED, rule, tag, "", Grade.NONE, "", "", wall_ns, None)
            self.flags.ask(flag, two_persons=False)
        elif not holds:
            self.flags.end(same, "condition")
        return self._show_and_hide(wall_ns)

    def act(self, act: Act) -> list[Line]:
        """What a person asks for.

        Raises:
            Refused: nothing came of it.

        """
        if act.command in self.commands:
            return []
        match act.act:
            case "acknowledge":
                out = [self._tell(self._open(act), "acknowledge", act)]
            case "reset":
                out = self._reset(act)
            case "shelve" | "take_out":
                out = self._ask(act)
            case "unshelve" | "put_back" | "withdraw":
                out = self._end(act)
            case "approve":
                out = self._approve(act)
            case "comment" | "verdict":
                out = self._label(act)
            case _:
                raise Refused(act.act)
        self.commands.add(act.command)
        return out

    def _label(self, act: Act) -> list[Line]:
        if act.act == "comment" and not act.note.strip():
            raise Refused("empty")
        if act.act == "verdict" and (act.verdict not in VERDICTS or (act.verdict == "false" and not act.note.strip())):
            raise Refused("verdict")
        return [self._tell(self._known(act), act.act, act)]

    def _reset(self, act: Act) -> list[Line]:
        alarm = self._open(act)
        levels = self.levels.get((alarm.rule, alarm.tag))
        reached = alarm.rule == SYSTEM[0] or (levels is not None and levels.level > 0)
        what = "reset" if alarm.state not in ACTIVE or reached else "all grades go off"
        return [self._tell(alarm, what, act)]

    def _ask(self, act: Act) -> list[Line]:
        longest = self.site.policy.shelf_max_ns if act.act == "shelve" else self.site.policy.out_max_ns
        if not act.note.strip() or not 0 < act.lasts_ns <= longest:
            raise Refused("reason or duration")
        flag, two = self._shelf(act) if act.act == "shelve" else self._permit(act)
        flag.asked_ns = self.site.policy.confirm_ns
        self.flags.ask(flag, two_persons=two)
        return self._show_and_hide(act.wall_ns, act.by, act.note)

    def _shelf(self, act: Act) -> tuple[Flag, bool]:
        alarm = self._open(act)
        grade = alarm.asked_grade
        flag = Flag(SHELVED, alarm.rule, alarm.tag, "", grade, act.note, act.by, act.wall_ns, act.lasts_ns)
        flag.alarm = alarm.number
        return flag, grade == Grade.RED

    def _permit(self, act: Act) -> tuple[Flag, bool]:
        site = self.site
        if bool(act.tag) == bool(act.asset) or act.rule not in ("", *(rule.id for rule in site.rules)):
            raise Refused("cover")
        flag = Flag(OUT, act.rule, act.tag, act.asset, Grade.NONE, act.note, act.by, act.wall_ns, act.lasts_ns)
        under = [one for one in site.sensors if flag.covers(act.rule, one.tag, site.assets.get(one.tag, ""))]
        if not under:
            raise Refused("unknown")
        kinds = {sensor.kind for sensor in under}
        rules = [rule for rule in site.rules if act.rule in ("", rule.id) and kinds & {*rule.kinds}]
        return flag, any(rule.can_be_red for rule in rules)

    def _approve(self, act: Act) -> list[Line]:
        flag = act.flag
        if flag is None or flag.state != "asked" or act.by in ("", flag.by):
            raise Refused("approve")
        if flag.kind == SHELVED:
            alarm = self.alarms[flag.alarm]
            if alarm.state == NORMAL or alarm.grade > flag.grade:
                self.flags.end([flag], "gone")
                raise Refused("above, or gone")
        self.flags.approve(flag, act.by, act.wall_ns)
        return self._show_and_hide(act.wall_ns, act.by, act.note)

    def _end(self, act: Act) -> list[Line]:
        if act.act == "withdraw":
            found = [flag for flag in self.flags.asked() if flag is act.flag]
        else:
            kind = ENDS_BY_PERSON[act.act]
            found = [flag for flag in self.flags.on() if flag.kind == kind and self._is_meant(flag, act)]
        if not found:
            raise Refused("no such flag is on")
        self.flags.end(found, "person")
        return self._show_and_hide(act.wall_ns, act.by, act.note)

    def _is_meant(self, flag: Flag, act: Act) -> bool:
        if act.flag is not None or act.alarm is None:
            return flag is act.flag
        alarm = self._known(act)
        return flag.covers(alarm.rule, alarm.tag, alarm.asset)

    def _known(self, act: Act) -> Alarm:
        if act.alarm is None:
            raise Refused("no alarm")
        rule, tag, number = act.alarm
        same = [alarm for alarm in self.alarms if (alarm.rule, alarm.tag) == (rule, tag)]
        if number >= len(same):
            raise Refused("no such alarm")
        return same[number]

    def _open(self, act: Act) -> Alarm:
        alarm = self._known(act)
        if alarm.state == NORMAL:
            raise Refused("closed")
        return alarm

    def _meet(self, site: Site, before: dict[tuple[str, str], Levels]) -> None:
        """Each rule looks at its sensors, and knows of the alarms that are on."""
        self.levels = {}
        for rule in site.rules:
            for sensor in (sensor for sensor in site.sensors if sensor.kind in rule.kinds):
                key = (rule.id, sensor.tag)
                levels = Levels(rule, on_change=sensor.kind in site.on_change)
                old = before.get(key)
                if old is not None and old.rule.grades == rule.grades:
                    old.rule, levels = rule, old
                alarm = next((a for a in self.open() if (a.rule, a.tag) == key and a.state in ACTIVE), None)
                if alarm is not None and not levels.level:
                    levels.turn_on(alarm.grade, alarm.told[-1][0].time_ns)
                self.levels[key] = levels

    def _pass_time(self, wall_ns: int, elapsed_ns: int, boot: str) -> list[Line]:
        before, self.last_tick = self.last_tick, (wall_ns, elapsed_ns, boot)
        if before is None:
            return []
        passed_ns = elapsed_ns - before[1] if boot == before[2] else wall_ns - before[0]
        self.flags.pass_time(max(0, passed_ns))
        if 0 <= passed_ns <= GAP_NS:
            self.live_ns += passed_ns
        elif not self.in_gap:
            self.in_gap = True
            return self._move(*SYSTEM, Move(Grade.NONE, Grade.YELLOW, wall_ns, chattering=False), offline=False)
        return []

    def _move(self, rule: str, tag: str, move: Move, *, offline: bool) -> list[Line]:
        alarm = next((a for a in self.open() if (a.rule, a.tag) == (rule, tag)), None)
        out: list[Line] = []
        if move.after > move.before:
            same = [flag for flag in self.flags.on() if (flag.kind, flag.rule, flag.tag) == (SHELVED, rule, tag)]
            self.flags.end([flag for flag in same if move.after > flag.grade], "grade")
            out += self._show_and_hide(move.time_ns, offline=offline)
        if alarm is None:
            alarm = Alarm(len(self.alarms), rule, tag, self.site.assets.get(tag, ""), latching=False)
            self.alarms.append(alarm)
        known = next((known for known in self.site.rules if known.id == rule), None)
        alarm.latching = known is not None and known.latching
        if not move.after:
            what = "all grades go off"
        elif alarm.state not in ACTIVE:
            what = "a grade comes on"
        elif move.after > move.before:
            what = "a higher grade comes on"
        else:
            what = "the highest grade goes off, a lower one stays"
        act = Act("", wall_ns=move.time_ns)
        out.append(self._tell(alarm, what, act, move.after, offline=offline, chattering=move.chattering))
        return out

    def _time_alone(self, alarm: Alarm, wall_ns: int) -> list[Line]:
        out, act = [], Act("", wall_ns=wall_ns)
        rule = next((rule for rule in self.site.rules if rule.id == alarm.rule), None)
        if rule is None:
            rule = LifeRule(alarm.rule, (), ())
        again_ns = rule.realarm_ns.get(alarm.grade)
        if alarm.state == "acknowledged" and not alarm.hidden and again_ns is not None:
            since_ns = alarm.live_ns_of_last("acknowledged", "downgraded")
            if self.live_ns - since_ns >= again_ns:
                out.append(self._tell(alarm, "the time to alarm again is over", act))
        if alarm.state in ACTIVE and not alarm.is_stale():
            since_ns = alarm.live_ns_of_last("raised", "re_raised")
            if self.live_ns - since_ns >= rule.stale_ns:
                what = "it has been active for the time after which it is stale"
                out.append(self._tell(alarm, what, act))
        return out

    def _show_and_hide(self, time_ns: int, by: str = "", note: str = "", *, offline: bool = False) -> list[Line]:
        """Tell of every open alarm that is hidden in another way than before."""
        out, act = [], Act("", by=by, note=note, wall_ns=time_ns)
        for alarm in self.open():
            now = self.flags.hiding(alarm.rule, alarm.tag, alarm.asset)
            if now != alarm.hidden:
                what = "it begins to be hidden" if now else "it is no longer hidden"
                out.append(self._tell(alarm, what, act, offline=offline))
        return out

    def _tell(
        self,
        alarm: Alarm,
        what: str,
        act: Act,
        grade: Grade | None = None,
        *,
        offline: bool = False,
        chattering: bool | None = None,
    ) -> Line:
        if (alarm.state, what) not in TABLE:
            raise Refused(f"{alarm.state}: {what}")
        way = TABLE[alarm.state, what]
        closed = alarm.told != [] and alarm.state == NORMAL
        line = Line(
            rule=alarm.rule,
            tag=alarm.tag,
            event=way.event,
            state=way.latching if alarm.latching else way.to,
            grade=self._grade_after(alarm, what, grade),
            time_ns=act.wall_ns,
            offline=offline,
            hidden="" if closed else self.flags.hiding(alarm.rule, alarm.tag, alarm.asset),
            chattering=alarm.chattering if chattering is None else chattering,
            by=act.by,
            note=act.note,
        )
        alarm.told.append((line, self.live_ns))
        return line

    @staticmethod
    def _grade_after(alarm: Alarm, what: str, grade: Grade | None) -> Grade:
        if what == "all grades go off":
            return Grade.NONE
        return alarm.grade if grade is None else grade
