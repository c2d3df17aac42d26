"""The servers around the daemon: a broker, Redis, PostgreSQL, each a real one on a free loopback port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.brokers import Mosquitto, running_mosquitto
from tests.integration.postgres import PostgresProcess
from tests.integration.redis_server import RedisProcess, running_redis


@dataclass(frozen=True, slots=True)
class Servers:
    """All of them running. Redis has everything on disk before it answers; PostgreSQL forgets nothing of a crash of
    ours, which is the only kind here."""

    mosquitto: Mosquitto
    redis: RedisProcess
    postgres: PostgresProcess


@contextlib.contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """Start them, and stop them."""
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(contextlib.contextmanager(running_mosquitto)(folder))
        redis = stack.enter_context(contextlib.contextmanager(running_redis)(folder))
        postgres = PostgresProcess()
        stack.callback(postgres.close)
        postgres.start()
        yield Servers(broker, redis, postgres)
