"""Which reports say that power is cut with ACC off where that is meant to be: the only ones asked for their fence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.model.alarm_bits import AlarmBit
from monitor.model.flaw import POSITION_FLAWS, ReportFlag
from monitor.model.report import ReportRows

if TYPE_CHECKING:
    from monitor.model.fence import FenceSet

_POWER = AlarmBit.POWER_LOST.mask
_ACC_ON = int(ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON)
_POSITION = int(POSITION_FLAWS)


def in_fence(reports: ReportRows, fences: FenceSet) -> NDArray[np.intp]:
    """Positions in ``reports`` of those with the bit of lost power, a usable place in such a fence, and ACC not on."""
    word = reports["alarm_flags"]
    asked = np.flatnonzero((word > 0) & (word & _POWER != 0))
    if not len(asked):
        return asked
    rows = reports[asked]
    asked = asked[(rows["flaws"] & _POSITION == 0) & (rows["flags"] & _ACC_ON != _ACC_ON)]
    inside: NDArray[np.intp] = asked[fences.quiet(reports["lon_deg"][asked], reports["lat_deg"][asked])]
    return inside
