"""Registry and driver register in the relational store: loaded at the start, looked after while the daemon runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select

from monitor.app.live_pipeline import LivePipeline
from monitor.app.pipeline import drivers_payload, registry_payload
from monitor.app.recovery import same_registry
from monitor.app.snapshot_state import Known
from monitor.model.driver import DriverRegister
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.store.database import Database
from monitor.store.driver_store import drivers_changed, load_drivers
from monitor.store.registry_store import load_registry
from monitor.store.tables import registry_imports

log = logging.getLogger(__name__)


class RegistryWatch:
    """Puts what was imported into the journal. ``last_clock_ms`` is the engine clock of the journal's last record."""

    def __init__(
        self,
        database: Database,
        live: LivePipeline,
        submit: Callable[[JournalRecord], Awaitable[None]],
        last_clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._fleet = live.engine.fleet
        self._submit = submit
        self._last_clock_ms = last_clock_ms
        self.known = Known()
        """What of the database the journal has."""

    def begin(self, known: Known) -> tuple[Registry | None, DriverRegister]:
        """The registry and the drivers of today; loaded only where the engine has others. Blocks."""
        fleet = self._fleet
        self.known = Known(last_import(self._database), drivers_changed(self._database))
        same_import, same_drivers = known.import_id == self.known.import_id, known.drivers == self.known.drivers
        registry = fleet.registry if same_import else registry_in_force(self._database)
        return registry, fleet.register if same_drivers else load_drivers(self._database)

    async def look(self) -> None:
        """Whether anything was imported since."""
        await self._look_at_registry()
        await self._look_at_drivers()

    async def _look_at_registry(self) -> None:
        latest = await asyncio.to_thread(last_import, self._database)
        if latest == self.known.import_id:
            return
        registry = await asyncio.to_thread(registry_in_force, self._database)
        if not same_registry(registry, self._fleet.registry):
            await self._tell(RecordType.REGISTRY, registry_payload(registry))
            log.info("registry: %d rows in force from now on", len(registry.vehicles) if registry else 0)
        self.known = Known(latest, self.known.drivers)

    async def _look_at_drivers(self) -> None:
        latest = await asyncio.to_thread(drivers_changed, self._database)
        if latest == self.known.drivers:
            return
        register = await asyncio.to_thread(load_drivers, self._database)
        if register != self._fleet.register:
            await self._tell(RecordType.DRIVERS, drivers_payload(register))
            log.info("driver register: %d drivers from now on", len(register))
        self.known = Known(self.known.import_id, latest)

    async def _tell(self, type_: RecordType, payload: bytes) -> None:
        await self._submit(JournalRecord(0, type_, self._last_clock_ms(), payload=payload))


def registry_in_force(database: Database) -> Registry | None:
    """The registry; None where nobody imported one, and every vehicle counts as registered."""
    registry = load_registry(database)
    return registry if registry.vehicles else None


def last_import(database: Database) -> int:
    """Number of the last import; a new one is a reason to load the registry again. 0 before the first."""
    with database.read() as connection:
        return connection.execute(select(func.max(registry_imports.c.import_id))).scalar() or 0
