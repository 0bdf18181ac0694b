"""One command of a person, carried out on what it names; each can be repeated safely when its answer was lost."""

from __future__ import annotations

import getpass
import shlex
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from app.cli.screen import EXIT_FAILED, EXIT_NOT_FOUND, EXIT_UNKNOWN, complain, language, out, say
from app.client import PipelineClient
from app.configured import Paths, read
from model.alarm import Alarm
from model.errors import CommandRefused, OutcomeUnknown
from model.inputs import Act
from store.pipeline_reader import PipelineReader


@dataclass(frozen=True, slots=True)
class Said:
    """Who acts, with which remark, and by which id the command can be repeated."""

    by: str
    note: str
    command_id: str

    @classmethod
    def of(cls, by: str, note: str, command_id: str) -> Said:
        """What was given; who it is by default is the user of this machine."""
        return cls(by or getpass.getuser(), note, command_id or uuid.uuid4().hex)

    def options(self) -> list[str]:
        note = ["--note", self.note] if self.note else []
        return ["--by", self.by, *note, "--command-id", self.command_id]


def one_alarm(reader: PipelineReader, given: str, speak: str) -> Alarm:
    """The alarm whose id begins so.

    Raises:
        typer.Exit: there is none, or more than one.

    """
    found = reader.alarm(given)
    if len(found) != 1:
        complain(say("not_found" if not found else "ambiguous", speak, id=given))
        raise typer.Exit(EXIT_NOT_FOUND)
    return found[0]


#: (doing, alarm id, tag, asset) -> whether it said what came of the act in place of the usual words.
After = Callable[["Doing", str, str, str], bool]


class Doing:
    """Carries out one command."""

    def __init__(self, config: Path, said: Said, lang: str) -> None:
        self._config, self._said = config, said
        self.configured = read(config)
        self.speak = language(lang, self.configured.language)
        self.reader = PipelineReader(Paths.under(self.configured.data_dir).pipeline_db)
        self._client = PipelineClient(self.configured.socket)

    def to_alarms(
        self,
        act: Act,
        verb: str,
        given: Sequence[str],
        again: Sequence[str],
        *,
        after: After | None = None,
        **more: Any,
    ) -> None:
        """Do it to each alarm; what is refused of some keeps nothing from the others.

        Args:
            act: to carry out.
            verb: the command's name.
            given: ids, or their beginnings.
            again: arguments behind the id with which it can be repeated.
            after: says what came of it.
            more: what the act needs besides.

        Raises:
            typer.Exit: an alarm is not known, the outcome is unknown, or one was refused.

        """
        found = [one_alarm(self.reader, name, self.speak).id for name in given]
        self._each([(alarm_id, {"alarm_id": alarm_id}) for alarm_id in found], act, verb, again, after, more)

    def to_flags_or_alarms(self, act: Act, verb: str, given: Sequence[str]) -> None:
        """Do it to each flag, or to the flag of each alarm."""
        found = []
        for name in given:
            flags = self.reader.flag(name)
            if len(flags) == 1:
                found.append((flags[0].id, {"flag": flags[0].id}))
            else:
                alarm = one_alarm(self.reader, name, self.speak)
                found.append((alarm.id, {"alarm_id": alarm.id}))
        self._each(found, act, verb, [], None, {})

    def once(self, act: Act, again: Sequence[str], shown: str, *, after: After | None = None, **more: Any) -> None:
        """Do it once; ``shown`` is what it is done to, in words."""
        self._do(act, again, shown, self._said, after, {"alarm_id": "", **more})

    def _each(
        self,
        items: Sequence[tuple[str, dict[str, str]]],
        act: Act,
        verb: str,
        again: Sequence[str],
        after: After | None,
        more: dict[str, Any],
    ) -> None:
        refused = False
        for item, named in items:
            own = self._said.command_id if len(items) == 1 else f"{self._said.command_id}:{item}"
            said = replace(self._said, command_id=own)
            try:
                self._do(act, [verb, item, *again], item, said, after, {"alarm_id": "", **named, **more})
            except CommandRefused as error:
                complain(str(error))
                refused = True
        if refused:
            raise typer.Exit(EXIT_FAILED)

    def _do(
        self, act: Act, again: Sequence[str], shown: str, said: Said, after: After | None, more: dict[str, Any]
    ) -> None:
        try:
            self._client.act(act, by=said.by, note=said.note, command_id=said.command_id, **more)
        except OutcomeUnknown as error:
            options = said.options() if "--reason" not in again else replace(said, note="").options()
            command = shlex.join(["fengsui", "alarms", *again, "--config", str(self._config), *options])
            complain(say("outcome_unknown", self.speak, reason=error.reason, command=command))
            raise typer.Exit(EXIT_UNKNOWN) from error
        if after is None or not after(self, more["alarm_id"], more.get("tag", ""), more.get("asset", "")):
            out.print(say(f"done_{act.value}", self.speak, id=shown), style="green")
