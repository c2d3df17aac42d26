"""A real PostgreSQL server, and the stores that the store tests run on."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of an empty database on a server of its own, with a password."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="vdm-postgres-"))
    password = folder / "password"
    password.write_text("secret-of-the-test")
    data, port = str(folder / "data"), free_port()
    owner = "postgres" if os.geteuid() == 0 else getpass.getuser()
    for path in (folder, password):
        shutil.chown(path, owner)
    # pg_ctl hands its output to the server, and reading that to its end would never end: hence the log file.
    control = (str(binaries / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"))
    try:
        _run(
            str(binaries / "initdb"),
            *("-D", data, "-U", "monitor", "-A", "scram-sha-256", f"--pwfile={password}"),
            *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        )
        _run(*control, "-o", f"-p {port} -k {folder} {_SETTINGS}", "start")
        try:
            yield f"postgresql://monitor:secret-of-the-test@127.0.0.1:{port}/postgres"
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a store without tables, on each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'monitor.db'}"
    server = str(request.getfixturevalue("postgres_url"))
    name = f"store_{next(_NUMBERS)}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def store_url(empty_store_url: str) -> str:
    """URL of a store with its tables."""
    schema.upgrade(empty_store_url)
    return empty_store_url


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An open store with its tables."""
    opened = open_database(store_url)
    yield opened
    opened.close()
