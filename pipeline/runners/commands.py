"""The pipeline's local socket: human acts and questions about how things stand, one JSON line each way.

A request is ``{"do": "act", ...}``, ``{"do": "apply", ...}`` or ``{"do": "status"}``; the reply ``{"ok": true, ...}``
or ``{"ok": false, "error": "..."}``. With ``"unknown": true`` the act was not refused: it may have been carried out or
not, and sending the same command id again is safe. Only the owner of the data folder can open the socket.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from model.alarm import Alarm
from model.inputs import Act, HumanAct
from pipeline.watch.progress import Turns

log = structlog.get_logger("commands")

REQUEST_BYTES_MAX = 64 * 1024


class Request(msgspec.Struct):
    """One line from a client."""

    do: str  # "act", "apply" or "status"
    command_id: str = ""
    act: str = ""
    alarm_id: str = ""
    by: str = ""
    note: str = ""
    about: tuple[str, ...] = ()  # ids of incidents or alarms that it is done with
    approve: str = ""  # of "apply": version of the proposal that a second person agrees to
    rule: str = ""  # these six as in HumanAct
    tag: str = ""
    asset: str = ""
    duration_s: float = 0.0
    verdict: str = ""
    flag: str = ""


class Reply(msgspec.Struct):
    """One line to a client."""

    ok: bool
    error: str = ""
    unknown: bool = False  # not ok, and yet no refusal: the same command id may be sent again
    status: dict[str, Any] | None = None
    change: dict[str, Any] | None = None  # what "apply" came to


Submit = Callable[[HumanAct], str]
Status = Callable[[], dict[str, Any]]
Apply = Callable[[Request], Reply]
#: An alarm by its id, open or closed.
Find = Callable[[str], Alarm | None]

#: Acts that name no alarm, or a flag in its place.
_WITHOUT_ALARM = frozenset({Act.TAKE_OUT, Act.APPROVE, Act.WITHDRAW})
_BY_FLAG = frozenset({Act.UNSHELVE, Act.PUT_BACK, Act.END_MEMO})
#: The journal holds with these what the alarm is about: it may be closed by then.
_OF_KNOWN = frozenset({Act.COMMENT, Act.VERDICT, Act.MEMO})
_ALSO_CLOSED = _OF_KNOWN | _BY_FLAG


def _no_apply(_request: Request) -> Reply:
    return Reply(ok=False, error="nothing can be applied here")


class CommandServer:
    """Answers on a unix socket, each client on a thread of its own.

    Attributes:
        turns: of the loop that takes clients; it stands when they no longer rise.

    """

    def __init__(
        self,
        path: Path,
        *,
        submit: Submit,
        status: Status,
        find: Find,
        wall_ns: Callable[[], int],
        apply: Apply = _no_apply,
    ) -> None:
        self._path = path
        self._submit, self._status, self._find = submit, status, find
        self._wall_ns, self._apply = wall_ns, apply
        path.unlink(missing_ok=True)  # left over from a process that was killed; the journal's lock guards the rest
        self.turns = turns = Turns()
        answer = self.answer

        class Handler(socketserver.StreamRequestHandler):
            timeout = 30

            def handle(self) -> None:
                try:
                    line = self.rfile.readline(REQUEST_BYTES_MAX)
                    self.wfile.write(msgspec.json.encode(answer(line)) + b"\n")
                except OSError as error:  # silent for too long, or gone before the answer
                    log.info("a client of the command socket went away", reason=str(error))

        class Server(socketserver.ThreadingUnixStreamServer):
            def service_actions(self) -> None:
                turns.turn()

        self._server = Server(str(path), Handler)
        self._server.daemon_threads = True
        path.chmod(0o600)
        self._thread = threading.Thread(target=self._server.serve_forever, name="commands", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def answer(self, line: bytes) -> Reply:
        """What one request line is answered with."""
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as error:
            return Reply(ok=False, error=f"a request is one line of JSON: {error}")
        if request.do == "status":
            return Reply(ok=True, status=self._status())
        if request.do == "act":
            return self._act(request)
        if request.do == "apply":
            return self._apply(request)
        return Reply(ok=False, error=f"do must be act, apply or status, got {request.do!r}")

    def _act(self, request: Request) -> Reply:
        if not (request.command_id and request.by):
            return Reply(ok=False, error="an act needs command_id and by")
        needs_alarm = request.act not in _WITHOUT_ALARM and not (request.act in _BY_FLAG and request.flag)
        if needs_alarm and not request.alarm_id:
            return Reply(ok=False, error=f"act {request.act} needs alarm_id")
        found = self._find(request.alarm_id) if request.act in _ALSO_CLOSED and request.alarm_id else None
        if request.act in _OF_KNOWN and found is None:
            return Reply(ok=False, error=f"alarm {request.alarm_id!r} is not known")
        act = HumanAct(
            request.command_id,
            request.act,
            request.alarm_id,
            request.by,
            request.note,
            self._wall_ns(),
            rule=found.rule if found else request.rule,
            tag=found.tag if found else request.tag,
            asset=found.asset if found else request.asset,
            duration_s=request.duration_s,
            verdict=request.verdict,
            flag=request.flag,
            about=request.about,
        )
        try:
            refused = self._submit(act)
        except TimeoutError as error:
            return Reply(ok=False, error=str(error), unknown=True)
        return Reply(ok=not refused, error=refused)
