"""One TCP connection: it takes bytes in and puts bytes out, and knows nothing of what they mean."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from monitor.sources.jt808.inbox import Inbox

if TYPE_CHECKING:
    from monitor.sources.jt808.switchboard import Session

_FAREWELL_S = 5.0
"""How long a closed connection may take to read its last answer (guess)."""


class Keeper(Protocol):
    """Who is told what becomes of a connection. ``write_buffer_bytes``: what a peer may leave unread."""

    @property
    def write_buffer_bytes(self) -> int: ...

    def lost(self, connection: Connection, /) -> None:
        """It is closed, by whoever."""
        ...

    def drop(self, connection: Connection, reason: str, /) -> None:
        """It is to be closed."""
        ...


class Connection(asyncio.Protocol):
    """``line`` is its row in ``Lines``; ``rest`` the beginning of a frame whose end has not come yet, or with ``more``
    what is left for the next round.

    ``sessions`` are the terminals on it by their phone as in ``FRAME``.
    """

    __slots__ = (
        "_holds",
        "_inbox",
        "_keeper",
        "_transport",
        "address",
        "closing",
        "line",
        "more",
        "rest",
        "sessions",
        "wrong",
    )

    def __init__(self, keeper: Keeper, inbox: Inbox, line: int, address: tuple[str, int]) -> None:
        self.line = line
        self.address = address
        self.rest = b""
        self.more = False
        self.sessions: dict[bytes, Session] = {}
        self.closing = False
        self.wrong = 0  # codes presented in vain
        self._keeper = keeper
        self._inbox = inbox
        self._holds = 0
        self._transport: asyncio.Transport | None = None

    @property
    def peer(self) -> str:
        """For log lines and the quarantine."""
        return f"{self.address[0]}:{self.address[1]}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop is a transport in all but its class.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._keeper.write_buffer_bytes)
        if self.closing:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._inbox.put(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self._transport = None
        self._inbox.end(self)
        self._keeper.lost(self)

    def pause_writing(self) -> None:
        """More is waiting for the peer than it may leave unread."""
        self._keeper.drop(self, "slow_reader")

    def write(self, data: bytes) -> bool:
        """False when nobody is there any more."""
        if self.closing or self._transport is None:
            return False
        self._transport.write(data)
        return True

    def hold(self) -> None:
        """Read no more, until as many ``release`` have come."""
        self._holds += 1
        if self._holds == 1 and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        self._holds -= 1
        if self._holds == 0 and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Nothing more is taken; what was answered still goes out."""
        if self.closing:
            return
        self.closing = True
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(_FAREWELL_S, self._abort)

    def abort(self) -> None:
        """At once; what was received and not read yet is given up."""
        self.closing = True
        self.rest = b""
        self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
