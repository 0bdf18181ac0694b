"""What leaves the house about one event: everything a receiver needs to understand it without asking back."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from model.alarm import ANNUNCIATES, AlarmEvent, Grade
from model.heartbeat import HEARTBEAT
from model.incident import IncidentEvent
from model.plan import Plan, RuleSpec
from model.sensor import Asset, Sensor, Site
from model.text import Text
from pipeline.delivery.incident_notice import incident_row
from pipeline.delivery.names import Earlier, Names
from store.pipeline_store import OutboxRow

FORMAT = "fengsui.alarm-event.v1"


class Notice(msgspec.Struct):
    """The body of a message, as JSON; documented in docs/connectors.md."""

    format: str
    event: AlarmEvent
    grade: str  # blue, yellow, orange, red or none
    rule_name: Text
    sensor_name: Text
    asset_name: Text
    site: str
    site_name: Text
    enterprise: str
    grid_cell: str
    advice: Text | None


class NoticeWriter:
    """Knows the names of the plan in force, and those that earlier plans gave to what is gone."""

    def __init__(self, plan: Plan, earlier: Earlier) -> None:
        self._names = Names(plan, earlier)
        self._incidents = plan.incidents

    def outbox_row(self, event: AlarmEvent) -> OutboxRow:
        asset = self._names.asset(event.asset)
        site = self._names.site(asset.site) if asset else None
        notice = _notice(event, self._names.rule(event.rule), self._names.sensor(event.tag), asset, site)
        topic = {
            "site": notice.site or "system",
            "asset": event.asset,
            "tag": event.tag,
            "rule": event.rule,
            "grade": notice.grade,
        }
        body = msgspec.json.encode(notice, order="deterministic")
        return OutboxRow(event.id, event.alarm_id, event.at_ns, topic, body)

    def rows(self, events: Iterable[AlarmEvent], incidents: Iterable[IncidentEvent]) -> list[OutboxRow]:
        """What is sent out of them, in the order of the journal, an input's alarms first: the same in every life."""
        rows = [(event.offset, 0, self.outbox_row(event)) for event in events if is_sent(event)]
        told = (one for one in incidents if one.tells)
        rows += [(one.offset, 1, incident_row(one, self._names, self._incidents)) for one in told]
        return [row for *_, row in sorted(rows, key=lambda placed: placed[:2])]


def is_sent(event: AlarmEvent) -> bool:
    """Whether it leaves the house: what calls for attention does not while its alarm is hidden."""
    return event.rule != HEARTBEAT and not (event.hidden and event.transition in ANNUNCIATES)


def _notice(
    event: AlarmEvent, rule: RuleSpec | None, sensor: Sensor | None, asset: Asset | None, site: Site | None
) -> Notice:
    highest = max(event.grade, event.previous_grade)
    advice = next((a.text for a in rule.advice if a.grade == highest), None) if rule else None
    return Notice(
        format=FORMAT,
        event=event,
        grade=Grade(event.grade).name.lower(),
        rule_name=rule.name if rule else _plain(event.rule),
        sensor_name=sensor.name if sensor else _plain(event.tag),
        asset_name=asset.name if asset else _plain(event.asset),
        site=site.id if site else "",
        site_name=site.name if site else Text("", ""),
        enterprise=site.enterprise if site else "",
        grid_cell=site.grid_cell if site else "",
        advice=advice,
    )


def _plain(text: str) -> Text:
    return Text(text, text)
