"""What leaves the house about an incident: what it is, why it is worse, where it may go on, and what to do."""

from __future__ import annotations

import msgspec

from model.incident import IncidentEvent
from model.incident_plan import IncidentPlan
from model.text import Text
from pipeline.delivery.names import Names
from store.pipeline_store import OutboxRow

FORMAT = "fengsui.incident.v1"


class Reason(msgspec.Struct):
    """A combination that lifted the incident's grade."""

    combination: str
    name: Text
    source: Text
    advice: Text


class Watched(msgspec.Struct):
    """A watch point: where a declared chain may go on."""

    chain: str
    chain_name: Text
    what: Text
    asset: str
    asset_name: Text
    distance_m: float | None
    advice: Text


class IncidentNotice(msgspec.Struct):
    """The body of the message, as JSON; documented in docs/connectors.md."""

    format: str
    event: IncidentEvent
    grade: str  # of the incident
    rule_name: Text  # of the first alarm
    sensor_name: Text  # of the first alarm
    asset_name: Text  # of the probable source
    site: str
    site_name: Text
    enterprise: str
    grid_cell: str
    reasons: list[Reason]
    watch_points: list[Watched]  # new ones


def incident_row(event: IncidentEvent, names: Names, plan: IncidentPlan) -> OutboxRow:
    """One message about an incident."""
    first, where = event.incident.first_out, event.incident.source
    rule, sensor, asset = names.rule(first.rule), names.sensor(first.tag), names.asset(where.asset)
    site = names.site(asset.site) if asset else None
    notice = IncidentNotice(
        format=FORMAT,
        event=event,
        grade=event.incident.grade.name.lower(),
        rule_name=rule.name if rule else _plain(first.rule),
        sensor_name=sensor.name if sensor else _plain(first.tag),
        asset_name=asset.name if asset else _plain(where.asset),
        site=site.id if site else "",
        site_name=site.name if site else Text("", ""),
        enterprise=site.enterprise if site else "",
        grid_cell=site.grid_cell if site else "",
        reasons=reasons(event, plan),
        watch_points=watched(event, names, plan),
    )
    topic = {
        "site": notice.site or "system",
        "asset": where.asset,
        "tag": where.tag,
        "rule": f"incident.{event.change}",
        "grade": notice.grade,
    }
    body = msgspec.json.encode(notice, order="deterministic")
    return OutboxRow(event.id, event.incident_id, event.at_ns, topic, body)


def reasons(event: IncidentEvent, plan: IncidentPlan) -> list[Reason]:
    """Combinations that hold, as far as the plan in force knows them."""
    lifted = {lift.combination for lift in event.incident.lifts}
    return [Reason(one.id, one.name, one.source, one.advice) for one in plan.combinations if one.id in lifted]


def watched(event: IncidentEvent, names: Names, plan: IncidentPlan) -> list[Watched]:
    """The event's new watch points, as far as the plan in force knows their chains."""
    chains = {chain.id: chain for chain in plan.chains}
    found = []
    for point in event.watch_points:
        chain, asset = chains.get(point.chain), names.asset(point.asset)
        if chain is not None and point.step < len(chain.steps):
            step = chain.steps[point.step]
            name = asset.name if asset else _plain(point.asset)
            found.append(Watched(chain.id, chain.name, step.what, point.asset, name, point.distance_m, step.advice))
    return found


def _plain(text: str) -> Text:
    return Text(text, text)
