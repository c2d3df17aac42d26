"""The simulated office's calendar: holidays and slack seasons in which the absence of some classes does not count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from monitor.model.beijing import date_of, day_of
from monitor.model.fleet import VehicleClass
from simulators.rest import Rest
from simulators.schedule import DAY_S, Span


def rests_of(calendar: Sequence[Rest], vehicle_class: VehicleClass, start_ms: int) -> tuple[Span, ...]:
    """The rests of a class in order, seconds from the scenario's begin; those that touch are one."""
    begin = date_of(day_of(start_ms))
    found = set()
    for rest in calendar:
        if rest.classes and vehicle_class not in rest.classes:
            continue
        for year in range(begin.year - 1, begin.year + 2):
            first, last = rest.days(year)
            while first <= last:
                found.add((first - begin).days)
                first += timedelta(days=1)
    spans: list[Span] = []
    for day in sorted(found):
        if spans and spans[-1].end_s == day * DAY_S:
            spans[-1] = Span(spans[-1].start_s, (day + 1) * DAY_S)
        else:
            spans.append(Span(day * DAY_S, (day + 1) * DAY_S))
    return tuple(spans)


def counted_s(rests: Sequence[Span], span: Span) -> float:
    """Seconds of a span that lie outside of every rest."""
    return span.length_s - sum(rest.overlap_s(span) for rest in rests)


def moment_counted_s(rests: Sequence[Span], from_s: float, seconds: float) -> float:
    """When so many seconds outside of rests have passed; after a rest that begins in that moment."""
    for rest in rests:
        if rest.end_s <= from_s:
            continue
        ahead_s = max(0.0, rest.start_s - from_s)
        if ahead_s > seconds:
            break
        seconds -= ahead_s
        from_s = rest.end_s
    return from_s + seconds
