"""Manual acknowledgement with aiomqtt: the one place that reaches inside it.

aiomqtt 2.x acknowledges a message as soon as it is in its queue, before our fsync. The paho client within can leave
that to us (``manual_ack_set``, then ``ack``), and its queue can be drained in batches, which saves two tasks per
message. Both are reached here and nowhere else; a test fails if either goes away.
"""

from __future__ import annotations

from collections.abc import Iterable

import aiomqtt
from paho.mqtt.client import Client as PahoClient

AT_LEAST_ONCE = 1


class AckedConnection:
    """One connection of one aiomqtt client. Construct before connecting, make a new one for every connection."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._paho: PahoClient = client._client
        self._paho.manual_ack_set(True)

    @property
    def alive(self) -> bool:
        return not self._client._disconnected.done() and self._paho.is_connected()

    @property
    def waiting(self) -> int:
        """Messages received and not yet taken."""
        return self._client._queue.qsize()

    async def first(self) -> aiomqtt.Message:
        """Wait for a message. Raises ``aiomqtt.MqttError`` when the connection is lost."""
        return await anext(aiter(self._client.messages))

    def take(self, most: int, most_bytes: int) -> list[aiomqtt.Message]:
        """Messages that are there already: up to ``most``, ending with the one that passes ``most_bytes``."""
        queue = self._client._queue
        taken: list[aiomqtt.Message] = []
        for _ in range(min(most, queue.qsize())):
            message = queue.get_nowait()
            taken.append(message)
            most_bytes -= len(message.payload)
            if most_bytes <= 0:
                break
        return taken

    def ack(self, message_ids: Iterable[int]) -> bool:
        """Acknowledge QoS 1 messages of *this* connection; False when it is gone, and they will come again."""
        if not self.alive:
            return False
        ack = self._paho.ack
        for message_id in message_ids:
            ack(message_id, AT_LEAST_ONCE)
        return True

    def release(self) -> None:
        """Close the socket where aiomqtt left it open (an unanswered CONNECT, an error while reading)."""
        if self._paho.socket() is not None:
            self._paho.disconnect()
        if self._client._disconnected.done():
            self._client._disconnected.exception()  # else the loop complains of one that nobody read
