"""What a source hands to the app, and what it may expect in return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.model.bad_bytes import BadBytes
from monitor.model.evidence import FrameForm
from monitor.model.journal import JournalRecord
from monitor.model.report import ReportBatch
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
class FrameSpans:
    """Where each report lies in what was received: ``buffer[begin[i]:end[i]]`` for row i, delimiters included.

    The buffer may hold more than reports; nothing of it is to be kept but the spans.
    """

    form: FrameForm
    buffer: bytes
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


def delimited(
    begin: NDArray[np.int64], end: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spans of segments with the byte before and behind them, where the buffer of ``size`` bytes has one."""
    return np.maximum(begin - 1, 0), np.minimum(end + 1, size)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Reports in the order of the messages (by fix time within one), ``rejects`` for the quarantine.

    ``outcomes`` counts by reason what was rejected, and frames decoded with a remark or of another kind of message.
    """

    batch: ReportBatch
    rejects: tuple[BadBytes, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    outcomes: Counter[str] = field(default_factory=Counter)
    spans: FrameSpans | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """Messages of one feed in the order received.

    A source that has to read its messages before it can answer them (JT/T 808 and 809) hands over ``decoded``, with
    ``messages`` empty and ``n_frames`` to count. ``records`` are journalled behind the reports, with the same fsync.

    ``ack`` tells the sender that they are safe. Call it on the event loop's thread, after the journal's fsync (and
    after the quarantine's, for what went there), at most once.
    """

    feed: Feed
    messages: list[RawMessage]
    ack: Callable[[], None]
    decoded: Decoded | None = None
    n_frames: int = 0
    records: tuple[JournalRecord, ...] = ()

    @property
    def n_messages(self) -> int:
        """Messages of the sender in it."""
        return self.n_frames if self.decoded is not None else len(self.messages)


class Deliver(Protocol):
    """Takes one intake; returns when it was journalled and acknowledged.

    An ``OperationError`` means that it was not: the source breaks the connection, so that the sender sends it again.
    """

    async def __call__(self, intake: Intake, /) -> None: ...
