"""Settings, packs and registry together: one plan, whose version is a hash of what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.findings import Findings, Plain
from config.heartbeat import with_heartbeat, without_heartbeat
from config.pack_detectors import WINDOW_PERIODS_MIN
from config.pack_tests import PackTest
from config.packs import Packs, load_packs
from config.registry import Registry, load_registry
from config.rules.beside import warn_of_lonely_sensors
from config.rules.overrides import ReadOverride, check_overlap
from config.rules.where import check_choices
from config.rules.windows import warn_of_own_periods
from config.settings import Settings
from detectors.general.rate import Rate
from detectors.parameters import build
from model.errors import ConfigError, Place
from model.heartbeat import HEARTBEAT
from model.plan import AlarmPolicy, Plan
from model.unit import factor_and_offset
from rules.language import comparisons, parse
from rules.selection import Selection
from rules.variants import Variant, as_packed, settings_of

#: A sensor must be able to miss a scan without being called silent.
_SILENT_PERIODS_MIN = 2.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """A plan, the tests that its packs bring, and what is allowed but looks wrong."""

    plan: Plan
    tests: tuple[PackTest, ...]
    warnings: tuple[ConfigError, ...]
    overrides: tuple[ReadOverride, ...] = ()


def load_plan(settings: Settings) -> Plan:
    """Load packs and registry into a plan.

    Raises:
        ConfigErrors: all that is wrong with them.

    """
    return as_run(load_configuration(settings).plan, settings)


def as_run(plan: Plan, settings: Settings) -> Plan:
    """The plan with the synthetic sensor where there is a heartbeat, and without it where there is none."""
    has, wanted = any(kind.id == HEARTBEAT for kind in plan.kinds), settings.heartbeat is not None
    if has == wanted:
        return plan
    return versioned(with_heartbeat(plan) if wanted else without_heartbeat(plan))


def load_configuration(settings: Settings) -> Configuration:
    """Load packs and registry, with tests and warnings.

    Raises:
        ConfigErrors: all that is wrong with them.

    """
    findings = Findings()
    packs = load_packs(settings.packs, settings.file.parent, findings, places=settings.pack_places)
    kinds = None if findings.errors else [kind.id for kind in packs.kinds]
    registry = load_registry(settings.registry, kinds, findings)
    findings.raise_errors()
    packs = replace(packs, incidents=settings.incidents.applied(packs.incidents))
    plan = make_plan(packs, registry, settings.alarms)
    check_chosen(packs, plan, findings)
    findings.raise_errors()
    place = Place(str(settings.registry), 0, "sensors")
    _warn_of_slow_sensors(plan, place, findings)
    _warn_of_sensors_without_slope(plan, place, findings)
    warn_of_own_periods(plan, place, findings)
    warn_of_lonely_sensors(plan, place, findings)
    return Configuration(plan, packs.tests, tuple(findings.warnings), packs.overrides)


def plan_over(packs: Sequence[str], base: Path, registry: Path) -> Plan:
    """Packs over the sensors of a registry, without settings.

    Args:
        packs: names, or folders.
        base: folder that the name of a pack's folder starts from.
        registry: file.

    Raises:
        ConfigErrors: all that is wrong with them.

    """
    findings = Findings()
    found = load_packs(packs, base, findings)
    findings.raise_errors()
    sensors = load_registry(registry, [kind.id for kind in found.kinds], findings)
    findings.raise_errors()
    plan = make_plan(found, sensors)
    check_chosen(found, plan, findings)
    findings.raise_errors()
    return plan


def check_chosen(packs: Packs, plan: Plan, findings: Findings) -> None:
    """Hold against the registry what rules and overrides choose of it."""
    selection = Selection(plan)
    check_choices(packs.choices, plan, selection, findings)
    check_overlap(packs.overrides, plan, selection, findings)


def make_plan(packs: Packs, registry: Registry, policy: AlarmPolicy | None = None) -> Plan:
    """Put a plan together from checked parts; ``policy`` None = the defaults."""
    plan = Plan(
        version="",
        enterprises=registry.enterprises,
        grid_cells=registry.grid_cells,
        sites=registry.sites,
        assets=registry.assets,
        kinds=packs.kinds,
        sensors=registry.sensors,
        detectors=packs.detectors,
        rules=packs.rules,
        overrides=tuple(one.override for one in packs.overrides),
        alarms=policy or AlarmPolicy(),
        incidents=packs.incidents,
    )
    return versioned(plan)


def versioned(plan: Plan) -> Plan:
    """The same plan with the version that its content has."""
    content = msgspec.json.encode(replace(plan, version=""), order="deterministic")
    return replace(plan, version=hashlib.sha256(content).hexdigest()[:16])


def _warn_of_slow_sensors(plan: Plan, place: Place, findings: Findings) -> None:
    """A sensor that reports more slowly than a silence rule allows would be in alarm for ever."""
    kinds = {kind.id: kind for kind in plan.kinds}
    slow: dict[str, list[str]] = {}
    limits = _silence_limits_s(plan)
    for sensor, limit_s in zip(plan.sensors, limits.tolist(), strict=True):
        period_s = kinds[sensor.kind].period_s if sensor.period_s is None else sensor.period_s
        if 0 < limit_s < _SILENT_PERIODS_MIN * period_s:
            slow.setdefault(f"{sensor.kind} {limit_s}", []).append(sensor.tag)
    for key, tags in slow.items():
        kind, _, limit = key.partition(" ")
        requirement = (
            f"should report at least every {float(limit) / _SILENT_PERIODS_MIN:g} s, or {kind} counts as silent"
        )
        more = f" and {len(tags) - 1} more" if len(tags) > 1 else ""
        findings.warn(place, requirement, Plain(f"a longer period for {tags[0]}{more}"))


def _warn_of_sensors_without_slope(plan: Plan, place: Place, findings: Findings) -> None:
    """A sensor that reports more slowly than its kind may leave the window of a ``rate`` empty for ever."""
    for spec in plan.detectors:
        if spec.assets:
            continue
        detector = build(spec.detector, spec.parameters)
        if isinstance(detector, Rate):
            period_s_max = detector.window_s / WINDOW_PERIODS_MIN
            slow = [s.tag for s in plan.sensors if s.kind in spec.kinds and (s.period_s or 0.0) > period_s_max]
            if slow:
                more = f" and {len(slow) - 1} more" if len(slow) > 1 else ""
                requirement = f"should report at least every {period_s_max:g} s, or {spec.id} may have no slope"
                findings.warn(place, requirement, Plain(f"a longer period for {slow[0]}{more}"))


def overdue_calibrations(plan: Plan, registry: Path, today: date) -> list[ConfigError]:
    """Warn of sensors whose calibration no longer holds; apart from the rest, because it depends on the day."""
    overdue = [one for one in plan.sensors if one.calibrated_until is not None and one.calibrated_until < today]
    if not overdue:
        return []
    findings = Findings()
    first = min(overdue, key=lambda one: (one.calibrated_until or today, one.tag))
    more = f" and {len(overdue) - 1} more" if len(overdue) > 1 else ""
    given = Plain(f"{first.calibrated_until} for {first.tag}{more}")
    findings.warn(Place(str(registry), 0, "sensors"), "should have a calibrated_until that is not past", given)
    return findings.warnings


def _silence_limits_s(plan: Plan) -> NDArray[np.float64]:
    """Shortest limit on the silence of each sensor, all overrides taken together; inf where there is none."""
    silences = {spec.id for spec in plan.detectors if spec.detector == "silence"}
    shortest = np.full(len(plan.sensors), np.inf)
    selection = Selection(plan)
    kind_of = np.array(selection.sensor_kinds, np.str_)
    for rule in plan.rules:
        packed_s = _shortest_silence_s(as_packed(rule), silences)
        if not rule.kinds or packed_s == np.inf:
            continue
        settings = settings_of(rule, plan.overrides, selection)
        own = np.full(len(shortest), packed_s)
        if settings is not None:
            own = np.array([_shortest_silence_s(one, silences) for one in settings.variants])[settings.of]
        shortest = np.where(np.isin(kind_of, rule.kinds), np.minimum(shortest, own), shortest)
    return shortest


def _shortest_silence_s(variant: Variant, silences: Collection[str]) -> float:
    """Of the grades that are not off; the score of silence is in seconds."""
    return min(
        (
            comparison.limit * factor_and_offset(comparison.unit or "s", "s")[0]
            for grade, off in zip(variant.grades, variant.off, strict=True)
            for comparison in comparisons(parse(grade.when))
            if comparison.operand in silences and not off
        ),
        default=np.inf,
    )
