"""Tables and transactions, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, select, text

from monitor.errors import StoreError
from monitor.store import schema
from monitor.store.database import Database, open_database
from monitor.store.tables import enterprises, metadata

pytestmark = pytest.mark.integration

_ROW = {"enterprise_id": "E1", "name": "高台客运", "region": "高台县"}


def _enterprises(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(enterprises)).scalar_one()


def test_upgrading_makes_the_tables_and_again_changes_nothing(empty_store_url: str) -> None:
    assert schema.current_revision(empty_store_url) is None
    assert schema.upgrade(empty_store_url) == schema.head_revision()
    assert schema.upgrade(empty_store_url) == schema.head_revision()
    assert schema.current_revision(empty_store_url) == schema.head_revision()


def test_migrations_make_the_tables_that_the_program_describes(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_two_processes_may_upgrade_at_once(empty_store_url: str) -> None:
    failures: list[Exception] = []

    def run() -> None:
        try:
            schema.upgrade(empty_store_url)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert schema.current_revision(empty_store_url) == schema.head_revision()


def test_a_store_without_tables_says_what_to_do(empty_store_url: str) -> None:
    database = open_database(empty_store_url)
    with pytest.raises(StoreError, match="monitor db upgrade"):
        schema.require_current(database)
    with pytest.raises(StoreError, match="monitor db upgrade"):
        _enterprises(database)
    database.close()


def test_a_store_of_a_newer_version_is_refused(database: Database, store_url: str) -> None:
    schema.require_current(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999, which this version does not know"):
        schema.require_current(database)
    with pytest.raises(StoreError, match="9999, which this version does not know"):
        schema.upgrade(store_url)


def test_an_exception_rolls_the_transaction_back(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as connection:
            connection.execute(insert(enterprises), [_ROW])
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert _enterprises(database) == 0


def test_a_reader_sees_what_is_committed_while_a_writer_is_at_work(database: Database, store_url: str) -> None:
    other = open_database(store_url)
    with database.write() as connection:
        connection.execute(insert(enterprises), [_ROW])
        assert _enterprises(other) == 0
    assert _enterprises(other) == 1
    other.close()


def test_a_second_writer_waits_for_the_first(database: Database, store_url: str) -> None:
    other = open_database(store_url)
    done = threading.Event()

    def write() -> None:
        with other.write() as connection:
            connection.execute(database.upsert(enterprises), [_ROW])
        done.set()

    thread = threading.Thread(target=write)
    with database.write() as connection:
        thread.start()
        connection.execute(insert(enterprises), [_ROW])
        assert not done.wait(0.2)
    thread.join(30)
    assert done.is_set()
    other.close()


def test_a_broken_constraint_is_a_sentence_without_the_password(database: Database) -> None:
    with pytest.raises(StoreError) as caught, database.write() as connection:
        connection.execute(insert(enterprises), [_ROW, _ROW])
    assert "enterprise_id" in str(caught.value)
    assert "secret-of-the-test" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("mysql://user:hidden@host/db", "cannot be of the kind 'mysql'", id="another database"),
        pytest.param("monitor.db", "cannot be read", id="a path that is no URL"),
        pytest.param("", "cannot be read", id="nothing"),
        pytest.param("sqlite+aiosqlite:///x.db", "cannot be of the kind", id="another driver"),
    ],
)
def test_other_urls_are_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence) as caught:
        open_database(url)
    assert "hidden" not in str(caught.value)


def test_a_folder_that_is_missing_and_a_server_that_is_away_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        schema.upgrade(f"sqlite:///{tmp_path / 'missing' / 'monitor.db'}")
    with pytest.raises(StoreError, match="Check that the server runs") as caught:
        schema.upgrade("postgresql://monitor:hidden@127.0.0.1:1/db")
    assert "hidden" not in str(caught.value)
