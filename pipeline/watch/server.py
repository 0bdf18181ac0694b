"""One HTTP address a process: /metrics for Prometheus, /livez and /readyz for whoever restarts or watches it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
from prometheus_client import CollectorRegistry, make_wsgi_app

from model.errors import FengsuiError
from pipeline.watch.readiness import Watch
from pipeline.watch.words import Code

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_JSON = (("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store"))


def answers(registry: CollectorRegistry, watch: Watch) -> WSGIApplication:
    """The application that answers; every path but the two is the metrics'."""
    metrics: WSGIApplication = make_wsgi_app(registry)

    def health(ask: Callable[[], tuple[bool, object]], start: StartResponse) -> Iterable[bytes]:
        well, body = ask()
        start("200 OK" if well else "503 Service Unavailable", list(_JSON))
        return [msgspec.json.encode(body) + b"\n"]

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/readyz":
                return health(lambda: readyz(watch), start)
            case "/livez":
                return health(lambda: livez(watch), start)
        return metrics(environ, start)

    return app


def readyz(watch: Watch) -> tuple[bool, dict[str, object]]:
    """Whether the process does its work, and every reason why not."""
    reasons = watch.report().reasons
    return not reasons, {"ready": not reasons, "reasons": [reason.said() for reason in reasons]}


def livez(watch: Watch) -> tuple[bool, dict[str, object]]:
    """Whether the loops of the process go on; what is wrong outside of it does not count."""
    report = watch.report()
    standing = [reason.said() for reason in report.reasons if reason.code == Code.LOOP_STANDS]
    return report.is_live, {"live": report.is_live, "reasons": standing}


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10  # whoever asks and then says nothing is let go

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Asked every few seconds: no news."""


def serve(address: str, registry: CollectorRegistry, watch: Watch) -> int:
    """Answer on a thread of its own, until the process ends; returns the port.

    Raises:
        FengsuiError: the address cannot be listened on.

    """
    host, _, port = address.rpartition(":")
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(
            host.strip("[]"), int(port), answers(registry, watch), server_class=kind, handler_class=_Quiet
        )
    except OSError as error:
        raise FengsuiError(f"metrics {address}: cannot be served there ({error}); set another address") from error
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server.server_port
