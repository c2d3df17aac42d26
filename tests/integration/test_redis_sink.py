"""Pushes and vehicles in a real Redis: each edition once, in order, and all of it again after a loss."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from monitor.app.config import SinksSettings
from monitor.app.deliveries import Deliveries
from monitor.app.fleet_copy import FleetCopy
from monitor.app.live_state import LiveState
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition, alarm_id
from monitor.model.push import alarm_message
from monitor.sinks.delivery import Delivery, DeliverySettings
from monitor.sinks.redis import RedisSink
from monitor.sinks.redis_settings import RedisSinkSettings
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database, open_database
from monitor.store.schema import upgrade
from tests.integration.redis_server import RedisProcess
from tests.unit.app.fleet_copies import NOW_MS, fleet
from tests.unit.sinks.memory_outbox import MemoryOutbox, Row, alarm, summary

pytestmark = pytest.mark.integration

QUICK = DeliverySettings(backoff_first_s=0.01, backoff_most_s=0.05)


def settings_for(port: int, **more: object) -> RedisSinkSettings:
    fields: dict[str, object] = {
        "name": "live",
        "port": port,
        "every_s": 0.1,
        "backoff_first_s": 0.05,
        "backoff_most_s": 0.1,
        "timeout_s": 2.0,
    }
    return RedisSinkSettings.model_validate(fields | more)


def delivery_to(sink: RedisSink, outbox: MemoryOutbox) -> Delivery[Row]:
    return Delivery("live", sink, outbox, lambda: 0, QUICK)


async def until_passed(delivery: Delivery[Row], outbox: MemoryOutbox) -> None:
    task = asyncio.create_task(delivery.run())
    async with asyncio.timeout(30):
        while outbox.at < len(outbox.rows):  # noqa: ASYNC110  the outbox is plain memory
            await asyncio.sleep(0.01)
        delivery.stop()
        await task


async def entries(client: Redis, stream: str = "vdm:alarms") -> list[dict[str, str]]:
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange(stream))
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in found]


async def editions(client: Redis, stream: str = "vdm:alarms") -> list[tuple[str, int]]:
    return [(entry["id"], int(entry["sequence"])) for entry in await entries(client, stream)]


async def test_every_kind_has_its_stream_and_order_is_kept(redis_server: RedisProcess, redis_client: Redis) -> None:
    outbox = MemoryOutbox()
    outbox.add(*(alarm(number % 50, number // 50 + 1) for number in range(250)), summary("E1", 1))
    await until_passed(delivery_to(RedisSink(settings_for(redis_server.port)), outbox), outbox)
    assert await editions(redis_client) == [(f"alarm-{number % 50}", number // 50 + 1) for number in range(250)]
    (told,) = await entries(redis_client, "vdm:summaries")
    assert told == {
        "type": "summary",
        "id": "summary:E1",
        "sequence": "1",
        "topic": "summaries/E1",
        "data": '{"sequence":1}',
    }


async def test_a_delivery_that_is_repeated_adds_nothing(redis_server: RedisProcess, redis_client: Redis) -> None:
    sink = RedisSink(settings_for(redis_server.port))
    messages = [alarm(1), alarm(2), alarm(1, 2)]
    assert (await sink.send(messages)).delivered == 3
    assert (await sink.send(messages)).delivered == 3
    another_life = RedisSink(settings_for(redis_server.port))
    assert (await another_life.send([alarm(1), alarm(1, 2), alarm(1, 3)])).delivered == 3
    await sink.close()
    await another_life.close()
    assert await editions(redis_client) == [("alarm-1", 1), ("alarm-2", 1), ("alarm-1", 2), ("alarm-1", 3)]
    assert (sink.counts.added, sink.counts.known, another_life.counts.known) == (3, 3, 2)


async def test_a_restart_of_the_server_in_the_middle_loses_and_doubles_nothing(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    outbox = MemoryOutbox()
    delivery = delivery_to(RedisSink(settings_for(redis_server.port)), outbox)
    task = asyncio.create_task(delivery.run())
    for number in range(20):
        outbox.add(*(alarm(number * 50 + i) for i in range(50)))
        delivery.wake()
        await asyncio.sleep(0.01)
        if number == 10:
            redis_server.kill()
            outbox.add(*(alarm(10_000 + i) for i in range(50)))
            delivery.wake()
            await asyncio.sleep(0.1)
            redis_server.start()
    async with asyncio.timeout(30):
        while outbox.at < len(outbox.rows):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    delivery.stop()
    await task
    assert outbox.failures
    assert await editions(redis_client) == [(row.message.id, 1) for row in outbox.rows]


async def test_a_stream_that_cannot_be_written_stops_before_it(redis_server: RedisProcess, redis_client: Redis) -> None:
    await redis_client.set("vdm:summaries", "no stream")
    sink = RedisSink(settings_for(redis_server.port))
    sent = await sink.send([alarm(1), summary("E1", 1), alarm(2)])
    assert sent.delivered == 1
    assert sent.error is not None
    assert "WRONGTYPE" in sent.error.reason
    await redis_client.delete("vdm:summaries")
    assert (await sink.send([summary("E1", 1), alarm(2)])).error is None
    await sink.close()
    assert await editions(redis_client) == [("alarm-1", 1), ("alarm-2", 1)]


async def test_a_full_server_is_tried_again_later(redis_server: RedisProcess, redis_client: Redis) -> None:
    await redis_client.config_set("maxmemory", 1)
    sink = RedisSink(settings_for(redis_server.port))
    sent = await sink.send([alarm(1)])
    assert (sent.delivered, sent.error is not None and "OOM" in sent.error.reason) == (0, True)
    await redis_client.config_set("maxmemory", 0)
    assert (await sink.send([alarm(1)])).delivered == 1
    await sink.close()


async def test_streams_are_bounded(redis_server: RedisProcess, redis_client: Redis) -> None:
    sink = RedisSink(settings_for(redis_server.port, stream_entries=100))
    for start in range(0, 2_000, 100):
        await sink.send([alarm(start + number) for number in range(100)])
    await sink.close()
    assert 100 <= await redis_client.xlen("vdm:alarms") <= 300
    assert 0 < await redis_client.ttl("vdm:sent:alarm:alarm-5") <= 30 * 86_400


# --- vehicles --------------------------------------------------------------------------------------------------------


class Engine:
    """What the live state is shown, and the lock that keeps the engine waiting meanwhile."""

    def __init__(self, copy: FleetCopy) -> None:
        self.copy = copy
        self.at_rest = asyncio.Lock()

    async def look(self) -> FleetCopy:
        async with self.at_rest:
            return self.copy


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    yield database
    database.close()


@pytest_asyncio.fixture
async def state_for(sqlite: Database) -> AsyncIterator[Callable[[RedisSink, Engine], LiveState]]:
    """Makes live states, and closes them and their sinks."""
    made: list[tuple[RedisSink, LiveState]] = []

    def make(sink: RedisSink, engine: Engine) -> LiveState:
        made.append((sink, LiveState(sink, engine.look, sqlite, lambda: NOW_MS)))
        return made[-1][1]

    yield make
    for sink, state in made:
        await state.close()
        await sink.close()


StateFor = Callable[[RedisSink, Engine], LiveState]


async def vehicle(client: Redis, key: str) -> dict[str, str]:
    found = cast("dict[bytes, bytes]", await client.hgetall(f"vdm:vehicle:{key}"))
    return {name.decode(): value.decode() for name, value in found.items()}


async def near(client: Redis, radius_km: float = 500.0) -> set[str]:
    found = await client.geosearch("vdm:vehicles:geo", longitude=100.0, latitude=39.0, radius=radius_km, unit="km")
    return {key.decode() for key in cast("list[bytes]", found)}


async def test_the_state_of_each_vehicle_and_where_it_is(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor
) -> None:
    engine = Engine(fleet(5, alarms={"V1": ("fatigue/major", "speeding/general")}))
    state = state_for(RedisSink(settings_for(redis_server.port)), engine)
    await state.once()
    assert await vehicle(redis_client, "V1") == {
        "vehicle_id": "V1",
        "status": "moving",
        "contact": "2026-03-02T08:00:00+08:00",
        "fix_time": "2026-03-02T07:59:55+08:00",
        "lon": "100.0100000",
        "lat": "39.0000000",
        "speed_kmh": "61.0",
        "acc_on": "1",
        "plate": "甘G00001",
        "plate_color": "yellow",
        "vehicle_class": "hazmat",
        "enterprise_id": "E1",
        "driver_id": "",
        "alarms": "fatigue/major speeding/general",
        "alarms_n": "2",
    }
    assert await near(redis_client) == {f"V{number}" for number in range(5)}
    assert await near(redis_client, 0.5) == {"V0"}
    for key in ("vdm:vehicle:V1", "vdm:vehicles:geo"):
        assert 0 < await redis_client.ttl(key) <= 48 * 3_600


async def test_only_vehicles_that_changed_are_written(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor
) -> None:
    engine = Engine(fleet(500))
    state = state_for(RedisSink(settings_for(redis_server.port)), engine)
    await state.once()
    await state.once()
    assert (state.written, state.rebuilt) == (500, 1)
    engine.copy = moved = fleet(500, alarms={"V9": ("speeding/major",)})
    moved.rows["fix_ms"][7] += 1_000
    moved.rows["lon_deg"][7] = 101.5
    await state.once()
    assert state.written == 502
    assert (await vehicle(redis_client, "V7"))["lon"] == "101.5000000"
    assert (await vehicle(redis_client, "V9"))["alarms"] == "speeding/major"
    engine.copy = fleet(500)
    engine.copy.rows[7] = moved.rows[7]
    await state.once()
    assert ((await vehicle(redis_client, "V9"))["alarms_n"], state.written) == ("0", 503)


async def test_vehicles_without_contact_leave_by_themselves(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor
) -> None:
    copy = fleet(3)
    copy.rows["contact_ms"][1] = NOW_MS - 7_199_000  # one second to go
    copy.rows["contact_ms"][2] = NOW_MS - 7_300_000
    engine = Engine(copy)
    state = state_for(RedisSink(settings_for(redis_server.port, vehicle_hours=2.0)), engine)
    await state.once()
    assert await near(redis_client) == {"V0", "V1"}
    async with asyncio.timeout(5):
        while await redis_client.exists("vdm:vehicle:V1"):  # noqa: ASYNC110  the server's clock
            await asyncio.sleep(0.05)
    engine.copy = replace(copy, clock_ms=NOW_MS + 2_000)
    await state.once()
    assert await near(redis_client) == {"V0"}


async def test_an_emptied_server_gets_everything_again(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor
) -> None:
    engine = Engine(fleet(450))
    sink = RedisSink(settings_for(redis_server.port))
    state = state_for(sink, engine)
    await sink.send([alarm(1), alarm(1, 2), alarm(2)])
    await state.once()
    await redis_client.flushall()
    await state.once()
    assert len(await near(redis_client)) == 450
    assert len(await redis_client.keys("vdm:vehicle:*")) == 450
    assert await editions(redis_client) == [("alarm-1", 1), ("alarm-1", 2), ("alarm-2", 1)]
    assert state.rebuilt == 2
    await state.once()
    assert state.rebuilt == 2


async def test_a_server_that_came_back_without_its_last_moments_gets_them_again(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor
) -> None:
    """Its file has the first alarm; the second was never written to disk."""
    engine = Engine(fleet(2))
    sink = RedisSink(settings_for(redis_server.port))
    state = state_for(sink, engine)
    await sink.send([alarm(1)])
    await state.once()
    await redis_client.config_set("appendfsync", "no")
    old = {key: await redis_client.dump(key) for key in await redis_client.keys("*")}
    await sink.send([alarm(1, 2), alarm(2)])
    await redis_client.flushall()
    for key, value in old.items():
        assert value is not None
        await redis_client.restore(key, 0, value)
    await state.once()
    assert await editions(redis_client) == [("alarm-1", 1), ("alarm-1", 2), ("alarm-2", 1)]
    assert state.rebuilt == 1


def stored(number: int, sequence: int, state: AlarmState = AlarmState.ACTIVE) -> AlarmChange:
    key = f"V{number}"
    found = Alarm(
        alarm_id=alarm_id(Subject.VEHICLE, key, "speeding", "", NOW_MS),
        subject=Subject.VEHICLE,
        rule="speeding",
        kind="",
        grade=Grade.MAJOR,
        certainty=Certainty.CERTAIN,
        state=state,
        vehicle_id=key,
        plate="",
        vehicle_class="hazmat",
        enterprise_id="E1",
        driver_id="",
        onset_ms=NOW_MS,
        end_ms=None if state is AlarmState.ACTIVE else NOW_MS + 1,
    )
    return AlarmChange(found, Transition.RAISED if sequence == 1 else Transition.UPDATED, sequence, NOW_MS + sequence)


async def test_alarms_that_last_come_again_from_the_database_after_a_restart_of_both(
    redis_server: RedisProcess, redis_client: Redis, sqlite: Database, state_for: StateFor
) -> None:
    """In their newest edition, by their last change; those that are over do not."""
    settings = settings_for(redis_server.port)
    deliveries = Deliveries(SinksSettings(redis=(settings,), delivery=QUICK), sqlite, lambda: None, (), lambda: NOW_MS)
    deliveries.register()
    changes = (stored(1, 1), stored(2, 1), stored(1, 2), stored(3, 1), stored(2, 2, AlarmState.CLEARED))
    AlarmStore(sqlite, lambda: NOW_MS).commit(CommittedStep(1, changes))
    (worker,) = deliveries.workers
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(20):
        while deliveries.pending()["live"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    worker.stop()
    await task
    before = await editions(redis_client)
    assert len(before) == 5
    await redis_client.flushall()
    state = state_for(RedisSink(settings), Engine(fleet(1)))
    await state.once()
    assert await editions(redis_client) == [(stored(3, 1).alarm.alarm_id, 1), (stored(1, 2).alarm.alarm_id, 2)]
    last = (await entries(redis_client))[-1]
    message = alarm_message(stored(1, 2))
    assert (last["topic"], json.loads(last["data"])) == (message.topic, json.loads(message.data))


async def test_a_server_that_hangs_is_found_again_and_nobody_waited_for_it(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(fleet(300))
    state = state_for(RedisSink(settings_for(redis_server.port, timeout_s=0.3)), engine)
    task = asyncio.create_task(state.run())
    async with asyncio.timeout(20):
        while not state.rebuilt:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with redis_server.frozen():
            for _ in range(40):
                assert not engine.at_rest.locked()
                await asyncio.sleep(0.02)
        engine.copy = changed = fleet(300)
        changed.rows["lon_deg"] = np.float64(101.0)
        while (await vehicle(redis_client, "V299"))["lon"] != "101.0000000":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])
    assert "no answer within 0.3 s" in caplog.text
    assert state.rebuilt == 1


async def test_old_entries_leave_the_streams(
    redis_server: RedisProcess, redis_client: Redis, state_for: StateFor
) -> None:
    await redis_client.xadd("vdm:alarms", {"id": "old"}, id=f"{NOW_MS - 3 * 86_400_000}-0")
    await redis_client.xadd("vdm:alarms", {"id": "new"}, id=f"{NOW_MS - 86_400_000}-0")
    sink = RedisSink(settings_for(redis_server.port, stream_days=2.0, vehicles=False))
    await state_for(sink, Engine(fleet(1))).once()
    assert [entry["id"] for entry in await entries(redis_client)] == ["new"]
    assert not await redis_client.keys("vdm:vehicle*")
