"""From a name and a table of parameters, as they stand in a pack, to a detector."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from detectors import DETECTORS, AnyDetector
from detectors.declaration import ParameterError, declared
from model.plan import Parameter


def build(name: str, parameters: Mapping[str, Parameter]) -> AnyDetector:
    """Make one detector.

    Raises:
        ParameterError: the detector or a parameter is unknown, or a value is of the wrong type or out of range.

    """
    if name not in DETECTORS:
        raise ParameterError("", "", f"must be one of {', '.join(DETECTORS)}{_suggestion(name, DETECTORS)}", name)
    detector = DETECTORS[name]
    known = {parameter.name: parameter for parameter in declared(detector)}
    for given in parameters:
        if given not in known:
            requirement = f"is no parameter of {name}; it has {', '.join(known)}{_suggestion(given, known)}"
            raise ParameterError(name, given, requirement, parameters[given])
    return detector(**{key: _number(value) for key, value in parameters.items()})


def _number(value: Parameter) -> Parameter:
    """Whole numbers of YAML as floats, so that equal settings are equal detectors."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _suggestion(given: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(given, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
