"""A receiver that takes connections and never answers: what waits for it waits in the tables, not in memory."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from monitor.alarms.dispatch import Dispatcher
from monitor.alarms.limits import LimitSettings
from monitor.app.dispatching import SinkDispatch
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.webhook import WebhookSettings, WebhookSink
from monitor.store.database import Database
from monitor.store.outbox import Backlog, Outbox, PendingPush
from monitor.store.standings import Standings
from monitor.store.tables import outbox

_STATM = Path("/proc/self/statm")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not _STATM.exists(), reason="resident memory is read from /proc"),
]

ROWS = 100_000
MOST_GROWTH = 12 * 1024 * 1024
"""Bytes; the rows that wait are some 70 MB."""


@pytest.fixture
async def silent_url() -> AsyncIterator[str]:
    """A server that reads requests and keeps quiet."""
    writers: list[asyncio.StreamWriter] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.read(65_536):
            pass

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()
    for writer in writers:
        writer.close()


def _fill(database: Database) -> None:
    record = {"rule": "speeding", "grade": "major", "state": "active", "enterprise_id": "E1", "start_place": "x" * 600}
    for start in range(0, ROWS, 10_000):
        rows = [
            {
                "kind": "alarm",
                "key": f"alarm-{number}",
                "sequence": 1,
                "topic": "alarms/E1/V1",
                "data": json.dumps(record | {"alarm_id": f"alarm-{number}"}),
                "journal_offset": 1,
                "created_ms": 7,
                "sink": "",
            }
            for number in range(start, start + 10_000)
        ]
        with database.write() as connection:
            connection.execute(insert(outbox), rows)


def _resident() -> int:
    gc.collect()
    return int(_STATM.read_text().split()[1]) * resource.getpagesize()


async def test_memory_is_flat_under_a_receiver_that_never_answers(database: Database, silent_url: str) -> None:
    kept = Outbox(database)
    kept.register("desk")
    await asyncio.to_thread(_fill, database)
    settings = WebhookSettings.model_validate({"name": "desk", "url": silent_url, "timeout_s": 0.05})
    dispatch = SinkDispatch(
        Dispatcher("desk", LimitSettings(), lambda _: ""), Standings(database, "desk"), lambda _: (), lambda: 0
    )
    pace = DeliverySettings(backoff_first_s=0.001, backoff_most_s=0.01)
    worker: Delivery[PendingPush] = Delivery(
        "desk", WebhookSink(settings, lambda: 0), kept, lambda: 0, pace, dispatch=dispatch
    )
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(60):
        while worker.counts.failed < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        before = await asyncio.to_thread(_resident)
        while worker.counts.failed < 40:
            worker.wake()
            await asyncio.sleep(0.01)
        after = await asyncio.to_thread(_resident)
        worker.stop()
        await task
    assert after - before < MOST_GROWTH
    assert worker.counts.delivered == 0
    assert kept.backlog("desk") == Backlog(ROWS, 7)
    assert kept.cursor("desk").attempts == worker.counts.failed
