"""What sinks over HTTP share: which answers may be tried again, and when."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

#: Request timeout, too early, too many requests, and every fault of the server's own.
_RETRY_STATUS = {408, 425, 429}

RETRY_AFTER_S_MAX = 3600.0


def may_retry(status: int) -> bool:
    return status in _RETRY_STATUS or status >= 500


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header, number or date (RFC 9110, 10.2.3), at most an hour; None where it says none."""
    if header is None:
        return None
    try:
        delay_s = (
            float(header) if header.strip().isdecimal() else parsedate_to_datetime(header).timestamp() - time.time()
        )
    except (ValueError, OverflowError):
        return None
    return min(max(delay_s, 0.0), RETRY_AFTER_S_MAX)
