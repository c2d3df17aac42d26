"""From the relational outbox to a webhook and back to the cursor, over failures and a restart of the worker."""

from __future__ import annotations

import asyncio

import pytest

from monitor.model.outbox import Cause
from monitor.model.push import PushMessage
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.webhook import WebhookSettings, WebhookSink
from monitor.store.database import Database
from monitor.store.dead_letters import find_dead_letters
from monitor.store.outbox import Outbox, PendingPush
from monitor.store.outbox_writer import OutboxRow, append_outbox
from tests.integration.brokers import WebhookReceiver
from tests.unit.sinks.memory_outbox import alarm

pytestmark = pytest.mark.integration

QUICK = DeliverySettings(batch=7, backoff_first_s=0.01, backoff_most_s=0.02)


def commit(database: Database, *messages: PushMessage) -> None:
    with database.write() as connection:
        append_outbox(database, connection, [OutboxRow(message, 1, 0) for message in messages])


def worker(database: Database, url: str) -> Delivery[PendingPush]:
    settings = WebhookSettings.model_validate({"name": "desk", "url": url})
    return Delivery("desk", WebhookSink(settings, lambda: 0), Outbox(database), lambda: 0, QUICK)


async def test_every_sequence_arrives_over_failures_and_a_restart(
    database: Database, webhook_receiver: WebhookReceiver
) -> None:
    Outbox(database).register("desk")
    commit(database, *(alarm(number, sequence) for sequence in (1, 2) for number in range(15)))
    webhook_receiver.answers.extend([200, 500, 0, 200, 422, 503])
    first = worker(database, webhook_receiver.url)
    task = asyncio.create_task(first.run())
    await webhook_receiver.wait_for(12)
    task.cancel()
    await asyncio.wait((task,))

    second = worker(database, webhook_receiver.url)
    task = asyncio.create_task(second.run())
    commit(database, alarm(99))
    second.wake()
    async with asyncio.timeout(20):
        while Outbox(database).backlog("desk").messages:  # noqa: ASYNC110  the cursor is in the database
            await asyncio.sleep(0.01)
    second.stop()
    await task

    keys = [request.headers["idempotency-key"] for request in webhook_receiver.requests]
    expected = [f"alarm-{number}/{sequence}" for sequence in (1, 2) for number in range(15)] + ["alarm-99/1"]
    assert list(dict.fromkeys(keys)) == expected
    (letter,) = find_dead_letters(database).letters
    assert (letter.cause, letter.reason.partition(" ")[0], letter.attempts) == (Cause.REFUSED, "answered", 1)
