"""What can be wrong with a report: flaw bits, never exceptions.

A flawed report is kept, counted by reason and judged by the rules only as far as it can be trusted.
Q numbers are those of the rule set (field range, identity, fix, duplicate, make-up, drift).
"""

from __future__ import annotations

from enum import IntFlag


class Flaw(IntFlag):
    """Bits of ``REPORT["flaws"]``. The first group is judged before the journal, the second by the engine."""

    TIME = 1 << 0  # Q1: later than receipt (+ skew), before 2000, or no time at all; moves no clock
    LONGITUDE = 1 << 1  # Q1: outside 73.5500–135.0833
    LATITUDE = 1 << 2  # Q1: outside 3.8500–53.5500
    SPEED = 1 << 3  # Q1: outside 0–160 km/h
    ALTITUDE = 1 << 4  # Q1: outside −200–6500 m
    DIRECTION = 1 << 5  # Q1: outside 0–359
    NO_FIX = 1 << 6  # Q3: not positioned, or coordinates (0, 0)
    STATUS = 1 << 7  # status or alarm word that is no number
    LENGTH = 1 << 8  # frame whose declared and real length differ, or items that overrun the body
    IDENTITY = 1 << 16  # Q2: vehicle not registered
    DUPLICATE = 1 << 17  # Q4: same vehicle and same fix time
    CONFLICT = 1 << 18  # Q4: a duplicate whose payload differs
    LATE = 1 << 19  # Q5: flagged make-up, or older than 300 s on receipt
    OUT_OF_ORDER = 1 << 20  # older than the vehicle's last fix: history only until settlement
    DRIFT = 1 << 21  # Q6: displaced report


POSITION_FLAWS = Flaw.LONGITUDE | Flaw.LATITUDE | Flaw.NO_FIX
"""A report with one of these has no usable position."""

UNQUALIFIED_FLAWS = (
    Flaw.TIME
    | Flaw.LONGITUDE
    | Flaw.LATITUDE
    | Flaw.SPEED
    | Flaw.ALTITUDE
    | Flaw.DIRECTION
    | Flaw.NO_FIX
    | Flaw.STATUS
    | Flaw.IDENTITY
)
"""A report with one of these is unqualified in the data qualification rate (rulebook §3.3 note 1)."""


class ReportFlag(IntFlag):
    """Bits of ``REPORT["flags"]``: what the report states, apart from its numbers."""

    BACKFILL = 1 << 0
    ACC_KNOWN = 1 << 1
    ACC_ON = 1 << 2
    POSITIONED = 1 << 3
    SPEED_DERIVED = 1 << 4
    PAYLOAD_RECV = 1 << 5  # recv_ms was stated by the payload, not measured by us
