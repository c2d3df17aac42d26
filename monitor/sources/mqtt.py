"""Reports over MQTT: one persistent session per broker, acknowledged only when the app says that they are safe.

MQTT 5 with a session that outlives us (``clean_start`` off, session expiry) and a receive maximum, which bounds how
much the broker sends ahead; aiomqtt's own queue is unbounded, because a bounded one discards. A connection that is lost
takes its acknowledgements with it: the broker sends those messages again, and duplicates fall out by vehicle and fix
time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from monitor.errors import OperationError
from monitor.model.backoff import Backoff
from monitor.model.broker import MqttProtocol
from monitor.sources.intake import Deliver, Feed, Intake, RawMessage
from monitor.sources.mqtt_ack import AT_LEAST_ONCE, AckedConnection
from monitor.sources.mqtt_settings import MqttSourceSettings

log = logging.getLogger(__name__)

_KNOWN_TOPICS = 100_000
"""Topics whose feed is remembered; senders choose topics, so there has to be an end to it."""
_QUIET_S = 0.002
"""An intake is closed early when nothing arrives for this long (measured: a broker with more to send is faster)."""
_UNDER_WAY = 3
"""Intakes handed over and not yet safe: while one is written the next are read, and share its fsync (measured: with
three of them a fifth more reports than one at a time; more than three gain nothing)."""
_RETAINED_IF_NEW = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB


@dataclass(slots=True)
class MqttCounts:
    """Running counts of one source, for its metrics."""

    messages: int = 0
    payload_bytes: int = 0
    intakes: int = 0
    connections: int = 0
    failures: int = 0  # connections lost or not made
    acks_dropped: int = 0  # messages whose connection was gone; they come again
    qos0_dropped: int = 0
    unmatched: int = 0  # on topics that no subscription of ours names


class MqttSource:
    """Runs until cancelled; reconnects by itself. Raises ``ConfigError`` for a password or certificate not to be had.

    ``now_ms`` is the wall clock. ``link`` is told when the connection comes and goes.
    """

    def __init__(
        self,
        settings: MqttSourceSettings,
        deliver: Deliver,
        now_ms: Callable[[], int],
        link: Callable[[bool], None] | None = None,
    ) -> None:
        self.settings = settings
        self.counts = MqttCounts()
        self.connected = False
        self.last_message_ms = 0
        self._deliver = deliver
        self._now_ms = now_ms
        self._link = link
        self._password = settings.secret()
        self._tls = settings.tls.context() if settings.tls else None
        self._filters = [(aiomqtt.Wildcard(item.topic), settings.feed(item)) for item in settings.subscriptions]
        self._feeds: dict[str, Feed | None] = {}

    async def run(self) -> None:
        """Connect, take messages, deliver them; again after every loss."""
        settings = self.settings
        backoff = Backoff(settings.backoff_first_s, settings.backoff_most_s)
        while True:
            client = self._client()
            connection = AckedConnection(client)
            try:
                async with client:
                    await self._subscribe(client)
                    self._linked(True)
                    backoff.reset()
                    await self._take(connection)
            except (aiomqtt.MqttError, OperationError, OSError) as error:
                self.counts.failures += 1
                wait_s = backoff.next_s()
                log.warning("source %s: %s: %s; again in %.1f s", settings.name, settings.address, error, wait_s)
            finally:
                self._linked(False)
                connection.release()
            await asyncio.sleep(wait_s)

    def _client(self) -> aiomqtt.Client:
        settings = self.settings
        properties = None
        v5 = settings.protocol is MqttProtocol.V5
        if v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = settings.session_expiry_s
            properties.ReceiveMaximum = settings.receive_maximum
        return aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=self._password,
            identifier=settings.session,
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if v5 else False,
            clean_start=False if v5 else MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
            timeout=settings.timeout_s,
            keepalive=settings.keepalive_s,
            tls_context=self._tls,
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        refused = 0
        for item in self.settings.subscriptions:
            if self.settings.protocol is MqttProtocol.V5:
                options = SubscribeOptions(qos=item.qos, retainHandling=_RETAINED_IF_NEW)
                answers = await client.subscribe(item.topic, options=options)
            else:
                answers = await client.subscribe(item.topic, qos=item.qos)
            for answer in answers:
                if answer.is_failure if not isinstance(answer, int) else answer > AT_LEAST_ONCE:
                    refused += 1
                    log.error("source %s: the broker refuses topic %s: %s", self.settings.name, item.topic, answer)
        if refused == len(self.settings.subscriptions):
            raise aiomqtt.MqttError("every subscription was refused; see the broker's access rules")

    async def _take(self, connection: AckedConnection) -> None:
        """Until the connection is lost or a delivery fails; what is under way then is given up and comes again."""
        lost: Exception | None = None
        try:
            async with asyncio.TaskGroup() as deliveries:
                await self._take_into(deliveries, connection)
        except* (aiomqtt.MqttError, OperationError, OSError) as group:
            lost = next(error for error in group.exceptions if not isinstance(error, ExceptionGroup))
        if lost is not None:
            raise lost

    async def _take_into(self, deliveries: asyncio.TaskGroup, connection: AckedConnection) -> None:
        settings = self.settings
        free = asyncio.Semaphore(_UNDER_WAY)

        async def deliver(intake: Intake) -> None:
            try:
                await self._deliver(intake)
            finally:
                free.release()

        while True:
            messages = [await connection.first()]
            await self._fill(connection, len(messages[0].payload))
            messages += connection.take(settings.batch_messages - 1, settings.batch_bytes - len(messages[0].payload))
            if connection.waiting > settings.waiting_messages:
                messages = self._relieve(messages)
            self.last_message_ms = now_ms = self._now_ms()
            for feed, group in groupby(messages, self._feed):
                members = list(group)
                acknowledged = [message.mid for message in members if message.qos == AT_LEAST_ONCE]
                if feed is None:
                    self.counts.unmatched += len(members)
                    connection.ack(acknowledged)
                    continue
                raw = [RawMessage(message.payload, message.topic.value, now_ms) for message in members]
                self.counts.messages += len(raw)
                self.counts.payload_bytes += sum(len(message.payload) for message in raw)
                self.counts.intakes += 1
                intake = Intake(feed, raw, self._acknowledger(connection, acknowledged))
                await free.acquire()
                deliveries.create_task(deliver(intake))

    async def _fill(self, connection: AckedConnection, payload_bytes: int) -> None:
        """Wait until an intake is full, nothing more comes, or it has waited long enough.

        The size of those that wait is guessed from the first.
        """
        wanted = min(self.settings.batch_messages, self.settings.batch_bytes // max(payload_bytes, 1)) - 1
        waits = int(self.settings.linger_ms / 1000 / _QUIET_S)
        before = connection.waiting
        for _ in range(waits):
            if before >= wanted:
                return
            await asyncio.sleep(_QUIET_S)
            if connection.waiting == before:
                return
            before = connection.waiting

    def _acknowledger(self, connection: AckedConnection, message_ids: list[int]) -> Callable[[], None]:
        def acknowledge() -> None:
            if not connection.ack(message_ids):
                self.counts.acks_dropped += len(message_ids)

        return acknowledge

    def _relieve(self, messages: list[aiomqtt.Message]) -> list[aiomqtt.Message]:
        kept = [message for message in messages if message.qos > 0]
        if not self.counts.qos0_dropped:
            log.error("source %s: cannot keep up, QoS 0 messages are dropped", self.settings.name)
        self.counts.qos0_dropped += len(messages) - len(kept)
        return kept

    def _feed(self, message: aiomqtt.Message) -> Feed | None:
        topic = message.topic.value
        try:
            return self._feeds[topic]
        except KeyError:
            if len(self._feeds) >= _KNOWN_TOPICS:
                self._feeds.clear()
            feed = next((feed for wildcard, feed in self._filters if message.topic.matches(wildcard)), None)
            if feed is None:
                name = self.settings.name
                log.warning("source %s: topic %s belongs to no subscription, left out", name, topic)
            self._feeds[topic] = feed
            return feed

    def _linked(self, connected: bool) -> None:
        if connected == self.connected:
            return
        self.connected = connected
        self.counts.connections += connected
        if connected:
            log.info("source %s: connected to %s", self.settings.name, self.settings.address)
        if self._link is not None:
            self._link(connected)
