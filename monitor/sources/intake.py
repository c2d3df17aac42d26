"""What a source hands to the app, and what it may expect in return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from monitor.quality.crs import Crs


class Codec(StrEnum):
    JSON = "json"
    JT808 = "jt808"


class SourceClock(StrEnum):
    """What counts as the receive time: our clock on arrival, or what the payload states."""

    ARRIVAL = "arrival"
    PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class Feed:
    """How to read the messages of one subscription. ``platform`` names the sender in every report's source column."""

    source: str
    platform: str
    codec: Codec = Codec.JSON
    crs: Crs = Crs.WGS84
    clock: SourceClock = SourceClock.ARRIVAL
    payload_bytes: int = 4 * 1024 * 1024  # longer payloads are refused whole


@dataclass(frozen=True, slots=True)
class RawMessage:
    payload: bytes
    topic: str
    recv_ms: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Messages of one feed in the order received.

    ``ack`` tells the sender that they are safe. Call it on the event loop's thread, after the journal's fsync (and
    after the quarantine's, for what went there), at most once.
    """

    feed: Feed
    messages: list[RawMessage]
    ack: Callable[[], None]


class Deliver(Protocol):
    """Takes one intake; returns when it was journalled and acknowledged.

    An ``OperationError`` means that it was not: the source breaks the connection, so that the sender sends it again.
    """

    async def __call__(self, intake: Intake, /) -> None: ...
