"""Episodes injected on purpose, one file per kind. Each writes its truth from its own schedule.

A kind is a ``plan`` that writes some days of a journey; where the verdict hangs on the reports on either side of an
event, a ``witness`` of the same file works it out from the finished track by its own arithmetic.
"""

from __future__ import annotations

from simulators.episodes import (
    absence,
    acc,
    cards,
    cumulative,
    curfew,
    device,
    fatigue,
    gap,
    laid_up,
    lying,
    quality,
    rest,
    speeding,
)
from simulators.episodes.episode import Episode

EPISODES: dict[str, Episode] = {
    episode.name: episode
    for kinds in (
        speeding,
        fatigue,
        rest,
        gap,
        absence,
        quality,
        device,
        cards,
        cumulative,
        curfew,
        laid_up,
        acc,
        lying,
    )
    for episode in kinds.EPISODES
}
"""Every kind by name: the names that a scenario gives rates to."""

__all__ = ["EPISODES", "Episode"]
