"""Time zones that a mapping declares for times written without an offset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?([0-5]\d))?")


@dataclass(frozen=True, slots=True)
class Zone:
    """A fixed offset from UTC, or (``offset_ms`` None) a named zone of the tz database."""

    name: str
    offset_ms: int | None

    def tzinfo(self) -> tzinfo:
        if self.offset_ms is None:
            return ZoneInfo(self.name)
        return timezone(timedelta(milliseconds=self.offset_ms))

    def localise(self, moment: datetime) -> datetime:
        """The aware moment of a wall-clock time; the earlier one where a clock change made it ambiguous."""
        return moment.replace(tzinfo=self.tzinfo())


def zone_of(text: str) -> Zone:
    """``UTC``, ``Z``, ``+08:00``, ``+0800``, ``+8`` or a name such as ``Asia/Shanghai``; raises ValueError."""
    if text in ("UTC", "Z"):
        return Zone("UTC", 0)
    found = _OFFSET.fullmatch(text)
    if found:
        sign, hours, minutes = found.groups()
        offset_min = int(hours) * 60 + int(minutes or 0)
        if offset_min <= 14 * 60:
            return Zone(text, (-1 if sign == "-" else 1) * offset_min * 60_000)
    else:
        try:
            ZoneInfo(text)
        except (OSError, ValueError, LookupError):
            pass
        else:
            return Zone(text, None)
    raise ValueError(f"{text!r} is no time zone; write UTC, +08:00 or a name such as Asia/Shanghai")
