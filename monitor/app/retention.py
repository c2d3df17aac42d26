"""Deletes what is too old, but for legal holds, and keeps on record what it deleted.

Tracks (archive, journal, quarantine, evidence, what terminals recorded) go after ``keep_days``, violations and their
handling after ``violation_days``. Days are counted back from the engine clock, or from today where that is earlier: a
clock that runs ahead deletes nothing before its time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.app.journal_pruning import older_than
from monitor.app.retention_settings import RetentionSettings
from monitor.model.beijing import date_of, day_of, day_start_ms, iso
from monitor.model.flaw import Flaw
from monitor.model.report import ReportBatch
from monitor.store.archive import Archive
from monitor.store.database import Database
from monitor.store.deletion_store import (
    RECORDS,
    TRACKS,
    Deletion,
    delete_alarms,
    delete_rows,
    record_deletions,
)
from monitor.store.hold_store import Seal, seals
from monitor.store.journal import Journal
from monitor.store.quarantine import Quarantine

log = logging.getLogger(__name__)


class Forgetful(Protocol):
    """Another place where tracks lie (a live store, for example)."""

    def forget_before(self, at_ms: int, /) -> Deletion:
        """Delete what is older than a moment."""
        ...


class Retention:
    """``needed_from`` is the journal offset that a restart and the archive still need; ``others`` more places."""

    def __init__(
        self,
        settings: RetentionSettings,
        archive: Archive,
        journal: Journal,
        needed_from: Callable[[], int],
        quarantine: Quarantine,
        database: Database,
        others: Sequence[Forgetful] = (),
    ) -> None:
        self.settings = settings
        self._archive = archive
        self._journal = journal
        self._needed_from = needed_from
        self._quarantine = quarantine
        self._database = database
        self._others = others

    def run(self, now_ms: int, by: str) -> tuple[Deletion, ...]:
        """Delete what is too old; what went is logged, put on record and returned. Blocks. Raises ``OperationError``.

        What was deleted before something raised is on record.
        """
        today = int(day_of(min(now_ms, self._journal.last_clock_ms)))
        found: list[Deletion] = []
        for deletion in self._deleted(today, seals(self._database)):
            if deletion.n:
                log.info("%s", sentence(deletion))
                record_deletions(self._database, [deletion], now_ms, by)
                found.append(deletion)
        return tuple(found)

    def _deleted(self, today: int, sealed: tuple[Seal, ...]) -> Iterator[Deletion]:
        settings = self.settings
        first_day = today - settings.keep_days
        tracks_ms = int(day_start_ms(first_day))
        yield from self._from_archive(first_day, sealed)
        yield self._from_journal(tracks_ms)
        yield Deletion("quarantine", *self._quarantine.forget_before(tracks_ms))
        for dated in TRACKS:
            yield delete_rows(self._database, dated, tracks_ms, sealed)
        evidence_ms = int(day_start_ms(today - (settings.evidence_days or settings.keep_days)))
        yield delete_alarms(self._database, evidence_ms, sealed, evidence_only=True)
        for other in self._others:
            yield other.forget_before(tracks_ms)
        records_ms = int(day_start_ms(today - settings.violation_days))
        yield delete_alarms(self._database, records_ms, sealed, evidence_only=False)
        for dated in RECORDS:
            yield delete_rows(self._database, dated, records_ms, sealed)

    def _from_archive(self, first_day: int, sealed: tuple[Seal, ...]) -> Iterator[Deletion]:
        archive = self._archive
        for day in archive.days():
            if day >= first_day:
                break
            from_ms, to_ms = int(day_start_ms(day)), int(day_start_ms(day + 1)) - 1
            held = [seal for seal in sealed if seal.touches(from_ms, to_ms)]
            n = archive.keep_only(day, partial(_held, held=held)) if held else archive.drop(day)
            yield Deletion("archive", n, from_ms, to_ms, archive.rows(day))
        kept = archive.days()
        first_kept_ms = int(day_start_ms(min((*kept, first_day))))
        settings_n, events_n = archive.forget_settings(first_kept_ms, int(day_start_ms(first_day)))
        yield Deletion("archive settings", settings_n, 0, first_kept_ms)
        yield Deletion("archive event days", events_n, 0, int(day_start_ms(first_day)) - 1)

    def _from_journal(self, before_ms: int) -> Deletion:
        """Segments that end before a moment, whoever has not read them yet, but for the archive and a restart."""
        first = next(self._journal.read(0), None)
        dropped = self._journal.drop_before(min(self._needed_from(), older_than(self._journal.folder, before_ms)))
        return Deletion("journal segments", dropped, 0 if first is None else first.clock_ms, before_ms - 1)


def _held(batch: ReportBatch, held: Sequence[Seal]) -> NDArray[np.bool_]:
    rows = batch.rows
    timed = rows["flaws"] & int(Flaw.TIME) == 0
    at_ms = np.where(timed, rows["fix_ms"], rows["recv_ms"])
    found = np.zeros(len(rows), np.bool_)
    for seal in held:
        of_key = np.array([key in seal.keys for key in batch.keys], np.bool_)
        found |= of_key[rows["key"]] & (at_ms >= seal.from_ms) & (at_ms <= seal.to_ms)
    return found


def sentence(deletion: Deletion) -> str:
    """A deletion as a log line."""
    from_ms, to_ms = deletion.from_ms, deletion.to_ms
    if from_ms and day_of(from_ms) == day_of(to_ms):
        span = f"of {date_of(int(day_of(from_ms)))}"
    else:
        span = f"from {iso(from_ms)} to {iso(to_ms)}" if from_ms else f"up to {iso(to_ms)}"
    held = f"; {deletion.held} kept by legal holds" if deletion.held else ""
    return f"retention: deleted {deletion.n} from {deletion.what}, {span}{held}"
