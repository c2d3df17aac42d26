"""A real PostgreSQL server, and the stores that the store tests run on."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from monitor.store import schema
from monitor.store.database import Database, open_database
from tests.integration.brokers import free_port

_INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
_SETTINGS = "-c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c max_connections=40"
_NUMBERS = count(1)


def _binaries() -> Path:
    if _INSTALLED:
        return _INSTALLED[-1].parent
    found = shutil.which("postgres")
    if found is None:
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    return Path(found).parent


def _run(*command: str) -> None:
    """PostgreSQL refuses to run as root, so root lends it the user that its package made."""
    as_user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    done = subprocess.run([*as_user, *command], cwd="/", capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-1000:]} {done.stderr[-1000:]}")


class PostgresProcess:
    """One server in a folder of its own that ``close`` deletes; it can be stopped, and started again on its port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vdm-postgres-"))
        self._port = free_port()
        self._binaries = _binaries()
        password = self.folder / "password"
        password.write_text("secret-of-the-test")
        owner = "postgres" if os.geteuid() == 0 else getpass.getuser()
        for path in (self.folder, password):
            shutil.chown(path, owner)
        data = str(self.folder / "data")
        # pg_ctl hands its output to the server, and reading that to its end would never end: hence the log file.
        self._control = (str(self._binaries / "pg_ctl"), "-D", data, "-w", "-l", str(self.folder / "log"))
        _run(
            str(self._binaries / "initdb"),
            *("-D", data, "-U", "monitor", "-A", "scram-sha-256", f"--pwfile={password}"),
            *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        )

    @property
    def url(self) -> str:
        return f"postgresql://monitor:secret-of-the-test@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        _run(*self._control, "-o", f"-p {self._port} -k {self.folder} {_SETTINGS}", "start")

    def stop(self) -> None:
        """Its connections break at once, and what was committed is kept."""
        _run(*self._control, "-m", "fast", "stop")

    def close(self) -> None:
        """End it however it is, and delete the folder."""
        try:
            if (self.folder / "data" / "postmaster.pid").exists():
                _run(*self._control, "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of an empty database on a server of its own, with a password."""
    server = PostgresProcess()
    try:
        server.start()
        yield server.url
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """Name of a database with the tables, to be copied: the migrations take longer than most tests."""
    with database_on(postgres_url, "", keep=True) as url:
        schema.upgrade(url)
        return str(make_url(url).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the tables."""
    path = tmp_path_factory.mktemp("template") / "monitor.db"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a store without tables, on each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'monitor.db'}"
        return
    with database_on(str(request.getfixturevalue("postgres_url")), "") as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """URL of a PostgreSQL store without tables, for what is tried on one kind only."""
    with database_on(postgres_url, "") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a store with its tables, on each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "monitor.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = str(request.getfixturevalue("postgres_template"))
    with database_on(str(request.getfixturevalue("postgres_url")), template) as url:
        yield url


@contextmanager
def database_on(server: str, template: str, *, keep: bool = False) -> Iterator[str]:
    """URL of a new database, empty or a copy, dropped afterwards."""
    name = f"store_{next(_NUMBERS)}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            copied = f" TEMPLATE {template}" if template else ""
            connection.execute(text(f"CREATE DATABASE {name}{copied}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        if not keep:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An open store with its tables."""
    opened = open_database(store_url)
    yield opened
    opened.close()
