"""What an import does to one vehicle: nothing, a correction of the row in force, or a new row from a day on.

A new row keeps what was true before: the old one is closed at the day before and stays for settlement and history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum

from monitor.model.fleet import Vehicle

SPANNED: tuple[str, ...] = (
    "plate",
    "plate_color",
    "vehicle_class",
    "enterprise_id",
    "terminal_phone",
    "max_speed_kmh",
    "crew",
    "line_km",
    "curfew_exempt",
    "gross_mass_kg",
    "platform",
)
"""Fields that hold from a day on. The others describe the vehicle as such, or carry their own dates."""

_PERIODS: tuple[str, ...] = ("suspended_from", "relay_from", "retired_on")
"""A period stated with other dates is another period: the earlier one stays with the old row."""


class SpanAction(Enum):
    ADD = "add"
    KEEP = "keep"
    CORRECT = "correct"
    SUCCEED = "succeed"
    REFUSE = "refuse"  # the change would lie before the row in force


@dataclass(frozen=True, slots=True)
class SpanStep:
    """``opened`` is the row in force afterwards; ``closed_on`` the last day of the row before it, for SUCCEED."""

    action: SpanAction
    opened: Vehicle
    closed_on: date | None = None


def span_step(current: Vehicle | None, stated: Vehicle, effective: date) -> SpanStep:
    """The step from the row in force (None for a new vehicle) to what a file states from ``effective`` on."""
    if current is None:
        return SpanStep(SpanAction.ADD, replace(stated, valid_from=effective, valid_to=None))
    in_place = replace(stated, valid_from=current.valid_from, valid_to=None)
    if in_place == current:
        return SpanStep(SpanAction.KEEP, current)
    if not _succeeds(current, stated) or current.valid_from == effective:
        return SpanStep(SpanAction.CORRECT, in_place)
    if current.valid_from is not None and current.valid_from > effective:
        return SpanStep(SpanAction.REFUSE, current)
    opened = replace(stated, valid_from=effective, valid_to=None)
    return SpanStep(SpanAction.SUCCEED, opened, closed_on=effective - timedelta(days=1))


def _succeeds(current: Vehicle, stated: Vehicle) -> bool:
    if any(getattr(current, name) != getattr(stated, name) for name in SPANNED):
        return True
    return any(getattr(current, name) not in (None, getattr(stated, name)) for name in _PERIODS)
