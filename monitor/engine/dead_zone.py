"""Known dead zones 盲区 as rules of gaps are set to them; which zones there are is the maps' to say.

A rule of gaps inherits its settings from ``DeadZoneSettings`` and puts ``DEAD_ZONE_FIELDS`` into its parameters; the
alarm book reads them there (``monitor.alarms.dead_zones``).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from pydantic import Field

from monitor.engine.rule import RuleSettings, Value

DEAD_ZONE_FIELDS = [
    ("dead_zone_ends", np.int64),  # how many ends of a gap have to lie at a zone; 0 = zones do not matter
    ("dead_zone_margin_m", np.float64),
]


class Ends(StrEnum):
    """Which ends of a gap have to lie at a dead zone."""

    BOTH = "both"
    EITHER = "either"


class DeadZoneSettings(RuleSettings):
    """Settings of gaps that a dead zone explains: they are counted as ever."""

    push_dead_zones: bool = Field(
        default=False, description="whether gaps at fences of kind dead_zone and at tunnels are pushed (D)"
    )
    dead_zone_ends: Ends = Field(
        default=Ends.BOTH, description="both ends of the gap lie at the same zone, or one is enough: either (D)"
    )
    dead_zone_margin_m: float = Field(
        default=1000, ge=0, description="at a zone is up to this far from it: 30 s at 100 km/h and a little (D)"
    )

    def dead_zone_values(self) -> tuple[Value, ...]:
        """The values of ``DEAD_ZONE_FIELDS``."""
        ends = 0 if self.push_dead_zones else 2 if self.dead_zone_ends is Ends.BOTH else 1
        return (ends, self.dead_zone_margin_m)
