"""One TCP connection: bytes in as they come, bytes out with back-pressure. Knows nothing of frames."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast

_QUIET_S: Final = 0.002
"""Bytes are handed on early when nothing arrives for this long (as measured for MQTT)."""
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))
"""Seconds, seconds, times (guess): a peer that vanished is found even where nothing has to be sent."""


class Wire(asyncio.Protocol):
    """``most_bytes`` is how much may wait to be read before the peer is held off by TCP, ``unsent_bytes`` how much
    may wait to be sent before ``drain`` waits. ``made`` is told when the connection is there (for servers)."""

    def __init__(self, *, most_bytes: int, unsent_bytes: int, made: Callable[[Wire], None] | None = None) -> None:
        self.peer_host = ""
        self.peer_port = 0
        self.closed = False
        self.reason = ""
        self._most_bytes = most_bytes
        self._unsent_bytes = unsent_bytes
        self._made = made
        self._arrived: Callable[[int], None] | None = None
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self._paused = False

    @property
    def peer(self) -> str:
        return f"{self.peer_host}:{self.peer_port}"

    @property
    def held_off(self) -> bool:
        """Whether it is us who do not read."""
        return self._paused

    @property
    def waiting(self) -> int:
        """Bytes received and not read."""
        return len(self._buffer)

    def watch(self, arrived: Callable[[int], None]) -> None:
        """``arrived`` is told the size of every chunk."""
        self._arrived = arrived

    def set_most_bytes(self, most_bytes: int) -> None:
        """A peer that has proved who it is may send more ahead."""
        self._most_bytes = most_bytes
        self._hold_or_release()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._unsent_bytes)
        name = transport.get_extra_info("peername")
        if name:
            self.peer_host, self.peer_port = str(name[0]), int(name[1])
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEPALIVE:
                if hasattr(socket, option):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        if self._made is not None:
            self._made(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._arrived is not None:
            self._arrived(len(data))
        self._readable.set()
        self._hold_or_release()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.reason:
            self.reason = str(exc) if exc else "closed by the peer"
        self._readable.set()
        self._writable.set()
        self._gone.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # the link calls these

    async def read(self, *, enough: int, linger_s: float) -> bytes:
        """What has come, once something has: waits up to ``linger_s`` for ``enough`` bytes while more keep coming.

        Empty when the connection is gone and all was read.
        """
        while not self._buffer and not self.closed:
            self._readable.clear()
            await self._readable.wait()
        waited_s = 0.0
        before = len(self._buffer)
        while before < enough and waited_s < linger_s and not self.closed:
            await asyncio.sleep(_QUIET_S)
            waited_s += _QUIET_S
            if len(self._buffer) == before:
                break
            before = len(self._buffer)
        data = bytes(self._buffer)
        self._buffer.clear()
        self._hold_or_release()
        return data

    def write(self, data: bytes) -> None:
        """Hand over to the socket; lost silently if the connection is."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Until the unsent bytes are few again, or the connection is gone."""
        await self._writable.wait()

    def close(self, reason: str) -> None:
        """Send what waits to be sent, then close; ``reason`` for the log."""
        if not self.reason:
            self.reason = reason
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Close at once."""
        if not self.reason:
            self.reason = reason
        if self._transport is not None:
            self._transport.abort()

    async def gone(self, within_s: float) -> None:
        """Until the connection is closed; cut it after ``within_s``."""
        try:
            await asyncio.wait_for(self._gone.wait(), within_s)
        except TimeoutError:
            self.abort("not read by the peer")
            await self._gone.wait()

    def _hold_or_release(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        full = len(self._buffer) >= self._most_bytes
        if full and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not full:
            self._transport.resume_reading()
        self._paused = full
