"""Sessions with brokers, as the engine has to know them: a platform that we cannot hear is out, not its vehicles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from monitor.model.exchange import Channel, LinkEvent
from monitor.model.journal import JournalRecord, RecordType


class Session(Protocol):
    """A session of ours with something that brings reports of one or more platforms."""

    @property
    def name(self) -> str: ...
    @property
    def platforms(self) -> tuple[str, ...]: ...
    @property
    def connected(self) -> bool: ...


class SourceSessions:
    """``submit`` journals a record; ``clock_ms`` is the journal's clock, ``now_ms`` the wall clock."""

    def __init__(
        self,
        sessions: Sequence[Session],
        submit: Callable[[JournalRecord], Awaitable[None]],
        clock_ms: Callable[[], int],
        now_ms: Callable[[], int],
    ) -> None:
        self._sessions = tuple(sessions)
        self._submit = submit
        self._clock_ms = clock_ms
        self._now_ms = now_ms
        self._known: dict[str, bool] = {}

    async def look(self) -> None:
        """Journal what came or went since the last look; after a start, how each of them stands."""
        for session in self._sessions:
            up = session.connected
            if self._known.get(session.name) != up:
                for platform in session.platforms:
                    link = session.name if platform == session.name else f"{session.name}: {platform}"
                    event = LinkEvent(link, Channel.MAIN, up, self._now_ms(), platform=platform)
                    await self._submit(
                        JournalRecord(0, RecordType.LINK, self._clock_ms(), payload=msgspec.json.encode(event))
                    )
                self._known[session.name] = up
