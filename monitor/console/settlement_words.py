"""Words of settlement over the command channel."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class SettlementCommand(StrEnum):
    RUN = "settlement.run"
    STATE = "settlement.state"


class SettleDays(msgspec.Struct, frozen=True):
    """Settle days ``first`` to ``last``; with the registry of today instead of that of then, if asked."""

    first: date
    last: date
    with_current_registry: bool = False


class DaySettled(msgspec.Struct, frozen=True):
    """A day, its reports, the settled alarms that touch it, corrections by transition, and seconds."""

    day: date
    reports: int
    alarms: int
    changes: dict[str, int]
    seconds: float


class SettlementState(msgspec.Struct, frozen=True):
    """Whether a run is under way, what the last one settled, and why it failed (empty: it did not)."""

    running: bool
    run: int = 0
    days: tuple[DaySettled, ...] = ()
    failure: str = ""
