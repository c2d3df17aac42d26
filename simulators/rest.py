"""One rest in the simulated office's calendar: a holiday or a slack season."""

from __future__ import annotations

from datetime import date

import msgspec

from monitor.model.fleet import VehicleClass


class Rest(msgspec.Struct, frozen=True):
    """Days from ``first`` to ``last``, both inclusive: 2026-03-06, or 03-06 for every year. No ``classes`` are all."""

    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    classes: tuple[VehicleClass, ...] = ()

    def days(self, year: int) -> tuple[date, date]:
        """First and last day of the rest that begins in ``year``. Raises ValueError for a day that is none."""
        if len(self.first) > 5:
            return date.fromisoformat(self.first), date.fromisoformat(self.last)
        begun = date.fromisoformat(f"{year}-{self.first}")
        return begun, date.fromisoformat(f"{year + (self.last < self.first)}-{self.last}")
