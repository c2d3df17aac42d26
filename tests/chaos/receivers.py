"""Who is told of alarms: a webhook, an MQTT subscriber that never goes away, and a reader of the Redis stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.chaos.servers import Servers
from tests.integration.brokers import WebhookReceiver, free_port

_AGAIN_S = 0.1
_SESSION_S = 3_600


@dataclass(slots=True)
class Told:
    """What one receiver heard, as a receiver should take it: by (id, sequence), each applied once, the newest stays.

    ``order`` is the sequences of each alarm in the order they first came.
    """

    name: str
    times: Counter[tuple[str, int]] = field(default_factory=Counter)
    order: dict[str, list[int]] = field(default_factory=dict)
    applied: dict[str, dict[str, object]] = field(default_factory=dict)

    def hear(self, alarm_id: str, sequence: int, data: dict[str, object]) -> None:
        """One message."""
        self.times[alarm_id, sequence] += 1
        if self.times[alarm_id, sequence] > 1:
            return
        known = self.order.setdefault(alarm_id, [])
        if not known or sequence > max(known):
            self.applied[alarm_id] = data
        known.append(sequence)

    @property
    def repeated(self) -> int:
        """Messages that came more than once."""
        return sum(self.times.values()) - len(self.times)


class Receivers:
    """``webhook`` and ``mqtt`` fill up by themselves, the Redis stream is read when asked for."""

    def __init__(self, servers: Servers, receiver: WebhookReceiver) -> None:
        self.receiver = receiver
        self.mqtt = Told("mqtt subscriber")
        self._servers = servers

    def webhook(self) -> Told:
        """What the webhook was told; only what it answered with 200 counts."""
        told = Told("webhook")
        for request, status in zip(self.receiver.requests, self.receiver.answered, strict=True):
            if status == 200:
                _hear(told, request.body)
        return told

    async def redis(self) -> Told:
        """What stands in the alarm stream."""
        told = Told("redis stream")
        async with self._servers.redis.client() as client:
            entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange("vdm:alarms"))
        for _, fields in entries:
            told.hear(fields[b"id"].decode(), int(fields[b"sequence"]), json.loads(fields[b"data"]))
        return told

    async def subscribed(self, ready: asyncio.Event) -> None:
        """Listen on the broker until cancelled; what comes while we are away waits there."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1",
                    self._servers.mosquitto.port,
                    identifier="chaos-desk",
                    protocol=aiomqtt.ProtocolVersion.V5,
                    clean_start=False,
                    properties=properties,
                    timeout=5.0,
                ) as client:
                    await client.subscribe("vdm/#", qos=1)
                    ready.set()
                    async for message in client.messages:
                        assert isinstance(message.payload, bytes)
                        _hear(self.mqtt, message.payload)
            await asyncio.sleep(_AGAIN_S)


@contextlib.asynccontextmanager
async def receiving(servers: Servers) -> AsyncIterator[Receivers]:
    """Both listening before the first alarm."""
    port = free_port()
    webhook = WebhookReceiver(f"http://127.0.0.1:{port}/hook")
    server = await asyncio.start_server(webhook.serve, "127.0.0.1", port)
    found = Receivers(servers, webhook)
    ready = asyncio.Event()
    listening = asyncio.create_task(found.subscribed(ready), name="subscriber")
    try:
        async with asyncio.timeout(20):
            await ready.wait()
        yield found
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        server.close()
        await webhook.close()


def _hear(told: Told, body: bytes) -> None:
    said = json.loads(body)
    if said["type"] == "alarm":
        told.hear(said["id"], int(said["sequence"]), said["data"])
