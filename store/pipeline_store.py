"""pipeline.db: what the pipeline owns. Events, the alarms that follow from them, the outbox, and what was refused.

One transaction holds the events of an input, their outbox rows and the position in the journal, so that none
exists without the others.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from model.alarm import Alarm, AlarmEvent, AlarmState, Transition, after, beginning
from model.connector import Refusal
from model.errors import StoreFull
from model.flag import Flag, FlagEvent
from model.heartbeat import HEARTBEAT
from model.incident import IncidentEvent
from model.plan import Plan
from store.database import is_full, open_writer
from store.flag_table import FlagTables
from store.incident_table import IncidentTables
from store.verdict_table import VerdictTable

POISON_KEPT = 10_000
POISON_BYTES_MAX = 65_536
UNREGISTERED_KEPT = 10_000

schema = MetaData()

events = Table(
    "events",
    schema,
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("alarm_id", String, nullable=False, index=True),
    Column("offset", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # canonical JSON of the AlarmEvent
)
alarms = Table(
    "alarms",
    schema,
    Column("id", String, primary_key=True),
    Column("open", Boolean, nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("start_ns", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),  # JSON of the Alarm
)
outbox = Table(
    "outbox",
    schema,
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),  # the event's id
    Column("alarm_id", String, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("topic", LargeBinary, nullable=False),  # JSON of Message.topic
    Column("body", LargeBinary, nullable=False),
)
position = Table(
    "position",
    schema,
    Column("one", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),  # all events of inputs below it are stored
)
plans = Table(
    "plans",
    schema,
    Column("seq", Integer, primary_key=True),
    Column("version", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of the Plan; the last one is in force
)
poison = Table(
    "poison",
    schema,
    Column("seq", Integer, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("source", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
unregistered = Table(
    "unregistered",
    schema,
    Column("tag", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("last_value", Float),
)

verdicts = VerdictTable(schema)

incidents = IncidentTables(schema)
flags = FlagTables(schema)
pulses = Table(
    "pulses",
    schema,
    Column("one", Integer, primary_key=True),  # the newest one alone
    Column("event_id", String, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """What is to be delivered for one event."""

    id: str
    alarm_id: str
    time_ns: int
    topic: dict[str, str]
    body: bytes


@dataclass(slots=True)
class UnregisteredTag:
    """Readings that came for a tag which the registry does not know."""

    tag: str
    source: str
    topic: str
    first_ns: int
    last_ns: int
    count: int
    last_value: float | None


_NEW = insert(unregistered)
_ADD_UNREGISTERED = _NEW.on_conflict_do_update(
    index_elements=["tag"],
    set_={
        "source": _NEW.excluded.source,
        "topic": _NEW.excluded.topic,
        "last_ns": _NEW.excluded.last_ns,
        "count": unregistered.c.count + _NEW.excluded.count,
        "last_value": _NEW.excluded.last_value,
    },
)


_ADD_EVENT = insert(events).on_conflict_do_nothing().returning(events.c.id)
_ADD_OUTBOX_ROW = insert(outbox).on_conflict_do_nothing()
_POSITION = insert(position)
_MOVE_POSITION = _POSITION.on_conflict_do_update(index_elements=["one"], set_={"offset": _POSITION.excluded.offset})
_PULSE = insert(pulses)
_PUT_PULSE = _PULSE.on_conflict_do_update(
    index_elements=["one"],
    set_={name: _PULSE.excluded[name] for name in ("event_id", "offset", "at_ns")},
    where=pulses.c.offset < _PULSE.excluded.offset,
)
_ALARM = insert(alarms)
_PUT_ALARM = _ALARM.on_conflict_do_update(
    index_elements=["id"],
    set_={name: _ALARM.excluded[name] for name in ("open", "state", "grade", "start_ns", "body")},
)


class PipelineStore:
    """The one writer of pipeline.db; its methods may be called from several threads.

    Raises:
        StoreFull: the disk is full; nothing of the call is stored.

    """

    def __init__(self, path: Path) -> None:
        self._engine = open_writer(path, schema, "fengsui pipeline")
        self._lock = threading.Lock()
        with self._writing() as connection:  # the only writer: what is listed need not be asked again
            self._listed = set(connection.execute(select(unregistered.c.tag)).scalars())

    def position(self) -> int:
        """Events of inputs below this offset are stored."""
        with self._writing() as connection:
            return connection.execute(select(position.c.offset)).scalar() or 0

    def record(
        self,
        new_events: Sequence[AlarmEvent],
        rows: Sequence[OutboxRow],
        next_offset: int,
        incident_events: Sequence[IncidentEvent] = (),
        flag_events: Sequence[FlagEvent] = (),
    ) -> int:
        """Store events, their outbox rows and the position in one transaction; returns how many alarm events were new.

        Events that are stored already are left as they are: the same input stepped twice has one effect. Of the
        synthetic sensor's the newest is kept in place of events and alarms.
        """
        pulse = next((event for event in reversed(new_events) if event.rule == HEARTBEAT), None)
        with self._writing() as connection:
            added = _add_events(connection, [event for event in new_events if event.rule != HEARTBEAT])
            if pulse is not None:
                values = {"one": 1, "event_id": pulse.id, "offset": pulse.offset, "at_ns": pulse.at_ns}
                connection.execute(_PUT_PULSE, values)
            incidents.add(connection, incident_events)
            flags.add(connection, flag_events)
            if rows:
                connection.execute(_ADD_OUTBOX_ROW, [_columns(row) for row in rows])
            connection.execute(_MOVE_POSITION, {"one": 1, "offset": next_offset})
        return added

    def open_alarms(self) -> list[tuple[Alarm, int]]:
        """Every open alarm as people were told of it, with the number of its events."""
        numbered = select(func.count()).where(events.c.alarm_id == alarms.c.id).scalar_subquery()
        with self._writing() as connection:
            rows = connection.execute(select(alarms.c.body, numbered).where(alarms.c.open).order_by(alarms.c.id))
            return [(msgspec.json.decode(body, type=Alarm), count) for body, count in rows]

    def flags(self) -> list[Flag]:
        """Those that people were told of as on or asked for."""
        with self._writing() as connection:
            return flags.listed(connection, ended=False, limit=sys.maxsize)

    def end_incidents(self, known: Collection[str]) -> int:
        """Show incidents as closed that the pipeline knows no more; how many."""
        with self._writing() as connection:
            return incidents.end_unknown(connection, known)

    def note_plan(self, plan: Plan) -> None:
        """Show readers which plan is in force, with its names; the journal holds the plan itself."""
        with self._writing() as connection:
            last = connection.execute(select(plans.c.version).order_by(plans.c.seq.desc()).limit(1)).scalar()
            if last != plan.version:
                connection.execute(insert(plans).values(version=plan.version, body=_json(plan)))

    def earlier_plans(self, in_force: str) -> Iterator[Plan]:
        """All plans but the version in force, newest first."""
        return earlier_plans(self._writing, in_force)

    def keep_poison(self, refusals: Iterable[Refusal]) -> None:
        """Keep refused payloads with their reason; the oldest make room."""
        rows = [
            {
                "at_ns": refusal.delivery.received_ns,
                "source": refusal.delivery.source,
                "topic": refusal.delivery.topic,
                "reason": refusal.reason,
                "detail": refusal.detail,
                "payload": refusal.payload[:POISON_BYTES_MAX],
            }
            for refusal in refusals
        ]
        if not rows:
            return
        with self._writing() as connection:
            connection.execute(insert(poison), rows)
            newest = connection.execute(select(func.max(poison.c.seq))).scalar() or 0
            connection.execute(delete(poison).where(poison.c.seq <= newest - POISON_KEPT))

    def note_unregistered(self, tags: Iterable[UnregisteredTag]) -> int:
        """Add to the list of unknown tags; returns how many did not fit any more."""
        listed = self._listed.copy()
        rows, left_out = [], 0
        for tag in tags:
            if tag.tag not in listed and len(listed) >= UNREGISTERED_KEPT:
                left_out += 1
                continue
            listed.add(tag.tag)
            rows.append(asdict(tag))
        if rows:
            with self._writing() as connection:
                connection.execute(_ADD_UNREGISTERED, rows)
        self._listed = listed
        return left_out

    def forget_unregistered(self, registered: Iterable[str]) -> None:
        """Drop tags that have been registered since."""
        with self._writing() as connection:
            gone = self._listed.intersection(registered)
            for tag in gone:
                connection.execute(delete(unregistered).where(unregistered.c.tag == tag))
        self._listed -= gone

    def outbox_size(self) -> int:
        with self._writing() as connection:
            return connection.execute(select(func.count()).select_from(outbox)).scalar_one()

    def close(self) -> None:
        with self._lock:
            self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction; the threads of the pipeline take turns on the one connection."""
        try:
            with self._lock, self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            if is_full(error):
                raise StoreFull(f"pipeline.db: no room on the disk: {error}") from error
            raise


def earlier_plans(ask: Callable[[], AbstractContextManager[Connection]], in_force: str) -> Iterator[Plan]:
    """Read one at a time, each with a short query: plans are large, and the first one mostly suffices."""
    query = select(plans.c.seq, plans.c.body).where(plans.c.version != in_force).order_by(plans.c.seq.desc()).limit(1)
    seq = sys.maxsize
    while True:
        with ask() as connection:
            row = connection.execute(query.where(plans.c.seq < seq)).first()
        if row is None:
            return
        seq = row.seq
        yield msgspec.json.decode(row.body, type=Plan)


def _add_events(connection: Connection, given: Sequence[AlarmEvent]) -> int:
    if not given:
        return 0
    rows = [{"id": e.id, "alarm_id": e.alarm_id, "offset": e.offset, "body": _json(e)} for e in given]
    added = set(connection.execute(_ADD_EVENT, rows).scalars())
    new = list({event.id: event for event in given if event.id in added}.values())
    if not new:
        return 0
    begun = {event.alarm_id for event in new if event.transition is Transition.RAISED}
    changed = _stored_alarms(connection, list({event.alarm_id for event in new} - begun))
    for event in new:
        before = changed.get(event.alarm_id)
        if before is None:
            before = beginning(event.alarm_id, event.rule, event.tag, event.asset, event.time_ns)
        changed[event.alarm_id] = after(before, event)
    connection.execute(
        _PUT_ALARM,
        [
            {
                "id": alarm.id,
                "open": alarm.state != AlarmState.NORMAL,
                "state": alarm.state.value,
                "grade": int(alarm.grade),
                "start_ns": alarm.start_ns,
                "body": _json(alarm),
            }
            for alarm in changed.values()
        ],
    )
    verdicts.add(connection, new)
    return len(new)


def _stored_alarms(connection: Connection, ids: list[str]) -> dict[str, Alarm]:
    found: dict[str, Alarm] = {}
    for part in _parts(ids):
        for body in connection.execute(select(alarms.c.body).where(alarms.c.id.in_(part))).scalars():
            alarm = msgspec.json.decode(body, type=Alarm)
            found[alarm.id] = alarm
    return found


def _parts(ids: list[str]) -> Iterator[list[str]]:
    """SQLite takes a limited number of values in one statement."""
    for begin in range(0, len(ids), 500):
        yield ids[begin : begin + 500]


def _columns(row: OutboxRow) -> dict[str, object]:
    return {
        "id": row.id,
        "alarm_id": row.alarm_id,
        "time_ns": row.time_ns,
        "topic": _json(row.topic),
        "body": row.body,
    }


def _json(item: object) -> bytes:
    return msgspec.json.encode(item, order="deterministic")
