"""Platforms through which the invented fleet is heard, and when they are down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.scenario import Scenario

_DAY_S = 86_400.0
_FIRST_S = 10 * 3600.0
"""The first outage of a day begins at 10:00, when most are on the road; a further one four hours later."""
_NEXT_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Outage:
    """Nothing that is sent through a platform between two moments of the scenario arrives, then or later."""

    platform: str
    start_s: float
    end_s: float


def platform_names(n: int) -> tuple[str, ...]:
    """Names of ``n`` platforms, as reports and registry state them."""
    return tuple("simulator" if number == 1 else f"simulator-{number}" for number in range(1, n + 1))


def outages(scenario: Scenario) -> tuple[Outage, ...]:
    """Those of a scenario: one a day first, of one platform after the other."""
    names = platform_names(scenario.platforms)
    out = []
    for number, minutes in enumerate(scenario.outages_min):
        begun_s = number % scenario.days * _DAY_S + _FIRST_S + number // scenario.days * _NEXT_S
        out.append(Outage(names[number % len(names)], begun_s, begun_s + 60.0 * minutes))
    return tuple(out)
