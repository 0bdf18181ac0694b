"""What can be set of an MQTT broker as a source."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.formats import SomeSubscription
from connectors.formats.contract import DEPTH_MAX, PAYLOAD_BYTES_MAX, READINGS_MAX
from connectors.mqtt.broker import BrokerSettings
from connectors.requests import Presence


class Settings(BrokerSettings):
    """An MQTT broker as a source of readings."""

    subscriptions: list[SomeSubscription] = Field(
        min_length=1, description="What to listen to; the first that fits counts."
    )
    session_expiry_s: int = Field(
        default=604800,
        ge=0,
        le=0xFFFFFFFF,
        description="How long the broker keeps our messages while we are away (MQTT 5).",
    )
    receive_maximum: int = Field(
        default=2000,
        ge=1,
        le=65535,
        description="Messages under way without acknowledgement; MQTT 3.1.1 uses the broker's max_inflight_messages.",
    )
    reconnect_delay_s_min: float = Field(default=0.2, gt=0, description="First delay before a reconnection.")
    reconnect_delay_s_max: float = Field(default=30.0, gt=0, description="Longest delay before a reconnection.")
    payload_bytes_max: int = Field(default=PAYLOAD_BYTES_MAX, ge=1, description="Longer payloads are refused.")
    depth_max: int = Field(default=DEPTH_MAX, ge=2, le=64, description="Payloads nested deeper are refused.")
    readings_max: int = Field(
        default=READINGS_MAX,
        ge=1,
        description="So are those of more readings; `json` and `columns` know no such bound.",
    )
    receive_path: Literal["framed", "stock"] = Field(
        default="framed",
        description="How packets are read: `framed` many at a time, or `stock`, as the MQTT library does, much slower.",
    )

    watch_broker: bool = Field(
        default=True, description="Read what the broker tells of itself under `$SYS`: drops, queue, version."
    )

    @model_validator(mode="after")
    def _delays(self) -> Self:
        if self.reconnect_delay_s_min > self.reconnect_delay_s_max:
            raise ValueError(
                f"reconnect_delay_s_min must be at most reconnect_delay_s_max, got {self.reconnect_delay_s_min}"
            )
        return self

    @model_validator(mode="after")
    def _one_presence(self) -> Self:
        if len({one.presence.topic for one in self.subscriptions if one.presence is not None}) > 1:
            raise ValueError("subscriptions have one primary_host at most, got several")
        return self

    @property
    def filters(self) -> list[tuple[str, int]]:
        """What the broker is asked for, with its QoS."""
        found: list[tuple[str, int]] = [
            (pattern.filter, one.qos) for one in self.subscriptions for pattern, _ in one.routes
        ]
        return found if self.presence is None else [*found, (self.presence.topic, 0)]

    @property
    def session_is_kept(self) -> bool:
        """Whether the broker keeps our messages while we are away; 3.1.1 knows no other way."""
        return self.version != "5" or self.session_expiry_s > 0

    @property
    def presence(self) -> Presence | None:
        return next((one.presence for one in self.subscriptions if one.presence is not None), None)
