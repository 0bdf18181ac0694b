"""Talks to a running pipeline over its local socket; the command line uses nothing else to change anything."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from model.errors import CommandRefused, FengsuiError, OutcomeUnknown
from pipeline.runners.commands import Reply, Request

TIMEOUT_S = 15.0
#: Files are read and the packs' own tests played before anything is applied.
APPLY_S_MAX = 1800.0


class PipelineClient:
    """One request a connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> dict[str, Any]:
        """How the pipeline stands.

        Raises:
            FengsuiError: it does not run, or does not answer.

        """
        return self._ask(Request(do="status")).status or {}

    def act(
        self,
        act: str,
        alarm_id: str,
        *,
        by: str,
        note: str = "",
        command_id: str = "",
        about: Sequence[str] = (),
        rule: str = "",
        tag: str = "",
        asset: str = "",
        duration_s: float = 0.0,
        verdict: str = "",
        flag: str = "",
    ) -> None:
        """Have a human act carried out; returns when it is journaled.

        Raises:
            CommandRefused: it cannot be done.
            OutcomeUnknown: the answer did not come in time, or not at all, after the act had been sent.
            FengsuiError: the pipeline does not run.

        """
        request = Request(
            "act",
            command_id or uuid.uuid4().hex,
            act,
            alarm_id,
            by,
            note,
            tuple(about),
            rule=rule,
            tag=tag,
            asset=asset,
            duration_s=duration_s,
            verdict=verdict,
            flag=flag,
        )
        try:
            reply = self._ask(request)
        except _NoAnswer as error:
            raise OutcomeUnknown(request.command_id, str(error)) from error
        if reply.unknown:
            raise OutcomeUnknown(request.command_id, reply.error)
        if not reply.ok:
            raise CommandRefused(reply.error)

    def apply(self, *, by: str, note: str = "", approve: str = "") -> dict[str, Any]:
        """Have the configuration files come into force, or agree to a proposal; returns what it came to.

        Raises:
            FilesRefused: the files are wrong; the text says where and why.
            CommandRefused: it cannot be done.
            OutcomeUnknown: the answer did not come.
            FengsuiError: the pipeline does not run.

        """
        request = Request("apply", by=by, note=note, approve=approve)
        try:
            reply = self._ask(request, APPLY_S_MAX)
        except _NoAnswer as error:
            raise OutcomeUnknown("", str(error)) from error
        if reply.unknown:
            raise OutcomeUnknown("", reply.error)
        if not reply.ok:
            raise (FilesRefused if reply.change else CommandRefused)(reply.error)
        return reply.change or {}

    def _ask(self, request: Request, timeout_s: float = TIMEOUT_S) -> Reply:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            try:
                connection.connect(str(self._path))
            except OSError as error:
                raise FengsuiError(self._silent(error)) from error
            try:
                connection.sendall(msgspec.json.encode(request) + b"\n")
                return msgspec.json.decode(connection.makefile("rb").readline(), type=Reply)
            except (OSError, msgspec.DecodeError) as error:
                raise _NoAnswer(self._silent(error)) from error

    def _silent(self, error: Exception) -> str:
        return f"{self._path}: the pipeline does not answer ({error}); is `fengsui run` up?"


class FilesRefused(FengsuiError):
    """The configuration files are wrong, and nothing was changed."""


class _NoAnswer(FengsuiError):
    """The request was sent, or a part of it."""
