"""What hides alarms, on record for ever: each flag as it stands, and every line of its history."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from model.flag import Flag, FlagEvent, FlagState


class FlagTables:
    """Flags follow from their events."""

    def __init__(self, schema: MetaData) -> None:
        self.flags = Table(
            "flags",
            schema,
            Column("id", String, primary_key=True),
            Column("state", String, nullable=False, index=True),
            Column("since_ns", BigInteger, nullable=False),
            Column("body", LargeBinary, nullable=False),  # JSON of the Flag
        )
        self.events = Table(
            "flag_events",
            schema,
            Column("seq", Integer, primary_key=True),
            Column("id", String, nullable=False, unique=True),
            Column("flag_id", String, nullable=False, index=True),
            Column("offset", BigInteger, nullable=False),
            Column("body", LargeBinary, nullable=False),  # canonical JSON of the FlagEvent
        )
        self._add_event = insert(self.events).on_conflict_do_nothing().returning(self.events.c.id)
        new = insert(self.flags)
        changed = {name: new.excluded[name] for name in ("state", "since_ns", "body")}
        self._put = new.on_conflict_do_update(index_elements=["id"], set_=changed)

    def add(self, connection: Connection, events: Sequence[FlagEvent]) -> None:
        """Store events, and the flags as they stand since; what is stored already is left as it is."""
        if not events:
            return
        rows = [{"id": e.id, "flag_id": e.flag.id, "offset": e.offset, "body": _json(e)} for e in events]
        added = set(connection.execute(self._add_event, rows).scalars())
        newest = {event.flag.id: event.flag for event in events if event.id in added}
        if newest:
            rows = [
                {"id": flag.id, "state": flag.state.value, "since_ns": flag.since_ns, "body": _json(flag)}
                for flag in newest.values()
            ]
            connection.execute(self._put, rows)

    def listed(self, connection: Connection, *, ended: bool, limit: int) -> list[Flag]:
        """Those that are on or asked for, the newest first; ``ended``: all of them."""
        table = self.flags.c
        query = select(table.body).order_by(table.since_ns.desc(), table.id).limit(limit)
        if not ended:
            query = query.where(table.state != FlagState.ENDED.value)
        return [msgspec.json.decode(body, type=Flag) for body in connection.execute(query).scalars()]

    def found(self, connection: Connection, id_prefix: str) -> list[Flag]:
        """Those that are on or asked for and whose id begins so, two at most."""
        table = self.flags.c
        begins = table.id.startswith(id_prefix, autoescape=True)
        query = select(table.body).where(begins, table.state != FlagState.ENDED.value).limit(2)
        return [msgspec.json.decode(body, type=Flag) for body in connection.execute(query).scalars()]


def _json(item: object) -> bytes:
    return msgspec.json.encode(item, order="deterministic")
