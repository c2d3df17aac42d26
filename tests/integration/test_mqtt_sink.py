"""Pushes to a real broker: on the promised topics, in order, and again until the broker has them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from monitor.model.outbox import Cause
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.mqtt import MqttSink, MqttSinkSettings
from tests.integration.brokers import Mosquitto, running_mosquitto
from tests.unit.sinks.memory_outbox import MemoryOutbox, Row, alarm, summary

pytestmark = pytest.mark.integration

QUICK = DeliverySettings(backoff_first_s=0.01, backoff_most_s=0.05)


def delivery_to(port: int, outbox: MemoryOutbox, **more: object) -> Delivery[Row]:
    settings = MqttSinkSettings.model_validate({"name": "desk", "port": port, **more})
    return Delivery("desk", MqttSink(settings), outbox, lambda: 0, QUICK)


async def until_passed(delivery: Delivery[Row], outbox: MemoryOutbox) -> None:
    task = asyncio.create_task(delivery.run())
    async with asyncio.timeout(30):
        while outbox.at < len(outbox.rows):  # noqa: ASYNC110  the outbox is plain memory
            await asyncio.sleep(0.01)
        delivery.stop()
        await task


async def received(client: aiomqtt.Client, n: int) -> list[aiomqtt.Message]:
    messages = []
    async with asyncio.timeout(30):
        async for message in client.messages:
            messages.append(message)
            if len(messages) == n:
                break
    return messages


async def test_topics_bodies_and_order(mosquitto: Mosquitto) -> None:
    outbox = MemoryOutbox()
    outbox.add(*(alarm(number) for number in range(250)), summary("E1", 1), summary("E1", 2))
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe("bureau/vdm/#", qos=1)
        await until_passed(delivery_to(mosquitto.port, outbox, prefix="bureau/vdm/"), outbox)
        messages = await received(client, 252)
    assert [message.topic.value for message in messages[:2]] == ["bureau/vdm/alarms/E1/V0", "bureau/vdm/alarms/E1/V1"]
    bodies = [json.loads(message.payload) for message in messages]
    assert [body["data"]["n"] for body in bodies[:250]] == list(range(250))
    assert bodies[0] == {"type": "alarm", "id": "alarm-0", "sequence": 1, "data": {"n": 0}}
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as late:
        await late.subscribe("bureau/vdm/#")
        (kept,) = await received(late, 1)
    assert (kept.topic.value, kept.retain, json.loads(kept.payload)["sequence"]) == (
        "bureau/vdm/summaries/E1",
        True,
        2,
    )


async def test_a_restart_of_the_broker_in_the_middle_loses_nothing(mosquitto: Mosquitto) -> None:
    outbox = MemoryOutbox()
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, identifier="desk", clean_session=False) as client:
        await client.subscribe("vdm/#", qos=1)
    delivery = delivery_to(mosquitto.port, outbox)
    task = asyncio.create_task(delivery.run())
    for number in range(20):
        outbox.add(*(alarm(number * 50 + i) for i in range(50)))
        delivery.wake()
        await asyncio.sleep(0.01)
        if number == 10:
            mosquitto.stop()
            outbox.add(*(alarm(10_000 + i) for i in range(50)))
            delivery.wake()
            await asyncio.sleep(0.1)
            mosquitto.start()
    async with asyncio.timeout(30):
        while outbox.at < len(outbox.rows):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    delivery.stop()
    await task
    assert outbox.failures
    wanted = {row.message.id for row in outbox.rows}
    seen: set[str] = set()
    async with (
        asyncio.timeout(30),
        aiomqtt.Client("127.0.0.1", mosquitto.port, identifier="desk", clean_session=False) as client,
    ):
        async for message in client.messages:
            seen.add(json.loads(message.payload)["id"])
            if seen == wanted:
                break


@pytest.fixture
def restricted(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that takes alarms and nothing else."""
    rules = tmp_path / "rules"
    rules.write_text("topic readwrite vdm/alarms/#\n")
    yield from running_mosquitto(tmp_path, f"allow_anonymous true\nacl_file {rules}")


async def test_a_message_that_the_broker_refuses_is_not_taken_for_delivered(restricted: Mosquitto) -> None:
    """An MQTT 5 broker says so in its acknowledgement only."""
    outbox = MemoryOutbox()
    outbox.add(*(alarm(number) for number in range(5)), summary("E1", 1), alarm(5))
    delivery = delivery_to(restricted.port, outbox)
    task = asyncio.create_task(delivery.run())
    async with asyncio.timeout(30):
        while outbox.at < 7:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    delivery.stop()
    await task
    assert delivery.counts.delivered == 6
    assert outbox.buried == [(6, Cause.REFUSED, "the broker refuses topic vdm/summaries/E1: Not authorized")]
