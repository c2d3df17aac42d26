"""What a delivery worker needs of the outbox; the relational store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from monitor.model.push import PushMessage


class Pending(Protocol):
    """A message that a sink has not passed yet. ``outbox_id`` grows in the order committed."""

    @property
    def outbox_id(self) -> int: ...

    @property
    def message(self) -> PushMessage: ...


P = TypeVar("P", bound=Pending)


class OutboxReader(Protocol[P]):
    """One cursor per sink name. Methods block, and are called from worker threads."""

    def read(self, sink: str, limit: int, /) -> Sequence[P]:
        """The next messages after the sink's cursor, in order."""
        ...

    def advance(self, sink: str, outbox_id: int, /) -> None:
        """The sink has passed everything up to ``outbox_id``."""
        ...

    def record_failure(self, sink: str, reason: str, next_try_ms: int, /) -> object:
        """One more failed attempt at the message after the cursor."""
        ...

    def refuse(self, sink: str, pending: P, reason: str, at_ms: int, /) -> None:
        """The receiver will never take this message: keep that on record and pass it."""
        ...
