"""The delivery worker of one sink: reads the outbox from its cursor, sends in order, tries again until it arrives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic

from pydantic import BaseModel, ConfigDict, Field

from monitor.errors import DeliveryError, OperationError
from monitor.model.backoff import Backoff
from monitor.model.outbox import OutboxReader, P
from monitor.model.push import PushKind
from monitor.sinks.sink import Sent, Sink

log = logging.getLogger(__name__)


class DeliverySettings(BaseModel):
    """How a worker paces itself; all guesses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(default=100, ge=1, description="messages read at a time")
    backoff_first_s: float = Field(default=1.0, gt=0)
    backoff_most_s: float = Field(default=60.0, gt=0)
    poll_s: float = Field(default=5.0, gt=0, description="look at the outbox this often even when nobody calls")


@dataclass(slots=True)
class DeliveryCounts:
    delivered: int = 0
    failed: int = 0  # attempts that will be made again
    refused: int = 0  # messages given up because the receiver will never take them


class Delivery(Generic[P]):
    """Runs as one task. ``kinds`` are what this sink is for; the cursor passes over the others.

    ``now_ms`` is the wall clock, for the record of failures only.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        outbox: OutboxReader[P],
        now_ms: Callable[[], int],
        settings: DeliverySettings | None = None,
        kinds: Collection[PushKind] = tuple(PushKind),
    ) -> None:
        self.name = name
        self.counts = DeliveryCounts()
        self.last_error = ""
        self._sink = sink
        self._outbox = outbox
        self._now_ms = now_ms
        self._settings = settings or DeliverySettings()
        self._kinds = frozenset(kinds)
        self._called = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """New rows were committed. Call on the event loop's thread."""
        self._called.set()

    def stop(self) -> None:
        """End after the messages now under way."""
        self._stopping.set()
        self._called.set()

    async def run(self) -> None:
        """Deliver until stopped. Cancelled in the middle of a message, it sends that message again next time."""
        settings = self._settings
        backoff = Backoff(settings.backoff_first_s, settings.backoff_most_s)
        try:
            while not self._stopping.is_set():
                self._called.clear()
                try:
                    wait_s = await self._step(backoff)
                except OperationError as error:
                    wait_s = backoff.next_s()
                    log.error("sink %s: the outbox does not answer: %s; again in %.1f s", self.name, error, wait_s)
                if wait_s is None:
                    await _wait(self._called, settings.poll_s)
                elif wait_s > 0:
                    await _wait(self._stopping, wait_s)
        finally:
            await self._sink.close()

    async def _step(self, backoff: Backoff) -> float | None:
        """Send what is there. Returns how long to wait: None until called, 0 if there may be more."""
        rows = await asyncio.to_thread(self._outbox.read, self.name, self._settings.batch)
        if not rows:
            return None
        wanted = [number for number, row in enumerate(rows) if row.message.kind in self._kinds]
        sent = await self._sink.send([rows[number].message for number in wanted]) if wanted else Sent(0)
        self.counts.delivered += sent.delivered
        passed = wanted[sent.delivered] if sent.error is not None else len(rows)
        if passed:
            await asyncio.to_thread(self._outbox.advance, self.name, rows[passed - 1].outbox_id)
        if sent.delivered or sent.error is None:
            backoff.reset()
        if sent.error is None:
            self.last_error = ""
            return 0
        return await self._failed(rows, passed, sent.error, max(sent.wait_s, backoff.next_s()))

    async def _failed(self, rows: Sequence[P], number: int, error: DeliveryError, wait_s: float) -> float:
        message = rows[number].message
        if not error.retry:
            self.counts.refused += 1
            log.error("%s; %s %s is given up", error, message.kind.value, message.idempotency_key)
            await asyncio.to_thread(self._outbox.refuse, self.name, rows[number], error.reason, self._now_ms())
            return 0
        self.counts.failed += 1
        if error.reason != self.last_error:
            log.warning("%s; again in %.1f s and until it arrives", error, wait_s)
        self.last_error = error.reason
        next_try_ms = self._now_ms() + int(wait_s * 1000)
        await asyncio.to_thread(self._outbox.record_failure, self.name, error.reason, next_try_ms)
        return wait_s


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
