"""Minutes that links to other platforms were due and down, for the connectivity rate 平台连通率 (rulebook §3.2).

A link counts as connected while its main or its sub channel is up. It is due from its first event on. Down time that
the upper platform or the carrier causes and that was announced beforehand is not counted (rulebook §3.2, the note);
an outage of our own is, announced or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.model.beijing import DAY_MS, MINUTE_MS, NEVER_MS, day_of, day_start_ms
from monitor.model.exchange import Channel, LinkEvent

Span = tuple[int, int]
"""``[begin, end)`` in epoch ms."""


class OutageCause(StrEnum):
    """Who makes a link fail."""

    UPPER = "upper"  # the upper platform
    CARRIER = "carrier"  # the network operator
    OWN = "own"

    @property
    def excused(self) -> bool:
        """Whether its down time is left out when announced beforehand."""
        return self is not OutageCause.OWN


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage announced for ``[from_ms, to_ms)``; what lies before ``announced_ms`` was not announced beforehand."""

    link: str
    from_ms: int
    to_ms: int
    cause: OutageCause
    reason: str
    announced_by: str
    announced_ms: int


@dataclass(frozen=True, slots=True)
class LinkDay:
    """One link on one Beijing day number: whole minutes that it was due, down, and down but excused.

    ``down_minutes`` is without the excused ones.
    """

    link: str
    day: int
    minutes: int
    down_minutes: int
    excused_minutes: int = 0


def link_days(
    events: Iterable[LinkEvent], outages: Iterable[Outage], *, first_day: int, last_day: int, clock_ms: int
) -> tuple[LinkDay, ...]:
    """Days ``first_day..last_day`` (inclusive) of every link, up to ``clock_ms``, by link and day.

    ``events`` are in any order and have to reach back to the first of each link, or to its last one per channel before
    ``first_day``. Equal input gives equal output.
    """
    by_link: dict[str, list[LinkEvent]] = {}
    for event in events:
        if event.at_ms < clock_ms:
            by_link.setdefault(event.link, []).append(event)
    announced: dict[str, list[Outage]] = {}
    for outage in outages:
        announced.setdefault(outage.link, []).append(outage)
    found: list[LinkDay] = []
    for link in sorted(by_link):
        in_order = sorted(by_link[link], key=lambda event: event.at_ms)
        down = down_spans(in_order, clock_ms)
        excused = _joined(
            (max(one.from_ms, one.announced_ms), one.to_ms) for one in announced.get(link, ()) if one.cause.excused
        )
        begin = max(first_day, int(day_of(in_order[0].at_ms)))
        for day in range(begin, min(last_day, int(day_of(clock_ms))) + 1):
            start = max(int(day_start_ms(day)), in_order[0].at_ms)
            whole = (start, min(int(day_start_ms(day)) + DAY_MS, clock_ms))
            if whole[1] <= whole[0]:
                continue
            parts = [part for span in down if (part := _overlap(span, whole)) is not None]
            lost = sum(end - at for at, end in parts)
            forgiven = sum(
                shared[1] - shared[0]
                for part in parts
                for span in excused
                if (shared := _overlap(part, span)) is not None
            )
            minutes = _minutes(whole[1] - whole[0])
            down_minutes = min(minutes, _minutes(lost - forgiven))
            found.append(LinkDay(link, day, minutes, down_minutes, min(minutes - down_minutes, _minutes(forgiven))))
    return tuple(found)


def down_spans(events: Sequence[LinkEvent], clock_ms: int) -> tuple[Span, ...]:
    """When a link had no channel up, from the first of its ``events`` (in time order) to ``clock_ms``."""
    up: set[Channel] = set()
    spans: list[Span] = []
    since = events[0].at_ms if events else NEVER_MS
    for event in events:
        before = bool(up)
        if event.up:
            up.add(event.channel)
        else:
            up.discard(event.channel)
        if before and not up:
            since = event.at_ms
        elif up and not before and event.at_ms > since:
            spans.append((since, event.at_ms))
    if not up and since < clock_ms:
        spans.append((since, clock_ms))
    return tuple(spans)


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch made one."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def _overlap(a: Span, b: Span) -> Span | None:
    begin, end = max(a[0], b[0]), min(a[1], b[1])
    return (begin, end) if begin < end else None


def _minutes(ms: int) -> int:
    """Whole minutes, halves up."""
    return (ms + MINUTE_MS // 2) // MINUTE_MS
