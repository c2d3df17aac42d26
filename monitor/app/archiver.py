"""Follows the journal into the archive: in a thread of its own, of low priority, never in the way of what comes in.

It begins behind what is durable in the archive, so a kill loses nothing. Small files of a day are merged when there are
many of them, and once the day is over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from monitor.errors import JournalError, OperationError, StoreError
from monitor.model.backoff import Backoff
from monitor.model.beijing import day_of
from monitor.model.journal import JournalRecord, RecordType
from monitor.store.archive import Archive

log = logging.getLogger(__name__)

_RECORDS_AT_ONCE = 256
"""Records taken in one go, so that a stop need not wait long. A guess."""
_LOOK_S = 1.0
"""How often a journal that was read to its end is looked at again; the archive is in no hurry."""
_BYTES = 16
"""Of one report on disk at most, for asking whether there is room; measured: 6 to 10."""
_NICE = 10
"""Added to the thread's niceness (Linux keeps one per thread)."""

ReadJournal = Callable[[int], Iterator[JournalRecord]]


class Archiver:
    """``read`` gives journal records from an offset (0: the oldest kept), ``last_offset`` the journal's last.

    ``failures`` counts tries that failed, ``missed`` records that the journal no longer had.
    """

    def __init__(
        self,
        archive: Archive,
        read: ReadJournal,
        last_offset: Callable[[], int],
        monotonic_s: Callable[[], float] = time.monotonic,
        lacking: Callable[[int], str] = lambda _: "",
    ) -> None:
        self.archive = archive
        self.failures = 0
        self.missed = 0
        self._read = read
        self._last_offset = last_offset
        self._monotonic_s = monotonic_s
        self._lacking = lacking
        self._flushed_s = monotonic_s()
        self._reading: Iterator[JournalRecord] | None = None
        self._merged_before = -1
        self._day = -1
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archiver", initializer=_be_modest)
        self._begun = False

    @property
    def backlog(self) -> int:
        """Journal records that are not yet durable in the archive."""
        return max(0, self._last_offset() - self.archive.archived_offset)

    async def run(self) -> None:
        """Archive until cancelled; trouble of the disk is logged, once while it stays the same, and tried again."""
        backoff = Backoff(1.0, 60.0)
        told = ""
        while True:
            begun_s = self._monotonic_s()
            try:
                more = await self._in_thread(self._step)
                backoff.reset()
                told = ""
            except OperationError as error:
                self.failures += 1
                self._reading = None
                if str(error) != told:
                    log.error("archive: %s", error)
                told = str(error)
                await asyncio.sleep(backoff.next_s())
                continue
            # With much to do it rests as long as it worked, so that the interpreter is free for what comes in.
            await asyncio.sleep(min(self._monotonic_s() - begun_s, _LOOK_S) if more else _LOOK_S)

    async def bring_up(self, within_s: float) -> None:
        """Take what the journal has now, for so long at most, and make it durable. Raises ``OperationError``."""
        await self._in_thread(partial(self.catch_up, within_s))

    async def finish(self, within_s: float) -> None:
        """Archive what the journal holds and end. For after the last record; what is left the next start does."""
        try:
            await self._in_thread(partial(self.catch_up, within_s))
        except OperationError as error:
            log.error("archive: %s; the next start goes on from record %d", error, self.archive.archived_offset)
        await asyncio.to_thread(self._thread.shutdown)

    def catch_up(self, within_s: float) -> None:
        """Take what the journal has, for so long at most, and make it durable. Blocks."""
        until_s = self._monotonic_s() + within_s
        while self._monotonic_s() < until_s and self._take_some():
            if self.archive.waiting_rows >= self.archive.settings.flush_rows:
                self._flush()
        self._flush()

    async def _in_thread(self, work: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _step(self) -> bool:
        """Take some records, flush if it is time; whether there is more to take."""
        if not self._begun:
            self.archive.tidy()
            self._begun = True
        settings = self.archive.settings
        # A disk that takes nothing must not fill the memory instead.
        more = self.archive.waiting_rows < 2 * settings.flush_rows and self._take_some()
        old = self._monotonic_s() - self._flushed_s >= settings.flush_s
        if self.archive.waiting_rows >= settings.flush_rows or old:
            self._flush()
            self._flushed_s = self._monotonic_s()
            if not more:
                self._merge()
        return more

    def _flush(self) -> None:
        if trouble := self._lacking(self.archive.waiting_rows * _BYTES):
            raise StoreError(reason=f"nothing more is archived: {trouble}", advice="The journal keeps it meanwhile")
        self.archive.flush()

    def _take_some(self) -> bool:
        records = self._next_records()
        for record in records:
            if record.type is RecordType.REPORTS and record.batch is not None:
                self.archive.take(record.batch, record.offset)
            else:
                self.archive.take_settings(record)
        if records:
            self._day = max(self._day, int(day_of(records[-1].clock_ms)))
        return bool(records)

    def _next_records(self) -> list[JournalRecord]:
        taken, last = self.archive.taken_offset, self._last_offset()
        if taken > last:
            raise StoreError(
                reason=f"archive {self.archive.folder} has journal record {taken}, but the journal ends at {last}",
                advice="They do not belong together: restore the journal, or name another state folder",
            )
        if taken == last:
            return []
        if self._reading is not None and (records := list(islice(self._reading, _RECORDS_AT_ONCE))):
            return records
        try:
            self._reading = self._read(taken + 1)
            return list(islice(self._reading, _RECORDS_AT_ONCE))
        except JournalError as error:
            self._reading = self._read(self._beyond_gap(error, taken))
            return list(islice(self._reading, _RECORDS_AT_ONCE))

    def _beyond_gap(self, error: JournalError, taken: int) -> int:
        """Where a journal begins that no longer has what should come next; any other error stays one."""
        oldest = next(self._read(0), None)
        if oldest is None or oldest.offset <= taken + 1:
            raise error
        missed = oldest.offset - taken - 1
        self.missed += missed
        log.error("archive: %d journal records before %d are no longer kept", missed, oldest.offset)
        return oldest.offset

    def _merge(self) -> None:
        """Merge days in many files, and once after midnight every day that is over."""
        archive, today = self.archive, self._day
        over = self._merged_before < today
        for day in archive.days():
            files = archive.files(day)
            due = files > archive.settings.small_files or (over and files > 1 and day < today)
            if due and not self._lacking(archive.rows(day) * _BYTES):
                begun_s = self._monotonic_s()
                if archive.compact(day, wait=False):
                    log.info("archive: day %d merged from %d files, %.1f s", day, files, self._monotonic_s() - begun_s)
        self._merged_before = today


def _be_modest() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
