"""Receives Fengsui's alarms over a webhook; needs nothing but Python.

    python3 receive_webhook.py SECRET_FILE [PORT]

Checks the signature (Standard Webhooks), refuses what is older than five minutes, and shows each message once.
"""

# ruff: noqa: INP001, T201 - a program to copy

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

AGE_S_MAX = 300
SEEN_MAX = 100_000

secrets = [
    base64.b64decode(line.removeprefix("whsec_")) for line in Path(sys.argv[1]).read_text(encoding="ascii").split()
]
seen: dict[str, None] = {}


def is_genuine(message_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Whether one of the signatures was made with one of our secrets, not long ago."""
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > AGE_S_MAX:
        return False
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    ours = [base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets]
    given = [one.removeprefix("v1,") for one in signatures.split() if one.startswith("v1,")]
    return any(hmac.compare_digest(a, b) for a in ours for b in given)


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        """Answer to ``fengsui probe``."""
        self.answer(204)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        message_id = self.headers.get("webhook-id", "")
        genuine = is_genuine(
            message_id, self.headers.get("webhook-timestamp", ""), self.headers.get("webhook-signature", ""), body
        )
        if not genuine:
            self.answer(401)  # Fengsui tries again: mend the secret
            return
        if message_id not in seen:  # the same message may come twice
            show(json.loads(body))
            seen[message_id] = None
            if len(seen) > SEEN_MAX:
                del seen[next(iter(seen))]
        self.answer(204)  # only now: what we have not kept must come again

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the screen for alarms."""


def show(notice: dict[str, object]) -> None:
    event, advice = notice["event"], notice["advice"] or {"en": ""}
    print(
        event["transition"],
        notice["grade"],
        notice["rule_name"]["en"],
        event["tag"],
        event["why"]["condition"] if event["why"] else event["by"],
        advice["en"],
        sep=" | ",
        flush=True,
    )


if __name__ == "__main__":
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8088
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}/alarms", flush=True)
    server.serve_forever()
