"""Whether this process does its work, with a reason for everything that does not; looked at once a second.

Ready means: every loop goes on, and no condition that was looked at is in trouble for longer than it may be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client import Gauge

from pipeline.watch.progress import Loops, Turns
from pipeline.watch.words import SAID, Code

PERIOD_S = 1.0
#: An older report says nothing any more: whoever makes it stands itself.
REPORT_AGE_S_MAX = 5.0
WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Condition:
    """How one thing stands just now."""

    code: Code
    subject: str
    trouble: str | None  # what is wrong; None = seen to be in order
    after_s: float = 0.0  # trouble may last so long before it counts


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the process is not ready."""

    code: Code
    subject: str
    detail: str
    since_ns: int

    def said(self) -> dict[str, str | int]:
        """For people and programs, in both languages."""
        text = SAID[self.code]
        about = f": {self.subject}" if self.subject else ""
        more = f" ({self.detail})" if self.detail else ""
        return {
            "code": self.code.value,
            "subject": self.subject,
            "detail": self.detail,
            "since_ns": self.since_ns,
            "zh": f"{text.zh}{about}{more}",
            "en": f"{text.en}{about}{more}",
        }


@dataclass(frozen=True, slots=True)
class Report:
    """One look at everything."""

    at_s: float  # monotonic
    reasons: tuple[Reason, ...]
    in_order: frozenset[tuple[Code, str]]  # what was seen to be in order

    @property
    def is_live(self) -> bool:
        return all(reason.code != Code.LOOP_STANDS for reason in self.reasons)


Check = Callable[[], Iterable[Condition]]


@dataclass(slots=True)
class _Trouble:
    begun_s: float
    begun_ns: int
    detail: str = field(default="")


class Watch:
    """Looks at the loops and checks of one process; ``report`` may be asked from any thread."""

    def __init__(
        self,
        wall_ns: Callable[[], int],
        ready: Gauge,
        clock_s: Callable[[], float] = time.monotonic,
        *,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Take its clocks.

        Args:
            wall_ns: time of day.
            ready: the metric, a label for each code.
            clock_s: monotonic.
            beat: called after each look that found every loop going on.

        """
        self._beat = beat
        self._wall_ns, self._ready, self._clock_s = wall_ns, ready, clock_s
        self._loops: Loops | None = None
        self._checks: Sequence[Check] = ()
        self._troubles: dict[tuple[Code, str], _Trouble] = {}
        self._begun_ns = wall_ns()
        self._turns = Turns()
        self._report = Report(clock_s(), (self._starting(),), frozenset())
        self._show()

    @property
    def turns(self) -> int:
        """Rises with every look."""
        return self._turns.count

    def take_on(self, loops: Loops, checks: Sequence[Check]) -> None:
        """From now on the process is at work, and these are looked at."""
        self._checks, self._loops = checks, loops

    def run(self, stop: threading.Event) -> None:
        while True:
            if self.look().is_live:
                self._beat()
            if stop.wait(PERIOD_S):
                return

    def report(self) -> Report:
        """The last look; one that is old is itself a reason."""
        report = self._report
        if self._clock_s() - report.at_s <= REPORT_AGE_S_MAX:
            return report
        stands = Reason(Code.LOOP_STANDS, WATCH, "", self._wall_ns() - int((self._clock_s() - report.at_s) * 1e9))
        return Report(report.at_s, (*report.reasons, stands), frozenset())

    def look(self) -> Report:
        now_s, now_ns = self._clock_s(), self._wall_ns()
        self._turns.turn()
        if self._loops is None:
            self._report = Report(now_s, (self._starting(),), frozenset())
            return self._report
        conditions = [*_of_loops(self._loops, now_s), *(one for check in self._checks for one in check())]
        reasons, in_order, known = [], set(), {}
        for one in conditions:
            key = one.code, one.subject
            if one.trouble is None:
                in_order.add(key)
                continue
            trouble = self._troubles.get(key) or _Trouble(now_s, now_ns)
            trouble.detail = one.trouble
            known[key] = trouble
            if now_s - trouble.begun_s >= one.after_s:
                reasons.append(Reason(one.code, one.subject, one.trouble, trouble.begun_ns))
        self._troubles = known
        self._report = Report(now_s, tuple(reasons), frozenset(in_order))
        self._show()
        return self._report

    def _starting(self) -> Reason:
        return Reason(Code.STARTING, "", "", self._begun_ns)

    def _show(self) -> None:
        given = {reason.code for reason in self._report.reasons}
        for code in Code:
            self._ready.labels(code.value).set(code not in given)


def _of_loops(loops: Loops, now_s: float) -> Iterable[Condition]:
    for name, stood_s in loops.standing_s(now_s).items():
        yield Condition(Code.LOOP_STANDS, name, f"{stood_s:.0f} s" if stood_s else None)
