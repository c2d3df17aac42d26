"""Every named kill point met once on purpose, and after each the store held against the journal."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence

from tests.chaos.bureau import Bureau
from tests.chaos.killing_core import KillPoint

_MET_S = 60.0


async def meet(site: Bureau, point: KillPoint, pieces: Sequence[int]) -> list[str]:
    """One life that ends at the point, with these pieces coming in; what is wrong afterwards."""
    before = len(site.daemon.log)
    core = await asyncio.to_thread(_launched, site, point)
    settling: asyncio.Task[str] | None = None
    try:
        for piece in pieces:
            site.senders.release(piece)
        if point.settles:
            await site.until(lambda: "ready after" in site.daemon.log[before:], _MET_S)
            settling = asyncio.create_task(site.settle(), name="settle")
        status = await asyncio.to_thread(core.wait, _MET_S)
    except subprocess.TimeoutExpired:
        return [f"{point}: not met within {_MET_S:.0f} s: {site.daemon.log[before:][-1500:]}"]
    finally:
        core.kill()
        await asyncio.to_thread(core.wait)
        if core.stdin is not None:
            core.stdin.close()
        if settling is not None:
            await asyncio.gather(settling, return_exceptions=True)
    if status != -signal.SIGKILL or f"dying {point}" not in site.daemon.log[before:]:
        return [f"{point}: ended with status {status}: {site.daemon.log[before:][-1500:]}"]
    if point.settles:
        return []  # settlement changes the store by the archive, which the live answer knows nothing of
    return [f"{point}: {line}" for line in await asyncio.to_thread(site.store_is_the_journal)]


def _launched(site: Bureau, point: KillPoint) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.chaos.killing_core", str(site.config), str(site.daemon.state), point.name]
    with (site.daemon.folder / "daemon.log").open("ab") as log:
        # Its end says to the core that its parent is gone.
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, start_new_session=True)
