"""Templates: a rule written once, with parameters, and used by many.

A use is expanded before anything is checked, so that whatever is wrong with it is said of the rule that uses it, and
of the place in the template that it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from config.findings import NOTHING, Findings, one_of
from config.shape import Shape, TextShape, check_shape
from config.yaml_file import Data, Document, Loc, dotted
from model.errors import Place, UnitError
from model.unit import factor_and_offset, known

_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WORD = re.compile(r"[A-Za-z_][\w.]*\Z")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*\Z")


class _ParameterShape(Shape):
    type: Literal["number", "word", "text"] = Field(
        default="number", description="word: a name; text: words for people."
    )
    unit: str = Field(default="", description="Of a number; given ones are converted to it.")
    default: float | str | TextShape | None = Field(default=None, description="None: it must be given.")
    low: float | None = None
    high: float | None = None
    name: TextShape | None = Field(default=None, description="What it means.")

    @model_validator(mode="after")
    def _numbers_have_ranges(self) -> _ParameterShape:
        if self.type != "number" and (self.unit or self.low is not None or self.high is not None):
            raise ValueError("may have unit, low and high as a number only")
        if self.unit and not known(self.unit):
            raise ValueError("must have a unit that is known, such as kPa, degC, %LEL or m3/h")
        return self


class _TemplateShape(Shape):
    parameters: dict[str, _ParameterShape] = Field(default={})
    rule: dict[str, object] = Field(min_length=1, description="As in rules, with {name} where a parameter goes.")
    advice: dict[str, object] = Field(default={}, description="As in advice, by grade.")


@dataclass(frozen=True, slots=True)
class Template:
    """One that can be used."""

    name: str
    document: Document
    parameters: Mapping[str, _ParameterShape]


@dataclass(slots=True)
class Expanded(Document):
    """A rule as its use and its template make it, or its advice. What the use gives itself stands where it stands."""

    use: Document = field(default_factory=lambda: Document(""))
    template: Document = field(default_factory=lambda: Document(""))
    at_use: Loc = ()
    at_template: Loc = ()
    own: frozenset[str] = frozenset()

    def place(self, *loc: str | int) -> Place:
        """In the file of the use; what comes from the template is told with its place there, too."""
        if len(loc) < 3 or loc[2] in self.own:
            return self.use.place(*loc)
        here = self.use.place(*self.at_use)
        there = self.template.place(*self.at_template, *loc[2:])
        return Place(here.file, here.line, f"{dotted(loc)} (template {self.at_template[1]}, {there.file}:{there.line})")


def read_template(document: Document, name: str, findings: Findings) -> Template | None:
    """Read one template; what its rule says is checked where it is used."""
    shape = check_shape(document, ("templates", name), _TemplateShape, findings)
    if shape is None:
        return None
    before = len(findings.errors)
    used = set()
    for section in ("rule", "advice"):
        for loc, text in _texts(document.at("templates", name, section), ("templates", name, section)):
            for parameter in _NAME.findall(text):
                used.add(parameter)
                if parameter not in shape.parameters:
                    requirement = f"must name parameters of the template; {one_of(shape.parameters, parameter)}"
                    findings.error(document.place(*loc), requirement, f"{{{parameter}}}")
    for parameter, declared in shape.parameters.items():
        place = document.place("templates", name, "parameters", parameter)
        if parameter not in used:
            findings.warn(place, "should be used by the template", parameter)
        if declared.default is not None:
            _value(place, declared, document.at("templates", name, "parameters", parameter, "default"), findings)
    return Template(name, document, shape.parameters) if len(findings.errors) == before else None


def _texts(data: Data, loc: Loc) -> list[tuple[Loc, str]]:
    match data:
        case str():
            return [(loc, data)]
        case dict():
            return [found for key, inner in data.items() for found in _texts(inner, (*loc, key))]
        case list():
            return [found for at, inner in enumerate(data) for found in _texts(inner, (*loc, at))]
    return []


#: What stands for a parameter: a number with its unit, a word, or a text in both languages.
_Value: TypeAlias = tuple[float, str] | str | dict[str, str]


def expand(
    document: Document,
    name: str,
    templates: Mapping[str, Template],
    declared: Mapping[str, Place],
    findings: Findings,
) -> tuple[Document, Document | None] | None:
    """What a rule says, and the advice that its template has for it.

    Args:
        document: that the rule stands in.
        name: of the rule.
        templates: that can be used.
        declared: also those that turned out to be wrong.
        findings: gets what is wrong.

    Returns:
        the document itself for a rule that uses no template; None for a use that cannot be expanded.

    """
    given = document.at("rules", name)
    if not isinstance(given, dict) or not ("use" in given or "with" in given):
        return document, None
    template = _template_of(document, name, given, (templates, declared), findings)
    values = None if template is None else _values(document, name, template, findings)
    if template is None or values is None:
        return None
    own = {key: value for key, value in given.items() if key not in ("use", "with")}
    made = _filled(template.document.at("templates", template.name, "rule"), values, "")
    rule: Data = {**made, **own} if isinstance(made, dict) else own
    advice = _filled(template.document.at("templates", template.name, "advice"), values, "")
    at_use, at = ("rules", name, "use"), ("templates", template.name)
    cards = Expanded(
        document.file, {"advice": {name: advice}}, {}, document, template.document, at_use, (*at, "advice")
    )
    rules: Data = {"rules": {name: rule}}
    return (
        Expanded(document.file, rules, {}, document, template.document, at_use, (*at, "rule"), frozenset(own)),
        cards if advice else None,
    )


def _template_of(
    document: Document,
    name: str,
    given: Mapping[str, Data],
    known_ones: tuple[Mapping[str, Template], Mapping[str, Place]],
    findings: Findings,
) -> Template | None:
    templates, declared = known_ones
    wanted = given.get("use")
    if not isinstance(wanted, str):
        findings.error(document.place("rules", name, "use"), "must be the name of a template", NOTHING)
        return None
    if "grades" in given:
        requirement = "must not stand beside use: the template has the grades, an override changes them"
        findings.error(document.place("rules", name, "grades"), requirement, "grades")
        return None
    if wanted not in templates and wanted not in declared:
        place = document.place("rules", name, "use")
        findings.error(place, f"must be a template of a loaded pack; {one_of(declared, wanted)}", wanted)
    return templates.get(wanted)


def _values(document: Document, name: str, template: Template, findings: Findings) -> dict[str, _Value] | None:
    given = document.at("rules", name, "with")
    before = len(findings.errors)
    if given is not None and not isinstance(given, dict):
        findings.error(document.place("rules", name, "with"), "must be a mapping of parameters to values", str(given))
        return None
    given = given or {}
    for key in given:
        if key not in template.parameters:
            place = document.place("rules", name, "with", key)
            findings.error(place, f"must be a parameter of {template.name}; {one_of(template.parameters, key)}", key)
    values: dict[str, _Value] = {}
    for parameter, declared in template.parameters.items():
        place = document.place("rules", name, "with", parameter)
        chosen = given.get(parameter)
        if chosen is None:
            chosen = template.document.at("templates", template.name, "parameters", parameter, "default")
        if chosen is None:
            there = template.document.place("templates", template.name, "parameters", parameter)
            findings.error(place, f"must be given for template {template.name} ({there.file}:{there.line})", NOTHING)
            continue
        value = _value(place, declared, chosen, findings)
        if value is not None:
            values[parameter] = value
    return values if len(findings.errors) == before else None


def _value(place: Place, declared: _ParameterShape, given: Data, findings: Findings) -> _Value | None:
    match declared.type:
        case "number":
            return _number(place, declared, given, findings)
        case "word" if isinstance(given, str) and _WORD.match(given):
            return given
        case "word":
            findings.error(place, "must be one word, such as the id of a detector", given)
        case "text" if isinstance(given, str) and given:
            return {"zh": given, "en": given}
        case "text" if isinstance(given, dict) and given.keys() == {"zh", "en"} and all(given.values()):
            return {key: str(words) for key, words in given.items()}
        case "text":
            findings.error(place, "must be words in both languages: {zh: ..., en: ...}", str(given))
    return None


def _number(place: Place, declared: _ParameterShape, given: Data, findings: Findings) -> tuple[float, str] | None:
    """In the unit of the parameter."""
    found = _NUMBER.match(given) if isinstance(given, str) else None
    if isinstance(given, int | float) and not isinstance(given, bool):
        number, unit = float(given), ""
    elif found:
        number, unit = float(found[1]), found[2]
    else:
        findings.error(place, f"must be a number{f' in {declared.unit}' if declared.unit else ''}", str(given))
        return None
    if unit:
        try:
            factor, offset = factor_and_offset(unit, declared.unit)
        except UnitError as error:
            findings.error(place, f"must be in {declared.unit or 'plain numbers'}: {error}", str(given))
            return None
        number = number * factor + offset
    low, high = declared.low, declared.high
    if (low is not None and number < low) or (high is not None and number > high):
        least, most = "any" if low is None else f"{low:g}", "any" if high is None else f"{high:g}"
        findings.error(place, f"must be from {least} to {most} {declared.unit}".rstrip(), given)
        return None
    return number, declared.unit


def _filled(data: Data, values: Mapping[str, _Value], language: str) -> Data:
    """The data with values in the place of their names. A text that only names a number becomes it."""
    match data:
        case dict():
            return {
                key: _filled(inner, values, key if key in ("zh", "en") else language) for key, inner in data.items()
            }
        case list():
            return [_filled(inner, values, language) for inner in data]
        case str():
            alone = _NAME.fullmatch(data)
            value = values.get(alone[1]) if alone else None
            if isinstance(value, tuple):
                return value[0]
            if isinstance(value, dict) and not language:
                return dict(value)
            return _NAME.sub(lambda found: _written(values[found[1]], language), data)
    return data


def _written(value: _Value, language: str) -> str:
    match value:
        case (number, unit):
            short = f"{number:g}"
            return f"{short if float(short) == number else repr(number)} {unit}".rstrip()
        case str():
            return value
        case _:
            return value[language or "en"]
