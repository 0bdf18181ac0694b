"""tests.yaml of a pack: given these readings, expect these alarms. Pure: the judge runs where the pipeline is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.findings import Findings, Plain, one_of
from config.incident_tests import IncidentExpectation, IncidentExpectationShape, expected
from config.shape import Duration, Shape, TextShape, check_shape
from config.yaml_file import Document
from model.alarm import AlarmEvent, Grade, Transition
from model.batch import BAD, GOOD, UNCERTAIN
from model.errors import Place
from model.plan import RuleSpec
from model.sensor import Kind
from model.text import Text

#: 2026-01-05 00:00 in Shanghai, a Monday: tests begin at midnight of the display zone.
START_NS = 1_767_542_400_000_000_000

ROWS_MAX = 2_000_000
_TICK_S_MAX = 10.0
_QUALITY = {"good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
GradeName = Literal["blue", "yellow", "orange", "red"]
Window = Annotated[list[Duration], Field(min_length=2, max_length=2)]


class _StretchShape(Shape):
    from_s: Duration = Field(alias="from")
    until_s: Duration = Field(alias="until")
    value: float | None = None
    to: float | None = Field(default=None, description="Where a ramp from value ends.")
    noise: float = Field(default=0.0, ge=0, description="Standard deviation of added noise.")
    swing: float = Field(default=0.0, ge=0, description="Amplitude of an added sine wave.")
    every: Duration = Field(default=86_400.0, gt=0, description="Period of the sine wave.")
    resolution: float = Field(default=0.0, ge=0, description="Readings are rounded to multiples of it.")
    quality: Literal["good", "uncertain", "bad"] = "good"
    clock_ahead: Duration = Field(default=0.0, description="How far the device's clock is ahead.")
    missing: bool = Field(default=False, description="No readings in this stretch.")

    @model_validator(mode="after")
    def _says_something(self) -> _StretchShape:
        if self.until_s <= self.from_s:
            raise ValueError("must end after it begins")
        if self.missing == (self.value is not None):
            raise ValueError("must give either value or missing: true")
        return self


class _ExpectationShape(Shape):
    rule: str
    raised: GradeName | None = None
    upgraded: GradeName | None = None
    downgraded: GradeName | None = None
    returned: Literal[True] | None = None
    nothing: Literal[True] | None = None
    within: Window | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> _ExpectationShape:
        happenings = [self.raised, self.upgraded, self.downgraded, self.returned, self.nothing]
        if sum(happening is not None for happening in happenings) != 1:
            raise ValueError("must say one of raised, upgraded, downgraded, returned, nothing")
        if (self.within is None) == (self.nothing is None):
            raise ValueError("must say within: [from, until], or nothing: true without it")
        if self.within is not None and self.within[1] < self.within[0]:
            raise ValueError("must have a within that ends after it begins")
        return self

    def happening(self) -> tuple[Transition | None, Grade]:
        if self.raised:
            return Transition.RAISED, Grade[self.raised.upper()]
        if self.upgraded:
            return Transition.UPGRADED, Grade[self.upgraded.upper()]
        if self.downgraded:
            return Transition.DOWNGRADED, Grade[self.downgraded.upper()]
        return (Transition.RETURNED if self.returned else None), Grade.NONE


def _expected(given: object) -> object:
    """Turn the word ``nothing`` into an empty list, which itself is too easily an oversight to be allowed."""
    if given == "nothing":
        return []
    if not isinstance(given, list) or not given:
        raise ValueError("must be a list of expectations, or the word nothing")
    return given


class _SensorShape(Shape):
    kind: str
    period: Duration | None = Field(default=None, gt=0, description="The kind's if not given.")
    calibrated_for: Duration | None = Field(default=None, description="When its calibration ends.")
    along_m: float | None = None
    given: list[_StretchShape] = Field(min_length=1, max_length=100)


class _TestShape(Shape):
    name: TextShape
    kind: str = ""
    period: Duration | None = Field(default=None, gt=0, description="The kind's if not given.")
    seed: int = Field(default=1, ge=0)
    calibrated_for: Duration | None = Field(default=None, description="When its calibration ends.")
    given: list[_StretchShape] = Field(default=[], max_length=100)
    asset: str = Field(default="", description="Instead of kind and given: a kind of asset, with its sensors.")
    attributes: dict[str, float] = Field(default={}, description="Of the asset.")
    sensors: dict[str, _SensorShape] = Field(default={})
    expect: Annotated[list[_ExpectationShape], BeforeValidator(_expected), Field(max_length=50)]
    incident: list[IncidentExpectationShape] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _is_of_a_sensor_or_of_an_asset(self) -> _TestShape:
        if bool(self.kind) == bool(self.asset) or bool(self.kind) != bool(self.given):
            raise ValueError("must give kind and given, or asset and sensors")
        if bool(self.asset) != bool(self.sensors):
            raise ValueError("must give the sensors of the asset")
        return self

    def each(self) -> dict[tuple[str | int, ...], _SensorShape]:
        """Its sensors, by where they stand in the test."""
        if self.sensors:
            return {("sensors", name): sensor for name, sensor in self.sensors.items()}
        return {
            (): _SensorShape(kind=self.kind, period=self.period, calibrated_for=self.calibrated_for, given=self.given)
        }


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings between two moments; times in seconds from the start of the test."""

    from_s: float
    until_s: float
    value: float  # unit of the kind
    to: float
    noise: float
    swing: float
    every_s: float
    resolution: float
    quality: int
    clock_ahead_s: float
    missing: bool


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must happen to a rule's alarm. ``transition`` None: it must not be raised at all."""

    rule: str
    transition: Transition | None
    grade: Grade  # NONE where the transition has no grade of its own
    from_s: float
    until_s: float

    def __str__(self) -> str:
        if self.transition is None:
            return f"{self.rule}: nothing"
        grade = f" {self.grade.name.lower()}" if self.grade else ""
        return f"{self.rule}: {self.transition.value}{grade} within {self.from_s:g} s to {self.until_s:g} s"


@dataclass(frozen=True, slots=True)
class TestedSensor:
    """One sensor of a test, and its readings."""

    __test__ = False  # for pytest

    tag: str
    kind: Kind
    period_s: float
    along_m: float | None
    given: tuple[Stretch, ...]
    calibrated_until: date | None  # as in the registry


@dataclass(frozen=True, slots=True)
class PackTest:
    """The sensors of one asset, and what must come of their readings. Empty ``expect``: no alarm of any rule."""

    name: Text
    asset: str  # kind of the asset; empty = none, the test is of one sensor
    attributes: dict[str, float]
    sensors: tuple[TestedSensor, ...]
    seed: int
    expect: tuple[Expectation, ...]
    place: Place
    incident: tuple[IncidentExpectation, ...] = ()

    @property
    def kind(self) -> str:
        """Of the asset, or of the one sensor."""
        return self.asset or self.sensors[0].kind.id

    @property
    def period_s(self) -> float:
        return min(sensor.period_s for sensor in self.sensors)

    @property
    def tick_s(self) -> float:
        """How often a clock tick is enough: as often as readings come, within the pause that counts as an outage."""
        return min(max(1.0, self.period_s), _TICK_S_MAX)

    @property
    def duration_s(self) -> float:
        return max(stretch.until_s for sensor in self.sensors for stretch in sensor.given)


def load_tests(
    document: Document, kinds: Mapping[str, Kind], rules: Mapping[str, RuleSpec], findings: Findings
) -> list[PackTest]:
    """Read the tests of one pack; what is wrong goes to ``findings``."""
    entries = document.at("tests")
    if not isinstance(entries, list):
        findings.error(document.place("tests"), "must be a list", Plain("something else"))
        return []
    tests = []
    for at in range(len(entries)):
        shape = check_shape(document, ("tests", at), _TestShape, findings)
        if shape is not None and _fits(document, at, shape, kinds, rules, findings):
            tests.append(_test(shape, kinds, document.place("tests", at)))
    return tests


def _fits(
    document: Document,
    at: int,
    shape: _TestShape,
    kinds: Mapping[str, Kind],
    rules: Mapping[str, RuleSpec],
    findings: Findings,
) -> bool:
    before = len(findings.errors)
    for loc, sensor in shape.each().items():
        _check_sensor(document, ("tests", at, *loc), sensor, kinds, findings)
    for number, expectation in enumerate(shape.expect):
        place = document.place("tests", at, "expect", number, "rule")
        _check_expectation(place, expectation, shape, rules, findings)
    return len(findings.errors) == before


def _check_sensor(
    document: Document, loc: tuple[str | int, ...], shape: _SensorShape, kinds: Mapping[str, Kind], findings: Findings
) -> None:
    if shape.kind not in kinds:
        requirement = f"must be a kind of a loaded pack; {one_of(kinds, shape.kind)}"
        findings.error(document.place(*loc, "kind"), requirement, shape.kind)
        return
    for number, (first, second) in enumerate(itertools.pairwise(shape.given), 1):
        if second.from_s < first.until_s:
            place = document.place(*loc, "given", number, "from")
            findings.error(place, f"must not begin before the stretch above ends ({first.until_s:g} s)", second.from_s)
    rows = shape.given[-1].until_s / (shape.period or kinds[shape.kind].period_s)
    if rows > ROWS_MAX:
        findings.error(document.place(*loc, "given"), f"may make {ROWS_MAX:,} readings", Plain(f"{rows:,.0f}"))


def _check_expectation(
    place: Place, expectation: _ExpectationShape, shape: _TestShape, rules: Mapping[str, RuleSpec], findings: Findings
) -> None:
    rule = rules.get(expectation.rule)
    if rule is None:
        findings.error(place, f"must be a rule that exists; {one_of(rules, expectation.rule)}", expectation.rule)
        return
    kinds = {sensor.kind for sensor in shape.each().values()}
    if not kinds & set(rule.kinds) and shape.asset not in rule.assets:
        whom = f"assets of kind {shape.asset}" if shape.asset else f"kind {shape.kind}"
        belongs = ", ".join((*rule.kinds, *rule.assets))
        findings.error(place, f"must be a rule for {whom}; it is for {belongs}", expectation.rule)
    grade = expectation.happening()[1]
    if grade and grade not in {spec.grade for spec in rule.grades}:
        grades = ", ".join(spec.grade.name.lower() for spec in rule.grades)
        findings.error(place, f"must be a grade of {rule.id}, which has {grades}", grade.name.lower())


def _test(shape: _TestShape, kinds: Mapping[str, Kind], place: Place) -> PackTest:
    sensors = tuple(
        TestedSensor(
            f"test/{loc[-1] if loc else 'sensor'}",
            kinds[sensor.kind],
            sensor.period or kinds[sensor.kind].period_s,
            sensor.along_m,
            tuple(_stretch(stretch) for stretch in sensor.given),
            None if sensor.calibrated_for is None else _day_before(sensor.calibrated_for),
        )
        for loc, sensor in shape.each().items()
    )
    expect, incident = tuple(_expectation(expectation) for expectation in shape.expect), expected(shape.incident)
    return PackTest(shape.name.text(), shape.asset, shape.attributes, sensors, shape.seed, expect, place, incident)


def _day_before(end_s: float) -> date:
    """The last whole day, UTC, before a moment of a test: on the next one a calibration that ends then is overdue."""
    return (datetime.fromtimestamp(START_NS / 1e9 + end_s, tz=UTC) - timedelta(days=1)).date()


def _stretch(shape: _StretchShape) -> Stretch:
    value = math.nan if shape.value is None else shape.value
    return Stretch(
        shape.from_s,
        shape.until_s,
        value,
        value if shape.to is None else shape.to,
        shape.noise,
        shape.swing,
        shape.every,
        shape.resolution,
        _QUALITY[shape.quality],
        shape.clock_ahead,
        shape.missing,
    )


def _expectation(shape: _ExpectationShape) -> Expectation:
    transition, grade = shape.happening()
    from_s, until_s = shape.within or (0.0, math.inf)
    return Expectation(shape.rule, transition, grade, from_s, until_s)


_LOUD = (Transition.RAISED, Transition.RERAISED, Transition.UPGRADED)


def judge(test: PackTest, events: Sequence[AlarmEvent], *, start_ns: int = START_NS) -> list[str]:
    """Say what did not happen and what should not have happened; empty = the test holds.

    An alarm that a rule raises more often or higher than expected fails the test; rules that the test does not
    name are looked at only where nothing is expected.
    """
    complaints = [
        f"expected {expectation}; got {_told(events, expectation.rule, start_ns)}"
        for expectation in test.expect
        if expectation.transition and not any(_meets(event, expectation, start_ns) for event in events)
    ]
    named = {expectation.rule for expectation in test.expect}
    for event in events:
        looked_at = event.transition in _LOUD and (not test.expect or event.rule in named)
        if looked_at and not any(_meets(event, expectation, start_ns) for expectation in test.expect):
            complaints.append(f"did not expect {_tell(event, start_ns)}")
    return complaints


def _meets(event: AlarmEvent, expectation: Expectation, start_ns: int) -> bool:
    transition = Transition.RAISED if event.transition is Transition.RERAISED else event.transition
    at_s = (event.time_ns - start_ns) / 1e9
    return (
        event.rule == expectation.rule
        and transition is expectation.transition
        and (not expectation.grade or event.grade == expectation.grade)
        and expectation.from_s <= at_s <= expectation.until_s
    )


def _told(events: Iterable[AlarmEvent], rule: str, start_ns: int) -> str:
    return ", ".join(_tell(event, start_ns) for event in events if event.rule == rule) or "nothing"


def _tell(event: AlarmEvent, start_ns: int) -> str:
    at_s = (event.time_ns - start_ns) / 1e9
    return f"{event.rule} {event.transition.value} {event.grade.name.lower()} at {at_s:g} s"
