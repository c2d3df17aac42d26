"""Which of several roads a vehicle is on, through the engine: by offset, heading, and the section before."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.engine.engine import Engine
from monitor.engine.surroundings import Surroundings
from monitor.model.map_set import MapSet
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.road import RoadSet, parse_roads

LON, LAT = 100.0, 39.0
M_PER_LAT = 111_195.0
M_PER_LON = M_PER_LAT * math.cos(math.radians(LAT))
START_MS = 1_767_225_600_000
NOISE_M = 15.0  # what JT/T 794 allows a terminal, here as the deviation along each axis
COUNT = 150
STEP_S = 30

Path = NDArray[np.float64]


def degrees(path_m: Path) -> Path:
    """Longitude and latitude of metres east and north of the place."""
    return np.stack((LON + path_m[..., 0] / M_PER_LON, LAT + path_m[..., 1] / M_PER_LAT), axis=-1)


def section(section_id: str, path_m: Path, road_class: str, **properties: object) -> dict[str, object]:
    shape = {"type": "LineString", "coordinates": degrees(path_m).tolist()}
    stated = {"section_id": section_id, "road_class": road_class, **properties}
    return {"type": "Feature", "properties": stated, "geometry": shape}


def roads(*features: dict[str, object]) -> RoadSet:
    return parse_roads(json.dumps({"type": "FeatureCollection", "features": features}).encode(), "roads")


def straight(*points: tuple[float, float]) -> Path:
    return np.array(points, np.float64)


@dataclass(frozen=True)
class Drive:
    """Where vehicles were and on which section they were seen last, shape (steps, 2) and (steps, vehicles)."""

    places_m: Path
    seen: NDArray[np.str_]

    def share(self, *ids: str, begin: int = 0, end: int | None = None) -> float:
        return float(np.isin(self.seen[begin:end], ids).mean())

    def first_step(self, further_m: float) -> int:
        """The first step so far along that it lies this far north."""
        return int(np.argmax(self.places_m[:, 1] > further_m))


def drive(
    found: RoadSet, path_m: Path, speed_kmh: float = 80.0, noise_m: float = NOISE_M, step_s: float = STEP_S
) -> Drive:
    """Vehicles that all run the same way, each with noise of its own."""
    rng = np.random.default_rng(7)
    legs = np.diff(path_m, axis=0)
    lengths = np.hypot(legs[:, 0], legs[:, 1])
    begins = np.r_[0.0, np.cumsum(lengths)]
    along_m = np.arange(0.0, begins[-1], speed_kmh / 3.6 * step_s)
    leg = np.clip(np.searchsorted(begins, along_m, side="right") - 1, 0, len(legs) - 1)
    places = path_m[leg] + legs[leg] * ((along_m - begins[leg]) / lengths[leg])[:, None]
    headings = np.degrees(np.arctan2(legs[leg, 0], legs[leg, 1])) % 360.0
    engine = Engine(())
    engine.apply_maps(MapSet(roads=found), Surroundings(found))
    keys = tuple(f"V{i}" for i in range(COUNT))
    ids = np.array(["", *(one.section_id for one in found.sections)])
    seen = []
    for k, place in enumerate(places):
        rows = empty_rows(COUNT)
        rows["key"] = np.arange(COUNT)
        rows["fix_ms"] = rows["recv_ms"] = START_MS + round(k * step_s * 1000)
        rows["lon_deg"], rows["lat_deg"] = degrees(place + rng.normal(0.0, noise_m, (COUNT, 2))).T
        rows["speed_dkmh"] = round(speed_kmh * 10)
        rows["heading_deg"] = np.round(headings[k] + rng.normal(0.0, 3.0, COUNT)).astype(int) % 360
        engine.take(ReportBatch(keys, rows))
        seen.append(ids[engine.fleet.rows["core"]["section"][:COUNT]])
    return Drive(places, np.array(seen))


EXPRESSWAY = straight((0, 0), (0, 15_000))
BESIDE = roads(
    section("G30", straight((0, -3_000), (0, 18_000)), "expressway", limit_kmh=120),
    section("X1", straight((40, -3_000), (40, 18_000)), "third", limit_kmh=60),
)
SETTLED = 4  # reports after which the section before is known


@pytest.mark.parametrize(
    ("path_m", "truth"),
    [
        pytest.param(EXPRESSWAY, "G30", id="on the expressway"),
        pytest.param(EXPRESSWAY + np.array([40.0, 0.0]), "X1", id="on the county road"),
        pytest.param(EXPRESSWAY[::-1], "G30", id="on the expressway, against its line"),
    ],
)
def test_a_county_road_40_m_beside_an_expressway_is_told_apart(path_m: Path, truth: str) -> None:
    found = drive(BESIDE, path_m)
    assert found.share(truth, begin=SETTLED) >= 0.99
    assert found.share(truth, end=1) >= 0.85  # by its offset alone


def test_whoever_changes_to_the_road_beside_is_believed_after_a_few_reports() -> None:
    over = straight((0, 0), (0, 7_000), (40, 7_001), (40, 15_000))
    found = drive(BESIDE, over)
    changed = found.first_step(7_001.0)
    assert found.share("G30", begin=SETTLED, end=changed) >= 0.99
    assert found.share("X1", begin=changed + 4) >= 0.95


@pytest.mark.parametrize("forward", [True, False], ids=["along", "against"])
def test_two_carriageways_are_told_apart_by_heading_from_the_first_report(forward: bool) -> None:
    east, west = straight((12, -3_000), (12, 18_000)), straight((-12, 18_000), (-12, -3_000))
    both = roads(
        section("up", east, "expressway", direction="forward"),
        section("down", west, "expressway", direction="forward"),
    )
    aside = np.array([12.0, 0.0])
    path = EXPRESSWAY + aside if forward else EXPRESSWAY[::-1] - aside
    assert drive(both, path).share("up" if forward else "down") == 1.0


def test_a_standing_vehicle_is_on_the_nearer_carriageway() -> None:
    both = roads(
        section("up", straight((12, -3_000), (12, 18_000)), "expressway", direction="forward"),
        section("down", straight((-12, -3_000), (-12, 18_000)), "expressway", direction="backward"),
    )
    found = drive(both, straight((12, 0), (12, 100)), speed_kmh=9.0, noise_m=2.0)
    assert found.share("up") == 1.0


@pytest.mark.parametrize("angle_deg", [90, 45, 30])
def test_under_a_bridge_a_vehicle_stays_on_its_road(angle_deg: int) -> None:
    direction = np.array([math.sin(math.radians(angle_deg)), math.cos(math.radians(angle_deg))])
    county = np.outer([-4_000.0, 4_000.0], direction)
    found = roads(section("G30", straight((0, -10_000), (0, 10_000)), "expressway"), section("X1", county, "third"))
    assert drive(found, county, speed_kmh=60.0, step_s=10.0).share("X1") >= 0.99


def test_a_road_that_is_not_drawn_does_not_become_the_expressway_above_it() -> None:
    found = roads(section("G30", straight((0, -10_000), (0, 10_000)), "expressway"))
    assert drive(found, straight((-500, 0), (500, 0)), speed_kmh=60.0, step_s=2.0).share("") == 1.0


TURN = np.radians(np.linspace(0.0, 90.0, 10))
SLIP = np.concatenate(
    (
        straight((0, 0), (30, 300)),
        np.stack((30.0 + 250.0 * (1.0 - np.cos(TURN)), 300.0 + 250.0 * np.sin(TURN)), axis=1)[1:],
    )
)
END = SLIP[-1]
INTERCHANGE = roads(
    section("before", straight((0, -10_000), (0, 0)), "expressway", road_no="G30", direction="forward"),
    section("after", straight((0, 0), (0, 10_000)), "expressway", road_no="G30", direction="forward"),
    section("slip", SLIP, "expressway", direction="forward", limit_kmh=40),
    section("west", straight((-5_000, END[1]), (END[0], END[1])), "second"),
    section("east", straight((END[0], END[1]), (5_000, END[1])), "second"),
)


def test_whoever_passes_a_slip_road_stays_on_the_expressway() -> None:
    found = drive(INTERCHANGE, straight((0, -2_000), (0, 4_000)), speed_kmh=100.0, step_s=5.0)
    node = found.first_step(0.0)
    assert found.share("before", end=node - 2) == 1.0
    assert found.share("before", "after") >= 0.99
    assert found.share("after", begin=node + 3) >= 0.99


def test_whoever_takes_a_slip_road_is_seen_on_it_before_it_turns_and_then_on_the_road_it_leads_to() -> None:
    path = np.concatenate((straight((0, -1_000)), SLIP, straight((4_000, END[1]))))
    found = drive(INTERCHANGE, path, speed_kmh=40.0, step_s=5.0)
    turning = found.first_step(360.0)
    leaves = found.first_step(END[1] - 5.0)
    assert found.share("slip", begin=turning, end=leaves - 2) >= 0.9
    assert found.share("east", begin=leaves + 6) >= 0.99
