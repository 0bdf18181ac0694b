"""What a plan says of the time that alarms are given: its policy, and what single rules say otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from model.alarm import Grade
from model.plan import AlarmPolicy, RuleSpec


class Terms:
    """Durations, ns; 0 = never."""

    def __init__(self, policy: AlarmPolicy, rules: Iterable[RuleSpec] = ()) -> None:
        self.policy = policy
        self._realarm = dict(policy.realarm_after_s)
        self._own = {rule.id: rule for rule in rules if rule.realarm_after_s or rule.stale_after_s is not None}

    def realarm_ns(self, rule: str, grade: Grade) -> int:
        """Time after which an acknowledged alarm is told of again."""
        own = self._own.get(rule)
        named = self._realarm | dict(own.realarm_after_s) if own else self._realarm
        return round(named.get(grade, 0.0) * 1e9)

    def stale_ns(self, rule: str) -> int:
        """Time after which an alarm that does not return is stale."""
        own = self._own.get(rule)
        stale_s = self.policy.stale_after_s if own is None or own.stale_after_s is None else own.stale_after_s
        return round(stale_s * 1e9)
