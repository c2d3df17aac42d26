"""Settings of the Redis Streams source: one block per server, one stream per key that is read there."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from monitor.model.redis_server import RedisServerSettings
from monitor.quality.crs import Crs
from monitor.sources.intake import Codec, Feed, SourceClock


class GroupStart(StrEnum):
    """Where a consumer group begins that does not exist yet."""

    FIRST = "first"  # with what is in the stream
    NEW = "new"  # with what comes from now on


class Done(StrEnum):
    """What becomes of entries that are acknowledged."""

    KEEP = "keep"  # whoever writes the stream bounds it
    DELETE = "delete"  # XDEL, in one transaction with the acknowledgement
    TRIM = "trim"  # XTRIM now and then, up to the oldest entry that the group has not acknowledged


class StreamSettings(BaseModel):
    """A stream and how its entries are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1, max_length=1024, description="key of the stream")
    field: str = Field(default="data", min_length=1, description="field of an entry that holds the payload")
    codec: Codec = Field(default=Codec.JSON, description="`json`: one report or an array; `jt808`: raw frames")
    crs: Crs = Field(default=Crs.WGS84, description="`gcj02` is converted on the way in")
    clock: SourceClock = Field(default=SourceClock.ARRIVAL, description="what counts as the receive time")
    platform: str = Field(default="", description="name of the sender; the name of the source where empty")


class RedisSourceSettings(RedisServerSettings):
    """One server. Numbers without a source are guesses that held at the measured rates."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$", description="unique among the sources")
    streams: tuple[StreamSettings, ...] = Field(min_length=1, description="what is read")
    group: str = Field(default="vdm-monitor", min_length=1, description="consumer group; made where it is missing")
    consumer: str = Field(
        default="", description="who we are in the group, the same after every start; the name of the source if empty"
    )
    start: GroupStart = Field(
        default=GroupStart.FIRST, description="where a new group begins: `first` entry kept, or only `new` ones"
    )
    done: Done = Field(
        default=Done.KEEP,
        description="what becomes of acknowledged entries: `keep`, `delete` (XDEL with each acknowledgement) or "
        "`trim` (XTRIM up to the oldest one not acknowledged); the last two only where no other group reads",
    )
    batch_entries: int = Field(default=500, ge=1, description="at most this many entries of a stream at a time")
    batch_bytes: int = Field(
        default=384 * 1024, ge=1, description="entries are asked for so that their payloads come to about this much"
    )
    payload_bytes: int = Field(default=4 * 1024 * 1024, ge=64, description="longer payloads go to quarantine")
    block_s: float = Field(default=1.0, gt=0, description="how long one question waits for entries")
    linger_ms: float = Field(
        default=20.0, ge=0, le=1_000, description="pause before the next question when few entries came"
    )
    claim_idle_s: float = Field(
        default=60.0,
        gt=0,
        description="entries that another consumer took this long ago and did not acknowledge are taken over",
    )
    claim_every_s: float = Field(default=15.0, gt=0, description="how often such entries are looked for")

    @model_validator(mode="after")
    def _fits_together(self) -> RedisSourceSettings:
        if self.block_s >= self.timeout_s:
            raise ValueError("block_s must be below timeout_s")
        keys = [stream.key for stream in self.streams]
        if len(set(keys)) < len(keys):
            raise ValueError("a stream stands there more than once")
        return self

    @property
    def consumer_name(self) -> str:
        return self.consumer or self.name

    def feed(self, stream: StreamSettings) -> Feed:
        return Feed(self.name, stream.platform or self.name, stream.codec, stream.crs, stream.clock, self.payload_bytes)
