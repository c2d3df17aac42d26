"""JT/T 808 terminals as one part of the core: the servers, the book of terminals, and the orders that go to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path

from monitor.app.config import MonitorConfig
from monitor.app.downlinks import Downlinks
from monitor.app.protocol_metrics import Tally
from monitor.app.reminders import Reminders, pushed_changes
from monitor.app.terminal_book import TerminalBookKeeper
from monitor.codec.jt808 import Message
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.downlink_request import ADD, CANCEL, ONLINE, DownlinkRef, DownlinkRequest, OnlineQuestion, Phones
from monitor.model.fleet import Registry
from monitor.quality.crs import Crs
from monitor.sources.intake import Deliver
from monitor.sources.jt808 import Answer, Jt808Server, NotConnected
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database
from monitor.store.downlink_store import DownlinkStore
from monitor.store.terminal_store import TerminalStore

log = logging.getLogger(__name__)


class Terminals:
    """Every configured server over one book. ``registry`` gives the registry in force."""

    def __init__(
        self,
        config: MonitorConfig,
        key_file: Path,
        database: Database,
        registry: Callable[[], Registry | None],
        deliver: Deliver,
        now_ms: Callable[[], int],
    ) -> None:
        self.book = TerminalBookKeeper(TerminalStore(database), registry, now_ms, config.terminals)
        crs = config.jt808[0].crs if config.jt808 else Crs.WGS84
        self.downlinks = Downlinks(DownlinkStore(database), self, self.book, now_ms, config.downlinks, crs)
        self._reminded = config.reminders.enabled and bool(config.jt808)
        self.reminders = Reminders(config.reminders, self.downlinks, DownlinkStore(database), self.book, now_ms)
        self.servers = [
            Jt808Server(item, deliver, self.book, now_ms, key_file, self.downlinks.terminal_online)
            for item in config.jt808
        ]

    async def open(self) -> None:
        """Take the book and the orders that wait into memory. Raises ``StoreError``."""
        await asyncio.to_thread(self.book.load)
        await self.downlinks.open()
        await self.reminders.open()

    def online(self, phone: str) -> bool:
        """Whether orders can be sent to a terminal now."""
        return any(server.online(phone) for server in self.servers)

    async def send(self, phone: str, message: Message, timeout_s: float) -> Answer:
        """By the server that the terminal is connected to. Raises as ``Jt808Server.send``."""
        for server in self.servers:
            if server.online(phone):
                return await server.send(phone, message, timeout_s)
        raise NotConnected(phone=phone)

    def tasks(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """What runs beside the servers."""
        if not self.servers:
            return []
        return [("downlinks", self.downlinks.run()), ("reminders", self.reminders.run())]

    def remind(self, steps: Sequence[CommittedStep]) -> None:
        """Texts to drivers for the alarms of committed steps, where they are wanted."""
        if self._reminded:
            self.reminders.take(pushed_changes(steps))

    async def tidy(self) -> None:
        """Forget strangers and closed orders of long ago."""
        await self.book.tidy()
        await self.downlinks.tidy()

    def tallies(self) -> dict[str, Tally]:
        """Counts for the metrics: documentation, label and counts by name."""
        if not self.servers:
            return {}
        return {
            "vdm_downlinks_total": (
                "Orders to terminals by what became of them.",
                "state",
                self.downlinks.counts.items,
            ),
            "vdm_reminders_total": ("Texts to drivers by what became of them.", "reason", self.reminders.counts.items),
        }

    def handlers(self) -> Mapping[str, Handler]:
        """Commands by name."""
        return {ADD: self._add, CANCEL: self._cancel, ONLINE: self._online}

    async def _add(self, command: Command) -> Reply:
        return reply(await self.downlinks.add(command.read(DownlinkRequest), command.by))

    async def _cancel(self, command: Command) -> Reply:
        return reply(await self.downlinks.cancel(command.read(DownlinkRef).downlink_id))

    async def _online(self, command: Command) -> Reply:
        asked = command.read(OnlineQuestion).phones
        phones = self.book.phones() if asked is None else asked
        return reply(Phones(tuple(phone for phone in phones if self.online(phone))))
