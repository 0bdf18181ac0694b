"""Every error a user can meet: each names what, where and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class FengsuiError(Exception):
    """Base of all errors that Fengsui raises on purpose."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the configuration something stands."""

    file: str
    line: int  # 1-based; 0 = the whole file
    key: str  # dotted path, e.g. ``rules[2].grades.red.when``

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        key = f" {self.key}" if self.key else ""
        return f"{self.file}{line}{key}"


class ConfigError(FengsuiError):
    """A configuration or pack value that cannot be used."""

    def __init__(self, place: Place, requirement: str, given: object) -> None:
        self.place = place
        self.requirement = requirement
        self.given = given
        super().__init__(f"{place}: {requirement}, got {given!r}")


class ConfigErrors(FengsuiError):
    """All that is wrong with a configuration, found in one pass."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))


class ConditionError(FengsuiError):
    """A rule condition that does not parse or does not type-check."""


class UnitError(FengsuiError):
    """Two units that cannot be converted into each other."""


class JournalError(FengsuiError):
    """The journal cannot be opened, read or written."""


class JournalFull(JournalError):
    """There is no room on the disk. Nothing was lost: the same commit may be begun again once there is."""


class OffsetGone(JournalError):
    """What a reader wants next was removed; ``oldest`` is the first offset that is still kept."""

    def __init__(self, message: str, *, oldest: int) -> None:
        self.oldest = oldest
        super().__init__(message)


class StoreError(FengsuiError):
    """A store file cannot be opened or does not fit this version."""


class StoreFull(StoreError):
    """There is no room on the disk; what was to be stored is not, and may be offered again once there is."""


class CommandRefused(FengsuiError):
    """A human act that cannot be carried out, such as acknowledging an unknown alarm."""


class OutcomeUnknown(FengsuiError):
    """A human act that may have been carried out or not. Sending the same command id again is safe."""

    def __init__(self, command_id: str, reason: str) -> None:
        self.command_id = command_id
        self.reason = reason
        super().__init__(
            f"{reason}; it may have been carried out or not. Sending it again as command {command_id} is safe"
        )


class RetryableError(FengsuiError):
    """A sink could not take the items now; the same items may be offered again."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class PermanentError(FengsuiError):
    """A sink will never take these items; offering them again is useless.

    ``items`` are the places of those items in what was handed to ``write``; all the others were taken. None: none was.
    """

    def __init__(self, message: str, *, items: Sequence[int] | None = None) -> None:
        self.items = items
        super().__init__(message)
