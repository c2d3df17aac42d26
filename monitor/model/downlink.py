"""Orders to a terminal: a text for the driver, parameters, a question for its position.

Each is queued, sent when the terminal is connected, and confirmed by its answer; what became of it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DownlinkKind(StrEnum):
    TEXT = "text"  # 0x8300
    PARAMETERS = "parameters"  # 0x8103
    POSITION = "position"  # 0x8201
    QUERY_PARAMETERS = "query_parameters"  # 0x8104, 0x8106


class DownlinkState(StrEnum):
    QUEUED = "queued"  # waits for the terminal to be connected
    SENT = "sent"  # waits for the answer
    CONFIRMED = "confirmed"  # the terminal answered that it is done
    REFUSED = "refused"  # the terminal answered that it cannot
    UNANSWERED = "unanswered"  # sent, asked again, and no answer
    EXPIRED = "expired"  # the terminal was not connected in time
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self not in (DownlinkState.QUEUED, DownlinkState.SENT)


@dataclass(frozen=True, slots=True)
class Downlink:
    """One order. ``body`` is JSON: ``{"text", "urgent", "speak", "display"}``, ``{"parameters": {"0x0055": 80}}``,
    ``{}`` or ``{"ids": ["0x0055"]}``; ``answer`` is JSON, empty until there is one. Times are epoch ms."""

    downlink_id: str
    phone: str
    vehicle_id: str
    kind: DownlinkKind
    body: str
    state: DownlinkState
    requested_by: str  # "rule:speeding" or who asked
    queued_ms: int
    expires_ms: int
    alarm_id: str = ""
    sent_ms: int | None = None
    answered_ms: int | None = None
    answer: str = ""
