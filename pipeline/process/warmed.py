"""The state that changed detectors begin with: taken from one bound plan, filled into another, by tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from pipeline.process.binding import Bound
from pipeline.process.carry import slot_pairs

Arrays = Mapping[str, NDArray[np.generic]]


def take(bound: Bound, detectors: Iterable[str]) -> dict[str, NDArray[np.generic]]:
    """The states of some detectors on single sensors, with the tags that they are of."""
    wanted, found = set(detectors), dict[str, NDArray[np.generic]]()
    for program in bound.programs:
        own = [one for one in program.detectors if one.spec.id in wanted]
        if own:
            found[f"{program.kind.id}/tags"] = np.array(program.group.tags)
        for one in own:
            for item in fields(one.state):
                found[f"{program.kind.id}/{one.spec.id}/{item.name}"] = np.array(getattr(one.state, item.name))
    return found


def fill(bound: Bound, arrays: Arrays) -> None:
    """Give detectors the states that are there for them; a form that does not fit leaves a detector as it is."""
    for program in bound.programs:
        tags = arrays.get(f"{program.kind.id}/tags")
        if tags is None:
            continue
        sources, targets = slot_pairs(tuple(str(tag) for tag in tags), program.group.tags)
        for one in program.detectors:
            pairs = [
                (getattr(one.state, item.name), arrays.get(f"{program.kind.id}/{one.spec.id}/{item.name}"))
                for item in fields(one.state)
            ]
            if all(kept is not None and _fits(kept, wanted) for wanted, kept in pairs):
                for wanted, kept in pairs:
                    _copy(kept, wanted, sources, targets)


def _fits(kept: NDArray[np.generic], wanted: NDArray[np.generic]) -> bool:
    return kept.dtype == wanted.dtype and kept.shape[1:] == wanted.shape[1:] and kept.ndim == wanted.ndim


def _copy(
    kept: NDArray[np.generic] | None, wanted: NDArray[np.generic], sources: list[int], targets: list[int]
) -> None:
    if kept is None:
        return
    if wanted.ndim == 0:
        wanted[...] = kept
    else:
        wanted[targets] = kept[sources]
