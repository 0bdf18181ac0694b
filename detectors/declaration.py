"""How a detector declares its parameters, once: for the check, for the configuration and for the documentation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Protocol

from model.errors import FengsuiError
from model.plan import Parameter

if TYPE_CHECKING:
    from dataclasses import Field

#: Stands for the unit of the sensor's kind in ``Declared.unit``.
KIND_UNIT = "kind"


class DeclaredParameters(Protocol):
    """A dataclass whose fields were made with ``declare``."""

    __dataclass_fields__: ClassVar[dict[str, Field[Parameter]]]


class ParameterError(FengsuiError):
    """A detector's name or parameter that cannot be used.

    ``parameter`` is empty where the detector's name itself is wrong.
    """

    def __init__(self, detector: str, parameter: str, requirement: str, given: object) -> None:
        self.detector = detector
        self.parameter = parameter
        self.requirement = requirement
        self.given = given
        where = f"{detector}.{parameter}" if parameter else "detector"
        super().__init__(f"{where} {requirement}, got {given!r}")


@dataclass(frozen=True, slots=True)
class Declared:
    """One parameter as the documentation shows it."""

    name: str
    unit: str  # "s", "sigma", "" = none, or KIND_UNIT
    doc: str
    default: Parameter
    low: float | None  # inclusive
    high: float | None  # inclusive
    choices: tuple[str, ...]  # of a word; empty for a number, and for free text, which has a text as default


def declare(
    *,
    unit: str,
    doc: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    teaches: bool = True,
) -> dict[str, str | float | tuple[str, ...] | None]:
    """Metadata of one dataclass field; limits are inclusive.

    ``teaches`` = what was learned rests on it, and is learned anew when it changes.
    """
    return {"unit": unit, "doc": doc, "low": low, "high": high, "choices": choices, "teaches": teaches}


def teaching(detector: DeclaredParameters, parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Give those of the parameters that what was learned rests on."""
    idle = {field.name for field in fields(detector) if not field.metadata["teaches"]}
    return {name: value for name, value in parameters.items() if name not in idle}


def declared(detector: type[DeclaredParameters]) -> tuple[Declared, ...]:
    """All parameters of a detector, in the order of its class."""
    return tuple(
        Declared(
            field.name,
            field.metadata["unit"],
            field.metadata["doc"],
            None if field.default is MISSING else field.default,
            field.metadata["low"],
            field.metadata["high"],
            field.metadata["choices"],
        )
        for field in fields(detector)
    )


def check(name: str, detector: DeclaredParameters) -> None:
    """Compare every parameter of a detector with its declaration.

    Raises:
        ParameterError: a type, a choice or a range does not fit.

    """
    for parameter in declared(type(detector)):
        given: object = getattr(detector, parameter.name)
        requirement = _unmet(parameter, given)
        if requirement:
            raise ParameterError(name, parameter.name, requirement, given)


def _unmet(parameter: Declared, given: object) -> str:
    """Say what the parameter must be, or nothing where it is so."""
    if given is None and parameter.default is None:
        return ""
    if parameter.choices:
        return "" if given in parameter.choices else f"must be one of {', '.join(parameter.choices)}"
    if isinstance(parameter.default, str):
        return "" if isinstance(given, str) else "must be a text"
    unit = "" if parameter.unit in {"", KIND_UNIT} else f" {parameter.unit}"
    requirement = f"must be a number{unit}"
    if parameter.low is not None:
        requirement += f", at least {parameter.low:g}"
    if parameter.high is not None:
        requirement += f", at most {parameter.high:g}"
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return requirement
    low = -math.inf if parameter.low is None else parameter.low
    high = math.inf if parameter.high is None else parameter.high
    return "" if low <= given <= high else requirement
