"""What leaves the house about one event: everything a receiver needs to understand it without asking back."""

from __future__ import annotations

import msgspec

from model.alarm import AlarmEvent, Grade
from model.plan import Plan, RuleSpec
from model.sensor import Asset, Sensor, Site
from model.text import Text
from pipeline.process.self_watch import SYSTEM_RULES
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
    """Knows the plan's names."""

    def __init__(self, plan: Plan) -> None:
        self._rules = {rule.id: rule for rule in (*plan.rules, *SYSTEM_RULES)}
        self._sensors = {sensor.tag: sensor for sensor in plan.sensors}
        self._assets = {asset.id: asset for asset in plan.assets}
        self._sites = {site.id: site for site in plan.sites}

    def outbox_row(self, event: AlarmEvent) -> OutboxRow:
        sensor = self._sensors.get(event.tag)
        asset = self._assets.get(event.asset)
        site = self._sites.get(asset.site) if asset else None
        notice = _notice(event, self._rules.get(event.rule), sensor, asset, site)
        topic = {
            "site": notice.site or "system",
            "asset": event.asset,
            "tag": event.tag,
            "rule": event.rule,
            "grade": notice.grade,
        }
        body = msgspec.json.encode(notice, order="deterministic")
        return OutboxRow(event.id, event.alarm_id, event.at_ns, topic, body)


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
