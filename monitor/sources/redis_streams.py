"""Reports from Redis Streams: read by a consumer group, acknowledged only when the app says that they are safe.

After a start and after every loss of the connection the entries that were handed to us before come first; those of a
consumer that died are taken over when they have been idle for long enough. What was not acknowledged comes again, and
duplicates fall out by vehicle and fix time. The client library never repeats a command by itself: an answer that was
lost on the way holds entries, and these are found among the pending ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from monitor.errors import OperationError
from monitor.model.backoff import Backoff
from monitor.model.bad_bytes import BadBytes
from monitor.model.report import REPORT, ReportBatch
from monitor.sources.intake import Decoded, Deliver, Intake, RawMessage
from monitor.sources.redis_settings import Done, RedisSourceSettings
from monitor.sources.stream_group import Entry, StreamGroup, new_entries, pages

log = logging.getLogger(__name__)

NO_PAYLOAD = "missing_field"
"""Reason of an entry without the payload's field, as of a report without a field that it needs."""

_UNDER_WAY = 3
"""Intakes handed over and not yet safe, as with MQTT: while one is written the next are read and share its fsync."""
_FIRST_COUNT = 16
"""Entries asked for before it is known how large they are (a guess)."""
_STOP_S = 2.0
"""How long a stop waits for entries under way; later ones come again after the next start (a guess)."""
_END = b"0-0"


@dataclass(slots=True)
class RedisCounts:
    """Running counts of one source."""

    entries: int = 0
    payload_bytes: int = 0
    intakes: int = 0
    connections: int = 0
    failures: int = 0  # connections lost or not made, and answers that were errors
    again: int = 0  # entries that had been handed to us before
    claimed: int = 0  # entries taken over from another consumer
    gone: int = 0  # entries deleted from the stream before they were read
    without_payload: int = 0


class RedisSource:
    """Runs until cancelled; reconnects by itself. Raises ``ConfigError`` for a password or certificate not to be had.

    ``now_ms`` is the wall clock. ``link`` is told when the connection comes and goes.
    """

    def __init__(
        self,
        settings: RedisSourceSettings,
        deliver: Deliver,
        now_ms: Callable[[], int],
        link: Callable[[bool], None] | None = None,
    ) -> None:
        self.settings = settings
        self.counts = RedisCounts()
        self.connected = False
        self._deliver = deliver
        self._now_ms = now_ms
        self._link = link
        self._options = settings.client_options()
        self._groups = {stream.key.encode(): StreamGroup(settings, stream) for stream in settings.streams}
        self._count = min(_FIRST_COUNT, settings.batch_entries)

    async def run(self) -> None:
        """Connect, take entries, deliver them; again after every loss."""
        settings = self.settings
        backoff = Backoff(settings.backoff_first_s, settings.backoff_most_s)
        while True:
            client = _Client(**self._options, retry=Retry(NoBackoff(), 0), client_name=settings.consumer_name)
            client.timeout_s = settings.timeout_s
            try:
                await self._open(client)
                self._linked(True)
                await self._take(client, backoff)
            except (RedisError, OperationError, OSError) as error:
                self.counts.failures += 1
                wait_s = backoff.next_s()
                log.warning("source %s: %s: %s; again in %.1f s", settings.name, settings.address, error, wait_s)
            finally:
                self._linked(False)
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()
            await asyncio.sleep(wait_s)

    async def _open(self, client: Redis) -> None:
        for group in self._groups.values():
            await group.open(client)
        if all(group.refused for group in self._groups.values()):
            raise RedisError(f"no stream can be read: {next(iter(self._groups.values())).refused}")

    async def _take(self, client: Redis, backoff: Backoff) -> None:
        """Until the connection is lost or a delivery fails; what is under way then is given up and comes again."""
        lost: Exception | None = None
        try:
            async with asyncio.TaskGroup() as deliveries:
                hand_over = _HandOver(self, client, deliveries)
                try:
                    await self._read(client, hand_over, backoff)
                except asyncio.CancelledError:
                    await hand_over.finish(_STOP_S)
                    raise
        except* (RedisError, OperationError, OSError) as group:
            lost = next(error for error in group.exceptions if not isinstance(error, ExceptionGroup))
        if lost is not None:
            raise lost

    async def _read(self, client: Redis, hand_over: _HandOver, backoff: Backoff) -> None:
        settings = self.settings
        for group in self._readable():
            await self._pending(client, group, hand_over)
        backoff.reset()
        look_s = time.monotonic()
        while True:
            if time.monotonic() >= look_s:
                await self._tend(client, hand_over)
                look_s = time.monotonic() + settings.claim_every_s
            asked = self._count
            found = await new_entries(client, settings, self._readable(), asked)
            taken = [(self._groups[key], entries) for key, entries in found]
            for group, entries in taken:
                await hand_over.take(group, entries)
            self._adapt([entry for _, entries in taken for entry in entries])
            if all(len(entries) < asked for _, entries in taken):
                await asyncio.sleep(settings.linger_ms / 1000)

    async def _pending(self, client: Redis, group: StreamGroup, hand_over: _HandOver) -> None:
        after = _END
        while entries := await group.pending(client, self._count, after):
            after = entries[-1].id
            self.counts.again += len(entries)
            await hand_over.take(group, entries)
            self._adapt(entries)

    async def _tend(self, client: Redis, hand_over: _HandOver) -> None:
        """What is to be done now and then."""
        for group in self._groups.values():
            if group.refused:
                await group.open(client)
                if not group.refused:
                    await self._pending(client, group, hand_over)
        for group in self._readable():
            start = _END
            while True:
                entries, start = await group.claimed(client, self._count, start)
                if entries:
                    log.warning(
                        "source %s: stream %s: %d entries taken over from another consumer",
                        self.settings.name,
                        group.settings.key,
                        len(entries),
                    )
                    self.counts.claimed += len(entries)
                    await hand_over.take(group, entries)
                if start == _END:
                    break
            if self.settings.done is Done.TRIM:
                await group.trim(client)

    def _readable(self) -> list[StreamGroup]:
        return [group for group in self._groups.values() if not group.refused]

    def _adapt(self, entries: list[Entry]) -> None:
        """Ask for about ``batch_bytes`` next time: fewer at once, more step by step."""
        if not entries:
            return
        mean = sum(len(value) for entry in entries for value in entry.fields.values()) // len(entries)
        wanted = max(1, self.settings.batch_bytes // max(mean, 1))
        self._count = min(wanted, 2 * self._count, self.settings.batch_entries)

    def intake(self, group: StreamGroup, entries: list[Entry], ack: Callable[[], None]) -> Intake:
        """Entries that have a payload."""
        now_ms, name = self._now_ms(), group.settings.key
        field = group.payload_field
        raw = [RawMessage(entry.fields[field], f"{name}/{entry.id.decode()}", now_ms) for entry in entries]
        self.counts.payload_bytes += sum(len(message.payload) for message in raw)
        return Intake(group.feed, raw, ack)

    def refusal(self, group: StreamGroup, entries: list[Entry], ack: Callable[[], None]) -> Intake:
        """Entries that have none: to quarantine, with the fields that they do have."""
        now_ms, wanted = self._now_ms(), group.settings.field
        rejects = tuple(
            BadBytes(
                self.settings.name,
                NO_PAYLOAD,
                now_ms,
                b"\n".join(name + b"=" + value for name, value in entry.fields.items()),
                f"stream {group.settings.key}, entry {entry.id.decode()}: no field {wanted!r}",
            )
            for entry in entries
        )
        self.counts.without_payload += len(entries)
        nothing = ReportBatch((), np.zeros(0, REPORT))
        decoded = Decoded(nothing, rejects, outcomes=Counter({NO_PAYLOAD: len(entries)}))
        return Intake(group.feed, [], ack, decoded, len(entries))

    async def deliver(self, client: Redis, group: StreamGroup, intake: Intake, safe: _Safe) -> None:
        """Journal, then acknowledge."""
        await self._deliver(intake)
        if safe.ids:
            await group.acknowledge(client, safe.ids)

    def _linked(self, connected: bool) -> None:
        if connected == self.connected:
            return
        self.connected = connected
        self.counts.connections += connected
        if connected:
            log.info("source %s: connected to %s", self.settings.name, self.settings.address)
        if self._link is not None:
            self._link(connected)


class _Client(Redis):
    """Waits for no answer longer than ``timeout_s``."""

    timeout_s = 10.0

    async def execute_command(self, *args: object, **options: object) -> object:
        try:
            async with asyncio.timeout(self.timeout_s):
                answer: object = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
                return answer
        except TimeoutError:
            raise RedisError(f"no answer within {self.timeout_s:g} s") from None


class _Safe:
    """Becomes the ids of an intake when the app says that they are safe."""

    def __init__(self, entries: list[Entry]) -> None:
        self.ids: list[bytes] = []
        self._entries = entries

    def __call__(self) -> None:
        self.ids = [entry.id for entry in self._entries]


class _HandOver:
    """Entries as intakes, several of them under way at a time."""

    def __init__(self, source: RedisSource, client: Redis, deliveries: asyncio.TaskGroup) -> None:
        self._source = source
        self._client = client
        self._deliveries = deliveries
        self._free = asyncio.Semaphore(_UNDER_WAY)
        self._running: set[asyncio.Task[None]] = set()

    async def take(self, group: StreamGroup, entries: list[Entry]) -> None:
        """Returns when the last of them is under way."""
        source = self._source
        group.took(entries)
        source.counts.entries += len(entries)
        for page in pages(entries, source.settings.batch_entries):
            gone = [entry for entry in page if not entry.fields]
            if gone:
                source.counts.gone += len(gone)
                log.error(
                    "source %s: stream %s: %d entries were deleted before they were read, the last is %s",
                    source.settings.name,
                    group.settings.key,
                    len(gone),
                    gone[-1].id.decode(),
                )
                await group.acknowledge(self._client, [entry.id for entry in gone])
            whole = [entry for entry in page if group.payload_field in entry.fields]
            without = [entry for entry in page if entry.fields and group.payload_field not in entry.fields]
            for made, part in ((source.intake, whole), (source.refusal, without)):
                if part:
                    safe = _Safe(part)
                    await self._begin(group, made(group, part, safe), safe)

    async def _begin(self, group: StreamGroup, intake: Intake, safe: _Safe) -> None:
        await self._free.acquire()
        self._source.counts.intakes += 1
        task = self._deliveries.create_task(self._source.deliver(self._client, group, intake, safe))
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free.release()

    async def finish(self, timeout_s: float) -> None:
        """Wait for what is under way, so that little comes again after the next start."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)
