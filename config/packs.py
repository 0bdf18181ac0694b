"""Domain packs: folders of YAML read into kinds, detectors, rules and tests, every reference checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.findings import NOTHING, Findings, Plain, one_of
from config.incident_tests import check_expected
from config.incidents import IncidentDraft, read_incidents
from config.pack_detectors import BoundDetector, DetectorShape, read_detector
from config.pack_kinds import read_kind
from config.pack_tests import PackTest, load_tests
from config.rules.advice import read_advice
from config.rules.check import check_rule
from config.rules.logic import PlacedRule, warn_of_twins
from config.rules.overrides import ReadOverride, read_override
from config.rules.rationale import read_rationale
from config.rules.read import read_rule
from config.rules.templates import Template, expand, read_template
from config.rules.vocabulary import Vocabulary
from config.rules.where import Choice, refuse_tags_of_assets
from config.shape import check_shape
from config.yaml_file import Document, Spot, read_yaml
from model.alarm import Grade
from model.errors import ConfigError, Place
from model.incident_plan import IncidentPlan
from model.plan import Advice, DetectorSpec, RuleSpec
from model.sensor import Kind
from rules.operands import CALENDAR, MODE

#: The packs that come with Fengsui.
SHIPPED = Path(__file__).parent.parent / "packs"

_SECTIONS = ("kinds", "detectors", "rules", "advice", "overrides", "rationale", "incidents", "tests")
_OF_SITES = ("overrides", "rationale")  # what sites say of the rules of others
_FILES = (*(f"{section}.yaml" for section in _SECTIONS), "scenario.yaml")
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")
_DOTTED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z")
_RESERVED = frozenset(
    {
        "value",
        "quality",
        "clock_fault",
        "and",
        "or",
        "not",
        "good",
        "uncertain",
        "bad",
        "asset",
        "site",
        MODE,
        *CALENDAR,
    }
)


@dataclass(frozen=True, slots=True)
class Packs:
    """All loaded packs in one."""

    kinds: tuple[Kind, ...]
    detectors: tuple[DetectorSpec, ...]
    rules: tuple[RuleSpec, ...]
    tests: tuple[PackTest, ...]
    overrides: tuple[ReadOverride, ...] = ()
    choices: tuple[Choice, ...] = ()  # of sensors and assets, that a registry must have
    incidents: IncidentPlan = field(default_factory=IncidentPlan)


@dataclass(slots=True)
class _Draft:
    """What has been read so far. ``declared`` holds ids with their places, also of what turned out to be wrong."""

    declared: dict[str, dict[str, Place]] = field(
        default_factory=lambda: {section: {} for section in (*_SECTIONS, "templates")}
    )
    kinds: dict[str, Kind] = field(default_factory=dict)
    detectors: dict[str, DetectorSpec] = field(default_factory=dict)
    bound: list[BoundDetector] = field(default_factory=list)
    rules: dict[str, RuleSpec] = field(default_factory=dict)
    operands: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)  # sections of which a file could not be read
    tests: list[PackTest] = field(default_factory=list)
    templates: dict[str, Template] = field(default_factory=dict)
    placed: list[PlacedRule] = field(default_factory=list)
    overrides: list[ReadOverride] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    incidents: IncidentDraft = field(default_factory=IncidentDraft)


def check_packs(names: Sequence[str], base: Path) -> tuple[Packs, list[ConfigError]]:
    """Load packs by themselves, as ``fengsui check`` does.

    Returns:
        The packs and the warnings.

    Raises:
        ConfigErrors: all that is wrong with them.

    """
    findings = Findings()
    packs = load_packs(names, base, findings)
    findings.raise_errors()
    return packs, findings.warnings


def load_packs(names: Sequence[str], base: Path, findings: Findings, *, places: Sequence[Place] = ()) -> Packs:
    """Load packs together; what is wrong goes to ``findings``.

    Args:
        names: shipped packs by name, or folders relative to ``base``.
        base: folder that relative folders start from.
        findings: gets errors and warnings.
        places: where each name stands in the configuration.

    """
    folders: list[Path] = []
    for at, name in enumerate(names):
        place = places[at] if at < len(places) else Place(name, 0, "")
        folder = _folder(name, base, place, findings)
        if folder in folders:
            findings.error(place, "must be named once", name)
        elif folder is not None:
            folders.append(folder)
    draft = _Draft()
    documents = [_documents(folder, draft, findings) for folder in folders]
    for read in (
        _read_kinds,
        _read_detectors,
        _read_templates,
        _read_rules,
        _read_rationale,
        _read_overrides,
        _read_incidents,
        _read_tests,
    ):
        for pack in documents:
            read(pack, draft, findings)
    warn_of_twins(draft.placed, Vocabulary(draft.kinds, draft.bound, _broken_kinds(draft)), findings)
    _warn_of_unused(draft, findings)
    return Packs(
        tuple(draft.kinds.values()),
        tuple(draft.detectors.values()),
        tuple(draft.rules.values()),
        tuple(draft.tests),
        tuple(draft.overrides),
        tuple(draft.choices),
        draft.incidents.plan(),
    )


def shipped() -> list[str]:
    """Names of the packs that come with Fengsui."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if (folder / "kinds.yaml").is_file())


def folder_of(name: str, base: Path) -> Path:
    """Where a pack stands, if it does; a shipped one goes before a folder of the same name."""
    return SHIPPED / name if name in shipped() else (base / Path(name).expanduser()).resolve()


def _folder(name: str, base: Path, place: Place, findings: Findings) -> Path | None:
    folder = folder_of(name, base)
    if folder.is_dir():
        return folder
    findings.error(place, f"must be a folder or a shipped pack; {one_of(shipped(), name)}", name)
    return None


def _documents(folder: Path, draft: _Draft, findings: Findings) -> dict[str, Document]:
    """Read the YAML files of one pack by section; a misnamed file is an error, not silence."""
    documents: dict[str, Document] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.name not in _FILES:
            findings.error(Place(str(path), 0, ""), f"must be a file of a pack; {one_of(_FILES, path.name)}", path.name)
            continue
        if path.stem not in _SECTIONS:
            continue
        if path.stem in _OF_SITES and folder.parent == SHIPPED:
            requirement = "must stand in a folder of your own: an upgrade replaces the shipped packs"
            findings.error(Place(str(path), 0, ""), requirement, path.name)
            continue
        document = read_yaml(path, findings)
        if document is not None and _has_its_section(document, path.stem, findings):
            documents[path.stem] = document
        else:
            draft.unreadable.add(path.stem)
    if not any((folder / f"{section}.yaml").is_file() for section in _SECTIONS):
        findings.error(Place(str(folder), 0, ""), f"must hold at least one of {', '.join(_FILES)}", NOTHING)
    return documents


def _has_its_section(document: Document, section: str, findings: Findings) -> bool:
    data = document.data
    allowed = (section, "templates") if section == "rules" else (section,)
    if not isinstance(data, dict) or data.keys().isdisjoint(allowed):
        given = Plain(", ".join(data) if isinstance(data, dict) else "something else")
        findings.error(document.place(), f"must begin with the key {section}", given)
        return False
    for key in data:
        if key not in allowed:
            findings.error(document.place(key), f"must stand under the key {section}", key)
    for key in allowed:
        if key != "tests" and not isinstance(data.get(key, {}), dict):
            findings.error(document.place(key), "must be a mapping of ids to entries", Plain("something else"))
            return False
    return True


def _entries(
    document: Document, section: str, pattern: re.Pattern[str], draft: _Draft, findings: Findings
) -> Iterator[str]:
    """Ids of one section that can be used; each id exists once over all packs."""
    entries = document.at(section)
    for name in entries if isinstance(entries, dict) else ():
        place = document.place(section, name)
        earlier = draft.declared[section].setdefault(name, place)
        if earlier is not place:
            findings.error(place, f"must be unique over all packs, first given at {earlier.file}:{earlier.line}", name)
        elif not pattern.match(name):
            findings.error(place, "must be an id of lower-case letters, digits and _, beginning with a letter", name)
        else:
            yield name


def _read_kinds(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("kinds")
    if document is not None:
        for name in _entries(document, "kinds", _WORD, draft, findings):
            kind = read_kind(document, name, draft.kinds, findings)
            draft.kinds |= {} if kind is None else {name: kind}


def _read_detectors(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("detectors")
    if document is None:
        return
    for name in _entries(document, "detectors", _WORD, draft, findings):
        if name in _RESERVED:
            findings.error(document.place("detectors", name), "must not be a word of the condition language", name)
            continue
        shape = check_shape(document, ("detectors", name), DetectorShape, findings)
        if shape is None or not _kinds_exist(document, ("detectors", name), shape.kinds, draft, findings):
            continue
        found = read_detector(document, name, shape, draft.kinds, findings)
        if found is not None:
            draft.detectors[name], bound = found
            draft.bound.append(bound)


def _kinds_exist(
    document: Document,
    loc: tuple[str, ...],
    kinds: Sequence[str],
    draft: _Draft,
    findings: Findings,
) -> bool:
    """Check the ``kinds`` of a detector or rule."""
    before = len(findings.errors)
    declared = draft.declared["kinds"]
    for at, kind in enumerate(kinds):
        place = document.place(*loc, "kinds", at)
        if kind not in declared and "kinds" not in draft.unreadable:
            findings.error(place, f"must be a kind of a loaded pack; {one_of(declared, kind)}", kind)
        elif kind in kinds[:at]:
            findings.error(place, "must be named once", kind)
    return len(findings.errors) == before


def _read_templates(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("rules")
    if document is not None:
        for name in _entries(document, "templates", _WORD, draft, findings):
            template = read_template(document, name, findings)
            if template is not None:
                draft.templates[name] = template


def _read_rules(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("rules")
    if document is None:
        if "advice" in pack and "rules" not in draft.unreadable:
            findings.error(pack["advice"].place("advice"), "must belong to rules in rules.yaml", NOTHING)
        return
    vocabulary = Vocabulary(draft.kinds, draft.bound, _broken_kinds(draft))
    rules: dict[str, RuleSpec] = {}
    cards: dict[str, Document] = {}  # advice that templates have
    ids = list(_entries(document, "rules", _DOTTED, draft, findings))
    for name in ids:
        expanded = expand(document, name, draft.templates, draft.declared["templates"], findings)
        if expanded is None:
            continue
        own, advised = expanded
        rule = read_rule(own, name, findings)
        if rule is not None and _kinds_exist(own, ("rules", name), rule.kinds, draft, findings):
            draft.operands |= check_rule(own, rule, vocabulary, findings)
            rules[name] = rule
            draft.placed.append(PlacedRule(rule, Spot(own, ("rules", name))))
            cards |= {} if advised is None else {name: advised}
            if rule.where is not None:
                choice = Choice(rule, rule.where, Spot(own, ("rules", name, "where")))
                refuse_tags_of_assets(choice, findings)
                draft.choices.append(choice)
    advice: dict[str, tuple[Advice, ...]] = {}
    if "advice" in pack or "advice" not in draft.unreadable:
        advice = read_advice(pack.get("advice"), (document, cards), rules, ids, findings)
    draft.rules |= {name: replace(rule, advice=advice.get(name, ())) for name, rule in rules.items()}


def _read_rationale(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("rationale")
    if document is not None and draft.rules.keys() == draft.declared["rules"].keys():
        for name in _entries(document, "rationale", _DOTTED, draft, findings):
            rule = read_rationale(document, name, draft.rules, findings)
            draft.rules |= {} if rule is None else {name: rule}


def _read_overrides(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("overrides")
    if document is None or "rules" in draft.unreadable:
        return
    vocabulary = Vocabulary(draft.kinds, draft.bound, _broken_kinds(draft))
    for name in _entries(document, "overrides", _WORD, draft, findings):
        found = read_override(document, name, draft.rules, draft.declared["rules"], vocabulary, findings)
        if found is not None:
            draft.overrides.append(found)
            draft.choices.append(found.choice())


def _read_incidents(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("incidents")
    if document is not None and draft.unreadable.isdisjoint(("kinds", "rules")):
        highest = dict.fromkeys(draft.declared["rules"], Grade.RED) | {
            rule.id: max(spec.grade for spec in rule.grades) for rule in draft.rules.values()
        }
        read_incidents(document, draft.declared["kinds"], highest, draft.incidents, findings)


def _broken_kinds(draft: _Draft) -> frozenset[str]:
    """Kinds for which an unknown operand may only follow from an error that is reported already."""
    if "detectors" in draft.unreadable or draft.declared["detectors"].keys() != draft.detectors.keys():
        return frozenset(draft.declared["kinds"])
    return frozenset(draft.declared["kinds"].keys() - draft.kinds.keys())


def _read_tests(pack: Mapping[str, Document], draft: _Draft, findings: Findings) -> None:
    document = pack.get("tests")
    if document is not None and not findings.errors:
        tests = load_tests(document, draft.kinds, draft.rules, findings)
        for test in tests:
            check_expected(test.place, test.incident, draft.incidents.plan(), findings)
        draft.tests += tests


def _warn_of_unused(draft: _Draft, findings: Findings) -> None:
    if findings.errors:
        return
    for name in (name for name in draft.detectors if name not in draft.operands):
        findings.warn(draft.declared["detectors"][name], "should be named in the condition of a rule", name)
    tested = {expectation.rule for test in draft.tests for expectation in test.expect if expectation.transition}
    for name in (name for name in draft.rules if name not in tested):
        findings.warn(draft.declared["rules"][name], "should have a test that expects it", NOTHING)
