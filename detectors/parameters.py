"""From a name and a table of parameters, as they stand in a pack, to a detector."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from detectors import ASSET_DETECTORS, DETECTORS, AnyAssetDetector, AnyDetector
from detectors.declaration import ParameterError, declared
from model.plan import Parameter

T = TypeVar("T", AnyDetector, AnyAssetDetector)


def build(name: str, parameters: Mapping[str, Parameter]) -> AnyDetector:
    """Make one detector on single sensors.

    Raises:
        ParameterError: the detector or a parameter is unknown, or a value is of the wrong type or out of range.

    """
    if name in ASSET_DETECTORS:
        raise ParameterError("", "", "looks at whole assets: assets must be given", name)
    return _build(name, DETECTORS, parameters)


def build_for_assets(name: str, parameters: Mapping[str, Parameter]) -> AnyAssetDetector:
    """Make one detector on whole assets; raises as ``build`` does."""
    if name in DETECTORS:
        raise ParameterError("", "", "looks at single sensors: assets must not be given", name)
    return _build(name, ASSET_DETECTORS, parameters)


def _build(name: str, detectors: Mapping[str, type[T]], parameters: Mapping[str, Parameter]) -> T:
    if name not in detectors:
        raise ParameterError("", "", f"must be one of {', '.join(detectors)}{_suggestion(name, detectors)}", name)
    detector = detectors[name]
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
