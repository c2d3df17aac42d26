"""One TCP connection of a terminal. A terminal may have an old one lying about beside the one in use."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from simulators.jt808.wire import Splitter


class ConnectionUser(Protocol):
    """Whoever reads what arrives."""

    def arrived(self, connection: Connection, segments: list[bytes]) -> None: ...

    def lost(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """``open`` until either side ends it."""

    __slots__ = ("_splitter", "_transport", "_user", "open")

    def __init__(self, user: ConnectionUser) -> None:
        self._user = user
        self._transport: asyncio.Transport | None = None
        self._splitter = Splitter()
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self.open = True

    def data_received(self, data: bytes) -> None:
        segments = self._splitter.segments(data)
        if segments:
            self._user.arrived(self, segments)

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._user.lost(self)

    def write(self, data: bytes) -> None:
        if self._transport is not None and self.open:
            self._transport.write(data)

    def read_on(self, reading: bool) -> None:
        """Stop or go on reading; what is not read stays with the peer."""
        if self._transport is not None and self.open:
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def close(self) -> None:
        """End it after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Break it now; what was not sent yet is gone."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    @property
    def unsent_bytes(self) -> int:
        """Written and not taken by the system yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()
