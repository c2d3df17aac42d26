"""Settlement without a daemon: the same, with the writer's lock of the state folder held."""

from __future__ import annotations

from pathlib import Path

from monitor.app.archiver import Archiver
from monitor.app.config import MonitorConfig
from monitor.app.pipeline import registry_payload
from monitor.app.registry_watch import registry_in_force
from monitor.app.settlement.composing import parts, record_of
from monitor.app.settlement.process import Question, run
from monitor.app.settlement.settler import DayReport, ToPutRight
from monitor.app.state_folder import StateFolder
from monitor.model.journal import RecordType
from monitor.store.archive import Archive
from monitor.store.database import open_database
from monitor.store.journal import Journal
from monitor.store.schema import upgrade

_CATCH_UP_S = 3_600.0


class IntoTheJournal:
    """The live engine of the next start: it finds the corrections in the journal's tail."""

    def __init__(self, journal: Journal, archive: Archive, at_once: int) -> None:
        self._journal = journal
        self._archive = archive
        self._at_once = at_once

    def put_right(self, told: ToPutRight) -> None:
        for part in parts(told, self._archive, self._at_once):
            self._journal.append([record_of(part, self._journal.last_clock_ms)])


def settle_alone(
    config: MonitorConfig, first: int, last: int, *, with_current_registry: bool = False
) -> tuple[DayReport, ...]:
    """Settle days. Raises ``JournalError`` where a daemon holds the folder, ``OperationError``."""
    folder = StateFolder(Path(config.state_folder))
    upgrade(config.database)
    journal = Journal(folder.journal, config.journal)
    try:
        archive = Archive(folder.archive, config.archive)
        Archiver(archive, journal.read, lambda: journal.last_offset).catch_up(_CATCH_UP_S)
        current: dict[RecordType, bytes] | None = None
        if with_current_registry:
            database = open_database(config.database)
            try:
                current = {RecordType.REGISTRY: registry_payload(registry_in_force(database))}
            finally:
                database.close()
        question = Question(
            database_url=config.database,
            archive=folder.archive,
            archive_settings=config.archive,
            folder=folder.settled,
            settings=config.settlement,
            first=first,
            last=last,
            current=current,
            clock_ms=journal.last_clock_ms,
        )
        return run(question, IntoTheJournal(journal, archive, config.settlement.vehicles_at_once))
    finally:
        journal.close()
