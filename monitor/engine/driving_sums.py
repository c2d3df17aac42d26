"""How long a vehicle was driven in the last 24 hours and in the last 7 days, in state of bounded size.

Both sums take driving as it happens and answer for a moment at or after it; time is whole epoch seconds. Only the end
that leaves the window can be inexact, where driving there is known to have happened, but not quite when:

* The day keeps the stretches of driving themselves and is exact while no more than 12 of them lie in its 24 hours.
  Beyond that the two neighbours that lose least are taken together, as driving spread evenly over both and the stop
  between: at most 40 minutes off, when a vehicle stands and drives in equal and ever longer pieces; some seconds for
  a coach that stops two minutes forty times a day.
* The week keeps driving per hour in units of 15 s and spreads it evenly over the hour: at most 15 min 15 s off, when
  half of the hour that leaves was driven, all of it at one end.

*Sure* driving is what certainly was driving of the driver who is known; the week subtracts the rest by whole days, so
its sure sum is never too high by more than that.
"""

from __future__ import annotations

import numpy as np

from monitor.model.compiled import compiled, folded

STRETCHES = 12
"""Stretches kept of a day (D): a coach's ordinary day has some ten."""
DAY_S = 86_400
LONGEST_S = 28_800
"""A stretch is cut here, so that it fits into two bytes (D)."""
HOUR_S = 3_600
HOURS = 168
UNIT_S = 15
"""Driving of an hour in one byte: 240 units."""
UNSURE_DAYS = 8
"""A week touches so many calendar days."""
SINCE_2000_S = 946_684_800

DAY_SUM = np.dtype(
    [
        ("open_from_s", np.int64),  # the newest stretch, not yet among the kept ones
        ("open_to_s", np.int64),
        ("start_s", np.int32, (STRETCHES,)),  # since 2000; oldest first
        ("span_s", np.int16, (STRETCHES,)),
        ("drive_s", np.int16, (STRETCHES,)),  # at most the span; negative = not sure
        ("all_s", np.int32),  # of the kept ones
        ("sure_s", np.int32),
        ("n", np.int8),
        ("open_sure", np.int8),
    ],
    align=True,
)

WEEK_SUM = np.dtype(
    [
        ("all_s", np.int32),
        ("hour", np.int32),  # newest hour, since the epoch; 0 = none
        ("unsure_s", np.int32, (UNSURE_DAYS,)),  # by day since the epoch, modulo
        ("unsure_sum_s", np.int32),
        ("hour_s", np.int16),  # driving of the newest hour, and what did not make a unit before
        ("units", np.uint8, (HOURS,)),  # of the hours before, modulo
    ],
    align=True,
)


@compiled
def forget_day(day: np.void) -> None:
    """Nothing was driven."""
    day["open_from_s"] = 0
    day["open_to_s"] = 0
    day["open_sure"] = 0
    day["all_s"] = 0
    day["sure_s"] = 0
    day["n"] = 0


@compiled
def most_in_day(day: np.void) -> int:
    """No more than this was driven: cheap, and what has left the window may be in it."""
    return int(day["all_s"] + day["open_to_s"] - day["open_from_s"])


@compiled
def sum_of_day(day: np.void, at_s: int, sure: int) -> int:
    """Driving of the 24 h before a moment, all or only the sure."""
    left_s = at_s - DAY_S
    total = np.int64(day["sure_s"]) if sure == 1 else np.int64(day["all_s"])
    if sure == 0 or day["open_sure"] == 1:
        total += day["open_to_s"] - max(day["open_from_s"], min(day["open_to_s"], left_s))
    starts = day["start_s"]
    spans = day["span_s"]
    drives = day["drive_s"]
    for i in range(day["n"]):
        gone = left_s - (np.int64(starts[i]) + SINCE_2000_S)
        if gone <= 0:
            break
        drive = np.int64(drives[i])
        if sure == 1 and drive < 0:
            continue
        span = np.int64(spans[i])
        total -= abs(drive) * min(gone, span) // span
    return int(total)


@compiled
def add_to_day(day: np.void, from_s: int, to_s: int, sure: int) -> None:
    """Driving that follows all that was added before."""
    if to_s <= from_s:
        return
    if from_s == day["open_to_s"] and sure == day["open_sure"] and to_s - day["open_from_s"] <= LONGEST_S:
        day["open_to_s"] = to_s
        return
    keep_open(day)
    day["open_from_s"] = from_s
    day["open_to_s"] = to_s
    day["open_sure"] = sure


@compiled
def doubt_day(day: np.void, since_s: int) -> int:
    """The newest stretch is not sure since a moment; returns how much that changes."""
    to_s = day["open_to_s"]
    if day["open_sure"] == 0 or since_s >= to_s:
        return 0
    if since_s > day["open_from_s"]:
        day["open_to_s"] = since_s
        keep_open(day)
        day["open_from_s"] = since_s
        day["open_to_s"] = to_s
    day["open_sure"] = 0
    return int(to_s - day["open_from_s"])


@compiled
def drop_old(day: np.void, at_s: int) -> None:
    """Kept stretches that have left the window altogether."""
    starts = day["start_s"]
    spans = day["span_s"]
    drives = day["drive_s"]
    n = np.int64(day["n"])
    gone = 0
    while gone < n and np.int64(starts[gone]) + SINCE_2000_S + np.int64(spans[gone]) <= at_s - DAY_S:
        drive = np.int64(drives[gone])
        day["all_s"] -= abs(drive)
        day["sure_s"] -= max(0, drive)
        gone += 1
    if gone == 0:
        return
    for i in range(gone, n):
        starts[i - gone] = starts[i]
        spans[i - gone] = spans[i]
        drives[i - gone] = drives[i]
    day["n"] = n - gone


@compiled
def keep_open(day: np.void) -> None:
    """Put the newest stretch among the kept ones, making room where there is none."""
    drive = day["open_to_s"] - day["open_from_s"]
    if drive <= 0:
        return
    drop_old(day, day["open_to_s"])
    if day["n"] == STRETCHES:
        join_two(day)
    n = day["n"]
    day["start_s"][n] = day["open_from_s"] - SINCE_2000_S
    day["span_s"][n] = drive
    day["drive_s"][n] = drive if day["open_sure"] == 1 else -drive
    day["n"] = n + 1
    day["all_s"] += drive
    if day["open_sure"] == 1:
        day["sure_s"] += drive
    day["open_from_s"] = day["open_to_s"]


@compiled
def join_two(day: np.void) -> None:
    """Take the two neighbours together that lose least: by how far off the sum can be while the pair leaves.

    A pair of which one is not sure becomes not sure, and loses the driving of the other besides.
    """
    starts = day["start_s"]
    spans = day["span_s"]
    drives = day["drive_s"]
    best = -1
    best_loss = np.int64(0)
    for i in range(STRETCHES - 1):
        first = np.int64(drives[i])
        second = np.int64(drives[i + 1])
        span = np.int64(starts[i + 1]) + np.int64(spans[i + 1]) - np.int64(starts[i])
        if span > 32_767:
            continue
        drive = abs(first) + abs(second)
        loss = drive * (span - drive) // span
        if (first < 0) != (second < 0):
            loss += max(first, second)
        if best < 0 or loss < best_loss:
            best = i
            best_loss = loss
    first = np.int64(drives[best])
    second = np.int64(drives[best + 1])
    drive = abs(first) + abs(second)
    if (first < 0) != (second < 0):
        day["sure_s"] -= max(first, second)
    spans[best] = np.int64(starts[best + 1]) + np.int64(spans[best + 1]) - np.int64(starts[best])
    drives[best] = drive if first > 0 and second > 0 else -drive
    for i in range(best + 1, STRETCHES - 1):
        starts[i] = starts[i + 1]
        spans[i] = spans[i + 1]
        drives[i] = drives[i + 1]
    day["n"] = STRETCHES - 1


@compiled
def forget_week(week: np.void) -> None:
    """Nothing was driven."""
    week["all_s"] = 0
    week["hour"] = 0
    week["hour_s"] = 0
    week["unsure_sum_s"] = 0
    for i in range(UNSURE_DAYS):
        week["unsure_s"][i] = 0
    for i in range(HOURS):
        week["units"][i] = 0


@compiled
def go_to_hour(week: np.void, hour: int) -> None:
    """Close the hours before one; what lies a week and more before it is forgotten."""
    if hour == week["hour"]:
        return
    if week["hour"] == 0 or hour - week["hour"] > HOURS:
        forget_week(week)
        week["hour"] = hour
        return
    units = week["units"]
    for closed in range(week["hour"], hour):
        slot = closed % HOURS
        whole = week["hour_s"] // UNIT_S
        week["all_s"] -= np.int64(units[slot]) * UNIT_S
        units[slot] = whole
        week["hour_s"] -= whole * UNIT_S
        if (closed + 1) % 24 == 0:
            day = (closed + 1) // 24 % UNSURE_DAYS
            week["unsure_sum_s"] -= week["unsure_s"][day]
            week["unsure_s"][day] = 0
    week["hour"] = hour


@compiled
def doubt_week(week: np.void, unsure_s: int) -> None:
    """So much of what was added last is not sure."""
    week["unsure_s"][week["hour"] // 24 % UNSURE_DAYS] += unsure_s
    week["unsure_sum_s"] += unsure_s


@folded
def add_to_week(week: np.void, from_s: int, to_s: int, sure: int) -> None:
    """Driving that follows all that was added before."""
    while from_s < to_s:
        hour = from_s // HOUR_S
        go_to_hour(week, hour)
        part_s = min(to_s, (hour + 1) * HOUR_S) - from_s
        week["all_s"] += part_s
        week["hour_s"] += part_s
        if sure == 0:
            doubt_week(week, part_s)
        from_s += part_s


@compiled
def sum_of_week(week: np.void, at_s: int, sure: int) -> int:
    """Driving of the 7 days before a moment, all or only the sure. The moment is no more than a day after the hour."""
    left_s = at_s - HOURS * HOUR_S
    total = np.int64(week["all_s"])
    hour = np.int64(week["hour"]) - HOURS
    while hour * HOUR_S < left_s and hour < week["hour"]:
        gone = min(np.int64(left_s) - hour * HOUR_S, np.int64(HOUR_S))
        total -= np.int64(week["units"][hour % HOURS]) * UNIT_S * gone // HOUR_S
        hour += 1
    if sure == 1:
        total -= week["unsure_sum_s"]
    return int(total)
