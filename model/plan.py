"""A configuration version: everything that decides how readings are judged, resolved and in one piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from model.alarm import Grade
from model.incident_plan import IncidentPlan
from model.override import Override, Where
from model.sensor import Asset, Enterprise, GridCell, Kind, Sensor, Site
from model.text import Text

Parameter: TypeAlias = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One configured detector. Its ``id`` is the operand by which conditions name its score."""

    id: str
    detector: str  # name in detectors.DETECTORS, or in detectors.ASSET_DETECTORS
    kinds: tuple[str, ...]  # of a detector on assets: the kinds of the asset's sensors that it looks at
    parameters: dict[str, Parameter]
    assets: tuple[str, ...] = ()  # Asset.kind; given = it scores whole assets


@dataclass(frozen=True, slots=True)
class Advice:
    """Response card of one grade."""

    grade: Grade
    text: Text


@dataclass(frozen=True, slots=True)
class Rationale:
    """Why one grade exists (IEC 62682, rationalisation); None = nobody has said."""

    grade: Grade
    cause: Text | None = None
    consequence: Text | None = None  # if nobody acts
    respond_within_s: float | None = None  # for the action to be of use


@dataclass(frozen=True, slots=True)
class GradeSpec:
    """When one colour of a rule is on."""

    grade: Grade
    when: str  # condition; numbers may carry units
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    deadband: float = 0.0  # unit of the condition's operand


@dataclass(frozen=True, slots=True)
class Chatter:
    """When an alarm chatters, and how it is then damped. ``times`` 0 = it never does."""

    times: int = 3  # rises of its level ...
    within_s: float = 60.0  # ... in so much event time
    hold_s: float = 300.0  # good readings must say for so long that it is over


#: Time after which an acknowledged alarm of a grade is told of again; a grade that is not named, or 0: never.
Realarm: TypeAlias = tuple[tuple[Grade, float], ...]


@dataclass(frozen=True, slots=True)
class AlarmPolicy:
    """What holds for all alarms, where their rule does not say otherwise."""

    shelf_max_s: float = 8 * 3600.0
    out_of_service_max_s: float = 7 * 86_400.0
    confirm_within_s: float = 600.0  # for the second person to agree
    chatter: Chatter = Chatter()
    realarm_after_s: Realarm = ((Grade.ORANGE, 7200.0), (Grade.RED, 1800.0))
    stale_after_s: float = 86_400.0  # 0 = never


#: Plans of versions that knew no policy were judged by none, and are so again when they are replayed.
NO_POLICY = AlarmPolicy(chatter=Chatter(times=0), realarm_after_s=(), stale_after_s=0.0)


@dataclass(frozen=True, slots=True)
class RuleSpec:
    id: str
    name: Text
    kinds: tuple[str, ...]
    grades: tuple[GradeSpec, ...]  # rising grade
    source: Text  # clause of the standard that the thresholds come from
    latching: bool = False
    advice: tuple[Advice, ...] = ()
    assets: tuple[str, ...] = ()  # Asset.kind; given = it judges whole assets, and has no kinds
    yields_to: tuple[str, ...] = ()  # DetectorSpec.id, on assets: it begins nothing on sensors that these can confirm
    diagnostic: bool = False  # about the instrument, not about what it measures (IEC 62682)
    chatter: Chatter | None = None  # None = as the plan's policy says; so the next two
    realarm_after_s: Realarm = ()  # of the grades that are named
    stale_after_s: float | None = None
    where: Where | None = None  # None: all sensors of its kinds, or assets of its kinds
    owner: str = ""  # who answers for the rule
    approved: str = ""  # by whom and when
    rationale: tuple[Rationale, ...] = ()
    suppress_when: str = ""  # condition; while it is known to hold for a sensor, alarms there are suppressed by design


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. ``version`` is a hash of the content, so equal plans have equal versions."""

    version: str
    enterprises: tuple[Enterprise, ...]
    grid_cells: tuple[GridCell, ...]
    sites: tuple[Site, ...]
    assets: tuple[Asset, ...]
    kinds: tuple[Kind, ...]
    sensors: tuple[Sensor, ...]  # their order gives Batch.sensor
    detectors: tuple[DetectorSpec, ...]
    rules: tuple[RuleSpec, ...]
    alarms: AlarmPolicy = NO_POLICY
    overrides: tuple[Override, ...] = ()
    incidents: IncidentPlan = field(default_factory=IncidentPlan)
