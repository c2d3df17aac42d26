"""Which permit a report falls under, how far it is from that permit's route, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from shapely.geometry import LineString

from monitor.engine.engine import Engine
from monitor.engine.permit_marks import PermitMarks
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import PlateColor, VehicleClass
from monitor.model.permit import Permit, PermitKind, PermitSet
from tests.traces import START_MS, batch_of, place, registry_of

HOUR_MS = 3_600_000
EAST = ((0.0, 0.0), (100_000.0, 0.0))
NORTH = ((0.0, 0.0), (0.0, 100_000.0))


def permit(
    name: str,
    line: Sequence[tuple[float, float]] | None = EAST,
    hours: tuple[float, float] = (-1, 24),
    vehicle_id: str = "V0",
    plate: str = "",
) -> Permit:
    """``hours``: it holds from and to, from the begin of the trace."""
    begin_ms, end_ms = (START_MS + round(hour * HOUR_MS) for hour in hours)
    route = None if line is None else LineString([place(*point) for point in line])
    return Permit(name, PermitKind.OVERSIZE, begin_ms, end_ms, vehicle_id, plate, PlateColor.YELLOW, route)


def marked(permits: Sequence[Permit], at: tuple[float, float], at_s: float = 0.0) -> tuple[str, float, float] | None:
    """The permit that counts at a place and time, metres from its route and metres left of it."""
    engine = Engine(())
    engine.apply_registry(registry_of((VehicleClass.HEAVY_TRUCK,)))
    batch = batch_of([at_s], east_m=at[0], north_m=at[1])
    row_of = engine.fleet.rows_of(batch.keys)[batch.rows["key"]]
    positions, found, corridor_m, left_m = PermitMarks(PermitSet(permits), engine.fleet).mark(batch.rows, row_of)
    if not len(positions):
        return None
    return permits[found[0]].permit_id, round(float(corridor_m[0]), 1), round(float(left_m[0]), -1)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ((0.0, 0.0), ("P", 0.0, 100_000.0)),
        ((30_000.0, 250.0), ("P", 250.0, 70_000.0)),
        ((-5_000.0, 0.0), ("P", 5_000.0, 100_000.0)),
        ((103_000.0, -4_000.0), ("P", 5_000.0, 0.0)),
    ],
    ids=["at its begin", "beside it", "before its begin", "beyond its end"],
)
def test_the_way_that_is_left(at: tuple[float, float], expected: tuple[str, float, float]) -> None:
    found = marked([permit("P")], at)
    assert found is not None
    assert found[0] == expected[0]
    assert found[1] == pytest.approx(expected[1], rel=2e-3)
    assert found[2] == pytest.approx(expected[2], rel=2e-3)


def test_where_the_route_comes_by_twice_the_first_time_counts() -> None:
    there_and_back = permit("P", ((0.0, 0.0), (20_000.0, 0.0), (0.0, 0.0)))
    assert marked([there_and_back], (5_000.0, 0.0)) == ("P", 0.0, 35_000.0)


def test_a_permit_counts_for_a_day_before_and_after_it_holds() -> None:
    one = permit("P", hours=(0, 1))
    assert marked([one], (0.0, 0.0), -DAY_MS / 1000) is not None
    assert marked([one], (0.0, 0.0), -DAY_MS / 1000 - 1) is None
    assert marked([one], (0.0, 0.0), 3_600 + DAY_MS / 1000 - 1) is not None
    assert marked([one], (0.0, 0.0), 3_600 + DAY_MS / 1000) is None


@pytest.mark.parametrize(
    ("permits", "chosen"),
    [
        ([permit("A"), permit("B", NORTH)], "A"),
        ([permit("A", NORTH), permit("B", None)], "B"),
        ([permit("A", None), permit("B")], "B"),
        ([permit("A", hours=(-2, 5)), permit("B", hours=(-1, 5))], "B"),
        ([permit("A", hours=(-1, 5)), permit("B", hours=(-2, 5))], "A"),
        ([permit("A"), permit("B")], "B"),
        ([permit("A", NORTH), permit("B", hours=(-3, -1))], "A"),
        ([permit("A", hours=(1, 5)), permit("B", hours=(-3, -1))], "B"),
        ([permit("A", hours=(1, 5)), permit("B", NORTH, (-3, -1))], "A"),
        ([permit("A", hours=(1, 5)), permit("B", None, (-3, -1))], "A"),
        ([permit("A", NORTH, (1, 5)), permit("B", None, (-3, -1))], "B"),
        ([permit("A"), permit("B", vehicle_id="V1")], "A"),
    ],
    ids=[
        "the corridor that it is in",
        "without a route before another route",
        "the corridor before none",
        "the latest to begin",
        "the latest to begin, whatever the order",
        "the last of equal ones",
        "one that holds before one that has run out",
        "one that has run out before one to come",
        "the one to come whose corridor it is in",
        "the corridor to come before none that has run out",
        "without a route before a corridor elsewhere",
        "its own",
    ],
)
def test_which_of_several_counts(permits: list[Permit], chosen: str) -> None:
    found = marked(permits, (50_000.0, 0.0))
    assert found is not None
    assert found[0] == chosen


def test_a_permit_for_a_plate_finds_its_vehicle_in_the_registry() -> None:
    plate = registry_of((VehicleClass.HEAVY_TRUCK,)).vehicles[0].plate
    assert marked([permit("P", vehicle_id="", plate=plate)], (0.0, 0.0)) is not None
    assert marked([permit("P", vehicle_id="", plate="甘G99999")], (0.0, 0.0)) is None


def test_a_vehicle_that_comes_later_is_found() -> None:
    engine = Engine(())
    marks = PermitMarks(PermitSet([permit("P", vehicle_id="V1")]), engine.fleet)
    for n in (1, 2):
        batch = batch_of([0.0] * n, vehicle=list(range(n)), n_vehicles=n)
        row_of = engine.fleet.rows_of(batch.keys)[batch.rows["key"]]
        assert marks.mark(batch.rows, row_of)[0].tolist() == np.arange(1, n).tolist()


def test_a_report_without_a_place_falls_under_none() -> None:
    engine = Engine(())
    marks = PermitMarks(PermitSet([permit("P")]), engine.fleet)
    batch = batch_of([0.0])
    batch.rows["flaws"] = 2
    assert not len(marks.mark(batch.rows, engine.fleet.rows_of(batch.keys)[batch.rows["key"]])[0])
