"""Settings of the Redis sink, and the names of its keys; ``docs/redis.md`` says what is in them."""

from __future__ import annotations

from pydantic import Field

from monitor.model.push import PushKind, PushMessage
from monitor.model.redis_server import RedisServerSettings


class RedisSinkSettings(RedisServerSettings):
    """One server to push to. Numbers without a source are guesses."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$", description="unique; its cursor goes by it")
    prefix: str = Field(
        default="vdm",
        min_length=1,
        max_length=64,
        pattern=r"^[\w.:{}-]+$",
        description="keys stand below it; never shared by two daemons",
    )
    kinds: tuple[PushKind, ...] = Field(default=tuple(PushKind), description="what goes into the streams")
    stream_entries: int = Field(
        default=100_000, ge=100, description="entries that a stream keeps at least; what is beyond leaves in blocks"
    )
    stream_days: float = Field(default=30.0, gt=0, le=400, description="older entries leave the streams")
    vehicles: bool = Field(default=True, description="whether the latest state of each vehicle is kept there")
    every_s: float = Field(default=5.0, ge=0.1, description="how often vehicles that changed are written")
    vehicle_hours: float = Field(
        default=48.0, gt=0, description="a vehicle without contact for so long leaves, with all that is kept of it"
    )
    batch: int = Field(
        default=100, ge=1, le=10_000, description="vehicles written at a time (measured: 60 µs of CPU each)"
    )

    def stream(self, message: PushMessage) -> str:
        """The stream of a message is named after the first level of its topic: ``alarms``, ``summaries`` ..."""
        return f"{self.prefix}:{message.topic.partition('/')[0]}"

    def sent(self, message: PushMessage) -> str:
        """Holds the last sequence of a record that is in its stream."""
        return f"{self.prefix}:sent:{message.kind.value}:{message.id}"

    def vehicle(self, key: str) -> str:
        """Hash of one vehicle."""
        return f"{self.prefix}:vehicle:{key}"

    @property
    def geo(self) -> str:
        """Positions of all vehicles that are kept."""
        return f"{self.prefix}:vehicles:geo"

    @property
    def stream_marker(self) -> str:
        return f"{self.prefix}:marker:streams"

    @property
    def vehicle_marker(self) -> str:
        return f"{self.prefix}:marker:vehicles"

    @property
    def stream_ttl_s(self) -> int:
        return max(int(self.stream_days * 86_400), 1)

    @property
    def vehicle_ttl_s(self) -> int:
        return max(int(self.vehicle_hours * 3_600), 1)
