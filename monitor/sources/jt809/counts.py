"""Running counts of one link, for its metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class LinkCounts:
    """Since the start; nothing here names a vehicle or a person."""

    bytes_in: int = 0
    bytes_out: int = 0
    frames_in: int = 0
    frames_out: int = 0
    positions_in: int = 0
    positions_out: int = 0
    intakes: int = 0
    events_in: int = 0
    rejects: int = 0  # frames that were put into quarantine
    ignored: int = 0  # sound frames that mean nothing on this link
    foreign_codes: int = 0  # sound frames with another access code than the log-in's; they are taken
    missing: int = 0  # sequence numbers that were jumped over (2019)
    resent: int = 0  # frames sent again on request (2019)
    garbage_peers: int = 0  # connections dropped because nothing sound came
    desk_failures: int = 0
    deliver_failures: int = 0
    unanswered: int = 0  # questions whose answer could not be sent
    link_events_dropped: int = 0
    ups: Counter[str] = field(default_factory=Counter)  # by channel
    downs: Counter[str] = field(default_factory=Counter)  # by channel and reason, "main:silent"
    refused: Counter[str] = field(default_factory=Counter)  # log-ins, by reason
