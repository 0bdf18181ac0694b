"""Alarms as people meet them: each from its raise to its return, and what two runs make of the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from model.alarm import AlarmEvent, Grade, Transition

_RAISES = (Transition.RAISED, Transition.RERAISED)
_CALLS = (*_RAISES, Transition.UPGRADED, Transition.REALARMED)


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm from raise to return.

    Attributes:
        rule: id.
        tag: of the sensor, or the id of the asset.
        asset: id.
        begin_ns: event time of the raise.
        end_ns: of the return; None = it is on when the time ends.
        grade: the highest.
        news: times at which it called for attention, ns: raises, upgrades, told again, shown again while on. Nothing
            of that while it was hidden.
        levels: the grade that each of them brought.
        chattering: it was found to come and go.
        hidden: it was kept from annunciation for a part of the time, or all of it.

    """

    rule: str
    tag: str
    asset: str
    begin_ns: int
    end_ns: int | None
    grade: Grade
    news: tuple[int, ...]
    chattering: bool = False
    hidden: bool = False
    levels: tuple[Grade, ...] = field(default=(), compare=False)

    def overlaps(self, other: Episode) -> bool:
        return (other.end_ns is None or self.begin_ns <= other.end_ns) and (
            self.end_ns is None or other.begin_ns <= self.end_ns
        )

    def moved(self, by_ns: int) -> Episode:
        """The same at another time."""
        end_ns = None if self.end_ns is None else self.end_ns + by_ns
        return replace(self, begin_ns=self.begin_ns + by_ns, end_ns=end_ns, news=tuple(at + by_ns for at in self.news))


def episodes(events: Iterable[AlarmEvent]) -> list[Episode]:
    """All alarms of a run, by time, rule and tag."""
    histories: dict[str, list[AlarmEvent]] = {}
    made = []
    for event in events:
        if event.transition in _RAISES:
            histories[event.alarm_id] = [event]
        elif event.alarm_id in histories:
            histories[event.alarm_id].append(event)
            if event.transition is Transition.RETURNED:
                made.append(_episode(histories.pop(event.alarm_id), event.time_ns))
    made += [_episode(history, None) for history in histories.values()]
    return sorted(made, key=_order)


def _episode(history: Sequence[AlarmEvent], end_ns: int | None) -> Episode:
    first, called = history[0], [one for one in history if _calls(one)]
    return Episode(
        rule=first.rule,
        tag=first.tag,
        asset=first.asset,
        begin_ns=first.time_ns,
        end_ns=end_ns,
        grade=max(one.grade for one in history),
        news=tuple(one.time_ns for one in called),
        chattering=any(one.chattering for one in history),
        hidden=any(one.hidden for one in history),
        levels=tuple(one.grade for one in called),
    )


def _calls(event: AlarmEvent) -> bool:
    """Whether it calls for attention."""
    if event.transition is Transition.SHOWN:
        return event.grade > Grade.NONE
    return event.transition in _CALLS and not event.hidden


def within(made: Iterable[Episode], begin_ns: int, end_ns: int) -> list[Episode]:
    """Those that begin in a span; what was on before belongs to the time before."""
    return [one for one in made if begin_ns <= one.begin_ns < end_ns]


class Change(StrEnum):
    """What became of an alarm."""

    APPEARS = "appears"
    VANISHES = "vanishes"
    REGRADED = "regraded"  # its highest grade is another
    MOVED = "moved"  # it begins or ends at another time


@dataclass(frozen=True, slots=True)
class Difference:
    """One alarm that is not the same in both runs; one of the two may be missing."""

    change: Change
    before: Episode | None
    after: Episode | None

    @property
    def subject(self) -> Episode:
        found = self.after or self.before
        assert found is not None  # noqa: S101 - a difference has at least one
        return found


def differences(before: Sequence[Episode], after: Sequence[Episode]) -> list[Difference]:
    """Pair the alarms of a rule and tag that overlap, one with one in the order of time; tell what is not alike."""
    keys = dict.fromkeys((one.rule, one.tag) for one in (*before, *after))
    old, new = _by_key(before), _by_key(after)
    found = [one for key in keys for one in _of_one(old.get(key, []), new.get(key, []))]
    return sorted(found, key=lambda one: _order(one.subject))


def _of_one(before: list[Episode], after: list[Episode]) -> Iterator[Difference]:
    rest = list(after)
    for old in before:
        while rest and not rest[0].overlaps(old) and rest[0].begin_ns < old.begin_ns:
            yield Difference(Change.APPEARS, None, rest.pop(0))
        if not rest or not rest[0].overlaps(old):
            yield Difference(Change.VANISHES, old, None)
            continue
        new = rest.pop(0)
        if new.grade != old.grade:
            yield Difference(Change.REGRADED, old, new)
        elif (new.begin_ns, new.end_ns) != (old.begin_ns, old.end_ns):
            yield Difference(Change.MOVED, old, new)
    for new in rest:
        yield Difference(Change.APPEARS, None, new)


def _by_key(made: Iterable[Episode]) -> dict[tuple[str, str], list[Episode]]:
    found: dict[tuple[str, str], list[Episode]] = {}
    for one in made:
        found.setdefault((one.rule, one.tag), []).append(one)
    return found


def _order(one: Episode) -> tuple[int, str, str]:
    return one.begin_ns, one.rule, one.tag
