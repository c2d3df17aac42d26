"""A core whose wall clock is put wrong by a file: ``python -m tests.integration.clocked_core CONFIG STATE FILE``.

The file holds the seconds by which the clock is off. Everything else is the core as the daemon runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from monitor.app.child import run_until_stopped, start_logging
from monitor.app.clock_watch import ClockWatch
from monitor.app.config import load_config
from monitor.app.core import Core
from monitor.app.wall_clock import now_ms


def main(arguments: list[str]) -> int:
    start_logging()
    config_path, state, offset = map(Path, arguments)
    config = load_config(config_path).model_copy(update={"state_folder": state})

    def wrong_ms() -> int:
        return now_ms() + int(float(offset.read_text() or 0) * 1000)

    clock = ClockWatch(config.core.clock_jump_s, wrong_ms)
    return run_until_stopped(Core(config, config_path, clock).run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
