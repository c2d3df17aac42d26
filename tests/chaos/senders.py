"""Who sends the stream: an MQTT client, a writer of Redis Streams, terminals. Each repeats what was not answered."""

from __future__ import annotations

import asyncio

import aiomqtt
from redis.exceptions import RedisError

from monitor.codec.jt808.header import Version
from monitor.model.report import UNKNOWN, ReportRows
from simulators.jt808.identity import identities
from simulators.jt808.terminal import SimulatedTerminal
from tests.chaos.servers import Servers
from tests.chaos.stream import Stream, Way

TOPIC = "reports/chaos"
STREAM_KEY = "reports"
_AT_ONCE = 60
"""Reports that a terminal has under way."""
_AGAIN_S = 0.1


class Senders:
    """``release`` lets pieces go out; ``finish`` waits until every one of them was answered."""

    def __init__(self, stream: Stream, servers: Servers, jt808_port: int) -> None:
        self._stream = stream
        self._servers = servers
        self._queues: list[asyncio.Queue[int | None]] = []
        shares = {Version.V2011: 0.3, Version.V2013: 0.4, Version.V2019: 0.3}
        # Identities for all, so that a vehicle has the same one however many terminals there are.
        known = identities(stream.batch.keys, stream.registry, shares=shares)
        self.terminals = {
            number: SimulatedTerminal(known[number], port=jt808_port, timeout_s=3.0, retries=2)
            for number, way in enumerate(stream.ways)
            if way is Way.JT808
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to wait for pieces."""
        self._add(self._mqtt, "mqtt sender")
        self._add(self._redis, "redis sender")
        for number, terminal in self.terminals.items():
            self._add(lambda queue, one=terminal, key=number: self._terminal(one, key, queue), f"terminal {number}")

    def release(self, piece: int) -> None:
        """Let a piece go out on all ways."""
        for queue in self._queues:
            queue.put_nowait(piece)

    async def finish(self, timeout_s: float = 300.0) -> None:
        """Wait until everything released is answered."""
        for queue in self._queues:
            queue.put_nowait(None)
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for terminal in self.terminals.values():
            await terminal.close()

    def failed(self) -> None:
        """Raise what a sender ended with, if one did."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _add(self, work: object, name: str) -> None:
        assert callable(work)
        queue: asyncio.Queue[int | None] = asyncio.Queue()
        self._queues.append(queue)
        self._tasks.append(asyncio.create_task(work(queue), name=name))

    async def _mqtt(self, queue: asyncio.Queue[int | None]) -> None:
        waiting: list[bytes] = []
        over = False
        while not over or waiting:
            try:
                async with aiomqtt.Client("127.0.0.1", self._servers.mosquitto.port, timeout=5.0) as client:
                    while True:
                        while waiting:
                            await client.publish(TOPIC, waiting[0], qos=1)
                            del waiting[0]
                        if over or (piece := await queue.get()) is None:
                            over = True
                            break
                        waiting += self._stream.payloads(piece, Way.MQTT)
            except aiomqtt.MqttError:
                await asyncio.sleep(_AGAIN_S)

    async def _redis(self, queue: asyncio.Queue[int | None]) -> None:
        async with self._servers.redis.client() as client:
            while (piece := await queue.get()) is not None:
                for payload in self._stream.payloads(piece, Way.REDIS):
                    while True:
                        try:
                            await client.xadd(STREAM_KEY, {"data": payload})
                            break
                        except (RedisError, OSError):
                            await asyncio.sleep(_AGAIN_S)

    async def _terminal(self, terminal: SimulatedTerminal, number: int, queue: asyncio.Queue[int | None]) -> None:
        while (piece := await queue.get()) is not None:
            begin, end = self._stream.pieces[piece]
            rows = self._stream.batch.rows[begin:end]
            rows = rows[rows["key"] == number].copy()
            rows["key"] = 0
            rows["driver"] = UNKNOWN
            for at in range(0, len(rows), _AT_ONCE):
                await _answered(terminal, rows[at : at + _AT_ONCE])


async def _answered(terminal: SimulatedTerminal, rows: ReportRows) -> None:
    """Send until all of it, and what was left of before, is answered; a broken link is dialled again."""
    left: ReportRows | None = rows
    while left is not None or terminal.stored:
        try:
            if not terminal.connected or not terminal.authenticated:
                await _log_in(terminal)
            if terminal.stored:
                await terminal.backfill()
                continue
            if left is not None:
                now, left = left, None
                await terminal.report(now)
        except (OSError, TimeoutError):
            terminal.cut()
            await asyncio.sleep(_AGAIN_S)


async def _log_in(terminal: SimulatedTerminal) -> None:
    if terminal.connected:
        terminal.cut()
    await terminal.connect()
    if not terminal.identity.auth_code or await terminal.authenticate() != 0:
        await terminal.register()
        if await terminal.authenticate() != 0:
            raise ConnectionError("not let in")
