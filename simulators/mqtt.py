"""A simulation spoken over MQTT, in real time or N times faster.

Reports go out when their receive time comes, in payloads of up to ``per_message`` reports. Their times stay the
simulated ones, so the receiving source has to run with ``clock = "payload"``. A lost connection is taken up again
where it broke; what was under way may be sent twice, as a terminal would.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiomqtt
import numpy as np

from monitor.errors import ConfigError, DeliveryError
from monitor.model.fleet import Vehicle
from monitor.model.report import ReportBatch, ReportRows
from simulators.payload import PayloadCodec, PayloadWriter

log = logging.getLogger(__name__)

TOPIC = "reports/simulator"
TICK_S = 0.2
"""How often due reports are looked for (a guess: short for a person, long for a machine)."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A broker and a topic, from ``mqtt[s]://[user@]host[:port][/topic]``.

    The password comes from the URL or from the environment variable ``VDM_MQTT_PASSWORD``; it is never shown.
    """

    host: str
    port: int
    topic: str
    username: str | None = None
    tls: bool = False
    password: str | None = None

    def __repr__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}/{self.topic}"


def target_of(url: str) -> Target:
    """Raises ConfigError for what is no MQTT address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(path="--mqtt", problems=(("url", str(error)),)) from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        reason = "is no mqtt://host[:port][/topic] or mqtts://… address"
        raise ConfigError(path="--mqtt", problems=(("url", reason),))
    return Target(
        host=parts.hostname,
        port=port or (8883 if parts.scheme == "mqtts" else 1883),
        topic=parts.path.strip("/") or TOPIC,
        username=unquote(parts.username) if parts.username else None,
        tls=parts.scheme == "mqtts",
        password=unquote(parts.password) if parts.password else os.environ.get("VDM_MQTT_PASSWORD"),
    )


Publish = Callable[[bytes], Awaitable[None]]


class Player:
    """Plays a batch against a clock. ``position`` is the first report not yet sent."""

    def __init__(
        self, batch: ReportBatch, vehicles: tuple[Vehicle, ...], *, speed: float, codec: PayloadCodec, per_message: int
    ) -> None:
        if speed <= 0 or per_message < 1:
            raise ConfigError(path="simulate", problems=(("speed", "speed and reports per message are above 0"),))
        order = np.argsort(batch.rows["recv_ms"], kind="stable")
        self.rows: ReportRows = batch.rows[order]
        self.position = 0
        self._speed = speed
        self._per_message = per_message
        phones = {vehicle.vehicle_id: vehicle.terminal_phone for vehicle in vehicles}
        self._writer = PayloadWriter(batch, codec, phones)
        self._first_ms = int(self.rows["recv_ms"][0]) if len(self.rows) else 0

    @property
    def done(self) -> bool:
        return self.position >= len(self.rows)

    def due(self, elapsed_s: float) -> int:
        """How many reports are due ``elapsed_s`` after the start."""
        until_ms = self._first_ms + elapsed_s * self._speed * 1000
        return int(np.searchsorted(self.rows["recv_ms"], until_ms, side="right"))

    def next_due_s(self) -> float:
        """Seconds after the start at which the next report is due."""
        return (int(self.rows["recv_ms"][self.position]) - self._first_ms) / 1000 / self._speed

    async def play(
        self, publish: Publish, elapsed: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        """Send until done. An error of ``publish`` leaves ``position`` before the message that failed."""
        while not self.done:
            due = self.due(elapsed())
            while self.position < due:
                until = min(due, self.position + self._per_message)
                await publish(self._writer.payload(self.rows[self.position : until]))
                self.position = until
            if not self.done:
                await sleep(max(TICK_S, min(60.0, self.next_due_s() - elapsed())))


async def play(
    batch: ReportBatch,
    vehicles: tuple[Vehicle, ...],
    target: Target,
    *,
    speed: float = 1.0,
    codec: PayloadCodec = PayloadCodec.JSON,
    per_message: int = 100,
    qos: int = 1,
) -> int:
    """Publish a simulation; returns the number of reports sent. Raises DeliveryError when the broker stays away."""
    player = Player(batch, vehicles, speed=speed, codec=codec, per_message=per_message)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    failures = 0
    while not player.done:
        before = player.position
        try:
            async with aiomqtt.Client(
                target.host,
                target.port,
                username=target.username,
                password=target.password,
                tls_context=ssl.create_default_context() if target.tls else None,
                timeout=10.0,
            ) as client:

                async def publish(payload: bytes, client: aiomqtt.Client = client) -> None:
                    await client.publish(target.topic, payload, qos=qos)

                await player.play(publish, lambda: loop.time() - begun, asyncio.sleep)
        except aiomqtt.MqttError as error:
            failures = failures + 1 if player.position == before else 1
            if failures >= _TRIES:
                raise DeliveryError(sink=repr(target), reason=str(error)) from error
            log.warning("%r: %s; trying again in %d s", target, error, failures)
            await asyncio.sleep(failures)
    return player.position
