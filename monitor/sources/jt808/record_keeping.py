"""What is to be remembered of terminals, written together, and the answers that wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from monitor.errors import OperationError
from monitor.model.terminal import Terminal
from monitor.sources.jt808.settings import Jt808Settings
from monitor.sources.jt808.switchboard import Session, Switchboard
from monitor.sources.jt808.terminal_book import TerminalBook

log = logging.getLogger(__name__)

_CLOSING_S = 5.0


class RecordKeeping:
    """One writer: while it writes, further terminals wait and share the next write. The newest of a phone counts."""

    def __init__(self, settings: Jt808Settings, book: TerminalBook, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._book = book
        self._now_ms = now_ms
        self._waiting: dict[str, Terminal] = {}
        self._writing: dict[str, Terminal] = {}
        self._then: list[Callable[[], None]] = []
        self._wake = asyncio.Event()
        self._failing = False

    def find(self, phone: str) -> Terminal | None:
        """The newest, safe or not."""
        return self._waiting.get(phone) or self._writing.get(phone) or self._book.find(phone)

    def room(self, phone: str) -> bool:
        """Whether a terminal may be kept: one that is known, or one more."""
        return self.find(phone) is not None or self._book.room(phone, len(self._waiting) + len(self._writing))

    def keep(self, terminal: Terminal) -> None:
        """Write it with the next ones."""
        self._waiting[terminal.phone] = terminal
        self._wake.set()

    def when_kept(self, action: Callable[[], None]) -> None:
        """Do this when all that was to be kept until now is safe; never, if that fails."""
        self._then.append(action)
        self._wake.set()

    def heard(self, switchboard: Switchboard, session: Session) -> None:
        """Keep what a terminal reported since it was last kept."""
        row = switchboard.lines.rows[session.line]
        now_ms = self._now_ms()
        # Another connection may have changed it meanwhile, even voided its code: that is not to be undone.
        terminal = self.find(session.phone) or session.terminal
        if row["changed"]:
            terminal = replace(terminal, reports=terminal.reports + int(row["reports"]))
            if row["fix_ms"]:
                terminal = replace(
                    terminal,
                    last_fix_ms=int(row["fix_ms"]),
                    lon_deg=float(row["lon_deg"]),
                    lat_deg=float(row["lat_deg"]),
                )
            row["changed"] = False
            row["reports"] = 0
        session.terminal = replace(terminal, last_seen_ms=now_ms, first_seen_ms=terminal.first_seen_ms or now_ms)
        self.keep(session.terminal)

    async def run(self) -> None:
        """Write until cancelled; what waits then is written once more."""
        try:
            while True:
                await self._wake.wait()
                await self._write()
        finally:
            if self._waiting:
                try:
                    async with asyncio.timeout(_CLOSING_S):
                        await self._book.save(tuple(self._waiting.values()))
                except (OperationError, TimeoutError) as error:
                    log.warning("source %s: the last of the terminals were not kept: %s", self._settings.name, error)

    async def _write(self) -> None:
        self._wake.clear()
        self._writing, self._waiting = self._waiting, {}
        actions, self._then = self._then, []
        try:
            if self._writing:
                await self._book.save(tuple(self._writing.values()))
            self._failing = False
        except OperationError as error:
            if not self._failing:
                log.error("source %s: terminals are not kept, and not answered: %s", self._settings.name, error)
            self._failing = True
            self._waiting = self._writing | self._waiting  # written with the next ones; nobody is answered for them
            return
        finally:
            self._writing = {}
        for action in actions:
            action()
