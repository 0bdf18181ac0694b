"""What people said that each alarm was: the last verdict counts, and the time of the first is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, MetaData, Row, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from model.alarm import AlarmEvent, Transition, Verdict


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """What one alarm was.

    Attributes:
        verdict: the last one that was given.
        cause: the note of that one.
        by: who gave it.
        first_ns: wall clock when the alarm was first judged.
        at_ns: wall clock of the last one.

    """

    verdict: Verdict
    cause: str
    by: str
    first_ns: int
    at_ns: int


class VerdictTable:
    """One row an alarm that was judged; follows from the events."""

    def __init__(self, schema: MetaData) -> None:
        self.table = Table(
            "verdicts",
            schema,
            Column("alarm_id", String, primary_key=True),
            Column("rule", String, nullable=False, index=True),
            Column("verdict", String, nullable=False),
            Column("cause", String, nullable=False),
            Column("by", String, nullable=False),
            Column("first_ns", BigInteger, nullable=False),
            Column("at_ns", BigInteger, nullable=False),
        )
        new = insert(self.table)
        changed = {name: new.excluded[name] for name in ("verdict", "cause", "by", "at_ns")}
        self._put = new.on_conflict_do_update(index_elements=["alarm_id"], set_=changed)

    def add(self, connection: Connection, events: Sequence[AlarmEvent]) -> None:
        """Take the verdicts among new events, in their order."""
        rows = [
            {
                "alarm_id": one.alarm_id,
                "rule": one.rule,
                "verdict": one.verdict,
                "cause": one.note,
                "by": one.by,
                "first_ns": one.at_ns,
                "at_ns": one.at_ns,
            }
            for one in events
            if one.transition is Transition.VERDICT
        ]
        if rows:
            connection.execute(self._put, rows)

    def last_of(self, connection: Connection, rule: str, but: str, limit: int) -> list[Verdict]:
        """The last that say real or false of a rule's alarms, the newest first, without one alarm's."""
        table = self.table.c
        query = (
            select(table.verdict)
            .where(table.rule == rule, table.alarm_id != but)
            .where(table.verdict.in_((Verdict.REAL.value, Verdict.FALSE.value)))
            .order_by(table.at_ns.desc(), table.alarm_id)
            .limit(limit)
        )
        return [Verdict(one) for one in connection.execute(query).scalars()]

    @staticmethod
    def of(row: Row[tuple[object, ...]]) -> StoredVerdict:
        return StoredVerdict(Verdict(row.verdict), row.cause, row.by, row.first_ns, row.at_ns)
