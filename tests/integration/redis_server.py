"""A real Redis for the tests: on a free loopback port, in a folder of its own, with an append-only file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.integration.brokers import free_port

_REDIS = shutil.which("redis-server", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
_START_S = 10.0


class RedisProcess:
    """One server; it can be stopped, killed, frozen, and started again on the same port with what it has on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        assert _REDIS is not None
        self.port = free_port()
        self._folder = folder
        self._command = [
            _REDIS,
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "always", "--logfile", str(folder / "redis.log"), *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("Redis does not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end; it writes its file."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it keeps what is in its file."""
        self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Delete what it has on disk; only while it does not run."""
        assert self._process is None
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections (the kernel does) and answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def client(self) -> Redis:
        return Redis(host="127.0.0.1", port=self.port, protocol=2)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(_START_S)
            self._process = None


def running_redis(folder: Path, *options: str) -> Iterator[RedisProcess]:
    """Start a server, yield it, stop it; skips the test where Redis is not installed."""
    if _REDIS is None:
        pytest.skip("redis-server is not installed")
    home = folder / "redis"
    home.mkdir()
    server = RedisProcess(home, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisProcess]:
    """A running Redis that has everything on disk before it answers."""
    yield from running_redis(tmp_path)


@pytest_asyncio.fixture
async def redis_client(redis_server: RedisProcess) -> AsyncIterator[Redis]:
    """A client of it."""
    async with redis_server.client() as client:
        yield client
