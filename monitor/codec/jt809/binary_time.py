"""DATE and TIME of a position of 2011: day, month, year (u16), hour, minute, second; binary, Beijing time."""

from __future__ import annotations

from monitor.codec.calendar import BEIJING_S, DAYS, FIRST_DAY, date_of_day, moment_ms
from monitor.codec.jt808.bigendian import Bytes, byte_at, read_u16, write_u16
from monitor.model.compiled import compiled, inlined


@inlined
def read_binary_time_ms(source: Bytes, at: int) -> int:
    """UTC epoch ms of the seven bytes at ``at``; 0 if a field is out of its range or the year is not 2000 to 2099."""
    day = byte_at(source, at)
    month = byte_at(source, at + 1)
    year = read_u16(source, at + 2) - 2000
    hour = byte_at(source, at + 4)
    minute = byte_at(source, at + 5)
    second = byte_at(source, at + 6)
    return moment_ms(year, month, day, hour, minute, second)


@compiled
def write_binary_time(target: Bytes, at: int, at_ms: int) -> None:
    """The seven bytes of UTC epoch ms; all zeros for an unknown time (0) and outside of 2000 to 2099."""
    for i in range(at, at + 7):
        target[i] = 0
    seconds = at_ms // 1_000 + BEIJING_S
    days = seconds // 86_400 - FIRST_DAY
    if at_ms == 0 or days < 0 or days >= DAYS:
        return
    year, month, day = date_of_day(days)
    second_of_day = seconds % 86_400
    target[at] = day
    target[at + 1] = month
    write_u16(target, at + 2, 2000 + year)
    target[at + 4] = second_of_day // 3_600
    target[at + 5] = second_of_day // 60 % 60
    target[at + 6] = second_of_day % 60
