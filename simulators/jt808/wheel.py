"""A time wheel: ten thousand terminals wait for something, and the event loop keeps one timer."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Wheel:
    """Calls put off, in slots of ``tick_s``. The clock is handed in; nothing happens but in ``advance``.

    What is due in one slot is called in the order in which it was put there, so a run with the same steps of the
    clock calls the same things in the same order.
    """

    def __init__(self, now_s: float = 0.0, tick_s: float = 0.05) -> None:
        if tick_s <= 0:
            raise ValueError("a tick is longer than 0 s")
        self.now_s = now_s
        self._tick_s = tick_s
        self._slots: dict[int, list[Callable[[], None]]] = {}
        self._due: list[int] = []

    def __len__(self) -> int:
        return sum(len(calls) for calls in self._slots.values())

    def after(self, wait_s: float, call: Callable[[], None]) -> None:
        """Call ``call`` in the first tick that is at least ``wait_s`` from now."""
        slot = int((self.now_s + max(wait_s, 0.0)) / self._tick_s) + 1
        calls = self._slots.get(slot)
        if calls is None:
            self._slots[slot] = [call]
            heapq.heappush(self._due, slot)
        else:
            calls.append(call)

    def advance(self, now_s: float) -> int:
        """Bring the clock forward and call what is due; how many calls that were."""
        self.now_s = max(now_s, self.now_s)
        n = 0
        while self._due and self._due[0] * self._tick_s <= self.now_s:
            for call in self._slots.pop(heapq.heappop(self._due)):
                call()
                n += 1
        return n
