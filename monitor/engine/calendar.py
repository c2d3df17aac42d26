"""Holidays and seasons 假日与淡旺季: spans of days in which the absence of some vehicle classes does not count.

A charter coach rests in the slack season, a school coach in the holidays. The clock of an absence stands still inside
a span and goes on behind it; what a vehicle reports is counted as ever. Spans may overlap. One with years comes once,
one without comes every year and may run across the New Year; 29 February is there in leap years only.

A rule that takes a calendar has a setting of ``Calendar`` and puts ``CALENDAR_FIELDS`` into its parameters, filled with
``calendar_values``.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from monitor.engine.rule import Value
from monitor.model.beijing import NEVER_MS, day_number, day_of, day_start_ms
from monitor.model.compiled import compiled
from monitor.model.fleet import VehicleClass

MAX_SPANS = 8
"""Spans that one vehicle can have (D: the holidays of a year, and a season)."""
EARLIEST_YEAR = 2000
"""No report is dated earlier (readings, Clocks)."""

CALENDAR_FIELDS = [
    ("n_spans", np.int64),
    ("span_from", np.int32, (MAX_SPANS,)),  # Beijing day number; every year: month and day as -1231
    ("span_to", np.int32, (MAX_SPANS,)),  # the last day, in the same form
]

_LEAP_YEAR = 2000
_COMMON_YEAR = 2001
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARLY = re.compile(r"\d{2}-\d{2}")


def _text(stated: object) -> object:
    """A date that TOML has read as one, as text."""
    return stated.isoformat() if type(stated) is date else stated


def _checked(stated: str) -> str:
    """Raises ValueError where it is no day."""
    try:
        if _DATED.fullmatch(stated) and date.fromisoformat(stated).year >= EARLIEST_YEAR:
            return stated
        if _YEARLY.fullmatch(stated):
            date.fromisoformat(f"{_LEAP_YEAR}-{stated}")
            return stated
    except ValueError:
        pass
    raise ValueError(f"{stated!r} is no day: write 2026-02-16, from {EARLIEST_YEAR} on, or 02-16 for every year")


Day = Annotated[str, BeforeValidator(_text), AfterValidator(_checked)]


class CalendarSpan(BaseModel):
    """Days from ``from`` to ``to``, both inclusive; without ``classes`` for every class that the setting holds for."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: Day = Field(alias="from", description="first day, as 2026-02-16; as 02-16 every year")
    last: Day = Field(alias="to", description="last day, inclusive, in the same form")
    classes: tuple[VehicleClass, ...] = Field(default=(), description="vehicle classes; none named means all")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if len(self.first) != len(self.last):
            raise ValueError(f"from {self.first} to {self.last}: either both have a year or neither has")
        if not self.yearly and self.first > self.last:
            raise ValueError(f"from {self.first} to {self.last}: it ends before it begins")
        return self

    @property
    def yearly(self) -> bool:
        return bool(_YEARLY.fullmatch(self.first))

    def holds_for(self, vehicle_class: str) -> bool:
        return not self.classes or vehicle_class in self.classes

    def holds_yearly_on(self, day: str) -> bool:
        """Whether a day written as 02-16 lies in a span of every year."""
        if self.first <= self.last:
            return self.yearly and self.first <= day <= self.last
        return self.yearly and (day >= self.first or day <= self.last)


def _fitting(calendar: tuple[CalendarSpan, ...]) -> tuple[CalendarSpan, ...]:
    """Raises ValueError where a class has too many spans, or no day left on which its absence would count."""
    days = [date.fromordinal(date(_COMMON_YEAR, 1, 1).toordinal() + n).isoformat()[5:] for n in range(365)]
    for vehicle_class in VehicleClass:
        spans = [span for span in calendar if span.holds_for(vehicle_class)]
        if len(spans) > MAX_SPANS:
            raise ValueError(
                f"{len(spans)} spans for {vehicle_class.value}, room is for {MAX_SPANS}: "
                "join those that touch, leave out those that are over"
            )
        if all(any(span.holds_yearly_on(day) for span in spans) for day in days):
            raise ValueError(
                f"it leaves no day of the year on which the absence of {vehicle_class.value} would count; "
                "to let a class go, give it enabled = false"
            )
    return calendar


Calendar = Annotated[tuple[CalendarSpan, ...], AfterValidator(_fitting)]
"""Spans of days, at most ``MAX_SPANS`` for any class."""


def calendar_values(calendar: tuple[CalendarSpan, ...], vehicle_class: str) -> tuple[Value, ...]:
    """The values of ``CALENDAR_FIELDS`` for one class."""
    spans = [span for span in calendar if span.holds_for(vehicle_class)]
    rest = (0,) * (MAX_SPANS - len(spans))
    firsts = (*(_value(span.first) for span in spans), *rest)
    lasts = (*(_value(span.last) for span in spans), *rest)
    return (len(spans), firsts, lasts)


def _value(day: str) -> int:
    if _YEARLY.fullmatch(day):
        return -int(day.replace("-", ""))
    return day_number(date.fromisoformat(day))


@compiled
def year_of(day: int) -> int:
    """Calendar year of a Beijing day number; years counted from 1 March, as ``beijing.month_start_day`` does."""
    since = int(day) + 719_468
    of_era = since % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return int(since // 146_097 * 400 + year + (1 if of_year >= 306 else 0))


@compiled
def day_in_year(year: int, month_day: int) -> int:
    """Beijing day number of a month and day (1231) of a year; 29 February of a common year is 1 March."""
    month = month_day // 100
    if month <= 2:
        year -= 1
        month += 12
    of_year = (153 * (month - 3) + 2) // 5 + month_day % 100 - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719_468


@compiled
def day_after(year: int, month_day: int) -> int:
    """Beijing day number of the day after a month and day of a year."""
    if month_day == 229:
        return day_in_year(year, 301)
    return day_in_year(year, month_day) + 1


@compiled
def next_span(params: np.void, at_ms: int) -> tuple[int, int]:
    """Begin and end (the first moment after) of the earliest span that ends after a moment; NEVER_MS without one."""
    begin_ms = NEVER_MS
    end_ms = NEVER_MS
    year = year_of(day_of(at_ms))
    for i in range(params["n_spans"]):
        first = int(params["span_from"][i])
        last = int(params["span_to"][i])
        if first >= 0:
            a, b = day_start_ms(first), day_start_ms(last + 1)
        else:
            over = 1 if last > first else 0  # both below 0: it runs across the New Year
            a, b = 0, 0
            for nth in range(year - 1, year + 2):
                if b <= at_ms:
                    a = day_start_ms(day_in_year(nth, -first))
                    b = day_start_ms(day_after(nth + over, -last))
        if b > at_ms and a < begin_ms:
            begin_ms, end_ms = a, b
    return begin_ms, end_ms


@compiled
def due_after(params: np.void, from_ms: int, counted_ms: int) -> int:
    """When a clock that stands still inside the spans has counted so much; at the end of one rather than at its begin.

    What is over at that moment is over after it: never inside a span.
    """
    if params["n_spans"] == 0:
        return from_ms + counted_ms
    at_ms = from_ms
    while True:
        begin_ms, end_ms = next_span(params, at_ms)
        if begin_ms > at_ms + counted_ms:
            return at_ms + counted_ms
        if begin_ms > at_ms:
            counted_ms -= begin_ms - at_ms
        at_ms = end_ms


@compiled
def counted_between(params: np.void, from_ms: int, to_ms: int) -> int:
    """What such a clock counts between two moments."""
    if params["n_spans"] == 0:
        return to_ms - from_ms
    counted_ms = 0
    at_ms = from_ms
    while at_ms < to_ms:
        begin_ms, end_ms = next_span(params, at_ms)
        counted_ms += max(0, min(begin_ms, to_ms) - at_ms)
        at_ms = end_ms
    return counted_ms
