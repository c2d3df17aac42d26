"""Holidays and seasons in which absence does not count, day by day."""

from __future__ import annotations

from datetime import date, timedelta

from tests.benchmarks.plain_rules.place import day_of, day_start_ms

DAY_MS = 86_400_000


class Seasons:
    """Mixed into parameters that have spans; a day below 0 is a month and day of every year."""

    __slots__ = ()

    n_spans: int
    span_from: tuple[int, ...]
    span_to: tuple[int, ...]

    def rests(self, day: int) -> bool:
        """Whether absence does not count on a day."""
        when = date(1970, 1, 1) + timedelta(days=day)
        month_day = 100 * when.month + when.day
        for first, last in zip(self.span_from[: self.n_spans], self.span_to, strict=False):
            if first >= 0:
                inside = first <= day <= last
            elif first >= last:
                inside = -first <= month_day <= -last
            else:
                inside = month_day >= -first or month_day <= -last
            if inside:
                return True
        return False

    def due_ms(self, from_ms: int, counted_ms: int) -> int:
        if not self.n_spans:
            return from_ms + counted_ms
        at_ms = from_ms
        while True:
            day = day_of(at_ms)
            if not self.rests(day):
                left_ms = day_start_ms(day + 1) - at_ms
                if counted_ms < left_ms:
                    return at_ms + counted_ms
                counted_ms -= left_ms
            at_ms = day_start_ms(day + 1)

    def counted_ms(self, from_ms: int, to_ms: int) -> int:
        if not self.n_spans:
            return to_ms - from_ms
        days = range(day_of(from_ms), day_of(to_ms) + 1)
        return sum(
            max(0, min(to_ms, day_start_ms(day + 1)) - max(from_ms, day_start_ms(day)))
            for day in days
            if not self.rests(day)
        )
