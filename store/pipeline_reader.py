"""Reads pipeline.db beside its writer: for the delivery process, the command line and the console."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import func, select, text

from model.alarm import Alarm, AlarmEvent, Verdict
from model.errors import StoreError
from model.flag import Flag
from model.heartbeat import Pulse
from model.incident import Incident, IncidentEvent
from model.plan import Plan
from store.database import open_reader
from store.pipeline_store import (
    OutboxRow,
    UnregisteredTag,
    alarms,
    earlier_plans,
    events,
    flags,
    incidents,
    outbox,
    plans,
    poison,
    position,
    pulses,
    unregistered,
    verdicts,
)
from store.verdict_table import StoredVerdict


@dataclass(frozen=True, slots=True)
class PoisonRow:
    """One refused payload."""

    seq: int
    at_ns: int
    source: str
    topic: str
    reason: str
    detail: str
    payload: bytes


class PipelineReader:
    """Read-only; every call is one short query."""

    def __init__(self, path: Path) -> None:
        self._engine = open_reader(path)

    def data_version(self) -> int:
        """Changes whenever the writer has committed something."""
        with self._engine.connect() as connection:
            return int(connection.execute(text("PRAGMA data_version")).scalar_one())

    def alarms(self, *, open_only: bool = True, limit: int = 1000) -> list[Alarm]:
        """The highest grade first, then the newest: a limit cuts off what matters least."""
        query = (
            select(alarms.c.body).order_by(alarms.c.grade.desc(), alarms.c.start_ns.desc(), alarms.c.id).limit(limit)
        )
        if open_only:
            query = query.where(alarms.c.open)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=Alarm) for body in connection.execute(query).scalars()]

    def alarm(self, id_prefix: str) -> list[Alarm]:
        """Alarms whose id begins so, two at most: enough to tell whether it is unique."""
        query = select(alarms.c.body).where(alarms.c.id.startswith(id_prefix, autoescape=True)).limit(2)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=Alarm) for body in connection.execute(query).scalars()]

    def judged_alarms(self, begin_ns: int, end_ns: int) -> Iterator[tuple[Alarm, StoredVerdict | None]]:
        """Every alarm that began in a span, in that order, with what people said that it was."""
        table = verdicts.table
        query = (
            select(alarms.c.body, table)
            .outerjoin(table, table.c.alarm_id == alarms.c.id)
            .where(alarms.c.start_ns >= begin_ns, alarms.c.start_ns < end_ns)
            .order_by(alarms.c.start_ns, alarms.c.id)
        )
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                yield msgspec.json.decode(row.body, type=Alarm), verdicts.of(row) if row.verdict else None

    def last_verdicts(self, rule: str, but: str, limit: int) -> list[Verdict]:
        """The last that say real or false of alarms of a rule, the newest first, without one alarm's."""
        with self._engine.connect() as connection:
            return verdicts.last_of(connection, rule, but, limit)

    def incidents(self, *, open_only: bool = True, limit: int = 1000) -> list[Incident]:
        """The highest grade first, then the newest."""
        table = incidents.incidents
        query = select(table.c.body).order_by(table.c.grade.desc(), table.c.start_ns.desc(), table.c.id).limit(limit)
        if open_only:
            query = query.where(table.c.open)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=Incident) for body in connection.execute(query).scalars()]

    def incident(self, id_prefix: str) -> list[Incident]:
        """Incidents whose id begins so, two at most."""
        table = incidents.incidents
        query = select(table.c.body).where(table.c.id.startswith(id_prefix, autoescape=True)).limit(2)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=Incident) for body in connection.execute(query).scalars()]

    def incident_events(self, incident_id: str) -> list[IncidentEvent]:
        table = incidents.events
        query = select(table.c.body).where(table.c.incident_id == incident_id).order_by(table.c.seq)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=IncidentEvent) for body in connection.execute(query).scalars()]

    def incident_event_bodies(self) -> list[bytes]:
        """All of them as stored, in order: what two runs are compared by."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(incidents.events.c.body).order_by(incidents.events.c.seq)).scalars())

    def alarms_of(self, incident_id: str, limit: int = 1000) -> list[Alarm]:
        """Alarms of an incident, the highest grade first, then the first."""
        members = incidents.members
        query = (
            select(alarms.c.body)
            .join(members, members.c.alarm_id == alarms.c.id)
            .where(members.c.incident_id == incident_id)
            .order_by(alarms.c.grade.desc(), alarms.c.start_ns, alarms.c.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=Alarm) for body in connection.execute(query).scalars()]

    def incidents_of(self, alarm_ids: Sequence[str]) -> dict[str, str]:
        """To which incident each of these alarms belongs."""
        members = incidents.members
        found: dict[str, str] = {}
        with self._engine.connect() as connection:
            for begin in range(0, len(alarm_ids), 500):
                query = select(members).where(members.c.alarm_id.in_(alarm_ids[begin : begin + 500]))
                found |= {row.alarm_id: row.incident_id for row in connection.execute(query)}
        return found

    def flags(self, *, ended: bool = False, limit: int = 1000) -> list[Flag]:
        """What hides alarms or is asked for, the newest first; ``ended``: what did so, too."""
        with self._engine.connect() as connection:
            return flags.listed(connection, ended=ended, limit=limit)

    def flag(self, id_prefix: str) -> list[Flag]:
        """Flags that are on or asked for and whose id begins so, two at most."""
        with self._engine.connect() as connection:
            return flags.found(connection, id_prefix)

    def events_of(self, alarm_id: str) -> list[AlarmEvent]:
        query = select(events.c.body).where(events.c.alarm_id == alarm_id).order_by(events.c.seq)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(body, type=AlarmEvent) for body in connection.execute(query).scalars()]

    def events_after(self, seq: int, limit: int = 1000) -> list[tuple[int, AlarmEvent]]:
        query = select(events.c.seq, events.c.body).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
        with self._engine.connect() as connection:
            return [(row.seq, msgspec.json.decode(row.body, type=AlarmEvent)) for row in connection.execute(query)]

    def event_bodies(self) -> list[bytes]:
        """All events as stored, in order: what two runs are compared by."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(events.c.body).order_by(events.c.seq)).scalars())

    def outbox_after(self, seq: int, limit: int = 1000) -> list[tuple[int, OutboxRow]]:
        query = select(outbox).where(outbox.c.seq > seq).order_by(outbox.c.seq).limit(limit)
        with self._engine.connect() as connection:
            return [
                (
                    row.seq,
                    OutboxRow(
                        row.id,
                        row.alarm_id,
                        row.time_ns,
                        msgspec.json.decode(row.topic, type=dict[str, str]),
                        row.body,
                    ),
                )
                for row in connection.execute(query)
            ]

    def last_outbox_seq(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(outbox.c.seq))).scalar() or 0

    def pulse(self) -> Pulse | None:
        """The synthetic sensor's newest event; None = there was none yet."""
        with self._engine.connect() as connection:
            row = connection.execute(select(pulses.c.event_id, pulses.c.offset, pulses.c.at_ns)).first()
        return Pulse(row.event_id, row.offset, row.at_ns) if row else None

    def position(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(position.c.offset)).scalar() or 0

    def plan(self) -> Plan:
        """The plan in force.

        Raises:
            StoreError: the pipeline has not begun with one yet.

        """
        with self._engine.connect() as connection:
            body = connection.execute(select(plans.c.body).order_by(plans.c.seq.desc()).limit(1)).scalar()
        if body is None:
            raise StoreError("no plan is in force yet; has `fengsui run` been started with this data_dir?")
        return msgspec.json.decode(body, type=Plan)

    def earlier_plans(self, in_force: str) -> Iterator[Plan]:
        """All plans but the version in force, newest first."""
        return earlier_plans(self._engine.connect, in_force)

    def poison(self, limit: int = 100) -> list[PoisonRow]:
        query = select(poison).order_by(poison.c.seq.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [PoisonRow(*row) for row in connection.execute(query)]

    def unregistered(self, limit: int = 1000) -> list[UnregisteredTag]:
        query = select(unregistered).order_by(unregistered.c.tag).limit(limit)
        with self._engine.connect() as connection:
            return [UnregisteredTag(*row) for row in connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """Rows in each table."""
        with self._engine.connect() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (events, alarms, outbox, poison, unregistered)
            }

    def close(self) -> None:
        self._engine.dispose()
