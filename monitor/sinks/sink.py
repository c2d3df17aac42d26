"""What every sink can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.errors import DeliveryError
from monitor.model.push import PushMessage


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a sink came: ``delivered`` messages from the front; ``error`` is about the one after them, if any.

    ``wait_s`` is how long the receiver asked to be left alone, 0 if it did not say. ``reached`` false says that nobody
    was there: what comes after this message would have fared no better.
    """

    delivered: int
    error: DeliveryError | None = None
    wait_s: float = 0.0
    reached: bool = True


class Sink(Protocol):
    """Sends messages in order. What goes wrong outside comes back in ``Sent`` and is not raised."""

    async def send(self, messages: Sequence[PushMessage], /) -> Sent: ...

    async def close(self) -> None:
        """Let go of connections; a later ``send`` makes new ones."""
        ...
