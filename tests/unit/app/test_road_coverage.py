"""Coverage of tracks by road sections."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.app.road_coverage import RoadCoverage, road_coverage
from monitor.model.beijing import parse_iso
from monitor.model.flaw import Flaw
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.road import RoadSet, parse_roads

T = parse_iso("2026-03-02T13:00:00+08:00")
KM = 1.0 / 111.195  # degrees of latitude


def roads(limit_kmh: float | None = 60) -> RoadSet:
    """A road of 20 km northwards from 39 degrees."""
    feature = {
        "type": "Feature",
        "id": "S1",
        "properties": {"limit_kmh": limit_kmh},
        "geometry": {"type": "LineString", "coordinates": [[99.5, 39.0], [99.5, 39.0 + 20 * KM]]},
    }
    return parse_roads(json.dumps({"type": "FeatureCollection", "features": [feature]}).encode(), "roads.geojson")


def track(*places: tuple[float, float], step_s: int = 60, begin_s: int = 0) -> NDArray[np.void]:
    """Reports at (km east, km north) of the begin of the road, one per step, as 60 km/h northwards."""
    rows = empty_rows(len(places))
    rows["fix_ms"] = T + (begin_s + np.arange(len(places)) * step_s) * 1000
    rows["lon_deg"] = [99.5 + east * KM / np.cos(np.radians(39.0)) for east, _ in places]
    rows["lat_deg"] = [39.0 + north * KM for _, north in places]
    rows["speed_dkmh"], rows["heading_deg"] = 600, 0
    return rows


def coverage(*tracks: NDArray[np.void], registry: Registry | None = None, known: RoadSet | None = None) -> RoadCoverage:
    """Each track is of a vehicle of its own: V0, V1 and so on."""
    for key, rows in enumerate(tracks):
        rows["key"] = key
    batch = ReportBatch(tuple(f"V{key}" for key in range(len(tracks))), np.concatenate(tracks))
    return road_coverage(batch, known or roads(), registry)


def km(value: float) -> float:
    return round(value / 1000.0, 2)


NORTH = [(0.0, float(north)) for north in range(11)]
BESIDE = [(3.0, float(north)) for north in range(6)]


def test_kilometres_on_the_road_are_covered() -> None:
    total = coverage(track(*NORTH)).total
    assert (km(total.driven_m), km(total.covered_m), km(total.unlimited_m)) == (10.0, 10.0, 0.0)
    assert total.share == pytest.approx(1.0)


def test_kilometres_without_a_limit_are_counted_apart() -> None:
    total = coverage(track(*NORTH), known=roads(None)).total
    assert (km(total.covered_m), km(total.unlimited_m)) == (10.0, 10.0)


def test_half_of_the_step_onto_the_road_is_covered() -> None:
    total = coverage(track((1.0, 1.0), (0.0, 1.0), (0.0, 2.0))).total
    assert (km(total.driven_m), km(total.covered_m)) == (2.0, 1.5)


def test_steps_too_long_to_know_the_road_are_counted_apart() -> None:
    found = coverage(track((0.0, 0.0), (0.0, 10.0), step_s=301))
    assert (km(found.total.driven_m), km(found.unseen_m)) == (0.0, 10.0)
    assert found.total.share is None
    assert km(coverage(track((0.0, 0.0), (0.0, 10.0), step_s=300)).total.driven_m) == 10.0


def test_a_parked_vehicle_and_a_drift_point_drive_no_kilometres() -> None:
    assert coverage(track((0.0, 1.0), (0.0, 1.02), (0.0, 1.0))).total.driven_m == 0.0
    assert coverage(track((0.0, 1.0), (0.0, 9.0), (0.0, 1.0))).total.driven_m == 0.0


def test_reports_without_a_usable_place_are_passed_over() -> None:
    rows = track((0.0, 0.0), (3.0, 0.5), (0.0, 1.0))
    rows["flaws"][1] = int(Flaw.NO_FIX)
    total = coverage(rows).total
    assert (km(total.driven_m), km(total.covered_m)) == (1.0, 1.0)


def test_disorder_and_duplicates_change_nothing() -> None:
    one = track(*NORTH)
    mixed = np.concatenate([one[::-1], one])
    assert coverage(mixed).total == coverage(track(*NORTH)).total


def test_groups_are_those_of_the_registry() -> None:
    registry = Registry(
        (
            Vehicle("V0", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1"),
            Vehicle("V1", vehicle_class=VehicleClass.LINE_COACH, enterprise_id="E1"),
        ),
        1,
    )
    found = coverage(track(*NORTH), track(*BESIDE), track(*NORTH[:3]), registry=registry)
    assert [(group.key, km(group.driven_m), km(group.covered_m)) for group in found.by_class] == [
        ("hazmat", 10.0, 10.0),
        ("line_coach", 5.0, 0.0),
        ("", 2.0, 2.0),
    ]
    assert [(group.key, km(group.driven_m)) for group in found.by_enterprise] == [("E1", 15.0), ("", 2.0)]
    assert coverage(track(*NORTH)).by_class == ()


def test_the_longest_uncovered_stretches_come_first_and_trips_over_one_are_one() -> None:
    short = [(5.0, float(north)) for north in range(3)]
    found = coverage(track(*short), track(*BESIDE), track(*BESIDE[::-1], begin_s=9000), track(*NORTH)).uncovered
    assert [(km(one.length_m), one.times, km(one.total_m)) for one in found] == [(5.0, 2, 10.0), (2.0, 1, 2.0)]
    assert found[0].vehicle_id == "V1"
    assert found[0].start == pytest.approx((99.5347, 39.0), abs=1e-4)
    assert found[0].end == pytest.approx((99.5347, 39.0 + 5 * KM), abs=1e-4)


def test_a_stretch_ends_where_the_road_is_reached_or_the_track_is_broken() -> None:
    through = track((3.0, 1.0), (1.5, 1.0), (0.0, 1.0), (-1.5, 1.0), (-3.0, 1.0), step_s=120)
    assert [km(one.length_m) for one in coverage(through).uncovered] == [2.25, 2.25]
    broken = np.concatenate([track(*BESIDE[:3]), track(*BESIDE[3:], begin_s=9000)])
    assert [km(one.length_m) for one in coverage(broken).uncovered] == [2.0, 2.0]


def test_no_reports_give_no_kilometres() -> None:
    found = road_coverage(ReportBatch((), empty_rows(0)), roads())
    assert (found.total.driven_m, found.uncovered) == (0.0, ())
