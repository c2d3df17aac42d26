"""The wall clock. Only the app asks it; everything below is handed a clock."""

from __future__ import annotations

import time


def now_ms() -> int:
    """UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000
