"""One Redis stream and our consumer group on it: what is pending, what is safe, and where to begin if it is gone.

An entry is pending from the moment the server hands it out until it is acknowledged, also over restarts of ours and
(as far as it persists) of the server. Only the server knows what is pending with whom; here is kept what is needed if
it forgets: up to where everything of ours was acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from monitor.sources.redis_settings import Done, GroupStart, RedisSourceSettings, StreamSettings

log = logging.getLogger(__name__)

EntryId = tuple[int, int]
"""Milliseconds and a number within them; ids of one stream only grow."""

_Answer = list[tuple[bytes, list[tuple[bytes | None, Mapping[bytes, bytes] | None]]]]

BEGIN: EntryId = (0, 0)
_MOST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; without ``fields`` it was deleted from the stream before anybody acknowledged it."""

    id: bytes
    fields: Mapping[bytes, bytes]


class StreamGroup:
    """``unacknowledged`` holds the ids of entries that were handed to us and that are not yet safe."""

    def __init__(self, source: RedisSourceSettings, stream: StreamSettings) -> None:
        self.settings = stream
        self.feed = source.feed(stream)
        self.payload_field = stream.field.encode()
        self.unacknowledged: set[EntryId] = set()
        self.refused = ""
        """Why the server does not let us read this stream; "" where it does."""
        self._source = source
        self._last: EntryId | None = None  # handed out to the group, as far as we know

    async def open(self, client: Redis) -> None:
        """Make the group where it is missing, and the stream with it. Raises ``RedisError``.

        A stream that can never be read (another type of key, no permission) is ``refused`` and not raised.
        """
        try:
            await self._open(client)
        except ResponseError as error:
            if not isinstance(error, NoPermissionError) and "WRONGTYPE" not in str(error):
                raise
            if str(error) != self.refused:
                log.error("source %s: stream %s cannot be read: %s", self._source.name, self.settings.key, error)
            self.refused = str(error)
        else:
            self.refused = ""

    async def _open(self, client: Redis) -> None:
        key, name = self.settings.key, self._source.group
        delivered = await self._delivered(client)
        if delivered is not None:
            if self._last is None:
                self._last = delivered
            return
        newest = await self._newest(client)
        if self._last is None:
            start = (newest or BEGIN) if self._source.start is GroupStart.NEW else BEGIN
        elif newest is None or newest < self._last:
            start = BEGIN  # another stream under the old name: nothing of it was ever read
        else:
            start = before(min(self.unacknowledged)) if self.unacknowledged else self._last
        if self._last is not None:
            where = "its first entry" if start == BEGIN else f"entry {text(start)}"
            log.warning(
                "source %s: group %s of stream %s was gone; it goes on after %s", self._source.name, name, key, where
            )
        try:
            await client.xgroup_create(key, name, text(start), mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):  # somebody else made it in the meantime
                raise
        self._last = start
        self.unacknowledged.clear()

    async def _delivered(self, client: Redis) -> EntryId | None:
        """Last entry that was handed out to the group; None where there is no group."""
        try:
            groups = await client.xinfo_groups(self.settings.key)
        except ResponseError as error:
            if "no such key" in str(error):
                return None
            raise
        for group in groups:
            if group["name"] == self._source.group.encode():
                return parse(group["last-delivered-id"])
        return None

    async def _newest(self, client: Redis) -> EntryId | None:
        """Last entry ever added, also if it was deleted since; None where there is no stream."""
        try:
            found = await client.xinfo_stream(self.settings.key)
        except ResponseError as error:
            if "no such key" in str(error):
                return None
            raise
        return parse(found["last-generated-id"])

    def took(self, entries: Iterable[Entry]) -> None:
        """Entries were handed to us."""
        for entry in entries:
            number = parse(entry.id)
            self.unacknowledged.add(number)
            if self._last is None or number > self._last:
                self._last = number

    async def pending(self, client: Redis, count: int, after: bytes) -> list[Entry]:
        """Entries that we were given before and never acknowledged, in order. Raises ``RedisError``."""
        source = self._source
        answer = await client.xreadgroup(source.group, source.consumer_name, {self.settings.key: after}, count=count)
        return next((entries_of(entries) for _, entries in cast("_Answer", answer)), [])

    async def claimed(self, client: Redis, count: int, start: bytes) -> tuple[list[Entry], bytes]:
        """Entries taken over from consumers that were silent for long, and where to look next (``0-0`` = the end).

        What we are still working on ourselves is left out. Raises ``RedisError``.
        """
        source = self._source
        answer = await client.xautoclaim(
            self.settings.key, source.group, source.consumer_name, int(source.claim_idle_s * 1000), start, count
        )
        after, found = answer[0], answer[1]
        entries = [entry for entry in entries_of(found) if parse(entry.id) not in self.unacknowledged]
        return entries, after

    async def acknowledge(self, client: Redis, ids: list[bytes]) -> None:
        """One command for all of them. Raises ``RedisError``."""
        key, name = self.settings.key, self._source.group
        if self._source.done is Done.DELETE:
            async with client.pipeline(transaction=True) as together:
                together.xack(key, name, *ids)
                together.xdel(key, *ids)
                async with asyncio.timeout(self._source.timeout_s):
                    await together.execute()
        else:
            await client.xack(key, name, *ids)
        self.unacknowledged.difference_update(map(parse, ids))

    async def trim(self, client: Redis) -> None:
        """Remove what lies before the oldest entry that the group has not acknowledged. Raises ``RedisError``.

        In this order, because another consumer may be given entries between the two questions.
        """
        delivered = await self._delivered(client)
        if delivered is None:
            return
        oldest = (await client.xpending(self.settings.key, self._source.group))["min"]
        keep = after(delivered) if oldest is None else min(parse(oldest), after(delivered))
        await client.xtrim(self.settings.key, minid=text(keep), approximate=True)


async def new_entries(
    client: Redis, source: RedisSourceSettings, groups: Sequence[StreamGroup], count: int
) -> list[tuple[bytes, list[Entry]]]:
    """By the stream's key, at most ``count`` of each that were never handed out; waits ``block_s`` for the first."""
    answer = await client.xreadgroup(
        source.group,
        source.consumer_name,
        {group.settings.key: ">" for group in groups},
        count=count,
        block=int(source.block_s * 1000),
    )
    return [(key, entries_of(entries)) for key, entries in cast("_Answer", answer)]


def entries_of(answer: list[tuple[bytes | None, Mapping[bytes, bytes] | None]]) -> list[Entry]:
    """Entries as the client library gives them; servers before 7.0 put nothing in the place of deleted ones."""
    return [Entry(entry_id, fields or {}) for entry_id, fields in answer if entry_id is not None]


def parse(entry_id: bytes) -> EntryId:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number)


def text(entry_id: EntryId) -> str:
    return f"{entry_id[0]}-{entry_id[1]}"


def before(entry_id: EntryId) -> EntryId:
    milliseconds, number = entry_id
    if number:
        return milliseconds, number - 1
    return (milliseconds - 1, _MOST) if milliseconds else BEGIN


def after(entry_id: EntryId) -> EntryId:
    milliseconds, number = entry_id
    return (milliseconds, number + 1) if number < _MOST else (milliseconds + 1, 0)


def pages(entries: list[Entry], size: int) -> Iterator[list[Entry]]:
    """Entries in pieces of at most ``size``."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
