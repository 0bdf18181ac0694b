"""delivery.db: what the delivery process owns. Attempts per message and sink, and how far each cursor has come."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    and_,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from model.errors import StoreError
from store.database import open_reader, open_writer
from store.pipeline_store import OutboxRow

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"

#: Longest wait of a message whose sink has just taken another one.
SOON_NS = 30 * 10**9

schema = MetaData()

messages = Table(
    "messages",
    schema,
    Column("sink", String, nullable=False),
    Column("seq", Integer, nullable=False),  # of the outbox
    Column("id", String, nullable=False),
    Column("alarm_id", String, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("next_ns", BigInteger, nullable=False),  # wall time of the next attempt
    Column("done_ns", BigInteger),
    Column("error", String, nullable=False),
    PrimaryKeyConstraint("sink", "seq"),
)
cursors = Table(
    "cursors",
    schema,
    Column("sink", String, primary_key=True),
    Column("journal_offset", BigInteger, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("outbox_seq", BigInteger, nullable=False),
    Column("plan", LargeBinary),  # JSON of the plan in force at journal_offset
)


@dataclass(frozen=True, slots=True)
class CursorRow:
    """How far a sink has come."""

    journal_offset: int = 0
    event_seq: int = 0
    outbox_seq: int = 0
    plan: bytes | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """One message whose next attempt may be made."""

    seq: int
    id: str
    tries: int


@dataclass(frozen=True, slots=True)
class SinkCounts:
    pending: int
    delivered: int
    dead: int
    last_success_ns: int | None
    oldest_pending_ns: int | None
    last_error: str


class DeliveryStore:
    """The one writer of delivery.db; its methods may be called from several threads."""

    def __init__(self, path: Path) -> None:
        self._engine = open_writer(path, schema, "fengsui delivery")
        self._lock = threading.Lock()

    def cursor(self, sink: str) -> CursorRow:
        with self._lock, self._engine.begin() as connection:
            row = connection.execute(select(cursors).where(cursors.c.sink == sink)).first()
        return CursorRow(row.journal_offset, row.event_seq, row.outbox_seq, row.plan) if row else CursorRow()

    def move_cursor(self, sink: str, cursor: CursorRow) -> None:
        with self._lock, self._engine.begin() as connection:
            values = {
                "journal_offset": cursor.journal_offset,
                "event_seq": cursor.event_seq,
                "outbox_seq": cursor.outbox_seq,
                "plan": cursor.plan,
            }
            connection.execute(
                insert(cursors).values(sink=sink, **values).on_conflict_do_update(index_elements=["sink"], set_=values)
            )

    def enqueue(self, sink: str, rows: Sequence[tuple[int, OutboxRow]], now_ns: int) -> None:
        """Take over outbox rows and move the sink's place in the outbox, in one transaction."""
        if not rows:
            return
        with self._lock, self._engine.begin() as connection:
            for seq, row in rows:
                connection.execute(
                    insert(messages)
                    .values(
                        sink=sink,
                        seq=seq,
                        id=row.id,
                        alarm_id=row.alarm_id,
                        time_ns=row.time_ns,
                        state=PENDING,
                        tries=0,
                        next_ns=now_ns,
                        error="",
                    )
                    .on_conflict_do_nothing()
                )
            values = {"outbox_seq": rows[-1][0]}
            connection.execute(
                insert(cursors)
                .values(sink=sink, journal_offset=0, event_seq=0, **values)
                .on_conflict_do_update(index_elements=["sink"], set_=values)
            )

    def due(self, sink: str, now_ns: int, limit: int = 100) -> list[Due]:
        """Messages to try now, oldest first; one whose alarm has an earlier one pending waits for it."""
        earlier = messages.alias()
        blocked = exists().where(
            and_(
                earlier.c.sink == messages.c.sink,
                earlier.c.alarm_id == messages.c.alarm_id,
                earlier.c.seq < messages.c.seq,
                earlier.c.state == PENDING,
            )
        )
        query = (
            select(messages.c.seq, messages.c.id, messages.c.tries)
            .where(messages.c.sink == sink, messages.c.state == PENDING, messages.c.next_ns <= now_ns, ~blocked)
            .order_by(messages.c.seq)
            .limit(limit)
        )
        with self._lock, self._engine.begin() as connection:
            return [Due(row.seq, row.id, row.tries) for row in connection.execute(query)]

    def delivered(self, sink: str, seq: int, now_ns: int) -> None:
        """Note a success. The receiver is back, so what waits for a later attempt need not wait long any more."""
        mine = messages.c.sink == sink
        done = {"state": DELIVERED, "done_ns": now_ns, "error": "", "tries": messages.c.tries + 1}
        soon_ns = now_ns + SOON_NS
        waits = (messages.c.state == PENDING) & (messages.c.next_ns > soon_ns)
        with self._lock, self._engine.begin() as connection:
            connection.execute(update(messages).where(mine, messages.c.seq == seq).values(**done))
            connection.execute(update(messages).where(mine, waits).values(next_ns=soon_ns))

    def try_again(self, sink: str, seq: int, next_ns: int, error: str) -> None:
        self._set(sink, seq, {"next_ns": next_ns, "error": error[:500], "tries": messages.c.tries + 1})

    def give_up(self, sink: str, seq: int, now_ns: int, error: str) -> None:
        """To the dead letters: visible, and kept."""
        self._set(sink, seq, {"state": DEAD, "done_ns": now_ns, "error": error[:500], "tries": messages.c.tries + 1})

    def counts(self, sink: str) -> SinkCounts:
        with self._lock, self._engine.begin() as connection:
            return _counts(connection, sink)

    def oldest_pending(self, sink: str) -> tuple[int, str] | None:
        """When the oldest message that waits came about (wall clock, ns), and what the last attempt at it ended in."""
        with self._lock, self._engine.begin() as connection:
            return _oldest_pending(connection, sink)

    def _set(self, sink: str, seq: int, values: dict[str, object]) -> None:
        with self._lock, self._engine.begin() as connection:
            connection.execute(update(messages).where(messages.c.sink == sink, messages.c.seq == seq).values(**values))

    def close(self) -> None:
        self._engine.dispose()


def cursor_offsets(path: Path, sinks: Sequence[str]) -> dict[str, int]:
    """How far each sink has read the journal; 0 where the delivery has not begun yet.

    Raises:
        StoreError: the file cannot be read.

    """
    if not sinks or not path.exists():
        return dict.fromkeys(sinks, 0)
    try:
        with contextlib.closing(DeliveryReader(path)) as reader:
            return {sink: reader.cursor(sink).journal_offset for sink in sinks}
    except SQLAlchemyError as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error


class DeliveryReader:
    """Reads delivery.db beside its writer."""

    def __init__(self, path: Path) -> None:
        self._engine = open_reader(path)

    def counts(self, sink: str) -> SinkCounts:
        with self._engine.connect() as connection:
            return _counts(connection, sink)

    def oldest_pending(self, sink: str) -> tuple[int, str] | None:
        """As ``DeliveryStore.oldest_pending``."""
        with self._engine.connect() as connection:
            return _oldest_pending(connection, sink)

    def cursor(self, sink: str) -> CursorRow:
        with self._engine.connect() as connection:
            row = connection.execute(select(cursors).where(cursors.c.sink == sink)).first()
        return CursorRow(row.journal_offset, row.event_seq, row.outbox_seq, row.plan) if row else CursorRow()

    def close(self) -> None:
        self._engine.dispose()


def _oldest_pending(connection: Connection, sink: str) -> tuple[int, str] | None:
    waits = (messages.c.sink == sink) & (messages.c.state == PENDING)
    query = select(messages.c.time_ns, messages.c.error).where(waits).order_by(messages.c.time_ns).limit(1)
    row = connection.execute(query).first()
    return (row.time_ns, row.error) if row else None


def _counts(connection: Connection, sink: str) -> SinkCounts:
    run = connection.execute
    mine = messages.c.sink == sink
    grouped = run(select(messages.c.state, func.count()).where(mine).group_by(messages.c.state))
    states: dict[str, int] = {row[0]: row[1] for row in grouped}
    pending = messages.c.state == PENDING
    return SinkCounts(
        pending=states.get(PENDING, 0),
        delivered=states.get(DELIVERED, 0),
        dead=states.get(DEAD, 0),
        last_success_ns=run(select(func.max(messages.c.done_ns)).where(mine, messages.c.state == DELIVERED)).scalar(),
        oldest_pending_ns=run(select(func.min(messages.c.time_ns)).where(mine, pending)).scalar(),
        last_error=run(
            select(messages.c.error).where(mine, messages.c.error != "").order_by(messages.c.seq.desc()).limit(1)
        ).scalar()
        or "",
    )
