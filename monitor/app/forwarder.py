"""Positions to an upper platform, read from the journal: store and forward for as long as the journal is kept.

The cursor moves when the link has taken what lies before it. After a break of the link, or of ours, what was written
within the last heartbeat interval is written again: nobody knows whether it arrived. So everything arrives at least
once, in the order of the journal; what was received longer ago than ``live_s`` goes as backfill.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import islice

from monitor.app.exchange_links import LowerEnd
from monitor.app.exchange_settings import ForwardSettings, ForwardStart
from monitor.app.forwarding import ForwardedFleet, PositionPart, Positions, positions_of
from monitor.app.sent_positions import SentPositions
from monitor.errors import CodecError, DeliveryError, JournalError, OperationError
from monitor.model.backoff import Backoff
from monitor.model.exchange import RegisteredVehicle
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord
from monitor.store.database import Database
from monitor.store.forward_store import ForwardCursor, forward_cursor, put_forward_cursor

log = logging.getLogger(__name__)

_RECORDS_AT_ONCE = 64
"""Records read in one go, so that reading does not keep a thread for long. A guess."""

ReadJournal = Callable[[int], Iterator[JournalRecord]]
"""Records from an offset (0: the oldest kept) up to the last at the time of the call. Raises ``JournalError``."""


class Forwarder:
    """One task per link. ``sessions`` counts how often the link came up; ``last_offset`` is the journal's last record;
    ``registry`` the one in force; ``own`` the name under which reports from this very link stand in the journal.

    ``counts``: positions ``live`` and ``backfill``, ``resent`` records, and what was left out, by reason.
    """

    def __init__(
        self,
        settings: ForwardSettings,
        end: LowerEnd,
        sessions: Callable[[], int],
        read: ReadJournal,
        last_offset: Callable[[], int],
        registry: Callable[[], Registry | None],
        database: Database,
        now_ms: Callable[[], int],
        *,
        own: str = "",
        platform_id: str = "",
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.offset = 0
        self.sent = SentPositions(settings.remembered)
        self._end = end
        self._sessions = sessions
        self._read = read
        self._last_offset = last_offset
        self._database = database
        self._now_ms = now_ms
        self._platform_id = platform_id
        self._fleet = ForwardedFleet(settings, registry, own)
        self._more = asyncio.Event()
        self._session = 0
        self._announced: set[str] = set()
        # (offset, when it was sent): what a broken link may have lost, oldest first.
        self._unsure: deque[tuple[int, int]] = deque()
        self._stored = ForwardCursor(settings.link, 0, 0, 0)
        self._reading: Iterator[JournalRecord] | None = None
        self._read_to = 0

    @property
    def backlog(self) -> int:
        """Journal records not yet forwarded."""
        return max(0, self._last_offset() - self.offset)

    def wake(self) -> None:
        """The journal has more. Call on the event loop's thread."""
        self._more.set()

    async def run(self) -> None:
        """Forward until cancelled."""
        await self._begin()
        backoff = Backoff(1.0, 60.0)
        while True:
            try:
                moved = await self._step()
                backoff.reset()
            except OperationError as error:
                if not isinstance(error, DeliveryError) or not error.retry:
                    log.error("forwarding over link %s: %s", self.settings.link, error)
                await asyncio.sleep(min(backoff.next_s(), self.settings.pace_s * 10))
                continue
            if not moved:
                self._more.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.settings.pace_s):
                        await self._more.wait()
                # A journal that grows all the time is still looked at only this often.
                await asyncio.sleep(self.settings.pace_s if self.backlog else 0)

    async def _begin(self) -> None:
        """Take up the cursor; the stored one lags behind by a heartbeat interval, so what is unsure comes again."""
        backoff = Backoff(1.0, 60.0)
        while True:
            try:
                found = await asyncio.to_thread(forward_cursor, self._database, self.settings.link)
                if found is None:
                    start = self._last_offset() if self.settings.start is ForwardStart.NOW else 0
                    found = ForwardCursor(self.settings.link, start, 0, self._now_ms())
                    await asyncio.to_thread(put_forward_cursor, self._database, found)
            except OperationError as error:
                log.error("forwarding over link %s waits: %s", self.settings.link, error)
                await asyncio.sleep(backoff.next_s())
            else:
                self._stored, self.offset = found, found.journal_offset
                return

    async def _step(self) -> bool:
        """Read and send some records; False if there was nothing, or nobody to send it to."""
        if not self._end.up:
            return False
        self._notice_break()
        if self.settings.announce and not self._announced:
            await self._announce_all()
        records = await asyncio.to_thread(self._next_records)
        if not records:
            await self._settle()
            return False
        session = self._session
        positions = await asyncio.to_thread(positions_of, records, self._fleet, self._now_ms())
        self.counts.update(positions.left_out)
        await self._announce(positions)
        for part in positions.parts(self.settings.most_positions):
            await self._send(part)
        if self._sessions() != session:
            return True  # broke meanwhile: the next step goes back
        self.offset = records[-1].offset
        self._unsure.append((self.offset, self._now_ms()))
        await self._settle(records[-1].clock_ms)
        return True

    async def _send(self, part: PositionPart) -> None:
        try:
            sn = await self._end.send_positions(part.rows, part.plates, part.colors, backfill=part.backfill)
        except CodecError as error:
            # What the wire has no room for must not hold up what follows.
            log.error("link %s: %d positions cannot be said: %s", self.settings.link, len(part.rows), error)
            self.counts["cannot_be_said"] += len(part.rows)
            return
        self.counts["backfill" if part.backfill else "live"] += len(part.rows)
        if not part.backfill:
            self.sent.add(sn, part.rows["key"], part.plates, part.colors)

    def _next_records(self) -> list[JournalRecord]:
        """In a thread. One reading goes on as long as it is where the cursor is: opening a segment skips through it."""
        if self._last_offset() <= self.offset:
            return []
        try:
            records = self._read_on() or self._read_anew(self.offset + 1)
        except JournalError as error:
            self._reading = None
            records = self._read_anew(self._beyond_gap(error))
        self._read_to = records[-1].offset if records else self.offset
        return records

    def _read_on(self) -> list[JournalRecord]:
        if self._reading is None or self._read_to != self.offset:
            return []
        return list(islice(self._reading, _RECORDS_AT_ONCE))

    def _read_anew(self, offset: int) -> list[JournalRecord]:
        self._reading = self._read(offset)
        return list(islice(self._reading, _RECORDS_AT_ONCE))

    def _beyond_gap(self, error: JournalError) -> int:
        """A journal that was trimmed beyond the cursor is taken up where it begins; any other ``error`` stays one."""
        oldest = next(self._read(0), None)
        if oldest is None or oldest.offset <= self.offset + 1:
            raise error
        missed = oldest.offset - self.offset - 1
        log.error("forwarding over link %s: %d records are no longer kept", self.settings.link, missed)
        self.counts["records_no_longer_kept"] += missed
        self.offset = oldest.offset - 1
        return oldest.offset

    def _notice_break(self) -> None:
        """After a new session: back to what was sent within the last heartbeat interval before, and announce anew."""
        session = self._sessions()
        if session == self._session:
            return
        if self._session and self._unsure:
            back = self._stored.journal_offset
            self.counts["resent"] += self.offset - back
            self.offset = back
        self._unsure.clear()
        self._announced.clear()
        self._session = session

    async def _settle(self, clock_ms: int = 0) -> None:
        """Store the cursor as far as nothing is unsure any more."""
        sure_ms = self._now_ms() - int(self.settings.resend_s * 1000)
        sure = self._stored.journal_offset
        while self._unsure and self._unsure[0][1] <= sure_ms:
            sure = self._unsure.popleft()[0]
        if sure > self._stored.journal_offset:
            cursor = ForwardCursor(self.settings.link, sure, clock_ms or self._stored.clock_ms, self._now_ms())
            await asyncio.to_thread(put_forward_cursor, self._database, cursor)
            self._stored = cursor

    async def _announce_all(self) -> None:
        """Every registered vehicle of this link, once per connection."""
        for vehicle in self._fleet.registered(self._now_ms()):
            await self._register(vehicle)
        self._announced.add("")  # even if there is none

    async def _announce(self, positions: Positions) -> None:
        """Vehicles that were registered since the link came up."""
        if self.settings.announce:
            for vehicle in positions.vehicles:
                await self._register(vehicle)

    async def _register(self, vehicle: RegisteredVehicle) -> None:
        name = f"{vehicle.plate_color}:{vehicle.plate}"
        if name in self._announced:
            return
        try:
            await self._end.register_vehicle(
                RegisteredVehicle(
                    vehicle.plate,
                    vehicle.plate_color,
                    self._now_ms(),
                    platform_id=self._platform_id,
                    phone=vehicle.phone,
                )
            )
        except CodecError as error:
            log.warning("link %s: a vehicle cannot be announced: %s", self.settings.link, error)
            self.counts["cannot_be_announced"] += 1
        self._announced.add(name)
