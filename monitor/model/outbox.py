"""What a delivery worker needs of the outbox; the relational store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

from monitor.model.push import PushMessage


class Pending(Protocol):
    """A message that a sink has not passed yet. ``outbox_id`` grows in the order committed.

    ``direct`` says that it was made for this sink alone: a digest, an alarm after its silence, a dead letter sent
    again. Whether it goes out was decided when it was made.
    """

    @property
    def outbox_id(self) -> int: ...

    @property
    def message(self) -> PushMessage: ...

    @property
    def direct(self) -> bool: ...


P = TypeVar("P", bound=Pending)


class Cause(StrEnum):
    """Why a message became a dead letter."""

    REFUSED = "refused"  # the receiver says that it will never take it
    GAVE_UP = "gave_up"  # the receiver was there and failed at it for too long


class Attempts(Protocol):
    """Failed attempts at the message after a sink's cursor; all 0 where there were none."""

    @property
    def attempts(self) -> int: ...

    @property
    def first_try_ms(self) -> int: ...

    @property
    def answered_ms(self) -> int:
        """First failed attempt that reached the receiver: the message may be at fault, not only the way to it."""
        ...

    @property
    def next_try_ms(self) -> int: ...


class OutboxReader(Protocol[P]):
    """One cursor per sink name. Methods block, and are called from worker threads."""

    def cursor(self, sink: str, /) -> Attempts:
        """Where the sink stands, after a restart too."""
        ...

    def read(self, sink: str, limit: int, /) -> Sequence[P]:
        """The next messages for the sink after its cursor, in order."""
        ...

    def advance(self, sink: str, outbox_id: int, /) -> None:
        """The sink has passed everything up to ``outbox_id``."""
        ...

    def record_failure(self, sink: str, reason: str, at_ms: int, next_try_ms: int, reached: bool, /) -> Attempts:
        """One more failed attempt at the message after the cursor, and how many there are now."""
        ...

    def bury(self, sink: str, pending: P, cause: Cause, reason: str, at_ms: int, /) -> None:
        """Make a dead letter of the message after the cursor, and pass it."""
        ...
