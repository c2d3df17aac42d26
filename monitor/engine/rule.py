"""What a rule is: one file with settings, state layout and compiled entries.

A rule module defines ``RULE``, a ``Rule``. Its entries are compiled functions over records; each is optional:

=============  ==================================================================================================
``step``       one accepted report, in fix-time order
``contact``    one report with a good time stamp, positioned or not, in receive order
``receipt``    one report whose receipt is known, in receive order, whatever its time stamp; duplicates are left out
``report``     one report newer than all before it, positioned or not, in fix-time order; and one that repeats the
               newest time, with ``x["again"]`` set
``gap``        a gap that ``step`` has asked to be kept has waited for backfill, or a part of one; settled at once
``late``       a report older than the vehicle's newest, live only: how much of a gap it must leave (``held_gap``)
``advance``    time has passed without a report; returns the next deadline (epoch ms)
``close_day``  a Beijing day of the vehicle is over; may set fields of the day row
=============  ==================================================================================================

A rule that compares vehicles has a ``judge`` besides (``engine.judge``).

All but ``close_day`` have the signature ``(state, params, core, x, out, code)``: records of the rule's state, its
parameters, the engine's ``CORE``, ``STEP`` and ``OUT``, and the rule's code for edges.
``close_day`` has the day row before ``x``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from monitor.engine.judge import Judge
from monitor.model.alarm import Subject
from monitor.model.fleet import Vehicle

Entry = Callable[..., None]
"""A compiled entry; Numba's records have no static type, so the arguments cannot be spelled out."""
Advance = Callable[..., int]
Value = int | float | tuple[int | float, ...]
"""One field of a parameter row; a tuple for an array field."""


class RuleSettings(BaseModel):
    """Settings of a rule: every threshold with its unit in the name; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True


@dataclass(frozen=True, slots=True)
class VehicleFacts:
    """What a rule may know of a vehicle when its parameters are worked out.

    ``vehicle`` is None without a registry row; ``registered`` is then true only where there is no registry at all.
    """

    vehicle: Vehicle | None
    registered: bool

    @property
    def vehicle_class(self) -> str:
        return self.vehicle.vehicle_class.value if self.vehicle else "other"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``fill`` gives the values of ``params`` in field order for one vehicle's settings and facts."""

    name: str
    title_zh: str
    title_en: str
    unit: str
    settings: type[RuleSettings]
    params: np.dtype[np.void]
    fill: Callable[[RuleSettings, VehicleFacts], tuple[Value, ...]]
    kinds: tuple[str, ...] = ()
    subject: Subject = Subject.VEHICLE
    subject_driver: bool = False  # the subject is the driver where one is known
    state: np.dtype[np.void] | None = None
    hot: tuple[str, ...] = ()  # fields of ``state`` that every report of a driving vehicle touches (``row_layout``)
    step: Entry | None = None
    contact: Entry | None = None
    receipt: Entry | None = None
    report: Entry | None = None
    gap: Entry | None = None
    late: Entry | None = None
    advance: Advance | None = None
    close_day: Entry | None = None
    judge: type[Judge] | None = None
    page: str = ""
    """Markdown that ``monitor rules`` prints: what, since when, how read, where from."""

    def kind(self, code: int) -> str:
        """Kind word of an edge's kind code."""
        return self.kinds[code] if self.kinds else ""
