"""Deviation from a permit at its boundaries: corridor, hours, validity, speed, and what is no trip."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from monitor.app.pipeline import Pipeline
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.model.alarm import Alarm
from monitor.model.beijing import iso
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.journal import JournalRecord, RecordType
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of, place

RULES = load_rules()
Said = tuple[str, float, float | None, float | None]
"""Kind, begin and end in s, value."""


def permit(**properties: object) -> dict[str, object]:
    """A route of 100 km to the east, all of the trace's day."""
    stated = {"vehicle_id": "V0", "valid_from": iso(START_MS - 3_600_000), "valid_to": iso(START_MS + 86_400_000)}
    line = [list(place(east_m, 0.0)) for east_m in range(0, 100_001, 1_000)]
    return {
        "type": "Feature",
        "id": "P1",
        "properties": stated | properties,
        "geometry": {"type": "LineString", "coordinates": line},
    }


def found(
    fix_s: Sequence[float],
    east_m: Sequence[float],
    north_m: Sequence[float] | float,
    speed_kmh: Sequence[float] | float = 60.0,
    *permits: dict[str, object],
    settings: dict[str, object] | None = None,
) -> list[Said]:
    """Alarms of a live run over one vehicle's reports, a day later."""
    layers = RuleLayers(rules={"route_deviation": settings or {}})
    live = Pipeline(Engine(RULES, ParameterTable(RULES, layers)))
    payload = json.dumps({"type": "FeatureCollection", "features": permits or (permit(),)}).encode()
    batch = batch_of(fix_s, east_m=east_m, north_m=north_m, speed_kmh=speed_kmh)
    judge(batch.rows, None)
    steps = [
        live.take(JournalRecord(1, RecordType.PERMITS, 0, payload=payload)),
        live.take(JournalRecord(2, RecordType.REPORTS, 0, batch)),
        live.take(JournalRecord(3, RecordType.TICK, START_MS + 86_400_000)),
    ]
    return said(one.alarm for step in steps for one in step.changes)


def said(alarms: Iterable[Alarm]) -> list[Said]:
    """The last word on each alarm of the rule."""
    last = {alarm.alarm_id: alarm for alarm in alarms}
    return [
        (
            alarm.kind,
            (alarm.onset_ms - START_MS) / 1000,
            None if alarm.end_ms is None else (alarm.end_ms - START_MS) / 1000,
            None if alarm.peak is None else round(alarm.peak, 1),
        )
        for alarm in last.values()
        if alarm.rule == "route_deviation"
    ]


def drive(
    minutes: float, off: Sequence[tuple[float, float, float]] = ()
) -> tuple[list[float], list[float], list[float]]:
    """Reports every 30 s at 60 km/h to the east; ``off``: from minute, to minute (inclusive), metres to the north."""
    fix_s = [30.0 * n for n in range(round(minutes * 2) + 1)]
    north = [next((d for a, b, d in off if a * 60 <= at <= b * 60), 0.0) for at in fix_s]
    return fix_s, [at * 60 / 3.6 for at in fix_s], north


def test_the_scale_of_the_trace() -> None:
    assert place(EARTH_RADIUS_M * 3.141592653589793 / 180, 0.0)[0] - place(0.0, 0.0)[0] > 1.0


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ([(10, 14.5, 500.0)], []),
        ([(10, 15, 500.0)], [("route", 600.0, 930.0, 500.0)]),
        ([(10, 15, 150.0)], []),
        ([(10, 12, 500.0), (12.5, 12.5, 150.0), (13, 17.5, 500.0)], []),
        ([(0, 10, 500.0)], []),
        ([(10, 15, 500.0), (20, 26, 300.0)], [("route", 600.0, 930.0, 500.0), ("route", 1200.0, 1590.0, 300.0)]),
    ],
    ids=[
        "four and a half minutes outside",
        "five minutes outside",
        "inside the corridor",
        "back inside in between",
        "not on the route yet",
        "twice",
    ],
)
def test_the_corridor(off: list[tuple[float, float, float]], expected: list[Said]) -> None:
    assert found(*drive(40, off)) == expected


def test_after_the_end_of_the_route_the_trip_is_over() -> None:
    fix_s, east_m, north_m = drive(130, [(100, 130, 3_000.0)])
    assert found(fix_s, east_m, north_m) == []


def test_standing_outside_begins_no_deviation() -> None:
    fix_s, _, _ = drive(30)
    east = [min(at, 600.0) * 60 / 3.6 for at in fix_s]
    north = [0.0 if at <= 600 else 250.0 for at in fix_s]
    speed = [60.0 if at <= 600 else 0.0 for at in fix_s]
    assert found(fix_s, east, north, speed) == []


def test_a_wider_corridor_of_the_permit_counts() -> None:
    assert found(*drive(40, [(10, 20, 500.0)]), 60.0, permit(corridor_m=600)) == []


def test_another_vehicle_s_permit_is_none_of_its_business() -> None:
    assert found(*drive(40, [(10, 20, 500.0)]), 60.0, permit(vehicle_id="V1")) == []


def test_moving_outside_the_hours_is_a_window_deviation() -> None:
    # The trace begins at 08:00; the permit allows until 08:20.
    hours = permit(hours_from="06:00", hours_to="08:20")
    assert found(*drive(25), 60.0, hours) == []
    assert found(*drive(25.5), 60.0, hours) == [("window", 1_200.0, 1_530.0, 5.5)]


def test_hours_over_midnight_allow_both_sides_of_it() -> None:
    assert found(*drive(40), 60.0, permit(hours_from="22:00", hours_to="09:00")) == []


def test_going_on_after_the_permit_has_run_out_is_a_window_deviation() -> None:
    ends = permit(valid_to=iso(START_MS + 1_200_000))
    assert found(*drive(25), 60.0, ends) == []
    assert found(*drive(30), 60.0, ends) == [("window", 1_200.0, 1_800.0, 10.0)]


def test_setting_out_before_the_permit_holds_is_a_window_deviation() -> None:
    # The second report shows that it goes the permit's way.
    begins = permit(valid_from=iso(START_MS + 1_200_000))
    assert found(*drive(30), 60.0, begins) == [("window", 30.0, 1_170.0, 19.0)]
    assert found(*drive(5.5), 60.0, begins) == []
    assert found(*drive(6), 60.0, begins) == [("window", 30.0, 360.0, 5.5)]


def test_before_the_permit_holds_only_setting_out_from_the_route_s_begin_counts() -> None:
    begins = permit(valid_from=iso(START_MS + 1_800_000))
    fix_s, east_m, north_m = drive(25)
    assert found(fix_s, [at + 5_000 for at in east_m], north_m, 60.0, begins) == []
    assert found(fix_s, [60_000 - at for at in east_m], north_m, 60.0, begins) == []


def test_setting_out_too_early_and_turning_off_is_no_trip() -> None:
    begins = permit(valid_from=iso(START_MS + 1_200_000))
    fix_s, east_m, north_m = drive(60, [(3, 60, 3_000.0)])
    assert found(fix_s, east_m, north_m, 60.0, begins) == []


def test_a_trip_begun_too_early_goes_on_when_the_permit_holds() -> None:
    begins = permit(valid_from=iso(START_MS + 240_000))
    fix_s, east_m, north_m = drive(40, [(10, 16, 500.0)])
    assert found(fix_s, east_m, north_m, 60.0, begins) == [("route", 600.0, 990.0, 500.0)]


def test_the_permit_s_speed_is_judged_as_speeding_is() -> None:
    fix_s, east_m, north_m = drive(10)
    slow = permit(limit_kmh=60)
    assert found(fix_s, east_m, north_m, 60.0, slow) == []
    faster = [61.0 if 120 <= at <= 150 else 60.0 for at in fix_s]
    assert found(fix_s, east_m, north_m, faster, slow) == []
    faster = [62.0 if 120 <= at <= 180 else 60.0 for at in fix_s]
    assert found(fix_s, east_m, north_m, faster, slow) == [("speed", 120.0, 180.0, 62.0)]


def test_a_permit_without_a_route_has_no_corridor_and_still_hours_and_speed() -> None:
    free = permit(limit_kmh=50, hours_from="06:00", hours_to="08:10") | {"geometry": None}
    kinds = {one[0] for one in found(*drive(40, [(5, 40, 9_000.0)]), 60.0, free)}
    assert kinds == {"window", "speed"}


def test_a_permit_without_a_route_ends_with_the_first_rest_after_it() -> None:
    ends = permit(valid_to=iso(START_MS + 600_000)) | {"geometry": None}
    fix_s, east_m, north_m = drive(90)
    assert found(fix_s, east_m, north_m, 60.0, ends) == [("window", 600.0, 5_400.0, 80.0)]
    rest = [0.0 if 780 <= at < 2_400 else 60.0 for at in fix_s]
    assert found(fix_s, east_m, north_m, rest, ends) == []


def line(*points: tuple[float, float]) -> dict[str, object]:
    """A route through places in metres east and north."""
    return {"geometry": {"type": "LineString", "coordinates": [list(place(*point)) for point in points]}}


SQUARE = [(0.0, 0.0), (20_000.0, 0.0), (20_000.0, 20_000.0), (0.0, 20_000.0), (0.0, 0.0)]
THERE_AND_BACK = [(0.0, 0.0), (20_000.0, 0.0), (0.0, 0.0)]
PAST_ITS_END = [(0.0, 0.0), (20_000.0, 0.0), (20_000.0, 5_000.0), (4_000.0, 5_000.0), (4_000.0, 500.0)]


def along(points: Sequence[tuple[float, float]], minutes: float) -> tuple[list[float], list[float], list[float]]:
    """Reports every 30 s at 60 km/h along a line, and beyond its end on a straight line to the south-west."""
    lengths = np.hypot(*np.diff(np.array(points), axis=0).T)
    marks = np.concatenate(([0.0], np.cumsum(lengths)))
    fix_s = [30.0 * n for n in range(round(minutes * 2) + 1)]
    way_m = np.array(fix_s) * 60 / 3.6
    beyond_m = np.maximum(way_m - marks[-1], 0.0) * 0.7
    columns = np.array(points).T
    east, north = (np.interp(way_m, marks, column) - beyond_m for column in columns)
    return fix_s, east.tolist(), north.tolist()


@pytest.mark.parametrize(
    "points", [SQUARE, THERE_AND_BACK, PAST_ITS_END], ids=["a loop", "there and back", "past its own end"]
)
def test_a_route_that_comes_by_its_own_end_is_followed_to_the_last(points: list[tuple[float, float]]) -> None:
    fix_s, east_m, north_m = along(points, 110)
    route = permit() | line(*points)
    assert found(fix_s, east_m, north_m, 60.0, route) == []
    away = [at - 600.0 if 600 <= sec <= 960 else at for sec, at in zip(fix_s, north_m, strict=True)]
    assert found(fix_s, east_m, away, 60.0, route) == [("route", 600.0, 990.0, 600.0)]
    ends_s = sum(np.hypot(*np.diff(np.array(points), axis=0).T)) / 60 * 3.6
    away = [at + 600.0 if ends_s - 900 <= sec <= ends_s - 500 else at for sec, at in zip(fix_s, east_m, strict=True)]
    assert (
        len(
            found(
                fix_s,
                away,
                [at - 600.0 * (a != b) for at, a, b in zip(north_m, away, east_m, strict=True)],
                60.0,
                route,
            )
        )
        == 1
    )


def test_the_route_driven_the_other_way_is_no_trip() -> None:
    fix_s, east_m, north_m = drive(125, [(100, 125, 3_000.0)])
    assert found(fix_s, [100_000.0 - at for at in east_m], north_m) == []


def test_joined_on_the_way_the_trip_ends_at_the_route_s_end_all_the_same() -> None:
    fix_s, east_m, _ = drive(60)
    north_m = [3_000.0 if at > 30_000 else 0.0 for at in east_m]
    assert found(fix_s, [at + 70_000 for at in east_m], north_m) == []


def test_coming_to_the_end_by_another_way_ends_the_deviation() -> None:
    fix_s, east_m, _ = drive(130)
    north_m = [600.0 if at > 90_000 else 0.0 for at in east_m]
    # Within 1 km of the end from 99 200 m on: at the report of 5 970 s, 99 500 m.
    assert found(fix_s, east_m, north_m) == [("route", 5_430.0, 5_970.0, 600.0)]


def test_silence_closes_a_deviation_at_its_last_report() -> None:
    fix_s, east_m, north_m = drive(20, [(10, 20, 500.0)])
    assert found(fix_s, east_m, north_m) == [("route", 600.0, 1_200.0, 500.0)]


def test_switched_off_it_says_nothing() -> None:
    assert found(*drive(40, [(10, 20, 500.0)]), 60.0, settings={"enabled": False}) == []


def test_after_a_long_silence_another_deviation_begins() -> None:
    fix_s, east_m, north_m = drive(60, [(10, 60, 500.0)])
    for silent_s, n in ((780, 1), (810, 2)):
        kept = [i for i, at in enumerate(fix_s) if not 1_200 < at < 1_200 + silent_s]
        told = found([fix_s[i] for i in kept], [east_m[i] for i in kept], [north_m[i] for i in kept])
        assert len(told) == n


def test_a_drift_point_neither_begins_nor_ends_anything() -> None:
    fix_s, east_m, north_m = drive(40, [(10, 15, 500.0)])
    north_m[5] = 9_000.0
    north_m[25] = -9_000.0
    assert found(fix_s, east_m, north_m) == [("route", 600.0, 930.0, 500.0)]


def test_reports_held_back_and_then_confirmed_are_unseen() -> None:
    # From 20 min on 40 km away: the first two there are held back, the third proves them.
    fix_s, east_m, north_m = drive(40, [(10, 40, 500.0)])
    east_m = [at + (40_000.0 if sec >= 1_200 else 0.0) for sec, at in zip(fix_s, east_m, strict=True)]
    assert found(fix_s, east_m, north_m) == [("route", 600.0, 2_400.0, 500.0)]


def test_of_two_permits_one_after_the_other_each_has_its_trip() -> None:
    first = permit(valid_to=iso(START_MS + 1_200_000))
    second = permit(valid_from=iso(START_MS + 1_200_000)) | {"id": "P2"}
    # A deviation over the change belongs to neither for five minutes; one after it to the second.
    assert found(*drive(60, [(17, 23, 500.0)]), 60.0, first, second) == []
    assert found(*drive(60, [(30, 36, 500.0)]), 60.0, first, second) == [("route", 1_800.0, 2_190.0, 500.0)]
    assert found(*drive(60), 60.0, second, first) == []


def test_of_two_permits_that_hold_the_one_counts_whose_corridor_it_is_in() -> None:
    elsewhere = permit() | {"id": "P2"} | line((0.0, 50_000.0), (90_000.0, 50_000.0))
    assert found(*drive(40, [(10, 15, 500.0)]), 60.0, permit(), elsewhere) == [("route", 600.0, 930.0, 500.0)]


def maps(*permits: dict[str, object]) -> JournalRecord:
    payload = json.dumps({"type": "FeatureCollection", "features": permits}).encode()
    return JournalRecord(1, RecordType.PERMITS, 0, payload=payload)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([permit(vehicle_id="V9") | {"id": "P0"}, permit()], [("route", 600.0, 1_530.0, 500.0)]),
        ([permit(corridor_m=600)], [("route", 600.0, 1_230.0, 500.0)]),
        ([permit() | {"id": "P2"}], [("route", 600.0, 1_200.0, 500.0)]),
        ([permit(vehicle_id="V9") | {"id": "P2"}], [("route", 600.0, 1_200.0, 500.0)]),
        ([], [("route", 600.0, 1_200.0, 500.0)]),
    ],
    ids=["at another place in the file", "with a wider corridor", "by another", "for another vehicle", "none at all"],
)
def test_permits_that_change_in_the_middle_of_a_deviation(later: list[dict[str, object]], expected: list[Said]) -> None:
    live = Pipeline(Engine(RULES))
    fix_s, east_m, north_m = drive(40, [(10, 25, 500.0)])
    batch = batch_of(fix_s, east_m=east_m, north_m=north_m, speed_kmh=60.0)
    judge(batch.rows, None)
    records = [
        maps(permit()),
        JournalRecord(2, RecordType.REPORTS, 0, replace(batch, rows=batch.rows[:41])),
        maps(*later),
        JournalRecord(3, RecordType.REPORTS, 0, replace(batch, rows=batch.rows[41:])),
        JournalRecord(4, RecordType.TICK, START_MS + 86_400_000),
    ]
    assert said(change.alarm for record in records for change in live.take(record).changes) == expected


def test_switched_off_in_the_middle_of_a_deviation_it_ends() -> None:
    engine = Engine(RULES)
    live = Pipeline(engine)
    fix_s, east_m, north_m = drive(40, [(10, 40, 500.0)])
    batch = batch_of(fix_s, east_m=east_m, north_m=north_m, speed_kmh=60.0)
    judge(batch.rows, None)
    changes = list(live.take(maps(permit())).changes)
    changes += live.take(JournalRecord(2, RecordType.REPORTS, 0, replace(batch, rows=batch.rows[:41]))).changes
    engine.apply_parameters(ParameterTable(RULES, RuleLayers(rules={"route_deviation": {"enabled": False}})))
    changes += live.take(JournalRecord(3, RecordType.REPORTS, 0, replace(batch, rows=batch.rows[41:]))).changes
    assert said(change.alarm for change in changes) == [("route", 600.0, 1_200.0, 500.0)]
