"""Health check of a running Fengsui; with the standard library alone, so that it answers at once.

    python healthy.py http://127.0.0.1:9464/readyz http://127.0.0.1:9465/readyz

Every address must answer that its process is ready. Exit code 0 healthy, 1 not; the reasons are one line on standard
error, where `docker inspect` shows it.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request

ANSWER_S_MAX = 3.0


def trouble(address: str) -> list[str]:
    """Say what is wrong with one process, or nothing."""
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_S_MAX) as answer:  # noqa: S310 (addresses of our own making)
            text = answer.read()
    except urllib.error.HTTPError as error:
        text = error.read()
    except (OSError, ValueError) as error:
        return [f"{address} does not answer: {error}"]
    try:
        found = json.loads(text)
        return [] if found["ready"] else [reason["en"] for reason in found["reasons"]]
    except (ValueError, KeyError, TypeError):
        return [f"{address} does not say whether it is ready"]


if __name__ == "__main__":
    sys.exit("; ".join(one for address in sys.argv[1:] for one in trouble(address)) or 0)
