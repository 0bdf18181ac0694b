"""Whether what the pipeline puts into the outbox leaves the house: the delivery process may be gone or stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from model.errors import StoreError
from pipeline.watch.readiness import Condition
from pipeline.watch.words import Code
from store.delivery_store import DeliveryReader
from store.pipeline_reader import PipelineReader


class DeliveryCheck:
    """Looks at both databases; for the watch's thread alone.

    A message that the delivery has not even taken over by the next look is as bad as one that no receiver takes.
    """

    def __init__(
        self, outbox: Path, delivered: Path, sinks: Sequence[str], limit_s: float, wall_ns: Callable[[], int]
    ) -> None:
        self._outbox_path, self._delivered_path = outbox, delivered
        self._sinks, self._limit_s, self._wall_ns = sinks, limit_s, wall_ns
        self._outbox: PipelineReader | None = None
        self._delivered: DeliveryReader | None = None
        self._seen = 0  # the newest message at the last look

    def __call__(self) -> Iterable[Condition]:
        try:
            yield from self._look()
        except (StoreError, SQLAlchemyError):  # the files are not there yet; what they say later counts
            return

    def _look(self) -> list[Condition]:
        if self._outbox is None:
            self._outbox = PipelineReader(self._outbox_path)
        newest, self._seen = self._seen, self._outbox.last_outbox_seq()
        if self._delivered is None:
            self._delivered = DeliveryReader(self._delivered_path)
        return [self._of_sink(self._delivered, sink, newest) for sink in self._sinks]

    def _of_sink(self, delivered: DeliveryReader, sink: str, newest: int) -> Condition:
        behind = newest - delivered.cursor(sink).outbox_seq
        if behind > 0:
            return Condition(Code.SINK_FAILING, sink, f"{behind} not taken over by the delivery", self._limit_s)
        oldest = delivered.oldest_pending(sink)
        age_s = (self._wall_ns() - oldest[0]) / 1e9 if oldest else 0.0
        late = oldest is not None and age_s > self._limit_s
        return Condition(Code.SINK_FAILING, sink, f"{age_s:.0f} s; {oldest[1]}" if late and oldest else None)
