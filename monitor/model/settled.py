"""The payload of a SETTLED record: vehicles whose live state gives way to one rebuilt from the settled end of a day.

It holds all that is needed, so that detection, recovery and a replay of the journal do the same: the settled state rows
and open alarms at the end of ``day``, and every report of these vehicles after it that the journal had by then.
"""

from __future__ import annotations

import msgspec

from monitor.model.alarm import Alarm


class SettledVehicles(msgspec.Struct, frozen=True):
    """``rows``: one state row after another, in the order of ``keys``, of the layout named; indices in them refer to
    ``drivers``, ``sections`` and ``permits``. ``reports``: an Arrow batch as in a REPORTS record."""

    day: int
    layout: str
    keys: tuple[str, ...]
    rows: bytes
    newest_ms: tuple[int, ...]  # of each vehicle, the newest report in ``reports``, or in the state where there is none
    drivers: tuple[str, ...]
    sections: tuple[str, ...]
    permits: tuple[str, ...]
    judged: tuple[Alarm, ...]  # live alarms that settlement found to be over, withdrawn or merged, as they stand now
    lasting: tuple[Alarm, ...]  # settled alarms that last at the end of the day, by the ids that they are known by
    reports: bytes
    reason: str = ""
