"""How long to wait before the next attempt: doubling, bounded, and never in step with others."""

from __future__ import annotations

import random


class Backoff:
    """``next_s`` gives the waits one after the other; ``reset`` after a success.

    Each is drawn between nothing and all of a step that doubles from ``first_s`` to ``most_s`` (full jitter), so that
    a thousand clients of one broken server do not come back in the same second. ``chance`` makes it repeatable.
    """

    def __init__(self, first_s: float, most_s: float, chance: random.Random | None = None) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._step_s = first_s
        self._chance = chance or random.Random()

    def next_s(self) -> float:
        wait_s = self._step_s * self._chance.uniform(0.0, 1.0)
        self._step_s = min(self._step_s * 2, self._most_s)
        return wait_s

    def reset(self) -> None:
        self._step_s = self._first_s

    def resume(self, attempts: int) -> None:
        """Go on as after so many failed attempts, of another life of this program perhaps."""
        self.reset()
        for _ in range(attempts):
            if self._step_s >= self._most_s:
                break
            self._step_s = min(self._step_s * 2, self._most_s)
