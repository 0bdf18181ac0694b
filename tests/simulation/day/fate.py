"""When a simulated process dies, in which order its background work is done, and what its clock shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from model.inputs import Tick
from tests.pipeline.plans import SECOND_NS, START_NS


class Killed(BaseException):
    """SIGKILL, or the power: nothing of the process runs any more, not even its ``except``."""


class Fate:
    """Counts the points of a process at which it may die, and ends it at one of them."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._only = ""

    def doom(self, points: int, only: str = "") -> None:
        """Die at so many points from now; ``only`` those of this kind count, empty = all do."""
        self._left, self._only = points, only

    def spare(self) -> None:
        self._left = None

    def point(self, kind: str) -> None:
        """One more place where the world has changed, or is about to."""
        if self._left is None or (self._only and kind != self._only):
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            raise Killed


class ScheduledExecutor(Executor):
    """Stands for a thread: what is handed in is done at once, in between, or only when somebody waits for it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[_Task] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        task = _Task(lambda: work(*args, **named))
        if self._chance.random() < 0.5:
            task.do()
        else:
            self._waiting = [one for one in self._waiting if not one.done()] + [task]
        return task

    def get_on(self) -> None:
        """The thread gets its share of the processor."""
        for task in self._waiting:
            task.do()
        self._waiting = []

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        self.get_on()


class _Task(Future[Any]):
    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work

    def do(self) -> None:
        if self.done():
            return
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - as an executor does: the one who waits is told
            self.set_exception(error)
        else:
            self.set_result(result)

    def result(self, timeout: float | None = None) -> Any:
        self.do()
        return super().result(timeout)


class SimulatedClock:
    """True time goes on; the machine's clock may be set, stand still with the machine, or begin anew."""

    def __init__(self) -> None:
        self.now_s = 0.0  # true time since the day began
        self._wrong_s = 0.0  # machine's wall clock less true time
        self._boots, self._booted_s = 0, -1000.0

    def go_on(self, seconds: float) -> None:
        self.now_s += seconds

    def set_wall(self, wrong_s: float) -> None:
        """NTP, or a person, sets the machine's clock: so far from the truth from now on."""
        self._wrong_s = wrong_s

    def reboot(self) -> None:
        self._boots, self._booted_s = self._boots + 1, self.now_s

    @property
    def wall_ns(self) -> int:
        return self.true_ns + round(self._wrong_s * SECOND_NS)

    @property
    def true_ns(self) -> int:
        return START_NS + round(self.now_s * SECOND_NS)

    def tick(self) -> Tick:
        return Tick(self.wall_ns, round((self.now_s - self._booted_s) * SECOND_NS), f"boot{self._boots}")
