"""Times as people write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def moment_ns(text: str, zone: str) -> int:
    """An ISO 8601 time in ns since 1970; without a zone of its own it is in the one that is named.

    Raises:
        ValueError: it is no time.

    """
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
