"""What connections received and nobody has read yet: one list for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.sources.jt808.connection import Connection

Piece = tuple["Connection", bytes | None]
"""Bytes of a connection; None behind its last ones."""


class Inbox:
    """In the order received. ``size`` counts bytes until they are safe (``settled``), not until they are taken.

    Above ``limit`` bytes connections that go on sending are held, until half of it is settled.
    """

    __slots__ = ("_arrived", "_filled", "_held", "_limit", "_pieces", "_wanted", "size", "waiting")

    def __init__(self, limit: int) -> None:
        self.size = 0
        self.waiting = 0  # bytes not taken yet
        self._limit = limit
        self._pieces: deque[Piece] = deque()
        self._held: list[Connection] = []
        self._arrived = asyncio.Event()
        self._filled = asyncio.Event()
        self._wanted = 0

    def put(self, connection: Connection, data: bytes) -> None:
        pieces = self._pieces
        if not pieces:
            self._arrived.set()
        pieces.append((connection, data))
        size = len(data)
        self.size += size
        self.waiting += size
        if self._wanted and self.waiting >= self._wanted:
            self._filled.set()
        if self.size > self._limit:
            connection.hold()
            self._held.append(connection)

    def end(self, connection: Connection) -> None:
        """Nothing will follow from this connection."""
        self._arrived.set()
        self._pieces.append((connection, None))

    def again(self, connection: Connection) -> None:
        """More of it lies with the connection itself."""
        self._arrived.set()
        self._pieces.append((connection, b""))

    async def arrived(self) -> None:
        """Until there is something."""
        await self._arrived.wait()

    async def filled(self, wanted: int, linger_s: float) -> None:
        """Until ``wanted`` bytes wait, but not longer than ``linger_s``."""
        if self.waiting >= wanted:
            return
        self._filled.clear()
        self._wanted = wanted
        try:
            async with asyncio.timeout(linger_s):
                await self._filled.wait()
        except TimeoutError:
            pass
        finally:
            self._wanted = 0

    def take(self, most: int) -> list[Piece]:
        """Pieces from the front, ending with the one that passes ``most`` bytes."""
        pieces = self._pieces
        taken: list[Piece] = []
        size = 0
        while pieces and size < most:
            piece = pieces.popleft()
            taken.append(piece)
            if piece[1] is not None:
                size += len(piece[1])
        self.waiting -= size
        if not pieces:
            self._arrived.clear()
        return taken

    def settled(self, size: int) -> None:
        """So many bytes are safe, or given up."""
        self.size -= size
        if self._held and self.size <= self._limit // 2:
            held, self._held = self._held, []
            for connection in held:
                connection.release()
