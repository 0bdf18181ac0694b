"""Checks data against a pydantic model and says what is wrong in words, at file and line."""

from __future__ import annotations

import types
import typing
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from config.findings import NOTHING, Findings, Plain, one_of
from config.yaml_file import Document, Loc
from model.text import Text

M = TypeVar("M", bound=BaseModel)


class Shape(BaseModel):
    """What a part of a file looks like. Strict: ``"5"`` is no number and ``1`` no truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TextShape(Shape):
    zh: str = Field(min_length=1, max_length=2_000)
    en: str = Field(min_length=1, max_length=2_000)

    def text(self) -> Text:
        return Text(self.zh, self.en)


_DURATIONS_S = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def duration_s(given: object) -> float:
    """Read ``10 s``, ``5 min``, ``1 h``, ``500 ms``, ``2 d``, or a plain number of seconds.

    Raises:
        ValueError: it is none of these.

    """
    requirement = 'must be a duration such as "10 s", "5 min" or "1 h"'
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if not isinstance(given, str):
        raise ValueError(requirement)  # noqa: TRY004 - pydantic turns only ValueError into a finding
    number, _, unit = given.strip().partition(" ")
    try:
        return float(number) * _DURATIONS_S[unit.strip()]
    except (ValueError, KeyError):
        raise ValueError(requirement) from None


Duration = Annotated[float, BeforeValidator(duration_s), Field(ge=0, le=366 * 86_400.0)]


def day(given: object) -> object:
    """Read ``2027-05-31``.

    Raises:
        ValueError: it is no day.

    """
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise ValueError("must be a day such as 2027-05-31") from None


def one_or_more(given: object) -> object:
    """Take one for a list of it."""
    return [given] if isinstance(given, str | int | float) else given


def in_text(given: object) -> object:
    """Take a number for its text, as in ``floor: 3``."""
    return str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given


def printable(name: str) -> str:
    """Accept a name that survives every protocol and screen: no blanks, nothing invisible.

    Raises:
        ValueError: it has a character that would not.

    """
    for character in name:
        if character.isspace() or not character.isprintable():
            raise ValueError(f"must have no blanks and no invisible characters (U+{ord(character):04X})")
    return name


Name = Annotated[
    str, Field(min_length=1, max_length=200), BeforeValidator(lambda v: printable(v) if isinstance(v, str) else v)
]


def check_shape(document: Document, loc: Loc, model: type[M], findings: Findings) -> M | None:
    """Validate the part of ``document`` at ``loc``; what is wrong goes to ``findings``."""
    return check_data(document, loc, document.at(*loc), model, findings)


def check_data(document: Document, loc: Loc, data: object, model: type[M], findings: Findings) -> M | None:
    """Validate ``data``, which stands at ``loc`` of ``document``."""
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = (*loc, *_as_written(data, detail))
            requirement, given = _in_words(detail, model)
            findings.error(document.place(*where), requirement, hidden_if_secret(where, given))
        return None


def _as_written(data: Any, detail: ErrorDetails) -> Loc:
    """Where it stands in the file: without the names that pydantic gives to members of a union, which stand nowhere."""
    written: list[str | int] = []
    for part in detail["loc"]:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside or (detail["type"] == "missing" and part == detail["loc"][-1]):
            written.append(part)
            data = data[part] if inside else None
    if detail["type"] == "union_tag_invalid":
        written.append(detail["ctx"]["discriminator"].strip("'"))
    return tuple(written)


def hidden_if_secret(loc: Loc, given: object) -> object:
    """Keep passwords, tokens and addresses that carry them out of messages and so out of logs."""
    key = str(loc[-1]).lower() if loc else ""
    secret_key = any(word in key for word in ("password", "secret", "token", "api_key")) and not key.endswith("_file")
    text = given if isinstance(given, str) else ""
    secret_address = "://" in text and any(mark in text.lower() for mark in ("@", "token", "key=", "secret", "sign="))
    if (secret_key or secret_address) and not isinstance(given, Plain):
        return Plain("a value that is not shown here")
    return given


def _in_words(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, object]:
    context = detail.get("ctx", {})
    given = _shown(detail["input"])
    match detail["type"]:
        case "missing":
            words, given = "must be given", NOTHING
        case "extra_forbidden":
            given = str(detail["loc"][-1])
            if detail["input"] is None and " " in given:
                return "is not a key that is known here; text that contains a comma needs quotes", given
            words = f"is not a key that is known here; {one_of(_keys_at(model, detail['loc'][:-1]), given)}"
        case "union_tag_invalid":
            words, given = f"must be one of {context['expected_tags']}", context["tag"]
        case "literal_error":
            words = f"must be one of {str(context['expected']).replace(' or ', ', ')}"
        case "value_error":
            words = str(context.get("error", detail["msg"]))
        case kind if kind in _TEMPLATES:
            words = _TEMPLATES[kind].format(**context)
        case _:
            words = detail["msg"][:1].lower() + detail["msg"][1:]
    return words, given


_TEMPLATES = {
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "string_too_long": "may have {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_long": "may have {max_length} entries",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}
_GIVEN_LENGTH_MAX = 120


def _shown(given: object) -> object:
    match given:
        case None:
            return NOTHING
        case dict():
            return Plain("a mapping")
        case list():
            return Plain("a list" if given else "an empty list")
        case str() if len(given) > _GIVEN_LENGTH_MAX:
            return given[:_GIVEN_LENGTH_MAX] + "…"
    return given


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the model would accept at ``loc``, for the suggestion."""
    shape: Any = model
    for part in loc:
        shape = _inside(shape, part)
    return [field.alias or name for candidate in _models_in(shape) for name, field in candidate.model_fields.items()]


def _inside(shape: Any, part: int | str) -> Any:
    for candidate in _models_in(shape):
        for name, field in candidate.model_fields.items():
            if part in {name, field.alias}:
                return field.annotation
    for candidate in _models_in(shape):  # a member of a union that is told apart by the value of a key
        if any(part in typing.get_args(field.annotation) for field in candidate.model_fields.values()):
            return candidate
    for alternative in _alternatives(shape):
        arguments = typing.get_args(alternative)
        if typing.get_origin(alternative) in {list, tuple, dict} and arguments:
            return arguments[-1] if arguments[-1] is not ... else arguments[0]
    return None


def _models_in(shape: Any) -> list[type[BaseModel]]:
    return [part for part in _alternatives(shape) if isinstance(part, type) and issubclass(part, BaseModel)]


def _alternatives(shape: Any) -> list[Any]:
    if typing.get_origin(shape) is Annotated:
        return _alternatives(typing.get_args(shape)[0])
    if typing.get_origin(shape) in {typing.Union, types.UnionType}:
        return [inner for part in typing.get_args(shape) for inner in _alternatives(part)]
    return [shape]
