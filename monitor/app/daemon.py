"""The parent process: starts ``core`` and ``web``, passes signals on, and ends as the core ends.

A web process that dies is started again; without its core a daemon is none, so it ends and whoever runs services
starts it anew. A second signal forces the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from monitor.app.child import Part
from monitor.app.config import MonitorConfig
from monitor.model.backoff import Backoff

log = logging.getLogger(__name__)

EXIT_FORCED = 130


class Daemon:
    """Runs both children from one configuration file; ``run`` returns the exit status. ``log`` takes their lines."""

    def __init__(self, config_path: Path, config: MonitorConfig, log: BinaryIO | None = None) -> None:
        self._config_path = config_path
        self._config = config
        self._log = log
        self._stop = asyncio.Event()
        self._forced = False
        self._children: dict[Part, asyncio.subprocess.Process] = {}

    async def run(self, *, handle_signals: bool = True) -> int:
        """Start, wait for a signal or for the core's end, stop."""
        if handle_signals:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            loop.add_signal_handler(signal.SIGHUP, self.reload)
        core = await self._start(Part.CORE)
        keeping_web = asyncio.create_task(self._keep_web(), name="web")
        stopping = asyncio.create_task(self._stop.wait(), name="stop signal")
        ending = asyncio.create_task(core.wait(), name="core")
        await asyncio.wait([stopping, ending], return_when=asyncio.FIRST_COMPLETED)
        if not self._stop.is_set():
            log.error("the core ended with status %d; the daemon ends", core.returncode)
        self._stop.set()
        stopping.cancel()
        keeping_web.cancel()
        await asyncio.gather(self._end(Part.WEB), self._end(Part.CORE))
        await asyncio.gather(keeping_web, return_exceptions=True)
        if self._forced:
            return EXIT_FORCED
        return core.returncode if core.returncode is not None else 1

    def stop(self) -> None:
        """End in order; called again, end now."""
        if self._stop.is_set():
            self._forced = True
            for child in self._children.values():
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
        self._stop.set()

    def reload(self) -> None:
        """Have the core read its settings anew."""
        core = self._children.get(Part.CORE)
        if core is not None and core.returncode is None:
            core.send_signal(signal.SIGHUP)

    async def _keep_web(self) -> None:
        backoff = Backoff(0.5, 30.0)
        while not self._stop.is_set():
            child = await self._start(Part.WEB)
            status = await child.wait()
            wait_s = backoff.next_s()
            log.error("the web process ended with status %d; again in %.1f s", status, wait_s)
            await asyncio.sleep(wait_s)

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "monitor.app.child",
            part.value,
            str(self._config_path),
            str(self._config.state_folder),
            stdin=asyncio.subprocess.PIPE,
            stderr=self._log,
        )
        self._children[part] = child
        return child

    async def _end(self, part: Part) -> None:
        child = self._children.get(part)
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            # Draining, deliveries and the site may each take their time.
            async with asyncio.timeout(4 * self._config.core.drain_s):
                await child.wait()
        except TimeoutError:
            log.error("the %s process does not end; it is killed", part.value)
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
