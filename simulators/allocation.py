"""Which vehicle has which episode on which days: chosen by chance, one at a time, never two on one day."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from simulators.episodes import EPISODES, Episode, rates
from simulators.fleet import Member
from simulators.roads import Circuit
from simulators.scenario import Scenario

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Booking:
    """Episode ``episode`` of member number ``member`` from ``first_day`` on.

    ``quantile`` is its place (0–1) in the distribution of its kind's lengths; those of one kind are spread evenly.
    """

    member: int
    first_day: int
    episode: Episode
    quantile: float


def bookings(scenario: Scenario, members: tuple[Member, ...], circuits: dict[int, Circuit]) -> tuple[Booking, ...]:
    """Bookings by the scenario's rates, the longest episodes first.

    ``circuits`` has the members that drive. A kind that finds no free days is booked less often; that is logged. Each
    kind has chances of its own: another one beside it moves only what it takes the days of.
    """
    free = {member: np.ones(scenario.days, bool) for member in circuits}
    vehicle_days = len(circuits) * scenario.days
    out: list[Booking] = []
    wishes = rates(scenario.episodes)
    for name in sorted(wishes, key=lambda name: (-EPISODES[name].days, name)):
        episode, rate = EPISODES[name], wishes[name]
        if rate <= 0:
            continue
        rng = np.random.default_rng([scenario.seed, 3, crc32(name.encode())])
        wanted = max(round(rate * vehicle_days / 100), scenario.at_least)
        slots = _slots(episode, members, circuits, scenario.days)
        found: list[tuple[int, int]] = []
        for index in rng.permutation(len(slots)):
            member, first = slots[index]
            days = slice(first, first + episode.days)
            if len(found) == wanted:
                break
            if free[member][days].all():
                free[member][days] = False
                found.append((member, first))
        quantiles = rng.permutation(len(found)) + 0.5
        out += [Booking(*slot, episode, q / len(found)) for slot, q in zip(found, quantiles.tolist(), strict=True)]
        if len(found) < wanted:
            log.info("episode %s: %d of %d booked; the fleet has no more free days for it", name, len(found), wanted)
    return tuple(out)


def _slots(
    episode: Episode, members: tuple[Member, ...], circuits: dict[int, Circuit], days: int
) -> list[tuple[int, int]]:
    able = [index for index, circuit in circuits.items() if episode.fits(members[index], circuit.length_m / 2)]
    if days < episode.days:
        return []
    firsts = [days - episode.days] if episode.at_end else list(range(days - episode.days + 1))
    return [(index, first) for index in able if members[index].registered for first in firsts]
