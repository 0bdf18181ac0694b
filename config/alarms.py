"""Time that alarms are given: for all of them in ``alarms`` of fengsui.yaml, and what single rules say otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.shape import Duration, Shape, duration_s
from model.alarm import Grade
from model.plan import AlarmPolicy, Chatter, Realarm

GradeName = Literal["blue", "yellow", "orange", "red"]
_USUAL = AlarmPolicy()


def _span(given: object) -> float:
    """Read a duration above 0; ``never`` is kept as 0."""
    if given == "never":
        return 0.0
    try:
        seconds = duration_s(given)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise ValueError('must be a duration above 0 such as "30 min", or never')
    return seconds


Span = Annotated[float, BeforeValidator(_span), Field(ge=0, le=366 * 86_400.0)]


class ChatterShape(Shape):
    times: int = Field(default=_USUAL.chatter.times, ge=2, le=20, description="So many rises of its level ...")
    within: Duration = Field(
        default=_USUAL.chatter.within_s, gt=0, description="... in so much event time make an alarm chatter."
    )
    hold: Duration = Field(default=_USUAL.chatter.hold_s, description="Good readings then say so long that it is over.")

    def chatter(self) -> Chatter:
        return Chatter(self.times, self.within, self.hold)


class _Never(ChatterShape):
    def chatter(self) -> Chatter:
        return Chatter(times=0)


def _chatter(given: object) -> object:
    if given is False:
        return _Never()
    if not isinstance(given, dict):
        raise ValueError("must be {times: ..., within: ..., hold: ...}, or false")  # noqa: TRY004 - pydantic turns only ValueError into a finding
    return given


Chatters = Annotated[ChatterShape, BeforeValidator(_chatter)]


def _realarm(given: dict[GradeName, float]) -> Realarm:
    return tuple(sorted((Grade[name.upper()], seconds) for name, seconds in given.items()))


class RuleTerms(Shape):
    """What a rule may say otherwise."""

    chatter: Chatters | None = Field(default=None, description="When its alarms chatter; false = never.")
    realarm_after: dict[GradeName, Span] = Field(
        default={}, description="Acknowledged alarms of a grade are told again after so long; or never."
    )
    stale_after: Span | None = Field(default=None, description="An alarm that does not return for so long is stale.")

    def own_chatter(self) -> Chatter | None:
        return None if self.chatter is None else self.chatter.chatter()

    def own_realarm(self) -> Realarm:
        return _realarm(self.realarm_after)


class AlarmSettings(Shape):
    """``alarms`` of fengsui.yaml."""

    shelf_max: Duration = Field(default=_USUAL.shelf_max_s, gt=0, description="Longest time on the shelf.")
    out_of_service_max: Duration = Field(
        default=_USUAL.out_of_service_max_s, gt=0, description="Longest time out of service."
    )
    confirm_within: Duration = Field(
        default=_USUAL.confirm_within_s, gt=0, description="Time for the second person to agree."
    )
    chatter: Chatters = Field(default=ChatterShape(), description="When an alarm chatters; false = never.")
    realarm_after: dict[GradeName, Span] = Field(
        default={}, description="Acknowledged alarms of a grade are told again after so long; or never."
    )
    stale_after: Span = Field(default=_USUAL.stale_after_s, description="An alarm is stale after so long.")

    def policy(self) -> AlarmPolicy:
        """As the plan has it; grades that are not named keep their default."""
        named = dict(_USUAL.realarm_after_s) | dict(_realarm(self.realarm_after))
        return AlarmPolicy(
            shelf_max_s=self.shelf_max,
            out_of_service_max_s=self.out_of_service_max,
            confirm_within_s=self.confirm_within,
            chatter=self.chatter.chatter(),
            realarm_after_s=tuple(sorted(named.items())),
            stale_after_s=self.stale_after,
        )
