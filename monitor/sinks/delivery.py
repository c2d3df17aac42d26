"""The delivery worker of one sink: reads the outbox from its cursor, sends in order, tries again until it arrives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol

from pydantic import BaseModel, ConfigDict, Field

from monitor.alarms.dispatch import Fate
from monitor.errors import DeliveryError, OperationError
from monitor.model.backoff import Backoff
from monitor.model.outbox import Cause, OutboxReader, P, Pending
from monitor.model.push import PushKind
from monitor.sinks.sink import Sent, Sink

log = logging.getLogger(__name__)


class DeliverySettings(BaseModel):
    """How a worker paces itself; all guesses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(default=100, ge=1, description="messages read at a time")
    backoff_first_s: float = Field(default=1.0, gt=0, description="wait at most so long after a first failure")
    backoff_most_s: float = Field(default=60.0, gt=0, description="twice as long after each further one, up to here")
    poll_s: float = Field(default=5.0, gt=0, description="look at the outbox this often even when nobody calls")
    give_up_s: float = Field(
        default=86_400.0,
        gt=0,
        description="a message that a receiver fails at for so long becomes a dead letter; "
        "one that nobody was there to take waits on",
    )


_LONGEST_WAIT_S = 300.0
"""Longest wait of another life that is kept; our clock may have been wrong then (as ``Retry-After``)."""


class Dispatch(Protocol):
    """What the receiver gets, and in which form; see ``monitor.alarms.dispatch``. Methods block.

    ``sort`` says what becomes of each row. ``passed`` moves the cursor over the first ``n`` of the rows last sorted
    and writes down what the receiver knows now. ``make_due`` makes what has fallen due, such as digests, and returns
    in how many seconds it is to be asked again at the latest, None for whenever.
    """

    def sort(self, rows: Sequence[Pending], /) -> Sequence[Fate]: ...
    def passed(self, rows: Sequence[Pending], n: int, /) -> None: ...
    def make_due(self) -> float | None: ...


class Plain:
    """Everything goes out as it is."""

    def __init__(self, name: str, advance: Callable[[str, int], None]) -> None:
        self._name = name
        self._advance = advance

    def sort(self, rows: Sequence[Pending], /) -> Sequence[Fate]:
        return [Fate.SEND] * len(rows)

    def passed(self, rows: Sequence[Pending], n: int, /) -> None:
        self._advance(self._name, rows[n - 1].outbox_id)

    def make_due(self) -> float | None:
        return None


@dataclass(slots=True)
class DeliveryCounts:
    delivered: int = 0
    failed: int = 0  # attempts that will be made again
    refused: int = 0  # messages given up because the receiver will never take them
    gave_up: int = 0  # messages given up because the receiver failed at them for too long
    withheld: Counter[Fate] = field(default_factory=Counter)


class Delivery(Generic[P]):
    """Runs as one task. ``kinds`` are what this sink is for; the cursor passes over the others.

    At most ``batch`` messages are in memory; all others stay in the outbox, however long the receiver is stuck.
    ``now_ms`` is the wall clock, for attempts and their record. ``chance`` draws the waits between attempts.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        outbox: OutboxReader[P],
        now_ms: Callable[[], int],
        settings: DeliverySettings | None = None,
        kinds: Collection[PushKind] = tuple(PushKind),
        dispatch: Dispatch | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.name = name
        self.counts = DeliveryCounts()
        self.last_error = ""
        self._sink = sink
        self._outbox = outbox
        self._now_ms = now_ms
        self._settings = settings or DeliverySettings()
        self._kinds = frozenset(kinds)
        self._dispatch: Dispatch = dispatch or Plain(name, outbox.advance)
        self._backoff = Backoff(self._settings.backoff_first_s, self._settings.backoff_most_s, chance)
        self._resumed = False
        self._look_s = 0.0
        self._idle_s = self._settings.poll_s
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
        try:
            while not self._stopping.is_set():
                self._called.clear()
                try:
                    wait_s = await self._step()
                except OperationError as error:
                    wait_s = self._backoff.next_s()
                    log.error("sink %s: the outbox does not answer: %s; again in %.1f s", self.name, error, wait_s)
                if wait_s is None:
                    await _wait(self._called, self._idle_s)
                elif wait_s > 0:
                    await _wait(self._stopping, wait_s)
        finally:
            await self._sink.close()

    async def _step(self) -> float | None:
        """Send what is there. Returns how long to wait: None until called, 0 if there may be more."""
        if not self._resumed:
            wait_s = await self._resume()
            if wait_s > 0:
                return wait_s
        rows = await asyncio.to_thread(self._outbox.read, self.name, self._settings.batch)
        now_s = asyncio.get_running_loop().time()
        if not rows or now_s >= self._look_s:
            self._look_s = now_s + self._settings.poll_s
            due_s = await asyncio.to_thread(self._dispatch.make_due)
            self._idle_s = self._settings.poll_s if due_s is None else min(due_s, self._settings.poll_s)
            if not rows:
                return None if self._idle_s > 0 else 0
        fates = await asyncio.to_thread(self._dispatch.sort, rows)
        wanted = [
            number for number, row in enumerate(rows) if row.message.kind in self._kinds and fates[number] is Fate.SEND
        ]
        sent = await self._sink.send([rows[number].message for number in wanted]) if wanted else Sent(0)
        self.counts.delivered += sent.delivered
        passed = wanted[sent.delivered] if sent.error is not None else len(rows)
        if passed:
            await asyncio.to_thread(self._dispatch.passed, rows, passed)
            self.counts.withheld.update(fate for fate in fates[:passed] if fate is not Fate.SEND)
        if sent.delivered or sent.error is None:
            self._backoff.reset()
        if sent.error is None:
            self.last_error = ""
            return 0
        return await self._failed(rows[passed], sent, sent.error)

    async def _resume(self) -> float:
        """Go on with the attempts of the life before; returns how long the next one has to wait."""
        cursor = await asyncio.to_thread(self._outbox.cursor, self.name)
        self._resumed = True
        if not cursor.attempts:
            return 0.0
        self._backoff.resume(cursor.attempts)
        return min((cursor.next_try_ms - self._now_ms()) / 1000, _LONGEST_WAIT_S)

    async def _failed(self, row: P, sent: Sent, error: DeliveryError) -> float:
        if not error.retry:
            self.counts.refused += 1
            return await self._buried(row, Cause.REFUSED, error)
        self.counts.failed += 1
        wait_s = max(sent.wait_s, self._backoff.next_s())
        if error.reason != self.last_error:
            log.warning("%s; again in %.1f s and until it arrives", error, wait_s)
        self.last_error = error.reason
        now_ms = self._now_ms()
        failed = await asyncio.to_thread(
            self._outbox.record_failure, self.name, error.reason, now_ms, now_ms + int(wait_s * 1000), sent.reached
        )
        if sent.reached and now_ms - failed.answered_ms >= self._settings.give_up_s * 1000:
            self.counts.gave_up += 1
            return await self._buried(row, Cause.GAVE_UP, error)
        return wait_s

    async def _buried(self, row: P, cause: Cause, error: DeliveryError) -> float:
        message = row.message
        await asyncio.to_thread(self._outbox.bury, self.name, row, cause, error.reason, self._now_ms())
        log.error("%s; %s %s is now a dead letter", error, message.kind.value, message.idempotency_key)
        self._backoff.reset()
        return 0


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
