"""Accepting connections: no more at a time than there is room for, and no faster than they can be taken in.

When all terminals of a fleet come back at once, most of them wait in the system's backlog for their turn.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket

from monitor.errors import ConfigError
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.settings import Jt808Settings
from monitor.sources.jt808.switchboard import Switchboard

log = logging.getLogger(__name__)

_SLOT_S = 0.02
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_EXHAUSTED_S = 1.0
_OTHER_FILES = 256
"""Guess: what the process needs besides connections."""


class Admission:
    """Listens from ``open`` on, accepts in ``run``. ``port`` is where."""

    def __init__(self, settings: Jt808Settings, switchboard: Switchboard) -> None:
        self.port = settings.port
        self._settings = settings
        self._switchboard = switchboard
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Raises ``ConfigError`` where the port cannot be had."""
        settings = self._settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
            listener.listen(settings.backlog)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            reason = f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}"
            raise ConfigError(path=f"source {settings.name}", problems=(("port", reason),)) from error
        self._listener = listener
        self.port = int(listener.getsockname()[1])
        _allow_files(settings)

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def run(self) -> None:
        """Accept until cancelled."""
        listener = self._listener
        assert listener is not None
        loop = asyncio.get_running_loop()
        at_once = max(1, round(self._settings.accepts_per_s * _SLOT_S))
        async with asyncio.TaskGroup() as opening:
            while True:
                try:
                    first, address = await loop.sock_accept(listener)
                except OSError as error:
                    await self._trouble(error)
                    continue
                self._admit(opening, first, address)
                for _ in range(at_once - 1):
                    try:
                        accepted, address = listener.accept()
                    except BlockingIOError:
                        break
                    except OSError as error:
                        await self._trouble(error)
                        break
                    accepted.setblocking(False)
                    self._admit(opening, accepted, address)
                await asyncio.sleep(_SLOT_S)

    def _admit(self, opening: asyncio.TaskGroup, accepted: socket.socket, address: tuple[object, ...]) -> None:
        settings, switchboard = self._settings, self._switchboard
        peer = (str(address[0]), int(str(address[1])))
        reason = ""
        if switchboard.counts.open >= settings.max_connections:
            reason = "max_connections"
        elif settings.connections_per_address and switchboard.addresses[peer[0]] >= settings.connections_per_address:
            reason = "connections_per_address"
        if reason:
            if not switchboard.counts.refused[reason]:
                log.warning("source %s: %s refused: %s reached", settings.name, peer[0], reason.replace("_", " "))
            switchboard.counts.refused[reason] += 1
            accepted.close()
            return
        # Counted at once: several are accepted before the first of them is connected.
        connection = switchboard.admit(peer)
        opening.create_task(self._connect(accepted, connection), name="jt808 connection")

    async def _connect(self, accepted: socket.socket, connection: Connection) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError as error:
            log.info("source %s: connection from %s failed: %s", self._settings.name, connection.peer, error)
            connection.connection_lost(None)
            accepted.close()

    async def _trouble(self, error: OSError) -> None:
        """A peer that is gone again already is its own affair; files that ran out are ours."""
        if error.errno in _EXHAUSTED:
            log.error("source %s: no more connections can be accepted: %s", self._settings.name, error.strerror)
            self._switchboard.counts.refused["no_files"] += 1
            await asyncio.sleep(_EXHAUSTED_S)
        else:
            await asyncio.sleep(_SLOT_S)


def _allow_files(settings: Jt808Settings) -> None:
    """As many open files as connections may come, if the system lets us."""
    wanted = settings.max_connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("source %s: the system allows %d open files, %d are wanted", settings.name, allowed, wanted)
