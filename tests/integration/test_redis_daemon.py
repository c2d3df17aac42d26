"""The daemon between two Redis roles: reports from a stream in, alarms and vehicle states out, whoever is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from monitor.app.replay import replay_batch
from monitor.model.fleet import Registry
from simulators.payload import PayloadCodec, PayloadWriter
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario
from tests.integration.daemons import DaemonProcess
from tests.integration.redis_server import RedisProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_TABLES = """\
[[sources.redis]]
name = "log"
port = {port}
backoff_first_s = 0.1
backoff_most_s = 0.5
[[sources.redis.streams]]
key = "reports"
clock = "payload"
[[sinks.redis]]
name = "live"
port = {port}
every_s = 0.5
backoff_first_s = 0.1
backoff_most_s = 0.5
vehicle_hours = 1000.0
[sinks.delivery]
backoff_first_s = 0.1
backoff_most_s = 0.5
"""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    episodes = {"speeding_general": 5.0, "speeding_major": 5.0, "gap_moving": 5.0, "incomplete_red": 5.0}
    return simulate(Scenario(vehicles=8, days=2, start="2026-03-02", seed=11, at_least=1, episodes=episodes))


@pytest.fixture
def daemon(redis_server: RedisProcess, tmp_path: Path, simulation: Simulation) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, tables=_TABLES.format(port=redis_server.port))
    process.register(simulation.registry, date(2026, 3, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


@pytest_asyncio.fixture
async def client(redis_server: RedisProcess) -> AsyncIterator[Redis]:
    async with redis_server.client() as made:
        yield made


def payloads(simulation: Simulation) -> list[bytes]:
    rows = simulation.batch.rows[np.argsort(simulation.batch.rows["recv_ms"], kind="stable")]
    writer = PayloadWriter(simulation.batch, PayloadCodec.JSON, {})
    return [writer.payload(rows[start : start + 50]) for start in range(0, len(rows), 50)]


async def add(client: Redis, entries: list[bytes]) -> None:
    async with client.pipeline(transaction=False) as together:
        for entry in entries:
            together.xadd("reports", {"data": entry})
        await together.execute()


async def editions(client: Redis) -> list[tuple[str, int]]:
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange("vdm:alarms"))
    return [(fields[b"id"].decode(), int(fields[b"sequence"])) for _, fields in found]


def last_ms(simulation: Simulation) -> int:
    return int(simulation.batch.rows["recv_ms"].max())


async def test_killed_daemon_and_killed_server_change_nothing(
    daemon: DaemonProcess, redis_server: RedisProcess, client: Redis, simulation: Simulation
) -> None:
    """The daemon dies in the middle, the server dies, what we wrote there is wiped: alarms are those of a replay."""
    entries = payloads(simulation)
    third = len(entries) // 3
    await add(client, entries[:third])
    await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "log"), 200)
    await asyncio.to_thread(daemon.kill)
    await add(client, entries[third : 2 * third])
    await asyncio.to_thread(daemon.start)
    await asyncio.to_thread(redis_server.kill)
    await asyncio.to_thread(redis_server.start)
    await add(client, entries[2 * third :])
    await asyncio.to_thread(daemon.wait_for_clock, last_ms(simulation))

    expected = replay_batch(simulation.batch, Registry(simulation.registry), as_received=True)
    records = {alarm.alarm_id: dict(alarm.record()) for alarm in expected.alarms}
    alarms = await asyncio.to_thread(daemon.alarms)
    assert len(records) > 5
    assert {str(alarm["alarm_id"]): alarm for alarm in alarms} == records
    async with asyncio.timeout(30):
        while int((await client.xpending("reports", "vdm-monitor"))["pending"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.to_thread(daemon.wait_for, ("vdm_live_state_written_total", "live"), 8)

    async def settled() -> list[tuple[str, int]]:
        async with asyncio.timeout(30):
            while (await asyncio.to_thread(daemon.metrics))["vdm_outbox_pending", "live"]:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        return await editions(client)

    told = await settled()
    assert max(Counter(told).values()) == 1
    wanted = {key for key, record in records.items() if record["rule"] == "speeding" and not record["inhibited_by"]}
    assert wanted <= {key for key, _ in told}
    for key in {key for key, _ in told}:
        sequences = [sequence for other, sequence in told if other == key]
        assert sequences == sorted(sequences)

    vehicles = {key async for key in client.scan_iter("vdm:vehicle:*")}
    assert len(vehicles) == len(simulation.registry)
    await client.delete(*await client.keys("vdm:*"))
    async with asyncio.timeout(30):
        while {key async for key in client.scan_iter("vdm:vehicle:*")} != vehicles:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    lasting = {key for key, record in records.items() if record["state"] == "active"}
    again = await editions(client)
    assert lasting & {key for key, _ in told} <= {key for key, _ in again}
    assert max(Counter(again).values()) == 1


async def test_a_stop_is_clean_and_health_names_a_server_that_is_away(
    daemon: DaemonProcess, redis_server: RedisProcess
) -> None:
    metrics = await asyncio.to_thread(daemon.metrics)
    assert metrics["vdm_source_connected", "log"] == 1
    await asyncio.to_thread(redis_server.stop)
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(daemon.metrics))["vdm_source_connected", "log"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await asyncio.to_thread(daemon.stop) == 0
    assert "stopped at record" in daemon.log
