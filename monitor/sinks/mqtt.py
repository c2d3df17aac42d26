"""Pushes as MQTT messages below a prefix, QoS 1, summaries retained. The payload is the body of a webhook."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import Field

from monitor.alarms.limits import LimitSettings
from monitor.errors import DeliveryError
from monitor.model.broker import BrokerSettings, MqttProtocol
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.sink import Sent

log = logging.getLogger(__name__)

_IN_FLIGHT = 100
"""Publications under way at a time: what a delivery worker hands over at once."""
_FOR_GOOD = (0x87, 0x90, 0x99)
"""Not authorized, topic name invalid, payload format invalid (MQTT 5, 3.4.2.1): another attempt helps nothing."""


class MqttSinkSettings(BrokerSettings):
    """One broker to push to."""

    name: str = Field(min_length=1, max_length=64, pattern=r"[\w.-]+", description="unique; its cursor goes by it")
    prefix: str = Field(default="vdm", pattern=r"^[^+#\x00]*$", description="topics stand below it")
    client_id: str = Field(default="", max_length=64)
    kinds: tuple[PushKind, ...] = tuple(PushKind)
    limits: LimitSettings = Field(default=LimitSettings(), description="as `[sinks.webhook.limits]`")

    def topic(self, message: PushMessage) -> str:
        prefix = self.prefix.strip("/")
        return f"{prefix}/{message.topic}" if prefix else message.topic


class _Publisher(aiomqtt.Client):
    """Also notes when the broker says in its acknowledgement (MQTT 5) that it did not take a message.

    aiomqtt leaves that answer unread, and the message would count as delivered.
    """

    refused = ""
    refused_for_good = False

    def _on_publish(
        self, client: paho.Client, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self.refused = str(reason_code)
            self.refused_for_good = reason_code.value in _FOR_GOOD
        super()._on_publish(client, userdata, mid, reason_code, properties)

    @property
    def lost(self) -> asyncio.Future[None]:
        return self._disconnected

    def abandon(self) -> None:
        """Close the socket where aiomqtt leaves it open, and read the loss of the connection, which nobody awaits."""
        if self._client.socket() is not None:
            self._client.disconnect()
        if self._disconnected.done():
            self._disconnected.exception()


class MqttSink:
    """Keeps one connection while it works; a failure closes it and the next ``send`` makes another.

    Raises ``ConfigError`` on construction for a password or certificate that is not to be had.
    """

    def __init__(self, settings: MqttSinkSettings) -> None:
        self._settings = settings
        self._password = settings.secret()
        self._tls = settings.tls.context() if settings.tls else None
        self._client: _Publisher | None = None
        self._one_by_one = False

    async def send(self, messages: Sequence[PushMessage], /) -> Sent:
        """Delivered is what the broker acknowledged as taken."""
        try:
            client = await self._connected()
            if self._one_by_one:
                sent = await self._careful(client, messages)
            else:
                sent = await self._together(client, messages)
        except (aiomqtt.MqttError, OSError) as error:
            await self.close()
            return Sent(0, self._error(str(error) or type(error).__name__), reached=False)
        except asyncio.CancelledError:
            await self.close()
            raise
        if sent.error is not None:
            await self.close()
        return sent

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            try:
                await client.__aexit__(None, None, None)
            except aiomqtt.MqttError as error:
                log.debug("sink %s: %s while closing", self._settings.name, error)
            finally:
                client.abandon()

    async def _together(self, client: _Publisher, messages: Sequence[PushMessage]) -> Sent:
        """All at once: paho keeps the order and sends on while acknowledgements come back."""
        delivered, error = await self._publish(client, messages)
        if client.refused:
            # Which one was refused is not known from here; the next attempt goes step by step.
            self._one_by_one = True
            return Sent(0, self._error(f"the broker refuses a message: {client.refused}"), reached=False)
        return Sent(delivered, error, reached=False)

    async def _careful(self, client: _Publisher, messages: Sequence[PushMessage]) -> Sent:
        for number, message in enumerate(messages):
            delivered, error = await self._publish(client, [message])
            if client.refused:
                topic = self._settings.topic(message)
                error = self._error(
                    f"the broker refuses topic {topic}: {client.refused}", retry=not client.refused_for_good
                )
                return Sent(number, error)
            if not delivered:
                return Sent(number, error, reached=False)
        self._one_by_one = False
        return Sent(len(messages))

    async def _publish(self, client: _Publisher, messages: Sequence[PushMessage]) -> tuple[int, DeliveryError | None]:
        """Returns how many were acknowledged from the front, and what became of the next one."""
        tasks = [
            asyncio.create_task(
                client.publish(self._settings.topic(message), message.body().encode(), qos=1, retain=message.retained)
            )
            for message in messages
        ]
        everything = asyncio.gather(*tasks, return_exceptions=True)
        try:
            # aiomqtt would wait out its time-out for acknowledgements of a connection that is gone.
            await asyncio.wait((everything, client.lost), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
        finally:
            for task in tasks:
                task.cancel()
        for delivered, result in enumerate(await everything):
            if isinstance(result, asyncio.CancelledError):
                return delivered, self._error("the connection was lost")
            if isinstance(result, (aiomqtt.MqttError, OSError)):
                return delivered, self._error(str(result))
            if isinstance(result, BaseException):
                raise result
        return len(messages), None

    async def _connected(self) -> _Publisher:
        if self._client is None:
            settings = self._settings
            v5 = settings.protocol is MqttProtocol.V5
            client = _Publisher(
                settings.host,
                settings.port,
                username=settings.username,
                password=self._password,
                identifier=settings.client_id or f"vdm-monitor-push-{settings.name}",
                protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
                timeout=settings.timeout_s,
                keepalive=settings.keepalive_s,
                max_inflight_messages=_IN_FLIGHT,
                tls_context=self._tls,
            )
            client.pending_calls_threshold = 2 * _IN_FLIGHT
            try:
                await client.__aenter__()
            except BaseException:
                client.abandon()
                raise
            self._client = client
        return self._client

    def _error(self, reason: str, *, retry: bool = True) -> DeliveryError:
        return DeliveryError(sink=self._settings.name, reason=reason, retry=retry)
