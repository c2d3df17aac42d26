"""The relational store in a backup: SQLite by its own means, PostgreSQL by its tools."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import make_url, text
from sqlalchemy.engine import URL

from monitor.app.backup_files import BackupCopy
from monitor.errors import StoreError
from monitor.store.database import open_database

SQLITE_FILE: Final = "monitor.db"
DUMP_FILE: Final = "postgresql.dump"
_DUMP_S: Final = 3_600.0
_POSITION = """SELECT (SELECT COALESCE(MAX(journal_offset), 0) FROM journal_position),
                      (SELECT COALESCE(MIN(journal_offset), -1) FROM forward_cursors)"""


class StorePosition(NamedTuple):
    """Journal offsets: whose outcome the store has, and up to which every link was forwarded (-1: there is none)."""

    committed: int
    forwarded: int


def copy_database(copy: BackupCopy, url: str) -> StorePosition:
    """The relational store as of one moment, and how far it is."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        path = copy.new(SQLITE_FILE)
        address = f"file:{parsed.database}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(path)) as made:
            source.backup(made)  # in one step: a writer would make one of many begin again and again
            made.execute("PRAGMA journal_mode = DELETE")
            row = made.execute(_POSITION).fetchone()
        copy.made(SQLITE_FILE)
        return StorePosition(int(row[0]), int(row[1]))
    tool = shutil.which("pg_dump")
    if tool is None:
        raise StoreError(
            reason="the relational store is PostgreSQL and pg_dump is not installed here",
            advice="Install the PostgreSQL client tools, or back the database up with its own means",
        )
    position = _postgres_position(url)  # read before the dump, which is newer: a start discards what it has already
    address, environment = _client(url)
    command = [tool, "--format=custom", f"--file={copy.new(DUMP_FILE)}", address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_DUMP_S, check=False)
    if done.returncode:
        raise StoreError(reason=f"pg_dump failed: {done.stderr.strip()[-500:]}", advice="Check user and server version")
    copy.made(DUMP_FILE)
    return position


def _postgres_position(url: str) -> StorePosition:
    database = open_database(url)
    try:
        with database.read() as connection:
            return StorePosition(*connection.execute(text(_POSITION)).one())
    finally:
        database.close()


def restore_postgres(dump: Path, url: str) -> None:
    """Put a dump into an empty PostgreSQL database. Raises ``StoreError``; then nothing of it is there."""
    tool = shutil.which("pg_restore")
    if tool is None:
        raise StoreError(reason="pg_restore is not installed here", advice="Install the PostgreSQL client tools")
    address, environment = _client(url)
    command = [tool, "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={address}", str(dump)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_DUMP_S, check=False)
    if done.returncode:
        raise StoreError(
            reason=f"pg_restore failed: {done.stderr.strip()[-500:]}", advice="The database has to be empty"
        )


def _client(url: str) -> tuple[str, dict[str, str]]:
    """Address without the password, which goes by the environment: a command line is for everybody to read."""
    parsed = _parsed(url)
    address = URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query
    ).render_as_string()
    return address, {**os.environ, "PGPASSWORD": parsed.password or os.environ.get("PGPASSWORD", "")}


def _parsed(url: str) -> URL:
    return make_url(url.replace("postgres://", "postgresql://", 1))
