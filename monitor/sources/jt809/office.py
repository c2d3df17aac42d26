"""What a link hands to the desk, in order, and the answers that may go out only after it was committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from monitor.errors import DeliveryError, MonitorError, OperationError
from monitor.model.backoff import Backoff
from monitor.model.exchange import ExchangeEvent, LinkEvent
from monitor.sources.jt809.counts import LinkCounts
from monitor.sources.jt809.desk import Desk

log = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 256
"""Events per call of the desk (guess): one transaction each."""
_RESERVE: Final = 1_000
"""Link events that fit behind a full queue (guess): the back-off of connections keeps them rare."""
_FIRST_S: Final = 0.2
_MOST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Paper:
    """One thing for the desk: an event, an answer to be given after it, or an answer alone."""

    event: ExchangeEvent | None = None
    answer: Callable[[], Awaitable[object]] | None = None


class Office:
    """One per link. ``put`` waits while ``most`` papers wait, which stops the reading of the link."""

    def __init__(self, link: str, desk: Desk, counts: LinkCounts, *, most: int, answer_s: float) -> None:
        self._link = link
        self._desk = desk
        self._counts = counts
        self._answer_s = answer_s
        self._papers: asyncio.Queue[Paper] = asyncio.Queue(most + _RESERVE)
        self._room = asyncio.Semaphore(most)

    async def put(self, paper: Paper) -> None:
        await self._room.acquire()
        await self._papers.put(paper)

    def put_link_event(self, event: LinkEvent) -> None:
        """A channel came or went. Never waits: there is room left for these; beyond it they are dropped and counted."""
        try:
            self._papers.put_nowait(Paper(event))
        except asyncio.QueueFull:
            self._counts.link_events_dropped += 1
            log.error("link %s: the desk stands still, a change of the link is not recorded", self._link)

    async def settle(self, within_s: float) -> None:
        """Wait until everything was committed and answered, but no longer than this."""
        try:
            async with asyncio.timeout(within_s):
                await self._papers.join()
        except TimeoutError:
            log.error("link %s: %d messages were not committed", self._link, self._papers.qsize())

    async def run(self) -> None:
        while True:
            papers = [await self._papers.get()]
            while not self._papers.empty() and len(papers) < _MOST_AT_ONCE:
                papers.append(self._papers.get_nowait())
            events = [paper.event for paper in papers if paper.event is not None]
            if events:
                await self._committed(events)
            for paper in papers:
                if paper.answer is not None:
                    await self._answer(paper.answer)
                if not isinstance(paper.event, LinkEvent):
                    self._room.release()
                self._papers.task_done()

    async def _committed(self, events: list[ExchangeEvent]) -> None:
        backoff = Backoff(_FIRST_S, _MOST_S)
        told = False
        while True:
            try:
                await self._desk.take(self._link, events)
                return
            except OperationError as error:
                self._counts.desk_failures += 1
                if not told:
                    log.error("link %s: %s; %d messages wait for the desk", self._link, error, len(events))
                    told = True
                await asyncio.sleep(backoff.next_s())

    async def _answer(self, answer: Callable[[], Awaitable[object]]) -> None:
        try:
            await asyncio.wait_for(answer(), self._answer_s)
        except (MonitorError, TimeoutError) as error:
            self._counts.unanswered += 1
            if not isinstance(error, DeliveryError):
                log.warning("link %s: a message stays unanswered: %s", self._link, str(error) or "no answer in time")
