"""The alarm machine against the transitions of ISA-18.2 figure 2, written down here once more by hand."""

from __future__ import annotations

import itertools

import pytest

from model.alarm import AlarmEvent, AlarmState, Grade, Transition, after, beginning
from model.errors import CommandRefused
from rules.alarm_machine import AlarmMachine, Subject
from rules.circumstance import Circumstance
from rules.transitions import ACTIVE, TRANSITIONS, Signal

NONE, BLUE, YELLOW, RED = Grade.NONE, Grade.BLUE, Grade.YELLOW, Grade.RED

#: How to bring a fresh machine into a state: latching or not, then what happens.
WAYS = {
    (AlarmState.NORMAL, False): [],
    (AlarmState.UNACKNOWLEDGED, False): ["raise"],
    (AlarmState.ACKNOWLEDGED, False): ["raise", "acknowledge"],
    (AlarmState.RETURNED, False): ["raise", "return"],
    (AlarmState.NORMAL, True): [],
    (AlarmState.UNACKNOWLEDGED, True): ["raise"],
    (AlarmState.ACKNOWLEDGED, True): ["raise", "acknowledge"],
    (AlarmState.LATCHED_UNACKNOWLEDGED, True): ["raise", "return"],
    (AlarmState.LATCHED_ACKNOWLEDGED, True): ["raise", "return", "acknowledge"],
}
#: A -> B alarm, B -> C ack, B -> D RTN, C -> A RTN, D -> A ack, D -> B re-alarm, B -> E RTN latched, C -> F RTN
#: latched, E -> F ack, F -> A reset; a grade up needs a new acknowledgement, a grade down does not.
EXPECTED = {
    (AlarmState.NORMAL, "raise", False): (Transition.RAISED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "upgrade", False): (Transition.UPGRADED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "downgrade", False): (Transition.DOWNGRADED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "return", False): (Transition.RETURNED, AlarmState.RETURNED),
    (AlarmState.UNACKNOWLEDGED, "acknowledge", False): (Transition.ACKNOWLEDGED, AlarmState.ACKNOWLEDGED),
    (AlarmState.ACKNOWLEDGED, "upgrade", False): (Transition.UPGRADED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.ACKNOWLEDGED, "downgrade", False): (Transition.DOWNGRADED, AlarmState.ACKNOWLEDGED),
    (AlarmState.ACKNOWLEDGED, "return", False): (Transition.RETURNED, AlarmState.NORMAL),
    (AlarmState.RETURNED, "raise", False): (Transition.RERAISED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.RETURNED, "acknowledge", False): (Transition.ACKNOWLEDGED, AlarmState.NORMAL),
    (AlarmState.NORMAL, "raise", True): (Transition.RAISED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "upgrade", True): (Transition.UPGRADED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "downgrade", True): (Transition.DOWNGRADED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "return", True): (Transition.RETURNED, AlarmState.LATCHED_UNACKNOWLEDGED),
    (AlarmState.UNACKNOWLEDGED, "acknowledge", True): (Transition.ACKNOWLEDGED, AlarmState.ACKNOWLEDGED),
    (AlarmState.ACKNOWLEDGED, "upgrade", True): (Transition.UPGRADED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.ACKNOWLEDGED, "downgrade", True): (Transition.DOWNGRADED, AlarmState.ACKNOWLEDGED),
    (AlarmState.ACKNOWLEDGED, "return", True): (Transition.RETURNED, AlarmState.LATCHED_ACKNOWLEDGED),
    (AlarmState.LATCHED_UNACKNOWLEDGED, "raise", True): (Transition.RERAISED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.LATCHED_UNACKNOWLEDGED, "acknowledge", True): (
        Transition.ACKNOWLEDGED,
        AlarmState.LATCHED_ACKNOWLEDGED,
    ),
    (AlarmState.LATCHED_ACKNOWLEDGED, "raise", True): (Transition.RERAISED, AlarmState.UNACKNOWLEDGED),
    (AlarmState.LATCHED_ACKNOWLEDGED, "reset", True): (Transition.RESET, AlarmState.NORMAL),
}
#: What a remark, a flag or time adds: only an active alarm that is shown again, or told of again, is owed anew.
AS_IT_WAS = {
    "hide": Transition.HIDDEN,
    "show": Transition.SHOWN,
    "comment": Transition.COMMENTED,
    "judge": Transition.VERDICT,
}
for _state, _latching in WAYS:
    for _signal, _transition in AS_IT_WAS.items():
        _shown = _signal == "show" and _state in (AlarmState.ACKNOWLEDGED, AlarmState.UNACKNOWLEDGED)
        if _state is not AlarmState.NORMAL or _signal in ("comment", "judge"):
            EXPECTED[_state, _signal, _latching] = (_transition, AlarmState.UNACKNOWLEDGED if _shown else _state)
    if _state in (AlarmState.ACKNOWLEDGED, AlarmState.UNACKNOWLEDGED):
        EXPECTED[_state, "stale", _latching] = (Transition.STALE, _state)
    if _state is AlarmState.ACKNOWLEDGED:
        EXPECTED[_state, "realarm", _latching] = (Transition.REALARMED, AlarmState.UNACKNOWLEDGED)
LEVELS = {"raise": (NONE, YELLOW), "upgrade": (YELLOW, RED), "downgrade": (YELLOW, BLUE), "return": (YELLOW, NONE)}


class Told:
    """A machine with one alarm, told what happens to it second by second."""

    def __init__(self, *, latching: bool = False, tag: str = "a") -> None:
        self.machine = AlarmMachine()
        self.subject = Subject("rule", tag, "asset", latching)
        self.now = 0
        self.id = "unknown"

    def tell(self, what: str) -> AlarmEvent:
        self.now += 1
        circumstance = Circumstance(self.now, self.now * 10, self.now * 10, by="Wang")
        if what in LEVELS:
            (event,) = self.machine.level_changed(self.subject, *LEVELS[what], circumstance, None)
        else:
            event = self.machine.act(Signal(what), self.id, circumstance)
        self.id = event.alarm_id
        return event

    def all(self, *signals: str) -> list[AlarmEvent]:
        return [self.tell(signal) for signal in signals]


@pytest.mark.parametrize(("where", "signal"), list(itertools.product(WAYS, Signal)), ids=str)
def test_every_signal_in_every_state_leads_where_the_standard_says_or_is_refused(
    where: tuple[AlarmState, bool], signal: Signal
) -> None:
    state, latching = where
    told = Told(latching=latching)
    told.all(*WAYS[where])
    expected = EXPECTED.get((state, signal.value, latching))
    if signal.value not in LEVELS and (expected is None or state is AlarmState.NORMAL):
        before = told.machine.snapshot()
        with pytest.raises(CommandRefused):
            told.tell(signal.value)
        assert told.machine.snapshot() == before
    elif expected is not None:
        event = told.tell(signal.value)
        assert (event.transition, event.state) == expected


def test_the_table_holds_nothing_beyond_the_standard() -> None:
    assert {(state, signal) for state, signal in TRANSITIONS} == {
        (state, Signal(signal)) for state, signal, _ in EXPECTED
    }


def test_only_a_return_and_acts_on_what_has_returned_lead_away_from_an_active_alarm() -> None:
    for (state, signal), (transition, plain, latched) in TRANSITIONS.items():
        if state in ACTIVE and not {plain, latched} <= ACTIVE:
            assert (signal, transition) == (Signal.RETURN, Transition.RETURNED)


def test_the_same_history_gives_the_same_ids_and_no_two_events_share_one() -> None:
    history = ["raise", "upgrade", "acknowledge", "downgrade", "return", "raise", "return", "acknowledge", "raise"]
    one, other = Told().all(*history), Told().all(*history)
    assert [event.id for event in one] == [event.id for event in other]
    assert len({event.id for event in one}) == len(history)


def test_a_re_raise_keeps_the_alarm_and_a_new_episode_gets_another_id() -> None:
    told = Told()
    first, _, again, *_, second = told.all("raise", "return", "raise", "return", "acknowledge", "raise")
    assert again.alarm_id == first.alarm_id
    assert second.alarm_id != first.alarm_id


def test_episodes_differ_though_the_clock_stands_still() -> None:
    machine, here = AlarmMachine(), Circumstance(1, 7, 7)
    subject = Subject("rule", "a", "asset", latching=False)
    ids = set()
    for _ in range(3):
        (raised,) = machine.level_changed(subject, NONE, RED, here, None)
        machine.act(Signal.ACKNOWLEDGE, raised.alarm_id, here)
        machine.level_changed(subject, RED, NONE, here, None)
        ids.add(raised.alarm_id)
    assert len(ids) == 3


def test_alarms_of_other_rules_or_tags_never_share_an_id() -> None:
    here = Circumstance(1, 7, 7)
    pairs = [("r", "ab"), ("ra", "b"), ("r", "a"), ("r\x1fa", "")]
    machine = AlarmMachine()
    subjects = [Subject(rule, tag, "", latching=False) for rule, tag in pairs]
    made = [event for one in subjects for event in machine.level_changed(one, NONE, RED, here, None)]
    assert len({event.alarm_id for event in made}) == len(pairs)


def test_an_alarm_is_the_sum_of_its_events() -> None:
    told = Told(latching=True)
    events = told.all("raise", "upgrade", "acknowledge", "downgrade", "return")
    alarm = beginning(events[0].alarm_id, "rule", "a", "asset", events[0].time_ns)
    for event in events:
        alarm = after(alarm, event)
    assert told.machine.open_alarms() == [alarm]
    assert (alarm.state, alarm.grade, alarm.highest) == (AlarmState.LATCHED_ACKNOWLEDGED, NONE, RED)
    assert (alarm.acknowledged_by, alarm.end_ns) == ("Wang", events[-1].time_ns)


def test_an_upgrade_takes_the_acknowledgement_away() -> None:
    told = Told()
    told.all("raise", "acknowledge", "upgrade")
    assert told.machine.open_alarms()[0].acknowledged_by == ""


def test_a_machine_restored_from_its_snapshot_goes_on_with_the_same_ids() -> None:
    history = ["raise", "upgrade", "acknowledge", "return", "raise", "return", "acknowledge", "raise"]
    for cut in range(len(history) + 1):
        plain, stopped = Told(), Told()
        expected = plain.all(*history)
        found = stopped.all(*history[:cut])
        stopped.machine = AlarmMachine.restore(*stopped.machine.snapshot())
        assert found + stopped.all(*history[cut:]) == expected
        assert stopped.machine.snapshot() == plain.machine.snapshot()


def test_an_act_on_an_alarm_that_is_not_open_says_where_to_look() -> None:
    with pytest.raises(CommandRefused, match=r"'x' is not open; `fengsui alarms list`"):
        AlarmMachine().act(Signal.ACKNOWLEDGE, "x", Circumstance(1, 1, 1))


def test_an_act_that_does_not_fit_names_the_state() -> None:
    told = Told()
    told.all("raise", "acknowledge")
    with pytest.raises(CommandRefused, match="is acknowledged; it cannot be given the signal acknowledge"):
        told.tell("acknowledge")
