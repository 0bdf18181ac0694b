"""What devices are played: a YAML file, or so many healthy ones."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from model.errors import ConfigError, ConfigErrors, Place
from simulator.uitd.device import Habits
from simulator.uitd.wire import DEVICE_STATES, OPERATIONS, STATES, SYSTEM_STATES, Component

FIRST_ADDRESS = 330_100_001


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PointPart(_Part):
    """A component, and what it measures if it does."""

    id: str
    system: int = Field(default=1, ge=0, le=255)
    system_address: int = Field(default=1, ge=0, le=255)
    component: int = Field(ge=0, le=255, description="Type, e.g. 42: optical smoke detector.")
    address: str = Field(pattern="^[0-9a-fA-F]{8}$", description="Eight hex digits: loop, point.")
    text: str = ""
    analog: int | None = Field(default=None, ge=1, le=255, description="Type of what it measures, e.g. 5: kPa.")
    value: float = 0.0
    noise: float = Field(default=0.0, ge=0)
    every_s: float = Field(default=60.0, gt=0)

    def of_wire(self) -> Component:
        return Component(self.system, self.system_address, self.component, int(self.address, 16), self.text)


class Moment(_Part):
    """Something that happens, ``at`` seconds after the start: one thing."""

    at: float = Field(ge=0)
    point: str | None = None
    system: int | None = Field(default=None, ge=0, le=255)
    system_address: int = Field(default=1, ge=0, le=255)
    state: list[str] | None = Field(default=None, description="Of the point or the system; [] is all well.")
    value: float | None = Field(default=None, description="What the point measures from now on.")
    device: list[str] | None = Field(default=None, description="The device's own state; [] is all well.")
    operation: list[str] | None = Field(default=None, description="Keys pressed on the device.")
    garbage: int | None = Field(default=None, ge=1, le=100_000, description="Bytes that are no frame.")
    repeat: int | None = Field(default=None, ge=1, le=1000, description="The last frame again, so often.")
    do: Literal["hang_up", "half_open"] | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        things = [self.point, self.system, self.device, self.operation, self.garbage, self.repeat, self.do]
        if sum(thing is not None for thing in things) != 1:
            raise ValueError("a moment is one of point, system, device, operation, garbage, repeat, do")
        if self.point is not None and self.state is None and self.value is None:
            raise ValueError("a point gets a state, a value, or both")
        if self.system is not None and self.state is None:
            raise ValueError("a system gets a state")
        self._known(self.state, STATES if self.system is None else SYSTEM_STATES)
        self._known(self.device, DEVICE_STATES)
        self._known(self.operation, OPERATIONS)
        return self

    @staticmethod
    def _known(given: list[str] | None, known: dict[str, int]) -> None:
        unknown = [word for word in given or () if word not in known]
        if unknown:
            raise ValueError(f"must be of {', '.join(known)}, got {unknown}")


class DevicePart(_Part):
    """One device, or several alike with addresses that count up."""

    address: int = Field(default=FIRST_ADDRESS, ge=0, lt=1 << 48)
    copies: int = Field(default=1, ge=1, le=10_000)
    heartbeat_s: float = Field(default=30.0, gt=0)
    clock_ahead_s: float = 0.0
    sets_clock: bool = Field(default=True, description="Whether it obeys when its clock is set.")
    duty_answer_s: float | None = Field(default=5.0, ge=0, description="Null: nobody is on duty.")
    resend_s: float = Field(default=10.0, gt=0)
    resends_max: int = Field(default=3, ge=0)
    reconnect_s: float = Field(default=1.0, ge=0)
    points: list[PointPart] = []
    events: list[Moment] = []

    @model_validator(mode="after")
    def _points_are_known(self) -> Self:
        names = [point.id for point in self.points]
        unknown = [event.point for event in self.events if event.point is not None and event.point not in names]
        if unknown or len(set(names)) < len(names):
            raise ValueError(f"events name points of their device, each with one id; got {unknown or names}")
        return self

    def habits(self) -> Habits:
        return Habits(
            self.heartbeat_s,
            self.clock_ahead_s,
            self.sets_clock,
            self.duty_answer_s,
            self.resend_s,
            self.resends_max,
            self.reconnect_s,
        )


class Script(_Part):
    devices: list[DevicePart] = Field(min_length=1)


def healthy(devices: int) -> Script:
    """So many devices, each with a smoke detector and the pressure of its fire water, and all well."""
    points = [
        PointPart(id="smoke", component=42, address="00010001", text="1层走廊烟感"),
        PointPart(
            id="pressure",
            system=11,
            component=91,
            address="00010001",
            text="消防泵房出水压力",
            analog=5,
            value=420.0,
            noise=2.0,
            every_s=10.0,
        ),
    ]
    return Script(devices=[DevicePart(copies=devices, points=points)])


def load(path: Path) -> Script:
    """Read a script.

    Raises:
        ConfigErrors: it cannot be read, or does not say what it should.

    """
    try:
        return Script.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _refused(path, "", "must be a file that can be read", error.strerror) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise _refused(path, "", "must be YAML", str(error).splitlines()[0]) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise _refused(path, key, first["msg"], first["input"]) from error


def _refused(path: Path, key: str, requirement: str, given: object) -> ConfigErrors:
    return ConfigErrors([ConfigError(Place(str(path), 0, key), requirement, given)])
