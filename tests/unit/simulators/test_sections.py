"""What the simulator's monitor may know of the roads, and where circuits run on them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli.simulate import simulate_command
from monitor.model.road import RoadClass, parse_roads
from simulators.background import HABITS
from simulators.episodes.known_roads import EPISODES, needs_sections
from simulators.roads import gaotai_circuit
from simulators.scenario import PRESETS, Scenario, preset
from simulators.sections import BESIDE_M, gaotai_sections, stretches

DESTINATIONS = sorted({destination for habit in HABITS.values() for destination in habit.destinations})


def test_every_section_has_a_limit_that_somebody_surveyed() -> None:
    sections = gaotai_sections().sections
    assert len(sections) > 15
    assert all(section.limit_kmh and section.surveyed_by and section.road_no for section in sections)
    assert {section.road_class for section in sections} == {RoadClass.EXPRESSWAY, RoadClass.SECOND, RoadClass.THIRD}


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_stretches_lie_on_the_circuit_one_after_another(destination: str) -> None:
    found = stretches(destination)
    assert all(0 <= one.from_m < one.to_m <= gaotai_circuit(destination).length_m for one in found)
    crossings = [one for one in found if one.to_m - one.from_m < 200]
    along = [one for one in found if one not in crossings]
    assert all(a.to_m <= b.from_m for a, b in pairwise(along))
    assert not any(one.section.section_id.startswith("beside") for one in along)


def test_some_ways_run_beside_a_road_of_another_limit() -> None:
    beside = {one.section.section_id for name in DESTINATIONS for one in stretches(name, BESIDE_M)}
    assert beside >= {"beside-gate-linze", "beside-depot-heiquan"}


def test_only_scenarios_with_known_roads_need_the_sections() -> None:
    assert [name for name in PRESETS if needs_sections(preset(name))] == ["known_roads"]
    assert all(needs_sections(Scenario(episodes={episode.name: 0.1})) for episode in EPISODES)
    assert not needs_sections(Scenario(episodes={"known_roads": 0.0}))


def test_the_sections_are_written_beside_the_tracks(tmp_path: Path) -> None:
    program = typer.Typer()
    program.command()(simulate_command)
    arguments = ["--preset", "known_roads", "--vehicles", "3", "--days", "1", "--out", str(tmp_path)]
    assert CliRunner().invoke(program, arguments).exit_code == 0
    assert parse_roads((tmp_path / "roads.geojson").read_bytes(), "roads.geojson") == gaotai_sections()
