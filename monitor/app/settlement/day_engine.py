"""The engine of settlement: days end without being the last, and what would be if this one were can be looked at."""

from __future__ import annotations

from copy import deepcopy

from monitor.engine.engine import Engine, Output
from monitor.engine.pass_template import TRACK


class DayEngine(Engine):
    """A settled engine that is taken from day to day, in the phase ``TRACK`` alone."""

    def day_over(self, clock_ms: int) -> Output:
        """Time has passed to the end of a day; later reports will come."""
        self.clock_ms = clock_ms
        return self._tick(TRACK)

    def if_final(self, clock_ms: int) -> Output:
        """What ``finish`` would say at ``clock_ms``, and nothing changed by it."""
        fleet = self.fleet
        n = len(fleet)
        rows, deadlines, step = fleet.rows[:n].copy(), fleet.deadlines[:n].copy(), self._step.copy()
        judges, clock_before_ms = self.judges, self.clock_ms
        self.judges = deepcopy(judges)
        self.clock_ms = clock_ms
        try:
            return self.finish(TRACK)
        finally:
            self.judges, self.clock_ms = judges, clock_before_ms
            fleet.rows[:n] = rows
            fleet.deadlines[:n] = deadlines
            self._step[:] = step
