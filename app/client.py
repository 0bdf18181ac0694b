"""Talks to a running pipeline over its local socket; the command line uses nothing else to change anything."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path
from typing import Any

import msgspec

from model.errors import CommandRefused, FengsuiError
from pipeline.runners.commands import Reply, Request

TIMEOUT_S = 15.0


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

    def act(self, act: str, alarm_id: str, *, by: str, note: str = "", command_id: str = "") -> None:
        """Have a human act carried out; returns when it is journaled.

        Raises:
            CommandRefused: it cannot be done.
            FengsuiError: the pipeline does not run, or does not answer.

        """
        request = Request("act", command_id or uuid.uuid4().hex, act, alarm_id, by, note)
        reply = self._ask(request)
        if not reply.ok:
            raise CommandRefused(reply.error)

    def _ask(self, request: Request) -> Reply:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(TIMEOUT_S)
                connection.connect(str(self._path))
                connection.sendall(msgspec.json.encode(request) + b"\n")
                line = connection.makefile("rb").readline()
            return msgspec.json.decode(line, type=Reply)
        except (OSError, msgspec.DecodeError) as error:
            raise FengsuiError(f"{self._path}: the pipeline does not answer ({error}); is `fengsui run` up?") from error
