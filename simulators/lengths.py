"""How long, far or often violations are: one distribution for every rule, as multiples of its threshold.

With probability ``NEAR_SHARE`` evenly spread within ``near`` on either side of the threshold, otherwise log-uniform
from there to the longest. The shares are guesses on the hard side: most violations of a real fleet are small ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NEAR_SHARE = 0.5
NEAR = 0.1
"""Near a boundary is at least this share of the threshold on either side."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The distribution for one threshold, in the unit of the threshold; ``near`` is half the width of the band."""

    threshold: float
    near: float
    longest: float

    def at(self, quantile: float) -> float:
        """The length that the share ``quantile`` (0–1) of all is below."""
        if quantile < NEAR_SHARE:
            return self.threshold + self.near * (2 * quantile / NEAR_SHARE - 1)
        nearest = self.threshold + self.near
        return nearest * math.exp((quantile - NEAR_SHARE) / (1 - NEAR_SHARE) * math.log(self.longest / nearest))


def around(threshold: float, longest: float, *, reports_s: float = 0.0) -> Lengths:
    """Near is a tenth of the threshold, or two reports ``reports_s`` apart if that is more."""
    return Lengths(threshold, max(NEAR * threshold, 2 * reports_s), longest)
