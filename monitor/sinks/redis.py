"""Pushes as entries of Redis streams that other systems follow: ``alarms``, ``summaries`` and so on below a prefix.

A batch goes in by one script, which looks at the last sequence of each record and adds only what is newer: a delivery
that is repeated, because its answer was lost or because we died before the cursor moved, adds nothing twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from monitor.errors import DeliveryError
from monitor.model.push import PushMessage
from monitor.sinks.redis_connection import RedisConnection
from monitor.sinks.redis_marker import Marker
from monitor.sinks.redis_settings import RedisSinkSettings
from monitor.sinks.sink import Sent

_REMEMBERED = 1_000
"""Messages last sent that are kept in case the server forgets its last second (a guess: a burst of alarms)."""
_AT_ONCE = 100

# KEYS: marker, then stream and last sequence of each message. ARGV: marker, seconds that a last sequence is kept,
# entries of a stream, then sequence, type, id, topic and data of each message.
# Returns how many messages are there, how many of them are new, and what was wrong with the next.
_SCRIPT = """
local added = 0
for i = 1, (#KEYS - 1) / 2 do
  local stream, sent, at = KEYS[2 * i], KEYS[2 * i + 1], 5 * i - 1
  local last = tonumber(redis.call('GET', sent) or 0) or 0
  if tonumber(ARGV[at]) > last then
    local entry = redis.pcall('XADD', stream, 'MAXLEN', '~', ARGV[3], '*', 'type', ARGV[at + 1], 'id', ARGV[at + 2],
      'sequence', ARGV[at], 'topic', ARGV[at + 3], 'data', ARGV[at + 4])
    if type(entry) == 'table' and entry.err then
      return {i - 1, added, entry.err}
    end
    redis.call('SET', sent, ARGV[at], 'EX', ARGV[2])
    added = added + 1
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return {(#KEYS - 1) / 2, added, ''}
"""


@dataclass(slots=True)
class RedisSinkCounts:
    added: int = 0
    known: int = 0  # repeated deliveries of what was there already


class RedisSink:
    """Raises ``ConfigError`` on construction for a password or certificate that is not to be had.

    ``marker`` tells whether the server still has what was sent.
    """

    def __init__(self, settings: RedisSinkSettings) -> None:
        self.settings = settings
        self.counts = RedisSinkCounts()
        self.marker = Marker()
        self._connection = RedisConnection(settings, f"vdm-monitor-push-{settings.name}")
        self._turn = asyncio.Lock()
        self._recent: deque[PushMessage] = deque(maxlen=_REMEMBERED)

    async def send(self, messages: Sequence[PushMessage], /) -> Sent:
        """Delivered is what is in its stream, now or before."""
        async with self._turn:
            sent = await self._send(messages)
        self._recent.extend(messages[: sent.delivered])
        return sent

    async def repeat(self, told: Sequence[PushMessage]) -> None:
        """After the server forgot: what was sent last, and the alarms that last (``told``); what is there stays.

        Raises ``DeliveryError``.
        """
        newest = {message.id: message for message in (*told, *self._recent)}
        again = [message for message in told if newest[message.id] is message] + list(self._recent)
        for start in range(0, max(len(again), 1), _AT_ONCE):
            async with self._turn:
                sent = await self._send(again[start : start + _AT_ONCE])
            if sent.error is not None:
                raise sent.error

    async def close(self) -> None:
        await self._connection.close()

    async def _send(self, messages: Sequence[PushMessage]) -> Sent:
        settings = self.settings
        value = self.marker.next()
        keys = [settings.stream_marker]
        arguments: list[str | int] = [value, settings.stream_ttl_s, settings.stream_entries]
        for message in messages:
            keys += [settings.stream(message), settings.sent(message)]
            arguments += [message.sequence, message.kind.value, message.id, message.topic, message.data]
        try:
            async with self._connection.use() as client:
                done, added, wrong = await client.register_script(_SCRIPT)(keys, arguments)
        except (RedisError, OSError) as error:
            return Sent(0, self._error(str(error) or type(error).__name__), reached=False)
        self.counts.added += added
        self.counts.known += done - added
        if wrong:
            return Sent(done, self._error(wrong.decode("utf-8", "replace")))
        self.marker.written(value)
        return Sent(done)

    def _error(self, reason: str) -> DeliveryError:
        return DeliveryError(sink=self.settings.name, reason=reason)
