"""Real servers for the tests: Mosquitto, and an HTTP receiver that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

_MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
_START_S = 10.0

_CONFIG = """\
per_listener_settings false
user root
persistence true
persistence_location {folder}/
autosave_interval 1
max_inflight_messages 1000
max_queued_messages 0
set_tcp_nodelay true
log_dest file {folder}/mosquitto.log
listener {port} 127.0.0.1
{extra}
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Mosquitto:
    """One broker in a folder of its own; it can be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        assert _MOSQUITTO is not None
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(_CONFIG.format(folder=folder, port=self.port, extra=extra))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([_MOSQUITTO or "", "-c", str(self._config)], stderr=subprocess.DEVNULL)
        until = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("Mosquitto does not start") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end; it writes its sessions and queues to disk."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_START_S)
            self._process = None


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(slots=True)
class WebhookReceiver:
    """``answers`` are the statuses of the next requests, 200 when it is empty; 0 closes without an answer, -1 keeps the
    connection and never answers. ``answered`` are the statuses of ``requests``."""

    url: str
    requests: list[Request] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    answered: list[int] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def wait_for(self, n: int, timeout_s: float = 20.0) -> None:
        """Wait until ``n`` requests have come."""
        async with asyncio.timeout(timeout_s):
            while len(self.requests) < n:
                self.arrived.clear()
                await self.arrived.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handler of one connection for ``asyncio.start_server``."""
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").rstrip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append(Request(first.split(" ")[1], headers, body))
                status = self.answers.popleft() if self.answers else 200
                self.answered.append(status)
                self.arrived.set()
                if status < 0:
                    await reader.read()
                    break
                if status == 0:
                    break
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def close(self) -> None:
        """Close the connections that clients left open, and wait for their handlers."""
        for writer in self._serving.values():
            writer.close()
        await asyncio.gather(*self._serving)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto with the queue settings that lose nothing."""
    yield from running_mosquitto(tmp_path)


def running_mosquitto(folder: Path, extra: str = "allow_anonymous true") -> Iterator[Mosquitto]:
    """Start a broker, yield it, stop it; skips the test where Mosquitto is not installed."""
    if _MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    home = folder / "mosquitto"
    home.mkdir()
    broker = Mosquitto(home, extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest_asyncio.fixture
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    port = free_port()
    receiver = WebhookReceiver(f"http://127.0.0.1:{port}/hook")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    try:
        yield receiver
    finally:
        server.close()
        await receiver.close()
