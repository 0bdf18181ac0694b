"""What a check comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.text import Text

NOTHING = Text("", "")


class Verdict(StrEnum):
    """Worst last."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        check: stable name of the check.
        verdict: ``FAIL``: it will not work, or lose something. ``WARN``: it works, and somebody should look.
        found: what was seen.
        mend: what to do; empty where nothing is to be done.

    """

    check: str
    verdict: Verdict
    found: Text
    mend: Text = NOTHING


def ok(check: str, zh: str, en: str) -> Finding:
    return Finding(check, Verdict.OK, Text(zh, en))


def warn(check: str, found: Text, mend: Text) -> Finding:
    return Finding(check, Verdict.WARN, found, mend)


def fail(check: str, found: Text, mend: Text) -> Finding:
    return Finding(check, Verdict.FAIL, found, mend)
