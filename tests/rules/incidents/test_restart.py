"""Incidents go on after a restart as if there had been none, in whatever order a snapshot gives their alarms back."""

from __future__ import annotations

import msgspec

from model.alarm import Grade
from model.incident import Incident
from model.incident_plan import Chain, ChainStep, IncidentPlan
from model.sensor import Relation
from rules.incidents.correlation import Correlation, Kept
from tests.pipeline.plans import NAME, grade, rule
from tests.rules.incidents.plans import BASE_NS, SECOND, Desk, district, event


def restarted(desk: Desk) -> None:
    """As a snapshot does it: texts in a stable order."""
    kept = msgspec.json.decode(msgspec.json.encode(desk.stage.keep(), order="deterministic"), type=Kept)
    desk.stage = Correlation(desk.made)
    desk.stage.restore(kept)


def chained() -> Desk:
    """Two alarms in one incident; around each stand more assets than watch points may be left for the second."""
    step = ChainStep(NAME, NAME, here=False, relations=(Relation.DOWNSTREAM,), near_m=0.0)
    chain = Chain("chain", NAME, NAME, ("r",), Grade.YELLOW, (step,))
    assets = dict.fromkeys(("z", "a", *(f"{of}{at}" for of in "za" for at in range(40))), "s")
    links = [(of, f"{of}{at}", 10.0) for of in "za" for at in range(40)]
    rules = [rule("r", grade("yellow", "value > 1"))]
    desk = Desk(district(assets, links=links, rules=rules, incidents=IncidentPlan(links_max=1, chains=(chain,))))
    return desk.take(event("z", "z", 0), event("a", "a", 1))


def look(desk: Desk) -> list[str]:
    told = desk.stage.look.again(desk.groups, 9, BASE_NS + 2 * SECOND, lambda _kind, _asset: ())
    return [point.asset for one in told for point in one.watch_points]


def test_the_same_assets_are_watched() -> None:
    whole, cut = chained(), chained()
    restarted(cut)
    assert len(look(whole)) == 50
    assert look(cut) == look(chained())


def test_the_source_has_the_same_name() -> None:
    def located() -> Desk:
        scores = {"leak.position_m": 100.0, "leak.position_error_m": 10.0}
        desk = Desk(district({"pipe": "s"}))
        first = event("z", "pipe", 0, tag="first", scores=scores)
        return desk.take(first, event("a", "pipe", 1, tag="second", scores=scores))

    def source(desk: Desk) -> Incident:
        return desk.tick(2.0).told[-1].incident

    cut = located()
    restarted(cut)
    assert source(cut) == source(located())
