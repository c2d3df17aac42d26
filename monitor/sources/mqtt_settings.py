"""Settings of the MQTT source: one block per broker, one subscription per topic filter."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from monitor.model.broker import BrokerSettings
from monitor.quality.crs import Crs
from monitor.sources.intake import Codec, Feed, SourceClock


class SubscriptionSettings(BaseModel):
    """A topic filter and how its messages are read.

    QoS 2 is not offered: a receiver that restarts between the two halves of its handshake never gets the message
    from paho, and two deliveries of one report do no harm here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(min_length=1, max_length=1024, description="MQTT topic filter; + and # as usual")
    codec: Codec = Codec.JSON
    crs: Crs = Crs.WGS84
    clock: SourceClock = SourceClock.ARRIVAL
    platform: str = Field(default="", description="name of the sender; the name of the source where empty")
    qos: int = Field(default=1, ge=0, le=1)

    @field_validator("topic")
    @classmethod
    def _is_a_filter(cls, topic: str) -> str:
        levels = topic.split("/")
        if "\0" in topic or any(("#" in level or "+" in level) and len(level) > 1 for level in levels):
            raise ValueError(f"{topic!r} is no topic filter: + and # stand alone between slashes")
        if "#" in levels[:-1]:
            raise ValueError(f"{topic!r} is no topic filter: # comes last")
        return topic


class MqttSourceSettings(BrokerSettings):
    """One broker. Numbers without a source are guesses that held at the measured rates."""

    name: str = Field(min_length=1, max_length=64, pattern=r"[\w.-]+", description="unique among the sources")
    client_id: str = Field(default="", max_length=64, description="names the session on the broker; never shared")
    subscriptions: tuple[SubscriptionSettings, ...] = Field(min_length=1)
    session_expiry_s: int = Field(
        default=7 * 86_400, ge=0, le=0xFFFF_FFFF, description="how long the broker keeps messages for us while away"
    )
    receive_maximum: int = Field(
        default=1_000, ge=1, le=65_535, description="messages unacknowledged at a time: what bounds the queue"
    )
    batch_messages: int = Field(
        default=500, ge=1, description="at most this many per intake; half the receive maximum keeps the broker busy"
    )
    batch_bytes: int = Field(
        default=384 * 1024,
        ge=1,
        description="an intake ends with the message that passes this (measured: above two "
        "thousand reports at a time decoding slows down by half, as they leave the processor's cache)",
    )
    linger_ms: float = Field(default=20.0, ge=0, le=1_000, description="how long an intake waits to fill")
    payload_bytes: int = Field(default=4 * 1024 * 1024, ge=64, description="longer payloads go to quarantine")
    waiting_messages: int = Field(
        default=100_000, ge=1, description="above this many waiting, QoS 0 messages are dropped and counted"
    )

    @property
    def session(self) -> str:
        return self.client_id or f"vdm-monitor-{self.name}"

    def feed(self, subscription: SubscriptionSettings) -> Feed:
        return Feed(
            self.name,
            subscription.platform or self.name,
            subscription.codec,
            subscription.crs,
            subscription.clock,
            self.payload_bytes,
        )
