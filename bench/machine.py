"""What ten thousand open alarms cost the alarm machine: ticks in which nothing ends, and those in which all does."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from bench.figures import Effort, Figure, Report
from model.alarm import Grade
from model.flag import Cover, FlagKind
from model.plan import AlarmPolicy
from rules.alarm_machine import AlarmMachine, Now, Subject
from rules.circumstance import Circumstance
from rules.flags import Wish
from rules.terms import Terms
from rules.transitions import Signal

ALARMS = 10_000
TICKS = 1_000
SECOND_NS = 10**9
AT = Circumstance(0, 0, 0, by="bench", note="bench")


def run(effort: Effort) -> Report:
    report = Report("machine", f"{ALARMS:,} red alarms, each of its own sensor; CPU time")
    names = ("one alarm raised and acknowledged", "tick, all acknowledged", "tick, all told again")
    names += ("tick, all shelved", "tick, all shelves end")
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(effort.runs):
        for name, microseconds in zip(names, _one(), strict=True):
            taken[name].append(microseconds)
    targets = {"tick, all acknowledged": "<= 50", "tick, all shelved": "<= 50"}
    report.figures += [Figure(name, "us", runs, targets.get(name, "")) for name, runs in taken.items()]
    return report


def _one() -> tuple[float, ...]:
    machine = AlarmMachine(Terms(AlarmPolicy()))
    subjects = [Subject("rule", f"tag-{number}", "asset", latching=False) for number in range(ALARMS)]
    raised = _us(lambda: [_raise(machine, subject) for subject in subjects]) / ALARMS
    machine.tick(Now(0, 0, 0, 0))
    quiet = _us(lambda: [machine.tick(Now(0, 0, at, at)) for at in range(TICKS)]) / TICKS
    told_again = _us(lambda: machine.tick(Now(0, 0, 1_801 * SECOND_NS, 1_801 * SECOND_NS)))
    for subject in subjects:
        machine.hide(Wish(FlagKind.SHELVED, Cover(subject.rule, subject.tag), "bench", 600.0, Grade.RED), AT)
    machine.tick(Now(0, 0, 1_802 * SECOND_NS, 1_802 * SECOND_NS))
    shelved = _us(lambda: [machine.tick(Now(0, 0, 1_802 * SECOND_NS, 1_802 * SECOND_NS)) for _ in range(TICKS)]) / TICKS
    shown = _us(lambda: machine.tick(Now(0, 601 * SECOND_NS, 1_803 * SECOND_NS, 1_803 * SECOND_NS)))
    if any(alarm.hidden or alarm.acknowledged_by for alarm in machine.open_alarms()):
        raise AssertionError("all shelves must have ended, and all alarms be owed anew")
    return raised, quiet, told_again, shelved, shown


def _raise(machine: AlarmMachine, subject: Subject) -> None:
    (event,) = machine.level_changed(subject, Grade.NONE, Grade.RED, AT, None)
    machine.act(Signal.ACKNOWLEDGE, event.alarm_id, AT)


def _us(work: Callable[[], object]) -> float:
    gc.collect()
    begun_s = time.thread_time()
    work()
    return (time.thread_time() - begun_s) * 1e6
