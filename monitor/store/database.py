"""The connection to the relational store: SQLite by default, PostgreSQL by URL, one writer at a time on both.

Reading and writing are two doors. A writer takes its lock when it begins (SQLite: ``BEGIN IMMEDIATE``; PostgreSQL: an
advisory lock), so that no transaction fails halfway for want of it and outbox ids become visible in their order.
Readers never wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    StaticPool,
    Table,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.dml import Insert

from monitor.errors import StoreError

LOCK_WAIT_MS = 10_000
"""How long a writer waits for another one; transactions are meant to be far below a second. A guess."""
CONNECT_TIMEOUT_S = 10
_WRITES = "vdm_writes"
_ADVISORY_LOCK = 0x76646D  # "vdm"; any constant does, as long as every writer takes the same


class Database:
    """An open relational store. Safe to share between threads; each process opens its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Building one takes longer than running it.
        self._upserts: dict[tuple[str, tuple[str, ...], str | None], Insert] = {}

    @property
    def name(self) -> str:
        """The URL without its password, for messages."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StoreError."""
        with self._sentences(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction of the one writer: committed at the end, rolled back on any exception. Raises StoreError."""
        with (
            self._sentences(),
            self._engine.connect().execution_options(**{_WRITES: True}) as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            yield connection

    def upsert(self, table: Table, *, keep: Sequence[str] = (), newer: Column[int] | None = None) -> Insert:
        """Insert by primary key, or replace every other column but those of ``keep``.

        With ``newer`` a row is replaced only by one in which that column is larger.
        """
        key = (table.name, tuple(keep), None if newer is None else newer.name)
        statement = self._upserts.get(key)
        if statement is None:
            statement = self._upserts[key] = self._upsert(table, keep, newer)
        return statement

    def _upsert(self, table: Table, keep: Sequence[str], newer: Column[int] | None) -> Insert:
        insert = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        keys = [column.name for column in table.primary_key.columns]
        replaced = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if column.name not in keys and column.name not in keep
        }
        where = None if newer is None else newer < insert.excluded[newer.name]
        return insert.on_conflict_do_update(index_elements=keys, set_=replaced, where=where)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            cause = " ".join(str(error.orig).split())
            advice = (
                "Another process holds the writer's lock; stop it or wait."
                if "locked" in cause or "lock timeout" in cause
                else "Free disk space; what could not be stored is tried again."
                if "is full" in cause or "No space left" in cause
                else "Run `monitor db upgrade`."
                if "no such table" in cause or "no such column" in cause or "does not exist" in cause
                else "Check that the server runs and that the folder can be written."
            )
            raise StoreError(reason=f"relational store {self.name}: {cause}", advice=advice) from error
        except SQLAlchemyError as error:
            raise StoreError(reason=f"relational store {self.name}: {error}") from error


def open_database(url: str) -> Database:
    """Open ``sqlite:///folder/file.db`` or ``postgresql://user:password@host/name``. Connects on first use.

    Raises StoreError for any other URL.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        in_memory = parsed.database in (None, "", ":memory:")
        engine = create_engine(parsed, poolclass=StaticPool) if in_memory else create_engine(parsed)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            parsed,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": f"-c lock_timeout={LOCK_WAIT_MS}"},
        )
    return Database(engine)


def _parsed(url: str) -> URL:
    advice = "Use sqlite:///folder/file.db or postgresql://user@host/name."
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError) as error:
        raise StoreError(reason="the URL of the relational store cannot be read", advice=advice) from error
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed
    raise StoreError(reason=f"the relational store cannot be of the kind {parsed.drivername!r}", advice=advice)


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's sqlite3 would begin by itself, deferred and late; see ``_begin_sqlite``.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {LOCK_WAIT_MS}",
        "journal_mode = WAL",
        # The snapshot of the engine may not be ahead of the tables after a power cut, so every commit is synced.
        "synchronous = FULL",
        "foreign_keys = ON",
        "journal_size_limit = 67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
