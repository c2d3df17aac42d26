"""Reports from a real Redis: nothing that was not acknowledged is lost, whoever dies or forgets."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from monitor.app.live_state import state_of
from monitor.errors import JournalError
from monitor.sinks.redis import RedisSink
from monitor.sinks.redis_settings import RedisSinkSettings
from monitor.sinks.redis_vehicles import RedisVehicles
from monitor.sources.intake import Codec, Intake
from monitor.sources.redis_settings import RedisSourceSettings
from monitor.sources.redis_streams import RedisSource
from tests.integration.brokers import free_port
from tests.integration.redis_server import RedisProcess, running_redis
from tests.unit.app.fleet_copies import fleet
from tests.unit.sinks.memory_outbox import alarm

pytestmark = pytest.mark.integration

GROUP = "vdm-monitor"


def settings_for(port: int, **more: object) -> RedisSourceSettings:
    fields: dict[str, object] = {
        "name": "fleet",
        "port": port,
        "backoff_first_s": 0.05,
        "backoff_most_s": 0.2,
        "block_s": 0.2,
        "claim_every_s": 0.1,
        "streams": [{"key": "reports", "platform": "upper"}, {"key": "raw", "codec": "jt808", "field": "frame"}],
    }
    return RedisSourceSettings.model_validate(fields | more)


def source_for(settings: RedisSourceSettings, taker: Taker) -> RedisSource:
    return RedisSource(settings, taker, lambda: 1_234)


class Taker:
    """Keeps what is delivered; acknowledges unless told otherwise."""

    def __init__(self, acknowledge: bool = True) -> None:
        self.acknowledge = acknowledge
        self.intakes: list[Intake] = []
        self.changed = asyncio.Event()
        self.failures = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, intake: Intake, /) -> None:
        self.intakes.append(intake)
        self.changed.set()
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            self.intakes.remove(intake)
            raise JournalError(path="journal", reason="disk full")
        if self.acknowledge:
            intake.ack()

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for intake in self.intakes for message in intake.messages]

    async def until(self, met: Callable[[], bool], timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not met():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def running(source: RedisSource) -> AsyncIterator[asyncio.Event]:
    """The source as a task; the event is set while it is connected."""
    connected = asyncio.Event()
    source._link = lambda up: connected.set() if up else connected.clear()
    task = asyncio.create_task(source.run(), name="source")
    try:
        async with asyncio.timeout(20):
            await connected.wait()
        yield connected
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def add(client: Redis, payloads: list[bytes], key: str = "reports", field: str = "data") -> None:
    async with client.pipeline(transaction=False) as together:
        for payload in payloads:
            together.xadd(key, {field: payload})
        await together.execute()


def numbered(n: int, start: int = 0) -> list[bytes]:
    return [str(number).encode() for number in range(start, start + n)]


async def n_pending(client: Redis, key: str = "reports") -> int:
    return int((await client.xpending(key, GROUP))["pending"])


async def until_none_pending(client: Redis, key: str = "reports") -> None:
    async with asyncio.timeout(20):
        while await n_pending(client, key):  # noqa: ASYNC110  another process counts
            await asyncio.sleep(0.01)


async def test_entries_come_in_order_with_the_feed_of_their_stream(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    await add(redis_client, numbered(30))
    taker = Taker()
    source = source_for(settings_for(redis_server.port), taker)
    async with running(source):
        await add(redis_client, numbered(20, 30))
        await add(redis_client, [b"\x7e"], "raw", "frame")
        await taker.until(lambda: len(taker.payloads) == 51)
        await until_none_pending(redis_client)
    assert [payload for payload in taker.payloads if payload != b"\x7e"] == numbered(50)
    raw = next(intake for intake in taker.intakes if intake.feed.codec is Codec.JT808)
    first = taker.intakes[0]
    assert (first.feed.codec, first.feed.platform, first.feed.source) == (Codec.JSON, "upper", "fleet")
    assert (raw.feed.platform, raw.messages[0].recv_ms) == ("fleet", 1_234)
    assert raw.messages[0].topic.startswith("raw/")
    assert (source.counts.entries, source.counts.again, source.counts.failures) == (51, 0, 0)


async def test_many_entries_make_few_intakes(redis_server: RedisProcess, redis_client: Redis) -> None:
    await add(redis_client, numbered(5_000))
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port), taker)):
        await taker.until(lambda: len(taker.payloads) == 5_000)
    assert taker.payloads == numbered(5_000)
    assert len(taker.intakes) < 25


async def test_a_stream_that_does_not_exist_is_waited_for(redis_server: RedisProcess, redis_client: Redis) -> None:
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port), taker)):
        await add(redis_client, [b"first"])
        await taker.until(lambda: taker.payloads == [b"first"])


async def test_a_new_group_can_leave_out_what_is_there_already(redis_server: RedisProcess, redis_client: Redis) -> None:
    await add(redis_client, [b"old"])
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port, start="new"), taker)):
        await add(redis_client, [b"new"])
        await taker.until(lambda: len(taker.payloads) > 0)
    assert taker.payloads == [b"new"]


async def test_what_was_not_acknowledged_comes_again_first_and_what_was_does_not(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    settings = settings_for(redis_server.port)
    await add(redis_client, numbered(20))
    first, second, third = Taker(acknowledge=False), Taker(), Taker()
    async with running(source_for(settings, first)):
        await first.until(lambda: len(first.payloads) == 20)
    assert await n_pending(redis_client) == 20
    await add(redis_client, numbered(10, 20))
    async with running(source_for(settings, second)):
        await second.until(lambda: len(second.payloads) == 30)
        await until_none_pending(redis_client)
    assert second.payloads == numbered(30)
    await add(redis_client, [b"last"])
    async with running(source_for(settings, third)):
        await third.until(lambda: b"last" in third.payloads)
    assert third.payloads == [b"last"]


async def test_entries_not_journalled_come_again(
    redis_server: RedisProcess, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    taker = Taker()
    taker.failures = 2
    async with running(source_for(settings_for(redis_server.port), taker)):
        await add(redis_client, numbered(10))
        await taker.until(lambda: set(taker.payloads) == set(numbered(10)))
        await until_none_pending(redis_client)
    assert "disk full" in caplog.text


_CRASHING = """
import asyncio, sys
from monitor.sources.redis_settings import RedisSourceSettings
from monitor.sources.redis_streams import RedisSource
async def take(intake):
    print(len(intake.messages), flush=True)
    await asyncio.sleep(60)
settings = RedisSourceSettings(
    name="fleet", port=int(sys.argv[1]), consumer=sys.argv[2], streams=[{"key": "reports"}]
)
asyncio.run(RedisSource(settings, take, lambda: 0).run())
"""


@pytest.mark.parametrize("consumer", ["fleet", "another"])
async def test_a_consumer_killed_before_the_journal_loses_nothing(
    redis_server: RedisProcess, redis_client: Redis, consumer: str
) -> None:
    """Under its old name it finds its entries at the start; another consumer takes them over when they were idle."""
    await add(redis_client, numbered(10))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CRASHING, str(redis_server.port), consumer, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            taken = 0
            while taken < 10:
                taken += int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
    await add(redis_client, numbered(10, 10))
    taker = Taker()
    source = source_for(settings_for(redis_server.port, claim_idle_s=0.3), taker)
    async with running(source):
        await taker.until(lambda: len(taker.payloads) >= 20)
        await until_none_pending(redis_client)
    assert sorted(taker.payloads, key=int) == numbered(20)
    assert (source.counts.again, source.counts.claimed) == ((10, 0) if consumer == "fleet" else (0, 10))


async def test_entries_that_we_are_working_on_are_not_taken_over_from_ourselves(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    """However long the journal takes."""
    taker = Taker()
    taker.open.clear()
    source = source_for(settings_for(redis_server.port, claim_idle_s=0.05, claim_every_s=0.05), taker)
    async with running(source):
        await add(redis_client, numbered(5))
        await taker.until(lambda: len(taker.payloads) == 5)
        await asyncio.sleep(0.6)
        taker.open.set()
        await until_none_pending(redis_client)
    assert (taker.payloads, source.counts.claimed) == (numbered(5), 0)


async def test_a_restart_of_the_server_loses_nothing(redis_server: RedisProcess, redis_client: Redis) -> None:
    """It has an append-only file, and was killed."""
    taker = Taker()
    taker.open.clear()
    source = source_for(settings_for(redis_server.port), taker)
    async with running(source) as connected:
        await add(redis_client, numbered(100))
        await taker.until(lambda: len(taker.intakes) > 0)
        redis_server.kill()
        taker.open.set()
        async with asyncio.timeout(20):
            while connected.is_set():  # noqa: ASYNC110  the event tells only of its being set
                await asyncio.sleep(0.01)
        redis_server.start()
        await add(redis_client, numbered(100, 100))
        await taker.until(lambda: set(taker.payloads) == set(numbered(200)))
        await until_none_pending(redis_client)
    assert source.counts.failures >= 1
    assert source.counts.again >= 1


async def test_a_server_that_answers_nothing_is_left_and_found_again(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    taker = Taker()
    source = source_for(settings_for(redis_server.port, timeout_s=0.5), taker)
    async with running(source) as connected:
        with redis_server.frozen():
            async with asyncio.timeout(20):
                while connected.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await add(redis_client, [b"after"])
        await taker.until(lambda: taker.payloads == [b"after"])


async def test_a_group_that_somebody_destroyed_goes_on_after_what_we_acknowledged(
    redis_server: RedisProcess, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port), taker)):
        await add(redis_client, numbered(10))
        await taker.until(lambda: len(taker.payloads) == 10)
        await until_none_pending(redis_client)
        taker.acknowledge = False
        await add(redis_client, numbered(5, 10))
        await taker.until(lambda: len(taker.payloads) == 15)
        taker.acknowledge = True
        await redis_client.xgroup_destroy("reports", GROUP)
        await add(redis_client, numbered(5, 15))
        await taker.until(lambda: len(taker.payloads) == 25)
    assert taker.payloads == numbered(15) + numbered(10, 10)
    assert "of stream reports was gone" in caplog.text


async def test_a_server_that_forgot_everything_is_read_from_its_first_entry(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port), taker)):
        await redis_client.xadd("reports", {"data": b"0"}, id="9999999999999-0")
        await taker.until(lambda: len(taker.payloads) == 1)
        await until_none_pending(redis_client)
        await redis_client.flushall()
        await redis_client.xadd("reports", {"data": b"1"}, id="5-0")
        await taker.until(lambda: len(taker.payloads) == 2)
    assert taker.payloads == numbered(2)


async def test_bad_entries_are_refused_then_acknowledged(redis_server: RedisProcess, redis_client: Redis) -> None:
    await redis_client.xadd("reports", {"payload": b"\xff", "n": b"7"})
    await add(redis_client, [b"good"])
    taker = Taker()
    source = source_for(settings_for(redis_server.port), taker)
    async with running(source):
        await taker.until(lambda: len(taker.intakes) == 2)
        await until_none_pending(redis_client)
    (refused,) = [intake.decoded for intake in taker.intakes if intake.decoded is not None]
    (reject,) = refused.rejects
    assert (reject.reason, reject.data, len(refused.batch)) == ("missing_field", b"payload=\xff\nn=7", 0)
    assert refused.outcomes == {"missing_field": 1}
    assert "no field 'data'" in reject.detail
    assert (taker.payloads, source.counts.without_payload) == ([b"good"], 1)


async def test_entries_deleted_before_they_were_read_clog_nothing(
    redis_server: RedisProcess, redis_client: Redis
) -> None:
    await add(redis_client, numbered(10))
    settings = settings_for(redis_server.port)
    first, second = Taker(acknowledge=False), Taker()
    async with running(source_for(settings, first)):
        await first.until(lambda: len(first.payloads) == 10)
    await redis_client.xtrim("reports", maxlen=4, approximate=False)
    source = source_for(settings, second)
    async with running(source):
        await second.until(lambda: len(second.payloads) == 4)
        await until_none_pending(redis_client)
    assert (second.payloads, source.counts.gone) == (numbered(4, 6), 6)


async def test_a_key_of_another_type_keeps_nobody_else_from_being_read(
    redis_server: RedisProcess, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await redis_client.set("raw", "no stream")
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port), taker)):
        await add(redis_client, [b"good"])
        await taker.until(lambda: taker.payloads == [b"good"])
        await redis_client.delete("raw")
        await add(redis_client, [b"\x7e"], "raw", "frame")
        await taker.until(lambda: b"\x7e" in taker.payloads)
    assert "stream raw cannot be read: WRONGTYPE" in caplog.text


async def test_acknowledged_entries_can_be_deleted_or_trimmed(redis_server: RedisProcess, redis_client: Redis) -> None:
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port, done="delete"), taker)):
        await add(redis_client, numbered(50))
        await taker.until(lambda: len(taker.payloads) == 50)
        await until_none_pending(redis_client)
    assert await redis_client.xlen("reports") == 0
    await redis_client.config_set("stream-node-max-entries", 10)
    trimmed = Taker()
    async with running(source_for(settings_for(redis_server.port, done="trim"), trimmed)):
        await add(redis_client, numbered(500))
        await trimmed.until(lambda: len(trimmed.payloads) == 500)
        trimmed.acknowledge = False
        await add(redis_client, numbered(20))
        async with asyncio.timeout(20):
            while await redis_client.xlen("reports") > 60:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert await redis_client.xlen("reports") >= 20
    again = Taker()
    async with running(source_for(settings_for(redis_server.port), again)):
        await again.until(lambda: again.payloads == numbered(20))


async def test_large_entries_are_asked_for_in_small_numbers(redis_server: RedisProcess, redis_client: Redis) -> None:
    """What is in memory at a time is bounded by bytes, not by the number of entries."""
    large = [bytes([65 + number % 26]) * 100_000 for number in range(300)]
    await add(redis_client, large)
    taker = Taker()
    source = source_for(settings_for(redis_server.port, batch_bytes=500_000), taker)
    async with running(source):
        await taker.until(lambda: len(taker.payloads) == 300)
    sizes = [sum(len(message.payload) for message in intake.messages) for intake in taker.intakes]
    assert max(sizes[1:]) <= 500_000
    assert taker.payloads == large


async def test_a_stop_waits_for_what_is_under_way(redis_server: RedisProcess, redis_client: Redis) -> None:
    await add(redis_client, numbered(5))
    taker = Taker()
    taker.open.clear()
    source = source_for(settings_for(redis_server.port), taker)
    task = asyncio.create_task(source.run())
    await taker.until(lambda: len(taker.payloads) == 5)
    task.cancel()
    await asyncio.sleep(0)
    taker.open.set()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await n_pending(redis_client) == 0


async def test_a_wrong_password_is_said_without_showing_it(
    redis_server: RedisProcess, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await redis_client.acl_setuser("daemon", enabled=True, passwords=["+opensesame"], keys=["*"], commands=["+@all"])
    wrong = settings_for(redis_server.port, username="daemon", password="wrong-secret")
    source = source_for(wrong, Taker())
    task = asyncio.create_task(source.run())
    async with asyncio.timeout(20):
        while source.counts.failures < 2:  # noqa: ASYNC110  a failed attempt is only counted
            await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "invalid username-password" in caplog.text
    assert "wrong-secret" not in caplog.text + repr(wrong)
    taker = Taker()
    async with running(source_for(settings_for(redis_server.port, username="daemon", password="opensesame"), taker)):
        await add(redis_client, [b"in"])
        await taker.until(lambda: taker.payloads == [b"in"])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[RedisProcess, int]]:
    """A server that takes nothing but TLS, and its port."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
        f"-keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    for server in running_redis(tmp_path, *options, "--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no"):
        yield server, port


async def test_tls(guarded: tuple[RedisProcess, int], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server, port = guarded
    async with server.client() as client:
        await add(client, [b"safe"])
    stranger = source_for(settings_for(port, tls={}), Taker())
    task = asyncio.create_task(stranger.run())
    async with asyncio.timeout(20):
        while not stranger.counts.failures:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "certificate verify failed" in caplog.text
    taker = Taker()
    async with running(source_for(settings_for(port, tls={"ca_file": tmp_path / "cert.pem"}), taker)):
        await taker.until(lambda: taker.payloads == [b"safe"])


async def test_the_rights_that_the_page_names_are_enough(redis_server: RedisProcess, redis_client: Redis) -> None:
    page = (Path(__file__).parents[2] / "docs" / "redis.md").read_text("utf-8")
    for line in page.splitlines():
        if line.startswith("ACL SETUSER"):
            await redis_client.execute_command(*line.split())  # type: ignore[no-untyped-call]
    streams = [{"key": "reports"}]
    taker = Taker()
    settings = settings_for(redis_server.port, username="vdm-in", password="secret", streams=streams)
    async with running(source_for(settings, taker)):
        await add(redis_client, [b"in"])
        await taker.until(lambda: taker.payloads == [b"in"])
        await until_none_pending(redis_client)
    sink = RedisSinkSettings(name="live", port=redis_server.port, username="vdm-out", password=SecretStr("secret"))
    out = RedisSink(sink)
    assert (await out.send([alarm(1)])).error is None
    vehicles = RedisVehicles(sink)
    assert await vehicles.forgotten(out.marker) == (False, True)
    state = state_of(fleet(1), 0, 60)
    await vehicles.begin_whole()
    await vehicles.write([state], whole=True)
    await vehicles.end_whole()
    await vehicles.write([state], ["V0"])
    await vehicles.trim([sink.stream(alarm(1))], 1)
    await vehicles.close()
    await out.close()
