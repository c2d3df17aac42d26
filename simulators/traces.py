"""Labelled small traces: one situation each, with what a monitor should say about it."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.report import ReportBatch
from simulators.trace_table import VEHICLE, reports, steady, trace_ms
from simulators.truth import TruthEpisode

_HEAD = "time speed km acc driver\n"


@dataclass(frozen=True, slots=True)
class Trace:
    """One situation: a table of reports of one vehicle, and every alarm it should raise by the rules it is about."""

    name: str
    about: str
    vehicle_class: VehicleClass
    table: str
    rules: tuple[str, ...]  # other rules are not judged by this trace
    expected: tuple[TruthEpisode, ...] = ()
    until: str | None = None  # time passes to here after the last report

    def batch(self) -> ReportBatch:
        return reports(self.table)

    def registry(self) -> Registry:
        return trace_registry(self.vehicle_class)


def trace_registry(vehicle_class: VehicleClass = VehicleClass.HEAVY_TRUCK, crew: int = 1) -> Registry:
    """The registry of the vehicle that traces are about."""
    vehicle = Vehicle(
        VEHICLE, "测A00001", PlateColor.YELLOW, vehicle_class, "SIM-E01", "虚构货运有限公司", "高台县", crew=crew
    )
    return Registry((vehicle,))


def _episode(rule: str, onset: str, end: str | None, grade: str, kind: str = "") -> TruthEpisode:
    return TruthEpisode(VEHICLE, rule, trace_ms(onset), None if end is None else trace_ms(end), kind=kind, grade=grade)


def _join(*parts: str) -> str:
    return _HEAD + "\n".join(parts)


_APPROACH = steady("08:00:00", "08:09:50", 10, speed_kmh=90.0)

TRACES: tuple[Trace, ...] = (
    Trace(
        "speeding_a_minute",
        "70 s at 112 km/h where 100 is allowed: 12 % over, so general",
        VehicleClass.HEAVY_TRUCK,
        _join(
            _APPROACH,
            steady("08:10:00", "08:11:10", 10, speed_kmh=112.0, from_km=15.0),
            steady("08:11:20", "08:15:00", 10, speed_kmh=90.0, from_km=17.5),
        ),
        ("speeding",),
        (_episode("speeding", "08:10:00", "08:11:10", "general"),),
    ),
    Trace(
        "speeding_twenty_seconds",
        "20 s over: too short",
        VehicleClass.HEAVY_TRUCK,
        _join(
            _APPROACH,
            steady("08:10:00", "08:10:20", 10, speed_kmh=112.0, from_km=15.0),
            steady("08:10:30", "08:15:00", 10, speed_kmh=90.0, from_km=15.9),
        ),
        ("speeding",),
    ),
    Trace(
        "speeding_at_the_limit",
        "five minutes at exactly 100 km/h: at the limit is not over it",
        VehicleClass.HEAVY_TRUCK,
        _join(_APPROACH, steady("08:10:00", "08:15:00", 10, speed_kmh=100.0, from_km=15.0)),
        ("speeding",),
    ),
    Trace(
        "speeding_hazmat_cap",
        "84 km/h is over the 80 of hazmat vehicles: 5 %, so notice",
        VehicleClass.HAZMAT,
        _join(
            steady("08:00:00", "08:09:50", 10, speed_kmh=70.0),
            steady("08:10:00", "08:12:00", 10, speed_kmh=84.0, from_km=11.7),
            steady("08:12:10", "08:15:00", 10, speed_kmh=70.0, from_km=14.7),
        ),
        ("speeding",),
        (_episode("speeding", "08:10:00", "08:12:00", "notice"),),
    ),
    Trace(
        "fatigue_four_and_a_quarter_hours",
        "4 h 15 min without a rest: general from the moment 4 h are passed",
        VehicleClass.HEAVY_TRUCK,
        _join(
            steady("05:30:00", "05:59:30", 30, speed_kmh=0.0, acc=0),
            steady("06:00:00", "10:15:00", 30, speed_kmh=60.0),
            steady("10:15:30", "11:00:00", 30, speed_kmh=0.0, from_km=255.0, acc=0),
        ),
        ("fatigue",),
        (_episode("fatigue", "10:00:00", "10:15:30", "general", "day"),),
    ),
    Trace(
        "fatigue_rest_of_twenty_one_minutes",
        "3 h, 21 minutes of rest, 3 h: no fatigue",
        VehicleClass.HEAVY_TRUCK,
        _join(
            steady("06:00:00", "09:00:00", 30, speed_kmh=60.0),
            steady("09:00:30", "09:21:30", 30, speed_kmh=0.0, from_km=180.0),
            steady("09:22:00", "12:22:00", 30, speed_kmh=60.0, from_km=180.5),
            steady("12:22:30", "13:00:00", 30, speed_kmh=0.0, from_km=360.5, acc=0),
        ),
        ("fatigue",),
    ),
    Trace(
        "gap_of_ten_minutes",
        "600 s and 10 km without a report: a gap",
        VehicleClass.HEAVY_TRUCK,
        _join(
            steady("08:00:00", "08:30:00", 30, speed_kmh=60.0),
            steady("08:40:00", "09:10:00", 30, speed_kmh=60.0, from_km=40.0),
        ),
        ("track_gap", "offline_displacement"),
        (_episode("track_gap", "08:30:00", "08:40:00", "notice"),),
        until="10:00:00",
    ),
    Trace(
        "silence_while_standing",
        "an hour without a report in one place: no gap",
        VehicleClass.HEAVY_TRUCK,
        _join(
            steady("08:00:00", "08:30:00", 30, speed_kmh=60.0),
            steady("08:30:30", "08:31:00", 30, speed_kmh=0.0, from_km=30.25),
            steady("09:31:00", "10:00:00", 30, speed_kmh=0.0, from_km=30.25),
        ),
        ("track_gap", "offline_displacement"),
        until="11:00:00",
    ),
    Trace(
        "displacement_of_half_an_hour",
        "30 minutes and 25 km without a report: a general gap and an offline displacement",
        VehicleClass.HEAVY_TRUCK,
        _join(
            steady("08:00:00", "08:30:00", 30, speed_kmh=50.0),
            steady("09:00:00", "09:30:00", 30, speed_kmh=50.0, from_km=50.0),
        ),
        ("track_gap", "offline_displacement"),
        (
            _episode("track_gap", "08:30:00", "09:00:00", "general"),
            _episode("offline_displacement", "08:30:00", "09:00:00", "general"),
        ),
        until="10:30:00",
    ),
    Trace(
        "absent_for_two_days",
        "parked, then two days without contact: an absence from 24 h on, until contact returns",
        VehicleClass.HEAVY_TRUCK,
        _join(
            steady("08:00:00", "09:00:00", 300, speed_kmh=0.0, acc=0),
            steady("2T09:00:00", "2T10:00:00", 300, speed_kmh=0.0, acc=0),
        ),
        ("offline",),
        (_episode("offline", "1T09:00:00", "2T09:00:00", "notice", "parked"),),
    ),
)


def trace(name: str) -> Trace:
    """The trace of that name. Raises KeyError."""
    return {item.name: item for item in TRACES}[name]
