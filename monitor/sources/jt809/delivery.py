"""Positions of a link on their way to the app: a few intakes at a time, and none given up.

JT/T 809 has no acknowledgement of a position. Breaking the connection would not bring one back, so an intake that the
app could not take is handed over again until it is; meanwhile the link is not read, and TCP holds the peer off.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from monitor.errors import OperationError
from monitor.model.backoff import Backoff
from monitor.sources.intake import Deliver, Intake
from monitor.sources.jt809.counts import LinkCounts

log = logging.getLogger(__name__)

_UNDER_WAY: Final = 3
"""Intakes handed over and not yet safe: as measured for MQTT, they share a journal write."""
_FIRST_S: Final = 0.2
_MOST_S: Final = 5.0
"""Waits between attempts (guess): a disk that is full stays so for a while."""


class Delivery:
    """``hand`` returns as soon as the intake is under way, and waits while too many are."""

    def __init__(self, link: str, deliver: Deliver, counts: LinkCounts) -> None:
        self._link = link
        self._deliver = deliver
        self._counts = counts
        self._free = asyncio.Semaphore(_UNDER_WAY)
        self._tasks: set[asyncio.Task[None]] = set()

    async def hand(self, intake: Intake, lifetime: asyncio.TaskGroup) -> None:
        await self._free.acquire()
        self._counts.intakes += 1
        task = lifetime.create_task(self._until_taken(intake), name=f"jt809 {self._link} delivery")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def settle(self, within_s: float) -> None:
        """Wait for what is under way; the rest is left to its fate after ``within_s``."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def _until_taken(self, intake: Intake) -> None:
        backoff = Backoff(_FIRST_S, _MOST_S)
        told = False
        while True:
            try:
                await self._deliver(intake)
                return
            except OperationError as error:
                self._counts.deliver_failures += 1
                if not told:
                    log.error("link %s: %s; kept, and handed over again until it works", self._link, error)
                    told = True
                await asyncio.sleep(backoff.next_s())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
