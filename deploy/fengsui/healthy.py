"""Health check of a running Fengsui from its metrics; with the standard library alone, so that it answers at once.

    python healthy.py http://127.0.0.1:9464/metrics http://127.0.0.1:9465/metrics

Every address must answer, and the pipeline's last tick must be fresh: a process that stands still is not healthy.
Exit code 0 healthy, 1 not; the reason is one line on standard error, where `docker inspect` shows it.
"""

from __future__ import annotations

import re
import sys
import time
import urllib.error
import urllib.request

ANSWER_S_MAX = 3.0
TICK_AGE_S_MAX = 15.0
LAST_TICK = re.compile(r"^fengsui_last_tick_timestamp_seconds(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def trouble(addresses: list[str], now_s: float) -> str:
    """Say what is wrong, or nothing."""
    ticks_s: list[float] = []
    for address in addresses:
        try:
            with urllib.request.urlopen(address, timeout=ANSWER_S_MAX) as answer:  # noqa: S310 (addresses of our own making)
                text = answer.read().decode()
        except (OSError, urllib.error.URLError, ValueError) as error:
            return f"{address} does not answer: {error}"
        ticks_s += [float(found) for found in LAST_TICK.findall(text)]
    if not ticks_s:
        return "no address shows fengsui_last_tick_timestamp_seconds"
    age_s = now_s - max(ticks_s)
    return (
        "" if age_s <= TICK_AGE_S_MAX else f"the last tick is {age_s:.0f} s old, must be at most {TICK_AGE_S_MAX:.0f} s"
    )


if __name__ == "__main__":
    reason = trouble(sys.argv[1:], time.time())
    sys.exit(reason or 0)
