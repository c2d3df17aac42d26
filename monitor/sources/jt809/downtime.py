"""When the main link was down: for the report that a platform may ask for (0x9102 -> 0x1102, 2019)."""

from __future__ import annotations

from collections import deque


class Downtime:
    """Breaks of a channel, the latest 1,000. Times are epoch ms."""

    def __init__(self) -> None:
        self._breaks: deque[tuple[int, int]] = deque(maxlen=1_000)
        self._since_ms = 0

    def down(self, at_ms: int) -> None:
        self._since_ms = self._since_ms or at_ms

    def up(self, at_ms: int) -> None:
        if self._since_ms:
            self._breaks.append((self._since_ms, at_ms))
        self._since_ms = 0

    def between(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """How many breaks began in the span, and how many seconds of it they took."""
        breaks = [*self._breaks, *([(self._since_ms, end_ms)] if self._since_ms else [])]
        began = sum(start_ms <= since < end_ms for since, _ in breaks)
        lost_ms = sum(max(0, min(until, end_ms) - max(since, start_ms)) for since, until in breaks)
        return began, lost_ms // 1_000
