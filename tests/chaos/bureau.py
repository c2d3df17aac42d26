"""One whole installation: servers, daemon, senders and receivers around one stream."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from monitor.model.report import terminal_key
from monitor.store.database import Database, open_database
from monitor.store.journal import read_segment_files
from monitor.store.journal_segment import segment_files
from tests.chaos.comparison import delivered, differences, lost, pushes, replayed, stored, untold
from tests.chaos.receivers import Receivers, receiving
from tests.chaos.senders import STREAM_KEY, Senders
from tests.chaos.servers import Servers, running_servers
from tests.chaos.stream import Stream
from tests.integration.brokers import free_port
from tests.integration.daemons import DaemonProcess

_LOOK_S = 0.1
SETTLE_S = 300.0

_TABLES = """\
[[sources.redis]]
name = "log"
port = {redis}
backoff_first_s = 0.1
backoff_most_s = 0.5
[[sources.redis.streams]]
key = "{key}"
[[jt808]]
name = "terminals"
port = {jt808}
[[sinks.redis]]
name = "live"
port = {redis}
every_s = 0.5
backoff_first_s = 0.1
backoff_most_s = 0.5
[[sinks.webhook]]
name = "bureau"
url = "{webhook}"
kinds = ["alarm"]
timeout_s = 2.0
[sinks.delivery]
backoff_first_s = 0.05
backoff_most_s = 0.5
poll_s = 0.5
[journal]
segment_bytes = 16384
[archive]
flush_s = 0.5
flush_rows = 2000
small_files = 4
[settlement]
enabled = false
"""
"""Everything that happens rarely happens often: segments, snapshots, flushes and merges every few seconds."""


@dataclass(slots=True)
class Bureau:
    """What belongs to one run."""

    stream: Stream
    servers: Servers
    daemon: DaemonProcess
    senders: Senders
    receivers: Receivers
    database: Database

    @property
    def journal(self) -> Path:
        return self.daemon.state / "journal"

    @property
    def config(self) -> Path:
        return self.daemon.folder / "monitor.toml"

    def names(self) -> Mapping[str, str]:
        """The vehicle of each terminal's key."""
        return {terminal_key(vehicle.terminal_phone): vehicle.vehicle_id for vehicle in self.stream.registry}

    async def taken_in(self, timeout_s: float = 120.0) -> None:
        """Wait until everything sent is answered, in the journal and committed. Raises with what never came."""
        await self.senders.finish(timeout_s)
        try:
            await self.until(lambda: not lost(self.stream, self.journal, self.names()), timeout_s, 1.0)
        except AssertionError as error:
            missing = lost(self.stream, self.journal, self.names())
            raise AssertionError(f"{len(missing)} reports never came: {missing[:10]}") from error
        await self.until(self._committed, timeout_s)

    async def told(self, timeout_s: float = 120.0) -> None:
        """Wait until every sink has passed all there is."""
        await self.until(lambda: delivered(self.database), timeout_s)

    async def settle(self) -> str:
        """``monitor settle`` of every day that is over, by the running daemon; what it prints."""
        first, last = self.stream.days
        code = "from monitor.cli import main; main()"
        words = ("settle", first.isoformat(), "--to", last.isoformat(), "--config", str(self.config), "--lang", "en")
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            timeout=SETTLE_S,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"settlement failed: {done.stdout}\n{done.stderr[-2000:]}")
        return done.stdout

    async def until(self, condition: Callable[[], bool], timeout_s: float, every_s: float = _LOOK_S) -> None:
        """Wait for something that the daemon brings about; raises with its last words."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await asyncio.to_thread(condition):
                    self.senders.failed()
                    await asyncio.sleep(every_s)
        except TimeoutError:
            raise AssertionError(f"it did not come to that within {timeout_s} s:\n{self.daemon.log[-3000:]}") from None

    def store_is_the_journal(self) -> list[str]:
        """How the store differs from what the journal's records up to its position make: it never may."""
        position, found = stored(self.database)
        return differences(found, replayed(self.journal, position))

    async def wrongly_told(self) -> list[str]:
        """What any receiver missed, or heard that was never committed."""
        expected = await asyncio.to_thread(pushes, self.database)
        lines = untold(self.receivers.webhook(), expected)
        lines += untold(self.receivers.mqtt, expected)
        return lines + untold(await self.receivers.redis(), expected, once=True)

    def _committed(self) -> bool:
        position, _ = stored(self.database)
        last = 0
        for record in read_segment_files(segment_files(self.journal)[-1:]):
            last = record.offset
        return position >= last > 0


@contextlib.asynccontextmanager
async def bureau(stream: Stream, folder: Path) -> AsyncIterator[Bureau]:
    """Servers, receivers and senders running, the daemon ready to be started."""
    with running_servers(folder) as servers:
        async with receiving(servers) as receivers:
            jt808 = free_port()
            daemon = DaemonProcess(
                folder,
                servers.mosquitto.port,
                clock="arrival",
                database_url=servers.postgres.url,
                tables=_TABLES.format(
                    redis=servers.redis.port, key=STREAM_KEY, jt808=jt808, webhook=receivers.receiver.url
                ),
            )
            await asyncio.to_thread(daemon.register, stream.registry, date(2025, 1, 1))
            senders = Senders(stream, servers, jt808)
            site = Bureau(stream, servers, daemon, senders, receivers, open_database(servers.postgres.url))
            try:
                yield site
            finally:
                await senders.close()
                site.database.close()
                await asyncio.to_thread(daemon.kill)
