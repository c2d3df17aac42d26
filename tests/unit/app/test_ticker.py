"""When time passes without reports."""

from __future__ import annotations

from typing import cast

from monitor.app.core_settings import CoreSettings
from monitor.app.reception import Reception
from monitor.app.ticker import Ticker, tick

NOW_MS = 1_772_000_000_000


def _ticker(due_ms: int) -> Ticker:
    ticker = Ticker(cast(Reception, None), lambda: due_ms, lambda: NOW_MS, CoreSettings(tick_s=10, heartbeat_s=60))
    ticker._last_tick_ms = ticker._last_look_ms = NOW_MS
    return ticker


def test_nothing_due_is_no_tick_until_the_heartbeat() -> None:
    ticker = _ticker(NOW_MS + 10**9)
    assert all(ticker.wanted(NOW_MS + s * 1000) is None for s in range(1, 60))
    heartbeat = ticker.wanted(NOW_MS + 60_000)
    assert heartbeat is not None
    assert not heartbeat.resumed


def test_what_is_due_comes_with_the_next_tick_and_not_every_second() -> None:
    ticker = _ticker(NOW_MS + 3_000)
    written = [s for s in range(1, 31) if ticker.wanted(NOW_MS + s * 1000) is not None]
    assert written == [10, 20, 30]


def test_a_stall_of_five_minutes_resumes() -> None:
    record = _ticker(NOW_MS + 10**9).wanted(NOW_MS + 300_000)
    assert record is not None
    assert record.resumed
    assert record.paused_ms == NOW_MS


def test_a_clock_that_goes_back_gives_no_tick() -> None:
    assert _ticker(0).wanted(NOW_MS - 3_600_000) is None


def test_the_first_start_ever_is_no_pause() -> None:
    assert not tick(NOW_MS, 0, 300.0).resumed
