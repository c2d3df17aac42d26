"""What is reached inside aiomqtt is still there, and does what it is reached for."""

from __future__ import annotations

import asyncio

import aiomqtt
import paho.mqtt.client as paho
import pytest

from monitor.sources.mqtt_ack import AckedConnection

GONE = "aiomqtt no longer has this: rewrite monitor/sources/mqtt_ack.py, or messages are acknowledged before the fsync"


async def test_the_hooks_for_manual_acknowledgement_are_there() -> None:
    client = aiomqtt.Client("127.0.0.1")
    assert isinstance(getattr(client, "_client", None), paho.Client), GONE
    assert isinstance(getattr(client, "_queue", None), asyncio.Queue), GONE
    assert isinstance(getattr(client, "_disconnected", None), asyncio.Future), GONE
    AckedConnection(client)
    assert getattr(client._client, "_manual_ack", None) is True, GONE


async def test_a_message_is_acknowledged_by_nobody_but_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand a PUBLISH packet to the paho client and watch what it answers."""
    client = aiomqtt.Client("127.0.0.1")
    sent: list[int] = []
    monkeypatch.setattr(client._client, "_send_puback", sent.append)
    connection = AckedConnection(client)
    topic = b"reports"
    client._client._in_packet["command"] = 0x32
    client._client._in_packet["packet"] = bytearray(len(topic).to_bytes(2, "big") + topic + b"\x00\x07payload")
    client._client._handle_publish()
    (message,) = connection.take(10, 1_000)
    assert (message.payload, message.qos, message.mid) == (b"payload", 1, 7)
    assert sent == []
    assert not connection.ack([7])
    monkeypatch.setattr(client._client, "is_connected", lambda: True)
    assert connection.ack([7])
    assert sent == [7]


async def test_taking_ends_with_the_message_that_passes_the_size() -> None:
    client = aiomqtt.Client("127.0.0.1")
    connection = AckedConnection(client)
    for number in range(6):
        client._queue.put_nowait(aiomqtt.Message("t", b"x" * 10, 1, False, number, None))
    assert [message.mid for message in connection.take(2, 1_000)] == [0, 1]
    assert [message.mid for message in connection.take(10, 15)] == [2, 3]
    assert [message.mid for message in connection.take(10, 0)] == [4]
    assert connection.waiting == 1
