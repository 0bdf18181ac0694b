"""Collects what is wrong, so that a person mends a file in one round and not in ten."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from model.errors import ConfigError, ConfigErrors, Place

#: One broken column of a long table must not bury the rest.
ERRORS_MAX = 200


class Plain(str):
    """A word that stands in a message without quotes, such as ``nothing`` or ``a list``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


NOTHING = Plain("nothing")


@dataclass(slots=True)
class Findings:
    """Errors and warnings in the order in which they were met."""

    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)

    def error(self, place: Place, requirement: str, given: object) -> None:
        self.errors.append(ConfigError(place, requirement, given))

    def warn(self, place: Place, requirement: str, given: object) -> None:
        self.warnings.append(ConfigError(place, requirement, given))

    def raise_errors(self) -> None:
        """End here when something is wrong.

        Raises:
            ConfigErrors: with the first ``ERRORS_MAX`` errors, by file and line.

        """
        if not self.errors:
            return
        ordered = sorted(self.errors, key=lambda error: (error.place.file, error.place.line))
        kept = ordered[:ERRORS_MAX]
        if len(ordered) > ERRORS_MAX:
            rest = len(ordered) - ERRORS_MAX
            kept.append(ConfigError(ordered[-1].place, "is the last of the errors not shown", Plain(f"{rest} more")))
        raise ConfigErrors(kept)


def one_of(known: Collection[str], given: str) -> str:
    """Say which names would do: the likely one if there is one, else all (up to a line's worth)."""
    near = nearest(given, known)
    if near:
        return f"did you mean {near!r}?"
    names = sorted(known)
    if not names:
        return "none is defined"
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"known are {shown}{more}"


_NAMES_SHOWN = 20
_NAMES_SEARCHED = 2_000


def nearest(given: str, known: Collection[str]) -> str | None:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    if len(known) > _NAMES_SEARCHED:
        return None  # a comparison with every one of ten thousand tags takes seconds
    found = difflib.get_close_matches(given, known, n=1)
    return found[0] if found else None
