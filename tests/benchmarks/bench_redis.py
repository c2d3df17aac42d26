"""Redis in and out: reports from a stream into the journal, alarms into a stream, vehicle states into hashes.

    python -m tests.benchmarks.bench_redis

It fills a stream on a Redis of its own and lets our source empty it, acknowledging only, then with the journal; then
it pushes alarms and writes the states of a fleet.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
import uvloop

from monitor.app.fleet_copy import FleetCopy
from monitor.app.live_state import LiveState
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.push import PushKind, PushMessage
from monitor.sinks.redis import RedisSink
from monitor.sinks.redis_settings import RedisSinkSettings
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Intake
from monitor.sources.redis_settings import RedisSourceSettings
from monitor.sources.redis_streams import RedisSource
from monitor.store.database import open_database
from monitor.store.journal import Journal
from monitor.store.schema import upgrade
from tests.benchmarks.bench_mqtt_source import NOW_MS, Rate, Stopwatch, payload, warm_up
from tests.benchmarks.report import Report
from tests.integration.redis_server import RedisProcess, running_redis
from tests.unit.app.fleet_copies import fleet

_VEHICLES = 20_000
_RECORD = '{"alarm_id":"x","rule":"speeding","grade":"major","state":"active"' + ',"more":"' + "x" * 900 + '"}'


async def fill(server: RedisProcess, entries: list[bytes]) -> None:
    async with server.client() as client:
        await client.delete("reports")
        for start in range(0, len(entries), 500):
            async with client.pipeline(transaction=False) as together:
                for entry in entries[start : start + 500]:
                    together.xadd("reports", {"data": entry})
                await together.execute()


async def emptied(server: RedisProcess, n: int, journal: Journal | None) -> Rate:
    """Entries per second, from the first question to the last acknowledgement."""
    settings = RedisSourceSettings.model_validate(
        {"name": "bench", "port": server.port, "streams": [{"key": "reports"}]}
    )
    done = asyncio.Event()
    seen = 0

    def keep(intake: Intake) -> None:
        decoded = decode_messages(intake.feed, intake.messages)
        assert not decoded.rejects, decoded.rejects[0]
        assert journal is not None
        journal.append([JournalRecord(0, RecordType.REPORTS, NOW_MS, batch=decoded.batch)])

    async def deliver(intake: Intake) -> None:
        nonlocal seen
        if journal is not None:
            await asyncio.to_thread(keep, intake)
        intake.ack()
        seen += len(intake.messages)
        if seen >= n:
            done.set()

    watch = Stopwatch()
    task = asyncio.create_task(RedisSource(settings, deliver, lambda: NOW_MS).run())
    await done.wait()
    rate = watch.stop(n)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with server.client() as client:
        assert (await client.xpending("reports", settings.group))["pending"] == 0
    return rate


def source(report: Report, server: RedisProcess, folder: Path, n: int, reports: int) -> None:
    entries = [payload(number, reports) for number in range(n)]
    what = f"{reports} per entry" if reports > 1 else "one report per entry"
    uvloop.run(fill(server, entries))
    only = uvloop.run(emptied(server, n, None))
    report.add(f"{what}: our source, acknowledging only", only.per_s * reports, "reports/s")
    uvloop.run(fill(server, entries))
    with Journal(folder / f"journal-{reports}") as journal:
        whole = uvloop.run(emptied(server, n, journal))
        stored = sum(len(record.batch) for record in journal.read(1) if record.batch is not None)
    assert stored >= n * reports
    report.add(f"{what}: decoded, in the journal, acknowledged", whole.per_s * reports, "reports/s")
    report.add(f"{what}: the same", whole.per_cpu_s * reports, "reports per CPU-second")


async def pushed(server: RedisProcess, n: int) -> float:
    sink = RedisSink(RedisSinkSettings(name="bench", port=server.port))
    messages = [PushMessage(PushKind.ALARM, f"alarm-{i}", f"alarms/E1/V{i}", _RECORD, 1) for i in range(n)]
    began = time.perf_counter()
    for start in range(0, n, 100):
        assert (await sink.send(messages[start : start + 100])).error is None
    took = time.perf_counter() - began
    await sink.close()
    return n / took


async def states(server: RedisProcess, folder: Path) -> tuple[float, float, float]:
    """CPU-seconds to write a whole fleet, to look when nothing changed, and to write a sixth of it."""
    url = f"sqlite:///{folder / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    copy = fleet(_VEHICLES)
    copy.rows["lon_deg"] = 80.0 + np.arange(_VEHICLES) / 1_000

    async def look() -> FleetCopy:
        return copy

    sink = RedisSink(RedisSinkSettings(name="bench", port=server.port))
    state = LiveState(sink, look, database, lambda: NOW_MS)
    took = []
    for moved in (0, 0, _VEHICLES // 6):
        copy = fleet(_VEHICLES)
        copy.rows["lon_deg"] = 80.0 + np.arange(_VEHICLES) / 1_000
        copy.rows["fix_ms"][:moved] += 1_000
        began = time.process_time()
        await state.once()
        took.append(time.process_time() - began)
    await state.close()
    await sink.close()
    database.close()
    return took[0], took[1], took[2]


def main() -> None:
    report = Report("Redis")
    warm_up()
    with tempfile.TemporaryDirectory(prefix="bench-redis-", dir=Path.cwd()) as name:
        folder = Path(name)
        servers = running_redis(folder, "--appendfsync", "everysec")
        server = next(servers)
        for n, reports in ((30_000, 1), (5_000, 100)):
            source(report, server, folder, n, reports)
        report.add("alarms of 1 kB into a stream, 100 at a time", uvloop.run(pushed(server, 20_000)), "alarms/s")
        whole, idle, part = uvloop.run(states(server, folder))
        report.add(f"states of {_VEHICLES:,} vehicles written anew", whole, "CPU-s")
        report.add(f"of them {_VEHICLES // 6:,} changed: one look (every 5 s)", part, "CPU-s")
        report.add("nothing changed: one look", idle * 1000, "CPU-ms")
        with contextlib.suppress(StopIteration):
            next(servers)
    report.note("Streams filled beforehand; Redis with an append-only file on the same machine, synced every second.")
    report.close("redis")


if __name__ == "__main__":
    main()
