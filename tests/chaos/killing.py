"""The daemon killed at random moments while a known stream comes in, against a run of the same that nobody disturbs."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.bureau import Bureau, bureau
from tests.chaos.comparison import (
    differences,
    journalled,
    live_differences,
    pushes,
    replayed,
    settled_differences,
    stored,
)
from tests.chaos.stream import Stream

EARLY = 0.25
"""Share of the lives that end before the daemon is ready: in the middle of the recovery (a guess)."""
LIVES_S = 2.5
"""Longest time that a life goes on after it is ready: some 20 journal records, flushes and snapshots (a guess)."""
_START_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run: alarms live and settled, and every sentence about something that is wrong."""

    live: dict[str, dict[str, object]]
    settled: dict[str, dict[str, object]]
    wrong: tuple[str, ...]
    lines: tuple[str, ...]


async def run(
    stream: Stream, folder: Path, kills: int, seed: int, say: Callable[[str], None], most_s: float = math.inf
) -> Outcome:
    """Feed the stream, one piece per life; with ``kills`` 0 in one life. No more kills after ``most_s``."""
    chance = random.Random(seed)
    lines: list[str] = []
    async with bureau(stream, folder) as site:
        # A broker keeps nothing for a session that it has never seen: the first start of all is not a kill.
        await asyncio.to_thread(site.daemon.start)
        if kills:
            await asyncio.to_thread(site.daemon.kill)
        site.senders.start()
        began_s = time.monotonic()
        early = 0
        started_s: list[float] = []
        for number in range(kills):
            if time.monotonic() - began_s > most_s:
                kills = number
                break
            site.senders.release(number)
            early += await _one_life(site, chance, started_s)
            if (number + 1) % 10 == 0:
                say(f"{number + 1} kills, {time.monotonic() - began_s:.0f} s")
        killed_s = time.monotonic() - began_s
        if kills:
            await asyncio.to_thread(site.daemon.start)
        for number in range(kills, len(stream.pieces)):
            site.senders.release(number)
            await asyncio.sleep(0.05)
        await site.taken_in()
        await site.told()
        wrong = [f"live: {line}" for line in await asyncio.to_thread(_live, site)]
        wrong += await site.wrongly_told()
        _, live = await asyncio.to_thread(stored, site.database)
        await site.settle()
        await site.told()
        wrong += [f"settled: {line}" for line in await site.wrongly_told()]
        _, settled = await asyncio.to_thread(stored, site.database)
        seen = await asyncio.to_thread(journalled, site.journal)
        expected = await asyncio.to_thread(pushes, site.database)
        if kills:
            lines.append(
                f"{kills} kills in {killed_s:.0f} s ({60 * kills / killed_s:.1f} a minute), {early} of them before the "
                f"daemon was ready; ready after {_median(started_s):.2f} s (median)"
            )
        lines += [
            f"{len(seen):,} reports, {sum(seen.values()) - len(seen):,} of them more than once in the journal",
            f"{len(live)} alarms live, {len(settled)} after settlement; {len(expected)} pushes",
            *(
                f"{told.name}: {len(told.times)} pushes, {told.repeated} of them repeated"
                for told in (site.receivers.webhook(), site.receivers.mqtt, await site.receivers.redis())
            ),
        ]
        if await asyncio.to_thread(site.daemon.stop) != 0:
            wrong.append("the daemon did not stop in order at the end")
    return Outcome(live, settled, tuple(wrong), tuple(lines))


def compared(killed: Outcome, undisturbed: Outcome) -> list[str]:
    """What is wrong with either, and how they differ where they must not."""
    lines = [f"killed: {line}" for line in killed.wrong] + [f"undisturbed: {line}" for line in undisturbed.wrong]
    live = live_differences(killed.live, undisturbed.live)
    settled = settled_differences(killed.settled, undisturbed.settled)
    return [*lines, *(f"live: {line}" for line in live), *(f"settled: {line}" for line in settled)]


async def _one_life(site: Bureau, chance: random.Random, started_s: list[float]) -> bool:
    """Start, wait for a random moment, kill the whole group. Whether it came before the daemon was ready."""
    begun_s = time.monotonic()
    daemon = site.daemon
    await asyncio.to_thread(daemon.launch)
    early = chance.random() < EARLY
    typical_s = _median(started_s) if started_s else 3.0
    if early:
        await asyncio.sleep(chance.uniform(0.0, typical_s))
    else:
        await asyncio.to_thread(daemon.wait_until_ready, _START_S)
        started_s.append(time.monotonic() - begun_s)
        await asyncio.sleep(chance.uniform(0.0, LIVES_S))
    assert daemon.process is not None
    if daemon.process.poll() is not None:
        raise AssertionError(f"the daemon ended by itself:\n{daemon.log[-3000:]}")
    await asyncio.to_thread(daemon.kill)
    site.senders.failed()
    return early


def _live(site: Bureau) -> list[str]:
    """How the store differs from a replay of the whole journal."""
    _, found = stored(site.database)
    return differences(found, replayed(site.journal))


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0
