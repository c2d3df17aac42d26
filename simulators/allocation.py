"""Which vehicle has which episode on which days: chosen by chance, one at a time, never two on one day."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from simulators.episodes import EPISODES, Episode
from simulators.fleet import Member
from simulators.roads import Circuit
from simulators.scenario import Scenario

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Booking:
    """Episode ``episode`` of member number ``member`` from ``first_day`` on."""

    member: int
    first_day: int
    episode: Episode


def bookings(
    scenario: Scenario, members: tuple[Member, ...], circuits: dict[int, Circuit], rng: np.random.Generator
) -> tuple[Booking, ...]:
    """Bookings by the scenario's rates, the longest episodes first.

    ``circuits`` has the members that drive. A kind that finds no free days is booked less often; that is logged.
    """
    free = {member: np.ones(scenario.days, bool) for member in circuits}
    vehicle_days = len(circuits) * scenario.days
    out: list[Booking] = []
    for name in sorted(scenario.episodes, key=lambda name: (-EPISODES[name].days, name)):
        episode, rate = EPISODES[name], scenario.episodes[name]
        if rate <= 0:
            continue
        wanted = max(round(rate * vehicle_days / 100), scenario.at_least)
        slots = _slots(episode, members, circuits, scenario.days)
        booked = 0
        for index in rng.permutation(len(slots)):
            member, first = slots[index]
            days = slice(first, first + episode.days)
            if booked == wanted:
                break
            if not free[member][days].all():
                continue
            free[member][days] = False
            out.append(Booking(member, first, episode))
            booked += 1
        if booked < wanted:
            log.info("episode %s: %d of %d booked; the fleet has no more free days for it", name, booked, wanted)
    return tuple(out)


def _slots(
    episode: Episode, members: tuple[Member, ...], circuits: dict[int, Circuit], days: int
) -> list[tuple[int, int]]:
    able = [index for index, circuit in circuits.items() if episode.fits(members[index], circuit.length_m / 2)]
    if days < episode.days:
        return []
    firsts = [days - episode.days] if episode.at_end else list(range(days - episode.days + 1))
    return [(index, first) for index in able if members[index].registered for first in firsts]
