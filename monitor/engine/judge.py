"""What a rule may ask of more than one vehicle: a judge over the whole fleet, beside the pass.

The pass sees one vehicle at a time. A rule that compares vehicles (one driver in two, one track in two, a platform
that fell silent) has its entries write ``SIGN`` or ``STRETCH`` rows, which are few, and a judge that reads them after
the pass, or the fleet's columns when time passes. The answer must not depend on the order in which vehicles come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.model.edge import EDGE

if TYPE_CHECKING:
    from monitor.engine.fleet_state import FleetState
    from monitor.engine.rule import RuleSettings
    from monitor.model.exchange import LinkEvent

NO_EDGES = np.zeros(0, EDGE)


class Judge:
    """A judge that never finds anything; a rule's own one overrides what it needs. Entries return EDGE rows.

    ``code`` is the rule's position among the engine's rules, for the edges.
    """

    settled = False
    """Whether the engine runs over a whole set of reports: vehicle by vehicle, so that the order of time comes only
    with ``pass_time``."""

    def __init__(self, code: int, settings: RuleSettings) -> None:
        self.code = code
        self.settings = settings

    def configure(self, settings: RuleSettings) -> None:
        """Other settings from now on; state stays."""
        self.settings = settings

    def take(
        self, signs: NDArray[np.void], stretches: NDArray[np.void], fleet: FleetState, clock_ms: int
    ) -> NDArray[np.void]:
        """What one pass wrote: ``signs`` of this rule (dtype SIGN) and all ``stretches`` (dtype STRETCH)."""
        return NO_EDGES

    def pass_time(self, fleet: FleetState, clock_ms: int, *, grace_until_ms: int, final: bool) -> NDArray[np.void]:
        """Time has passed for every vehicle up to ``clock_ms``. ``final``: no later report will ever come."""
        return NO_EDGES

    def link(self, event: LinkEvent, fleet: FleetState, clock_ms: int) -> NDArray[np.void]:
        """A link to another platform went up or down."""
        return NO_EDGES

    def snapshot(self) -> bytes:
        """The state; ``restore`` takes it."""
        return b""

    def restore(self, data: bytes) -> None:
        """Take over a snapshot."""


def edge_rows(n: int, code: int, clock_ms: int) -> NDArray[np.void]:
    """``n`` empty edges of a rule, as ``edges.new_edge`` begins them."""
    edges = np.zeros(n, EDGE)
    edges["row"] = edges["driver"] = edges["platform"] = edges["permit"] = -1
    edges["rule"] = code
    edges["at_ms"] = clock_ms
    for name in ("peak", "mean", "limit", "distance_m", "start_lon", "start_lat", "end_lon", "end_lat"):
        edges[name] = np.nan
    return edges
