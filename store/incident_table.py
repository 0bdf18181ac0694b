"""Incidents in pipeline.db: their events, how each stands, and which alarm belongs where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from model.incident import Incident, IncidentChange, IncidentEvent

#: Closed incidents that are kept, with their events; their alarms are kept for as long as alarms are.
CLOSED_KEPT = 10_000


class IncidentTables:
    """The tables, in one schema with those of the alarms: one transaction holds both."""

    def __init__(self, schema: MetaData) -> None:
        self.events = Table(
            "incident_events",
            schema,
            Column("seq", Integer, primary_key=True),
            Column("id", String, nullable=False, unique=True),
            Column("incident_id", String, nullable=False, index=True),
            Column("offset", BigInteger, nullable=False),
            Column("body", LargeBinary, nullable=False),  # canonical JSON of the IncidentEvent
        )
        self.incidents = Table(
            "incidents",
            schema,
            Column("id", String, primary_key=True),
            Column("open", Boolean, nullable=False, index=True),
            Column("grade", Integer, nullable=False),
            Column("start_ns", BigInteger, nullable=False, index=True),
            Column("body", LargeBinary, nullable=False),  # JSON of the Incident
        )
        self.members = Table(
            "incident_alarms",
            schema,
            Column("alarm_id", String, primary_key=True),
            Column("incident_id", String, nullable=False, index=True),
        )

    def add(self, connection: Connection, given: Sequence[IncidentEvent]) -> int:
        """Store events and what follows from them; those that are stored already change nothing. How many were new."""
        if not given:
            return 0
        rows = [{"id": e.id, "incident_id": e.incident_id, "offset": e.offset, "body": _json(e)} for e in given]
        added = set(
            connection.execute(insert(self.events).on_conflict_do_nothing().returning(self.events.c.id), rows).scalars()
        )
        new = [event for event in given if event.id in added]
        for event in new:
            self._move_alarms(connection, event)
        self._put(connection, {event.incident_id: event.incident for event in new})
        if any(not event.incident.is_open for event in new):
            self._drop_oldest(connection)
        return len(new)

    def end_unknown(self, connection: Connection, known: Collection[str]) -> int:
        """Show those as closed that the pipeline knows no more; how many."""
        table = self.incidents
        rows = connection.execute(select(table.c.body).where(table.c.open)).scalars()
        gone = [one for one in (msgspec.json.decode(body, type=Incident) for body in rows) if one.id not in known]
        self._put(connection, {one.id: replace(one, is_open=False) for one in gone})
        return len(gone)

    def _move_alarms(self, connection: Connection, event: IncidentEvent) -> None:
        for part in _parts(event.joined):
            statement = insert(self.members)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["alarm_id"], set_={"incident_id": statement.excluded.incident_id}
                ),
                [{"alarm_id": alarm_id, "incident_id": event.incident_id} for alarm_id in part],
            )
        if event.change is IncidentChange.MERGED:
            for part in _parts(event.others):
                moved = update(self.members).where(self.members.c.incident_id.in_(part))
                connection.execute(moved.values(incident_id=event.incident_id))

    def _put(self, connection: Connection, stand: dict[str, Incident]) -> None:
        if not stand:
            return
        statement = insert(self.incidents)
        names = ("open", "grade", "start_ns", "body")
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={name: statement.excluded[name] for name in names}
            ),
            [
                {
                    "id": one.id,
                    "open": one.is_open,
                    "grade": int(one.grade),
                    "start_ns": one.start_ns,
                    "body": _json(one),
                }
                for one in stand.values()
            ],
        )

    def _drop_oldest(self, connection: Connection) -> None:
        table = self.incidents
        closed = select(table.c.id).where(~table.c.open).order_by(table.c.start_ns.desc(), table.c.id)
        old = list(connection.execute(closed.offset(CLOSED_KEPT)).scalars())
        for part in _parts(old):
            connection.execute(delete(self.events).where(self.events.c.incident_id.in_(part)))
            connection.execute(delete(self.members).where(self.members.c.incident_id.in_(part)))
            connection.execute(delete(table).where(table.c.id.in_(part)))


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), 500):
        yield ids[begin : begin + 500]


def _json(item: object) -> bytes:
    return msgspec.json.encode(item, order="deterministic")
