"""Which transition leads where (ISA-18.2-2016 figure 2, IEC 62682). Only what stands here can happen."""

from __future__ import annotations

from enum import StrEnum

from model.alarm import AlarmState, Transition


class Signal(StrEnum):
    """What can happen to an alarm."""

    RAISE = "raise"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    REALARM = "realarm"
    STALE = "stale"
    HIDE = "hide"
    SHOW = "show"
    COMMENT = "comment"
    JUDGE = "judge"  # a person gives a verdict


_S, _T = AlarmState, Transition

#: (state, signal) -> (transition reported, state when plain, state when latching).
TRANSITIONS: dict[tuple[AlarmState, Signal], tuple[Transition, AlarmState, AlarmState]] = {
    (_S.NORMAL, Signal.RAISE): (_T.RAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.UPGRADE): (_T.UPGRADED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.DOWNGRADE): (_T.DOWNGRADED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.ACKNOWLEDGE): (_T.ACKNOWLEDGED, _S.ACKNOWLEDGED, _S.ACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.RETURN): (_T.RETURNED, _S.RETURNED, _S.LATCHED_UNACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.UPGRADE): (_T.UPGRADED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.DOWNGRADE): (_T.DOWNGRADED, _S.ACKNOWLEDGED, _S.ACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.RETURN): (_T.RETURNED, _S.NORMAL, _S.LATCHED_ACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.REALARM): (_T.REALARMED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.RETURNED, Signal.ACKNOWLEDGE): (_T.ACKNOWLEDGED, _S.NORMAL, _S.NORMAL),
    (_S.RETURNED, Signal.RAISE): (_T.RERAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.LATCHED_UNACKNOWLEDGED, Signal.ACKNOWLEDGE): (_T.ACKNOWLEDGED, _S.NORMAL, _S.LATCHED_ACKNOWLEDGED),
    (_S.LATCHED_UNACKNOWLEDGED, Signal.RAISE): (_T.RERAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.LATCHED_ACKNOWLEDGED, Signal.RESET): (_T.RESET, _S.NORMAL, _S.NORMAL),
    (_S.LATCHED_ACKNOWLEDGED, Signal.RAISE): (_T.RERAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
}

ACTIVE = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED})


def _add_what_leaves_the_state() -> None:
    """Marks and remarks. Only an active alarm that is shown again is owed anew."""
    for state in AlarmState:
        shown = _S.UNACKNOWLEDGED if state in ACTIVE else state
        for signal, transition in ((Signal.COMMENT, _T.COMMENTED), (Signal.JUDGE, _T.VERDICT)):
            TRANSITIONS[state, signal] = (transition, state, state)
        if state is not _S.NORMAL:
            TRANSITIONS[state, Signal.HIDE] = (_T.HIDDEN, state, state)
            TRANSITIONS[state, Signal.SHOW] = (_T.SHOWN, shown, shown)
        if state in ACTIVE:
            TRANSITIONS[state, Signal.STALE] = (_T.STALE, state, state)


_add_what_leaves_the_state()
