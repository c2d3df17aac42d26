"""Copies have the very fixes of the original; who drives the same way himself has none of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from simulators.run import Simulation, simulate
from simulators.scenario import Faults, Scenario, checked
from simulators.truth import TruthEpisode

Place = tuple[float, float]


@cache
def run(noise_m: float) -> Simulation:
    faults = Faults(noise_m=noise_m, drift_burst=0.2)
    return simulate(Scenario(vehicles=60, days=4, seed=8, at_least=4, episodes={"copied": 0.01}, faults=faults))


def places(simulation: Simulation, vehicle_id: str, from_ms: int, to_ms: int) -> list[Place]:
    rows = simulation.batch.rows
    mine = rows[rows["key"] == simulation.batch.keys.index(vehicle_id)]
    mine = mine[(mine["fix_ms"] > from_ms) & (mine["fix_ms"] < to_ms) & (mine["speed_dkmh"] > 50)]
    return list(zip(mine["lon_deg"].tolist(), mine["lat_deg"].tolist(), strict=True))


def share_seen_before(simulation: Simulation, row: TruthEpisode) -> float:
    """Of the fixes of an episode, how many any vehicle had before."""
    assert row.end_ms is not None
    own = places(simulation, row.vehicle_id, row.onset_ms, row.end_ms)
    start_ms = simulation.scenario.start_ms
    before = {
        place
        for vehicle_id in simulation.batch.keys
        for place in places(
            simulation, vehicle_id, start_ms, row.onset_ms if vehicle_id == row.vehicle_id else row.end_ms
        )
    }
    return sum(place in before for place in own) / len(own)


@pytest.mark.parametrize("noise_m", [2.0, 15.0])
def test_a_copy_has_the_fixes_of_the_original_and_a_near_miss_its_own(noise_m: float) -> None:
    simulation = run(noise_m)
    rows = [row for row in simulation.truth if row.rule == "copied_track"]
    assert len(rows) == 16
    assert {row.expected for row in rows} == {True, False}
    for row in rows:
        share = share_seen_before(simulation, row)
        assert share > 0.97 if row.expected else share < 0.02, row


def test_followers_are_vehicles_of_the_registry_beyond_the_fleet() -> None:
    simulation = run(2.0)
    followers = [vehicle for vehicle in simulation.registry if vehicle.vehicle_id.startswith("SIMF")]
    assert len(followers) == 8
    assert len(simulation.registry) == 60 + len(followers)
    assert len({vehicle.plate for vehicle in simulation.registry}) == len(simulation.registry)
    assert len({vehicle.terminal_phone for vehicle in simulation.registry}) == len(simulation.registry)


def test_the_fleet_is_the_same_with_and_without_followers() -> None:
    asked = Scenario(vehicles=30, days=2, seed=3, episodes={"copied_convoy": 3.0})
    with_followers = simulate(asked).registry
    alone = simulate(Scenario(vehicles=30, days=2, seed=3)).registry
    assert with_followers[:30] == alone


def test_each_platform_is_silent_in_its_outages() -> None:
    simulation = simulate(checked(Scenario(vehicles=40, days=2, platforms=2, outages_min=(8.0, 60.0))))
    rows = simulation.batch.rows
    assert simulation.batch.sources == ("simulator", "simulator-2")
    by_key = {vehicle.vehicle_id: vehicle.platform for vehicle in simulation.registry}
    for key, source in np.unique(np.column_stack([rows["key"], rows["source"]]), axis=0):
        assert simulation.batch.sources[source] == by_key[simulation.batch.keys[key]]
    for source, minutes in ((0, 8), (1, 60)):
        recv_ms = np.sort(rows["recv_ms"][rows["source"] == source])
        assert np.diff(recv_ms).max() == pytest.approx(60_000 * minutes, abs=30_000)
