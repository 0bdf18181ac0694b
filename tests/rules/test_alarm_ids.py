"""Two alarms never share an id, also where one of them was taken over as people were told of it."""

from __future__ import annotations

from model.alarm import Grade
from rules.alarm_machine import AlarmMachine, Circumstance, Signal, Subject


def test_an_alarm_after_one_that_was_taken_over_is_another_one_though_the_clock_stands_still() -> None:
    here, subject = Circumstance(1, 7, 7, by="Wang"), Subject("rule", "a", "asset", latching=False)
    first, second = AlarmMachine(), AlarmMachine()
    first.level_changed(subject, Grade.NONE, Grade.RED, here, None)
    (known,) = first.open_alarms()
    second.adopt(known, latching=False, events=1)
    second.level_changed(subject, Grade.RED, Grade.NONE, here, None)
    second.act(Signal.ACKNOWLEDGE, known.id, here)
    assert second.open_alarms() == []
    second.level_changed(subject, Grade.NONE, Grade.RED, here, None)
    assert second.open_alarms()[0].id != known.id
