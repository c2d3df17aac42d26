"""What the two children of the daemon have in common: logging, signals, and an end when the parent ends.

``python -m monitor.app.child core|web CONFIG STATE``. A child listens on its standard input: when the parent is gone,
however it went, that ends, and so does the child.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path

from monitor.errors import ConfigError, MonitorError

log = logging.getLogger("monitor")

LOG_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
SWITCH_S = 0.001
"""How long a thread may keep the interpreter from another: at Python's 5 ms the journal's thread waits for the MQTT
client's (measured: 5 to 15 % more reports per second)."""
EXIT_CONFIG = 2
EXIT_FAILED = 1


class Part(StrEnum):
    CORE = "core"
    WEB = "web"


def start_logging(level: str | None = None) -> None:
    """Log lines to standard error. ``VDM_LOG`` names another level than INFO."""
    named = (level or os.environ.get("VDM_LOG") or "INFO").upper()
    known = named if named in logging.getLevelNamesMapping() else "INFO"
    logging.basicConfig(level=known, format=LOG_FORM, stream=sys.stderr)
    for quiet in ("httpx", "httpcore", "uvicorn.error", "alembic", "mqtt"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def run_until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run a part until SIGTERM or the parent's end; returns the exit status. A part that reads its settings anew on
    SIGHUP says so itself."""
    status = 0
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_guarded(work))
    except* MonitorError as group:
        for error in _leaves(group):
            log.error("%s", error)
            status = max(status, EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_FAILED)
    return status


async def _guarded(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    # Ctrl-C reaches the whole group of processes; the parent alone decides what it means.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), _parent_said, loop, stop)
    try:
        await work(stop)
    finally:
        loop.remove_reader(sys.stdin.fileno())


def _parent_said(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 64):
        loop.remove_reader(sys.stdin.fileno())
        log.warning("the parent process is gone")
        stop.set()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def main(arguments: list[str]) -> int:
    """Run one part with a configuration file and a state folder."""
    start_logging()
    part, config_path, state = arguments
    sys.setswitchinterval(SWITCH_S)
    from monitor.app.config import load_config

    try:
        config = load_config(Path(config_path)).model_copy(update={"state_folder": Path(state)})
        if Part(part) is Part.CORE:
            from monitor.app.core import Core

            return run_until_stopped(Core(config, Path(config_path)).run)
        from monitor.app.web import serve_web

        return run_until_stopped(lambda stop: serve_web(config, stop))
    except ConfigError as error:
        log.error("%s", error)
        return EXIT_CONFIG


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
