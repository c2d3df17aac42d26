"""Nothing lost, nothing doubled: the real daemon killed at random, at every named point, and cut off from everybody."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from monitor.model.beijing import day_of
from monitor.store.database import open_database
from tests.chaos.bureau import Bureau, bureau
from tests.chaos.comparison import differences, live_differences, replayed, settled_differences, stored
from tests.chaos.killing import Outcome, compared, run
from tests.chaos.killing_core import KillPoint
from tests.chaos.points import meet
from tests.chaos.stream import Stream, stream

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = 6
PIECES = 80
STOP_S = 10.0
"""Within this a daemon under load has drained (asked for)."""


@pytest.fixture(scope="module")
def fed() -> Stream:
    return stream(24, 2, PIECES, int(day_of(time.time_ns() // 1_000_000)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(fed: Stream, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The same stream through a daemon that nobody disturbs."""
    found = await run(fed, tmp_path_factory.mktemp("undisturbed"), 0, 0, lambda _: None)
    assert found.wrong == ()
    assert len({alarm["rule"] for alarm in found.settled.values()}) >= 6
    return found


@pytest.mark.asyncio(loop_scope="module")
async def test_kills_at_random_moments_change_nothing(fed: Stream, undisturbed: Outcome, tmp_path: Path) -> None:
    assert compared(await run(fed, tmp_path, KILLS, 20, lambda _: None), undisturbed) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_each_kill_point_changes_nothing(fed: Stream, undisturbed: Outcome, tmp_path: Path) -> None:
    live = [point for point in KillPoint if not point.settles]
    each = PIECES // (len(live) + 1)
    async with bureau(fed, tmp_path) as site:
        await asyncio.to_thread(site.daemon.start)
        await asyncio.to_thread(site.daemon.kill)
        site.senders.start()
        for number, point in enumerate(live):
            assert await meet(site, point, range(number * each, (number + 1) * each)) == []
        await asyncio.to_thread(site.daemon.start)
        for piece in range(len(live) * each, PIECES):
            site.senders.release(piece)
        await site.taken_in()
        await site.told()
        _, found = await asyncio.to_thread(stored, site.database)
        assert differences(found, await asyncio.to_thread(replayed, site.journal)) == []
        assert live_differences(found, undisturbed.live) == []
        assert await site.wrongly_told() == []
        await asyncio.to_thread(site.daemon.kill)
        for point in KillPoint:
            if point.settles:
                assert await meet(site, point, ()) == []
        await asyncio.to_thread(site.daemon.start)
        await site.settle()
        await site.told()
        _, settled = await asyncio.to_thread(stored, site.database)
        assert settled_differences(settled, undisturbed.settled) == []
        assert await site.wrongly_told() == []


@pytest.mark.asyncio(loop_scope="module")
async def test_whoever_is_away_holds_up_nobody_else_and_nothing_is_lost(
    fed: Stream, undisturbed: Outcome, tmp_path: Path
) -> None:
    """Broker, Redis, database, a webhook that fails and one that never answers, one after the other."""
    pieces = iter(range(PIECES))
    async with bureau(fed, tmp_path) as site:
        await asyncio.to_thread(site.daemon.start)
        site.senders.start()
        await _released(site, pieces, 5)

        site.servers.mosquitto.stop()
        await site.until(lambda: _unready(site).get("source main", "") != "", 20)
        await _goes_on(site, pieces, "log")
        site.servers.mosquitto.start()
        await site.until(lambda: not _unready(site), 30)

        site.servers.redis.stop()
        await site.until(lambda: _unready(site).get("source log", "") != "", 20)
        await _goes_on(site, pieces, "main")
        site.servers.redis.start()
        await site.until(lambda: not _unready(site), 30)

        site.database.close()
        await asyncio.to_thread(site.servers.postgres.stop)
        await _released(site, pieces, 10)
        await site.until(lambda: "store" in _unready(site), 20)
        await site.until(lambda: _waiting_records(site) > 0, 20)
        await asyncio.to_thread(site.servers.postgres.start)
        site.database = open_database(site.servers.postgres.url)
        await site.until(lambda: not _unready(site), 30)

        before = len(site.receivers.receiver.requests)
        site.receivers.receiver.answers.extend([500, 503, 0, -1, 500])
        await _released(site, pieces, 20)
        await site.until(lambda: len(site.receivers.receiver.requests) >= before + 6, 30)

        await _released(site, pieces, PIECES)
        assert await _ends_as(site, undisturbed) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stop_under_load_drains_and_a_second_signal_ends_at_once(
    fed: Stream, undisturbed: Outcome, tmp_path: Path
) -> None:
    """And a snapshot cut short afterwards gives way to the one before."""
    pieces = iter(range(PIECES))
    async with bureau(fed, tmp_path) as site:
        daemon = site.daemon
        await asyncio.to_thread(daemon.start)
        site.senders.start()
        await _released(site, pieces, 30)
        begun_s = time.monotonic()
        assert await asyncio.to_thread(daemon.stop) == 0
        assert time.monotonic() - begun_s < STOP_S
        assert "stopped at record" in daemon.log

        await asyncio.to_thread(daemon.start)
        await _released(site, pieces, 20)
        await site.until(lambda: len(_snapshots(site)) == 2, 20)
        assert daemon.process is not None
        begun_s = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(daemon.process.wait, STOP_S)
        took_s, daemon.process = time.monotonic() - begun_s, None
        # The first may have been enough, if the two came as one.
        assert status in (0, 130)
        assert took_s < STOP_S

        newest = _snapshots(site)[-1]
        newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
        before = len(daemon.log)
        await asyncio.to_thread(daemon.start)
        assert newest.name in daemon.log[before:]
        await _released(site, pieces, PIECES)
        assert await _ends_as(site, undisturbed) == []


async def _released(site: Bureau, pieces: Iterable[int], n: int) -> None:
    for _, piece in zip(range(n), pieces, strict=False):
        site.senders.release(piece)
    await asyncio.sleep(0.2)


async def _goes_on(site: Bureau, pieces: Iterable[int], source: str) -> None:
    """Reports of another source and of the terminals come in meanwhile."""
    names = [("vdm_reports_received_total", one) for one in (source, "terminals")]
    before = [site.daemon.metrics()[name] for name in names]
    await _released(site, pieces, 5)
    await site.until(lambda: all(site.daemon.metrics()[name] > n for name, n in zip(names, before, strict=True)), 20)


async def _ends_as(site: Bureau, undisturbed: Outcome) -> list[str]:
    """What differs from the undisturbed run when all is taken in and told."""
    await site.taken_in()
    await site.told()
    _, found = await asyncio.to_thread(stored, site.database)
    lines = differences(found, await asyncio.to_thread(replayed, site.journal))
    lines += live_differences(found, undisturbed.live)
    return lines + await site.wrongly_told()


def _unready(site: Bureau) -> dict[str, str]:
    """Parts that are not ready, and why."""
    answer = httpx.get(f"{site.daemon.operations}/readyz", trust_env=False).json()
    return {one["part"]: one["reason"] for one in answer.get("reasons", [])}


def _waiting_records(site: Bureau) -> float:
    """Records that are journalled and not committed."""
    seen = site.daemon.metrics()
    return seen["vdm_journal_offset",] - seen["vdm_committed_offset",]


def _snapshots(site: Bureau) -> list[Path]:
    return sorted((site.daemon.state / "snapshots").glob("*.vdms"))
