"""What the core does to keep and to forget: the archive, the pruned journal, retention."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial

import msgspec
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.app.archiver import Archiver
from monitor.app.config import MonitorConfig
from monitor.app.exchange_settings import ForwardStart
from monitor.app.journal_pruning import JournalPruning, Readers
from monitor.app.retention import Forgetful, Retention
from monitor.app.state_folder import StateFolder
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.retention_words import Deleted, RetentionCommand
from monitor.errors import CommandError, OperationError
from monitor.model.beijing import HOUR_MS, day_of, ms_of_day
from monitor.store.archive import Archive
from monitor.store.database import Database
from monitor.store.deletion_store import Deletion
from monitor.store.forward_store import forward_cursor
from monitor.store.free_space import Reserve
from monitor.store.journal import Journal
from monitor.store.quarantine import Quarantine

log = logging.getLogger(__name__)

_PRUNE_S = 600.0
_NIGHT_S = 60.0
"""How often it is asked whether something is due; both guesses."""


class Keeping:
    """Wired by the core. ``committed`` is the offset whose outcome is stored; ``trusted`` says whether the clock
    is believed: while it is not, nothing is deleted."""

    def __init__(
        self,
        config: MonitorConfig,
        folder: StateFolder,
        journal: Journal,
        quarantine: Quarantine,
        database: Database,
        committed: Callable[[], int],
        now_ms: Callable[[], int],
        trusted: Callable[[], bool] = lambda: True,
        others: tuple[Forgetful, ...] = (),
    ) -> None:
        self.archive = Archive(folder.archive, config.archive)
        reserve = Reserve(folder.archive, config.journal.reserve_bytes)
        self.archiver = Archiver(self.archive, journal.read, lambda: journal.last_offset, lacking=reserve.lacking)
        own: Readers = {"archive": lambda: self.archive.archived_offset, "store": committed}
        keep_days = config.journal.keep_days
        self.pruning = JournalPruning(journal, folder.snapshots, {**own, **_links(config, database)}, keep_days)
        needed = JournalPruning(journal, folder.snapshots, own, keep_days)
        self.retention = Retention(
            config.retention, self.archive, journal, needed.needed_from, quarantine, database, others
        )
        self.metrics: Collector = _Figures(self.archiver)
        self._now_ms = now_ms
        self._trusted = trusted
        self._busy = asyncio.Lock()
        self._last_night = -1

    def tasks(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """What runs while the core does, by name."""
        return [("archiver", self.archiver.run()), ("pruning", self._prune()), ("retention", self._nights())]

    def handlers(self) -> Mapping[str, Handler]:
        """What the command channel may ask."""
        return {RetentionCommand.RUN: self._asked}

    async def finish(self, within_s: float) -> None:
        """After the last record."""
        await self.archiver.finish(within_s)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(_PRUNE_S)
            try:
                await asyncio.to_thread(self.pruning.prune)
            except OperationError as error:
                log.warning("journal: not pruned: %s", error)

    async def _nights(self) -> None:
        while True:
            await asyncio.sleep(_NIGHT_S)
            now_ms = self._now_ms()
            tonight = int(day_of(now_ms))
            if tonight <= self._last_night or not _past(now_ms, self.retention.settings.at_hour) or not self._trusted():
                continue
            self._last_night = tonight
            try:
                await self._run("night")
            except OperationError as error:
                log.error("retention: %s", error)

    async def _run(self, by: str) -> tuple[Deletion, ...]:
        async with self._busy:
            return await asyncio.to_thread(self.retention.run, self._now_ms(), by)

    async def _asked(self, asked: Command) -> Reply:
        if not self._trusted():
            message = "The clock is not believed at present, so nothing is deleted; see `monitor clock`."
            raise CommandError(status=409, reason="clock_refused", message=message)
        try:
            found = await self._run(asked.by or "command")
        except OperationError as error:
            raise CommandError(status=503, reason="store_unavailable", message=str(error)) from error
        return reply([msgspec.convert(one, Deleted, from_attributes=True) for one in found])


def _links(config: MonitorConfig, database: Database) -> Readers:
    """How far each configured link was forwarded; one that begins at the oldest record needs all until then."""

    def cursor(link: str, start: ForwardStart) -> int:
        found = forward_cursor(database, link)
        if found is not None:
            return found.journal_offset
        return 0 if start is not ForwardStart.NOW else 2**62

    return {f"link {one.link}": partial(cursor, one.link, one.start) for one in config.exchange.forward}


def _past(now_ms: int, hour: int) -> bool:
    return int(ms_of_day(now_ms)) >= hour * HOUR_MS


class _Figures(Collector):
    """Metrics of the archive, read when somebody asks."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver = archiver

    def collect(self) -> Iterator[Metric]:
        archiver = self._archiver
        gauges = {
            "vdm_archived_offset": ("Last record that is durable in the archive.", archiver.archive.archived_offset),
            "vdm_archive_backlog_records": ("Journal records not yet in the archive.", archiver.backlog),
            "vdm_archive_dates": ("Days in the archive.", len(archiver.archive.days())),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value)
        yield CounterMetricFamily("vdm_archive_failures_total", "Tries to archive that failed.", archiver.failures)
        yield CounterMetricFamily(
            "vdm_archive_missed_total", "Records that the journal no longer had.", archiver.missed
        )
