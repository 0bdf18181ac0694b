"""Human acts on their way to the loop, each with the place for its answer."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field

from model.inputs import HumanAct

WAITING_MAX = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """One act; ``reply`` gets one text: empty, or why it was refused."""

    act: HumanAct
    reply: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)


class Acts:
    """What waits; handed in on any thread, taken by the loop."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Command] = queue.Queue(WAITING_MAX)

    def hand_in(self, act: HumanAct, timeout_s: float) -> queue.SimpleQueue[str]:
        """Leave an act; returns where its reply will be.

        Raises:
            queue.Full: so many wait already, and for so long.

        """
        command = Command(act)
        self._waiting.put(command, timeout=timeout_s)
        return command.reply

    def take(self) -> list[Command]:
        """All that wait."""
        commands: list[Command] = []
        while not self._waiting.empty() and len(commands) < WAITING_MAX:
            commands.append(self._waiting.get_nowait())
        return commands
