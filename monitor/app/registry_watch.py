"""The registry in the relational store: loaded at the start, looked after while the daemon runs."""

from __future__ import annotations

from sqlalchemy import func, select

from monitor.model.fleet import Registry
from monitor.store.database import Database
from monitor.store.registry_store import load_registry
from monitor.store.tables import registry_imports


def registry_in_force(database: Database) -> Registry | None:
    """The registry; None where nobody imported one, and every vehicle counts as registered."""
    registry = load_registry(database)
    return registry if registry.vehicles else None


def last_import(database: Database) -> int:
    """Number of the last import; a new one is a reason to load the registry again. 0 before the first."""
    with database.read() as connection:
        return connection.execute(select(func.max(registry_imports.c.import_id))).scalar() or 0
