"""Slow, obvious model of the life of alarms, written from docs/alarms.md: whole histories, a table, lists of flags.

It knows limits on values, but no detectors and no suppression by design. Inputs come one by one; each returns what is
told of it.
"""

from __future__ import annotations

import math

from model.alarm import Grade
from tests.naive.alarm_flags import OUT, SHELVED, Flag, Flags
from tests.naive.alarm_levels import Levels, Move
from tests.naive.alarm_nouns import Act, Alarm, Line, Refused, Site
from tests.naive.alarm_table import ACTIVE, NORMAL, TABLE
from tests.naive_step import GAP_NS, SYSTEM, Device, Reading

ENDS_BY_PERSON = {"unshelve": (SHELVED, "unshelved"), "put_back": (OUT, "put_back")}
VERDICTS = ("real", "false", "test", "drill", "works")


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
        self.live_at: list[int] = []  # of each tick
        self._meet(site, {})

    def open(self) -> list[Alarm]:
        return sorted((a for a in self.alarms if a.state != NORMAL), key=lambda a: (a.rule, a.tag))

    def reload(self, site: Site) -> None:
        """Another plan counts. A rule whose grades are the same goes on where it was; no alarm ends."""
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
            move = Move(Grade.YELLOW, Grade.NONE, wall_ns, chattering=False)
            out += self._move(*SYSTEM, move, reading.received_ns, offline=False)
        offline = late or reading.received_ns - time_ns > sensor.offline_ns
        for rule in self.site.rules:
            levels = self.levels.get((rule.id, sensor.tag))
            move = levels.hear(time_ns, known, paused=paused, late=late) if levels else None
            if move:
                out += self._move(rule.id, sensor.tag, move, reading.received_ns, offline=offline)
        return out

    def tick(self, wall_ns: int, elapsed_ns: int, boot: str) -> list[Line]:
        """Flags end first, then come time alone, and what the tick judges."""
        gap = self._pass_time(wall_ns, elapsed_ns, boot)
        self.flags.time_is_over(wall_ns)
        out = self._show_and_hide(wall_ns)
        for alarm in self.open():
            out += self._time_alone(alarm, wall_ns)
        if gap:
            move = Move(Grade.NONE, Grade.YELLOW, wall_ns, chattering=False)
            out += self._move(*SYSTEM, move, wall_ns, offline=False)
        for rule in self.site.rules:
            for sensor in self.site.sensors:
                levels = self.levels.get((rule.id, sensor.tag))
                move = levels.tick(self.live_ns) if levels else None
                if move:
                    late = wall_ns - move.time_ns > sensor.offline_ns
                    out += self._move(rule.id, sensor.tag, move, wall_ns, offline=late)
        return out

    def act(self, act: Act) -> list[Line]:
        """What a person asks for.

        Raises:
            Refused: nothing came of it.

        """
        if act.command in self.commands:
            return []
        if not act.by.strip():
            raise Refused("who")
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
        flag.request_ns = self.site.policy.confirm_ns
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
        if act.tag not in ("", *(one.tag for one in site.sensors)) or act.asset not in ("", *site.known_assets):
            raise Refused("unknown")
        under = [one for one in site.sensors if flag.covers(act.rule, one.tag, site.assets[one.tag])]
        kinds = {sensor.kind for sensor in under}
        rules = [rule for rule in site.rules if act.rule in ("", rule.id) and kinds & {*rule.kinds}]
        return flag, any(rule.can_be_red for rule in rules)

    def _approve(self, act: Act) -> list[Line]:
        flag = act.flag
        if flag is None or flag.state != "asked" or act.by.strip().casefold() == flag.by.strip().casefold():
            raise Refused("approve")
        if flag.kind == SHELVED:
            alarm = self.alarms[flag.alarm]
            if alarm.state == NORMAL or alarm.grade > flag.grade:
                self.flags.end([flag], "alarm_changed", act.wall_ns, act.by)
                raise Refused("above, or gone")
        self.flags.approve(flag, act.by, act.wall_ns)
        return self._show_and_hide(act.wall_ns, act.by, act.note)

    def _end(self, act: Act) -> list[Line]:
        if act.act == "withdraw":
            found, why = [flag for flag in self.flags.asked() if flag is act.flag], "withdrawn"
        else:
            kind, why = ENDS_BY_PERSON[act.act]
            found = [flag for flag in self.flags.on() if flag.kind == kind and self._is_meant(flag, act)]
        if len(found) != 1:
            raise Refused("no such flag is on, or several are")
        self.flags.end(found, why, act.wall_ns, act.by)
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
                    old.meet(rule, on_change=levels.on_change)
                    levels = old
                alarm = next((a for a in self.open() if (a.rule, a.tag) == key and a.state in ACTIVE), None)
                if alarm is not None and not levels.level:
                    levels.turn_on(alarm.grade, alarm.changed_ns, chattering=alarm.chattering)
                self.levels[key] = levels

    def _pass_time(self, wall_ns: int, elapsed_ns: int, boot: str) -> bool:
        """Move on; True where that was an outage of ours that nobody has been told of."""
        before, self.last_tick = self.last_tick, (wall_ns, elapsed_ns, boot)
        passed_ns, gap = 0, False
        if before is not None:
            passed_ns = elapsed_ns - before[1] if boot == before[2] else wall_ns - before[0]
        self.flags.pass_time(max(0, passed_ns))
        if 0 <= passed_ns <= GAP_NS:
            self.live_ns += passed_ns
        elif not self.in_gap:
            self.in_gap = gap = True
        self.live_at.append(self.live_ns)
        return gap

    def _move(self, rule: str, tag: str, move: Move, at_ns: int, *, offline: bool) -> list[Line]:
        alarm = next((a for a in self.open() if (a.rule, a.tag) == (rule, tag)), None)
        out: list[Line] = []
        if move.after > move.before:
            same = [flag for flag in self.flags.on() if (flag.kind, flag.rule, flag.tag) == (SHELVED, rule, tag)]
            self.flags.end([flag for flag in same if move.after > flag.grade], "higher_grade", at_ns)
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
        again_ns, stale_ns = self._times(alarm)
        due = again_ns and alarm.state == "acknowledged" and not alarm.hidden
        if due and self._live_since(alarm, "acknowledged", "downgraded") >= again_ns:
            out.append(self._tell(alarm, "the time to alarm again is over", act))
        due = stale_ns and alarm.state in ACTIVE and not alarm.is_stale()
        if due and self._live_since(alarm, "raised", "re_raised") >= stale_ns:
            what = "it has been active for the time after which it is stale"
            out.append(self._tell(alarm, what, act))
        return out

    def _times(self, alarm: Alarm) -> tuple[int, int]:
        """Until it alarms again, until it is stale; 0 = never."""
        rule = next((rule for rule in self.site.rules if rule.id == alarm.rule), None)
        policy = self.site.policy
        again = {**policy.realarm_ns, **(rule.realarm_ns if rule else {})}
        own = rule.stale_ns if rule else None
        return again.get(alarm.grade, 0), policy.stale_ns if own is None else own

    def _live_since(self, alarm: Alarm, *events: str) -> int:
        """How long we have been live since the first tick after the last of these events."""
        return self.live_ns - self.live_at[alarm.ticks_before_last(*events)]

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
            verdict=act.verdict if what == "verdict" else "",
        )
        alarm.told.append((line, len(self.live_at)))
        return line

    @staticmethod
    def _grade_after(alarm: Alarm, what: str, grade: Grade | None) -> Grade:
        if what == "all grades go off":
            return Grade.NONE
        return alarm.grade if grade is None else grade
