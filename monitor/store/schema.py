"""The revision of the tables: bring it up to date, ask for it, insist on it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from monitor.errors import StoreError
from monitor.store import (  # so that the metadata has every table
    delivery_tables,  # noqa: F401
    exchange_tables,  # noqa: F401
    retention_tables,  # noqa: F401
    settlement_tables,  # noqa: F401
    terminal_tables,  # noqa: F401
)
from monitor.store.database import Database, open_database

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> str:
    """Create the tables or bring them to the newest revision, in one transaction; returns that revision.

    Running it again, or from two processes at once, is harmless. Raises StoreError.
    """
    database = open_database(url)
    try:
        config = _config()
        found = _revision(database)
        if found is not None:
            _refuse_newer(database, found)
        with database.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return head_revision()
    finally:
        database.close()


def current_revision(url: str) -> str | None:
    """The revision of the tables at ``url``; None where there are none yet. Raises StoreError."""
    database = open_database(url)
    try:
        return _revision(database)
    finally:
        database.close()


def head_revision() -> str:
    """The revision that this program works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise StoreError(reason="the migrations are missing from the installation", advice="Install it again.")
    return head


def require_current(database: Database) -> None:
    """Raise StoreError unless the tables have the revision that this program works with."""
    found = _revision(database)
    if found == head_revision():
        return
    if found is not None:
        _refuse_newer(database, found)
    raise StoreError(
        reason=f"relational store {database.name} has revision {found or 'none'}, wanted {head_revision()}",
        advice="Run `monitor db upgrade`.",
    )


def _refuse_newer(database: Database, found: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found not in known:
        raise StoreError(
            reason=f"relational store {database.name} has revision {found}, which this version does not know",
            advice="Install the version that made it, or a newer one.",
        )


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
