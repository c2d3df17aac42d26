"""Running counts of one server, for its metrics. Words are from fixed lists: none is made of what a peer sends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Jt808Counts:
    open: int = 0  # connections now
    authenticated: int = 0  # terminals now
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # connections, by reason
    dropped: Counter[str] = field(default_factory=Counter)  # connections closed by us, by reason
    frames: Counter[str] = field(default_factory=Counter)  # by kind of message
    bad_frames: Counter[str] = field(default_factory=Counter)  # by reason
    received_bytes: int = 0
    intakes: int = 0
    replies: int = 0
    unanswered: int = 0  # frames whose sender was gone, or that could not be kept: they come again
    unauthenticated: int = 0  # frames refused with result 1
    registrations: Counter[str] = field(default_factory=Counter)  # by result of 0x8100
    authentications: Counter[str] = field(default_factory=Counter)  # by what was decided
    unregistered: int = 0  # terminals taken that the registry does not know
    taken_over: int = 0  # older connections of a phone that a newer one replaced
    throttled: int = 0  # times that a connection was read more slowly
    packet_sets: Counter[str] = field(default_factory=Counter)  # sub-packaged messages, by what became of them
    orders: Counter[str] = field(default_factory=Counter)  # by result
