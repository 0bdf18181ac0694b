"""Looks at the sources once a second: what they asked for, what they know to be lost, how their brokers stand.

What is lost before it comes to us leaves no trace in the journal: no reading is missing that anybody has counted. Only
the source can know of it, and this is where it is heard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import structlog

from model.connector import Gap, GapReason, Source, Watchful
from pipeline.metrics import PipelineMetrics

log = structlog.get_logger("pipeline")

FOUND_KEPT = 100


class SourceWatch:
    """For the loop's thread alone.

    Args:
        sources: all of them; who cannot tell is passed over.
        metrics: where it is counted.
        heard_before: whether readings came before this start; else a session that is new was never lost.

    Attributes:
        found: the newest gaps, oldest first.

    """

    def __init__(self, sources: Sequence[Source], metrics: PipelineMetrics, *, heard_before: bool) -> None:
        self.found: deque[Gap] = deque(maxlen=FOUND_KEPT)
        self._sources = sources
        self._metrics = metrics
        self._heard_before = heard_before
        self._asked: dict[str, int] = {}
        for source in sources:
            for reason in GapReason if isinstance(source, Watchful) else ():
                metrics.gaps.labels(source.name, reason.value)  # a counter that never was cannot be missed

    def look(self) -> list[Gap]:
        """Count and log what is new; returns the gaps, for who makes alarms of them."""
        new: list[Gap] = []
        for source in self._sources:
            asked = getattr(source, "asked", 0)
            self._metrics.requests.labels(source.name).inc(asked - self._asked.get(source.name, 0))
            self._asked[source.name] = asked
            if isinstance(source, Watchful):
                for figure, value in source.figures().items():
                    self._metrics.broker.labels(source.name, figure).set(value)
                new += filter(self._is_one, source.gaps())
        for gap in new:
            self._tell(gap)
        return new

    def _is_one(self, gap: Gap) -> bool:
        return self._heard_before or gap.reason is not GapReason.SESSION_NEW

    def _tell(self, gap: Gap) -> None:
        log.error("messages were lost before they came to us", **_as_log(gap))
        self._metrics.gaps.labels(gap.source, gap.reason.value).inc()
        if gap.messages is not None:
            self._metrics.gap_messages.labels(gap.source, gap.reason.value).inc(gap.messages)
        self.found.append(gap)


def _as_log(gap: Gap) -> dict[str, str | int]:
    known = {} if gap.messages is None else {"messages": gap.messages}
    return {"source": gap.source, "reason": gap.reason.value, "detail": gap.detail, **known}
