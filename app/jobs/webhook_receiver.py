"""The other end of the webhook, as a duty room would write it: checks the signature, keeps each message once."""

from __future__ import annotations

import http.server
import threading
import time
from dataclasses import dataclass, field

import msgspec
from standardwebhooks import Webhook


@dataclass
class Received:
    """What came in, by message id: a second delivery of one id counts once."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    at_ns: dict[str, int] = field(default_factory=dict)  # wall time of the first arrival
    repeated: int = 0
    forged: int = 0

    def keep(self, message: str, body: bytes) -> None:
        if message in self.bodies:
            self.repeated += 1
            return
        self.bodies[message] = body
        self.at_ns[message] = time.time_ns()


def receive(received: Received, secret: str) -> http.server.ThreadingHTTPServer:
    """Listen on a free port of the loopback until the server is shut down."""
    webhook = Webhook(secret)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                webhook.verify(body, dict(self.headers.items()))
                msgspec.json.decode(body)
            except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not ours
                received.forged += 1
                self.send_response(400)
            else:
                received.keep(self.headers["webhook-id"], body)
                self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the screen belongs to the caller."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, name="webhook-receiver", daemon=True).start()
    return server
