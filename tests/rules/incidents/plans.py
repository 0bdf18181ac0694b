"""Small districts and alarm events for tests of incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from model.alarm import AlarmEvent, AlarmState, Grade, Transition, Why
from model.incident import IncidentEvent
from model.incident_plan import IncidentPlan
from model.plan import Plan, RuleSpec
from model.sensor import Asset, Link, Position, Relation, Sensor, Site
from model.text import Text
from rules.incidents.correlation import Correlation
from tests.pipeline.plans import NAME, plan

SECOND = 10**9
BASE_NS = 1_760_000_000 * SECOND


def district(
    assets: Mapping[str, str],
    *,
    links: Sequence[tuple[str, str, float | None]] = (),
    places: Mapping[str, tuple[float, float]] | None = None,
    along: Mapping[str, float] | None = None,
    asset_places: Mapping[str, tuple[float, float]] | None = None,
    site_places: Mapping[str, tuple[float, float]] | None = None,
    rules: Sequence[RuleSpec] = (),
    incidents: IncidentPlan | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Plan:
    """A plan of assets (asset -> site), each with one sensor of its name; ``places`` and ``along`` are of sensors."""
    of_asset: dict[str, list[Link]] = {}
    for one, other, length_m in links:
        of_asset.setdefault(one, []).append(Link(Relation.DOWNSTREAM, other, length_m))
    places, along, asset_places, site_places = places or {}, along or {}, asset_places or {}, site_places or {}
    sites = sorted(set(assets.values()))
    return replace(
        plan(*rules),
        sites=tuple(
            Site(site, NAME, "company", "cell", Position(*site_places.get(site, (None, None)))) for site in sites
        ),
        assets=tuple(
            Asset(
                asset,
                NAME,
                site,
                links=tuple(of_asset.get(asset, ())),
                position=Position(*asset_places.get(asset, (None, None))),
            )
            for asset, site in assets.items()
        ),
        sensors=tuple(
            Sensor(
                asset,
                (kinds or {}).get(asset, "gas"),
                asset,
                NAME,
                Position(*places.get(asset, (None, None)), along_m=along.get(asset)),
            )
            for asset in assets
        ),
        incidents=incidents or IncidentPlan(),
    )


def event(
    alarm: str,
    asset: str,
    at_s: float,
    *,
    transition: Transition = Transition.RAISED,
    state: AlarmState = AlarmState.UNACKNOWLEDGED,
    grade: Grade = Grade.YELLOW,
    rule: str = "r",
    tag: str = "",
    offset: int = 0,
    scores: Mapping[str, float] | None = None,
    received_s: float | None = None,
) -> AlarmEvent:
    why = None
    if scores is not None:
        why = Why("c", None, "", 0, dict(scores), 0, 0.0, (), Text("", ""), "p", None)
    at_ns = BASE_NS + round(at_s * SECOND)
    return AlarmEvent(
        id=f"{alarm}/{transition}/{at_s}",
        alarm_id=alarm,
        offset=offset,
        rule=rule,
        tag=tag or asset,
        asset=asset,
        transition=transition,
        state=state,
        grade=grade,
        previous_grade=Grade.NONE,
        time_ns=at_ns,
        at_ns=at_ns if received_s is None else BASE_NS + round(received_s * SECOND),
        offline=received_s is not None,
        by="",
        note="",
        why=why,
    )


@dataclass
class Desk:
    """Takes events and seconds, as the second stage does."""

    made: Plan
    told: list[IncidentEvent] = field(default_factory=list)
    now_s: float = 0.0
    offset: int = 1

    def __post_init__(self) -> None:
        self.stage = Correlation(self.made)

    @property
    def groups(self):
        return self.stage.groups

    def take(self, *events: AlarmEvent) -> Desk:
        for one in events:
            self.offset += 1
            self.groups.live_ns = self._live()
            self.told += self.groups.take(replace(one, offset=one.offset or self.offset))
        return self

    def over(self, alarm: str, asset: str, at_s: float) -> Desk:
        """Returned and acknowledged."""
        gone = event(alarm, asset, at_s, transition=Transition.RETURNED, state=AlarmState.RETURNED, grade=Grade.NONE)
        done = replace(gone, transition=Transition.ACKNOWLEDGED, state=AlarmState.NORMAL)
        return self.take(gone, done)

    def tick(self, now_s: float) -> Desk:
        self.now_s = now_s
        self.offset += 1
        self.groups.live_ns = self._live()
        self.told += self.groups.tick(self.offset, BASE_NS + round(now_s * SECOND))
        return self

    def partition(self) -> set[frozenset[str]]:
        return {frozenset(one.members) for one in self.groups.open.values()}

    def changes(self) -> list[str]:
        return [one.change.value for one in self.told]

    def _live(self) -> int:
        return round(self.now_s * SECOND)
