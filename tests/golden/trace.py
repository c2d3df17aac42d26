"""Golden traces: a hand-readable file of one vehicle's reports and the episodes expected of them.

::

    # What the case shows, in a sentence.
    vehicle heavy_truck max_speed_kmh=90          # class, then registry fields; "vehicle none" has no registry
    rules fatigue.elapsed=true                    # settings that differ from the defaults
    shows track_gap offline_displacement          # rules whose alarms are listed; the folder's own where left out
    fence depot -200 300                          # a fence of that kind over the way from -200 m to 300 m; "limit=30"
    road expressway 0 9000 limit=100              # a road section of that class along the way; see below
    permit 0 50000 corridor=300 hours=06:00-22:00 # its permit: a route along the way; see below
    odometer 120000                               # it states its mileage by its true way, from so many metres on
    grid 60                                       # it states coordinates in whole 1/60 degrees only
    until 03-03 12:00:00                          # time passes to here after the last report
    reports
    03-02 13:00:00 80                             # time, speed in km/h ("-" is missing)
    every 30 s until 13:30:00 80                  # one every 30 s after the line before, up to and with 13:30:00
    after 61 s 0 acc=off                          # one, 61 s after the line before
    expect settled
    ...
    expect received
    ...

Times are Beijing times of 2026; without a date they are of the day of the report before. The vehicle goes east along a
parallel as its speed says. Words after the speed: ``hold`` (does not move), ``go=M`` (moves M metres instead),
``off=M`` (this report alone is displaced by M metres), ``north=M`` (the same, to the north), ``acc=on|off``,
``driver=NAME``, ``nofix``, ``backfill``, ``alarm=BIT+BIT`` (the alarm word has these bits and no other; ``alarm=none``
has none, without it the word is unknown), ``received=TIME`` or ``received=+SECONDS``, ``skip`` (time and way pass, but
nothing is reported), ``dated=TIME`` (the report states another time than its own), ``ahead=SECONDS`` (its time is ahead
by so much, below 0 behind), ``stuck`` (it goes on, but the fix is that of the report before), ``wheels=K`` (the
recorder says K km/h), ``other`` (it is the report of a trailer, whose alarms are none of ours). ``heading=DEG`` is
stated besides. "vehicle unregistered" has a registry that does not know it.

A road runs east along the way, from so many metres to so many. Words after them: ``limit=K`` (posted, km/h),
``north=M`` (it begins M metres north of the way), ``turn=DEG`` (and turns off the way to the left by so much),
``forward`` (one way), ``ferry``, ``tunnel``.

A permit of the vehicle names a route from so many metres east to so many, or is ``everywhere``, and holds all year.
Words after them: ``corridor=M``, ``limit=K`` (km/h), ``hours=HH:MM-HH:MM``, ``from=MM-DD_HH:MM:SS``,
``to=MM-DD_HH:MM:SS``, ``back`` (the route leads there and back again).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from monitor.engine.parameters import RuleLayers
from monitor.model.alarm_bits import AlarmBit, alarm_word
from monitor.model.beijing import parse_iso
from monitor.model.fence import FenceSet, parse_fences
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.permit import PermitSet, parse_permits
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.road import RoadSet, parse_roads

YEAR = "2026"
VEHICLE_ID = "V1"
OTHER_ID = "T9"
_ORIGIN_LON_DEG, _LAT_DEG = 100.0, 39.0
_M_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180 * np.cos(np.radians(_LAT_DEG))
_DATES = ("suspended_from", "suspended_to", "in_service_from", "retired_on", "relay_from", "relay_to")


@dataclass(frozen=True, slots=True)
class Trace:
    """One case: what is reported, under which registry and settings, and the expectation as text lines by answer."""

    path: Path
    head: str  # everything before the expectations, as written
    registry: Registry | None
    layers: RuleLayers
    shows: tuple[str, ...]
    until_ms: int | None
    batch: ReportBatch
    fences: FenceSet | None = None
    roads: RoadSet | None = None
    permits: PermitSet | None = None
    expected: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Report:
    at_ms: int
    speed_kmh: float | None
    east_m: float
    words: tuple[str, ...] = ()
    shown_m: float = 0.0  # where the fix is; ``east_m`` where the vehicle is


def read_trace(path: Path) -> Trace:
    """The trace in a file. Raises ValueError, naming file and line."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("expect settled\n")
    settled, _, received = rest.partition("expect received\n")
    registry: Registry | None = None
    rules: dict[str, dict[str, object]] = {}
    shows: tuple[str, ...] = (path.parent.name,)
    until_ms: int | None = None
    fences: list[list[str]] = []
    roads: list[list[str]] = []
    permits: list[list[str]] = []
    odometer_m: int | None = None
    grid: float | None = None
    reports: list[_Report] = []
    in_reports = False
    for number, line in enumerate(head.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if in_reports:
                reports += _reports(words, reports)
            elif words[0] == "vehicle":
                registry = _registry(words[1:])
            elif words[0] == "rules":
                _settings(words[1:], rules)
            elif words[0] == "shows":
                shows = tuple(words[1:])
            elif words[0] == "fence":
                fences.append(words[1:])
            elif words[0] == "road":
                roads.append(words[1:])
            elif words[0] == "permit":
                permits.append(words[1:])
            elif words[0] == "odometer":
                odometer_m = int(words[1])
            elif words[0] == "grid":
                grid = float(words[1])
            elif words[0] == "until":
                until_ms = _moment(words[1:], 0)
            elif words == ["reports"]:
                in_reports = True
            else:
                raise ValueError(f"unknown word {words[0]}")
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(f"{path}:{number}: {line.strip()}: {error}") from error
    return Trace(
        path,
        head,
        registry,
        RuleLayers(rules=rules),
        shows,
        until_ms,
        _batch(reports, odometer_m, grid),
        _fences(fences),
        _roads(roads),
        _permits(permits),
        {"settled": tuple(settled.strip().splitlines()), "received": tuple(received.strip().splitlines())},
    )


def _registry(words: list[str]) -> Registry | None:
    other = Vehicle(OTHER_ID, "甘G00002", PlateColor.YELLOW, VehicleClass.TRAILER, "E1")
    if words == ["none"]:
        return None
    if words == ["unregistered"]:
        return Registry((other,))
    vehicle = Vehicle(VEHICLE_ID, "甘G00001", PlateColor.YELLOW, VehicleClass(words[0]), "E1")
    for word in words[1:]:
        name, _, value = word.partition("=")
        typed: object = value
        if name in _DATES:
            typed = date.fromisoformat(f"{YEAR}-{value}")
        elif name == "crew":
            typed = int(value)
        elif name in ("max_speed_kmh", "line_km"):
            typed = float(value)
        elif name == "curfew_exempt":
            typed = value == "true"
        else:
            raise ValueError(f"unknown registry field {name}")
        vehicle = replace(vehicle, **{name: typed})  # type: ignore[arg-type]
    return Registry((vehicle, other))


def _settings(words: list[str], rules: dict[str, dict[str, object]]) -> None:
    for word in words:
        place, _, value = word.partition("=")
        rule, _, key = place.partition(".")
        stated: object = {"true": True, "false": False}.get(value, value)
        if value.startswith(("[", "{")):
            stated = json.loads(value)
        elif "+" in value:
            stated = value.split("+")
        rules.setdefault(rule, {})[key] = stated


def _fences(stated: list[list[str]]) -> FenceSet | None:
    """Strips 1 km wide along the way."""
    if not stated:
        return None
    features = []
    for number, (kind, from_m, to_m, *words) in enumerate(stated):
        west, east = _lon_deg(float(from_m)), _lon_deg(float(to_m))
        south, north = _LAT_DEG - 0.0045, _LAT_DEG + 0.0045
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        properties = {"kind": kind, **({"limit_kmh": _number("limit", words)} if words else {})}
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "id": f"F{number}", "properties": properties, "geometry": shape})
    return parse_fences(_collection(features), "the trace")


def _roads(stated: list[list[str]]) -> RoadSet | None:
    """Straight lines."""
    if not stated:
        return None
    features = []
    for number, (road_class, from_m, to_m, *words) in enumerate(stated):
        begin_m, length_m = float(from_m), float(to_m) - float(from_m)
        north_m, turn = _number("north", words) or 0.0, np.radians(_number("turn", words) or 0.0)
        line = [
            [_lon_deg(begin_m), _lat_deg(north_m)],
            [_lon_deg(begin_m + length_m * float(np.cos(turn))), _lat_deg(north_m + length_m * float(np.sin(turn)))],
        ]
        flags = [word for word in words if "=" not in word]
        if unknown := [word for word in flags if word not in ("ferry", "tunnel", "forward")]:
            raise ValueError(f"unknown word {unknown[0]}")
        properties = {
            "road_class": road_class,
            "limit_kmh": _number("limit", words),
            "direction": "forward" if "forward" in flags else "both",
            "ferry": "ferry" in flags,
            "tunnel": "tunnel" in flags,
        }
        shape = {"type": "LineString", "coordinates": line}
        features.append({"type": "Feature", "id": f"R{number}", "properties": properties, "geometry": shape})
    return parse_roads(_collection(features), "the trace")


def _permits(stated: list[list[str]]) -> PermitSet | None:
    """Permits of the vehicle, with straight routes."""
    if not stated:
        return None
    features = []
    for number, words in enumerate(stated):
        shape: dict[str, object] | None = None
        if words[0] != "everywhere":
            turns = [float(words[0]), float(words[1])] + ([float(words[0])] if "back" in words else [])
            shape = {"type": "LineString", "coordinates": [[_lon_deg(east_m), _LAT_DEG] for east_m in turns]}
        properties: dict[str, object] = {
            "vehicle_id": VEHICLE_ID,
            "valid_from": f"{YEAR}-01-01",
            "valid_to": f"{YEAR}-12-31",
            "limit_kmh": _number("limit", words),
            "corridor_m": _number("corridor", words),
        }
        for word in words[1 if shape is None else 2 :]:
            name, _, value = word.partition("=")
            if name in ("from", "to"):
                properties[f"valid_{name}"] = f"{YEAR}-{value.replace('_', 'T')}+08:00"
            elif name == "hours":
                properties["hours_from"], properties["hours_to"] = value.split("-")
            elif name not in ("limit", "corridor", "back"):
                raise ValueError(f"unknown word {name}")
        features.append({"type": "Feature", "id": f"P{number}", "properties": properties, "geometry": shape})
    return parse_permits(_collection(features), "the trace")


def _number(name: str, words: list[str]) -> float | None:
    """The number in the word ``name=NUMBER``; None where there is none."""
    found = [word for word in words if word.startswith(f"{name}=")]
    return float(found[0].partition("=")[2]) if found else None


def _collection(features: Sequence[Mapping[str, object]]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _lon_deg(east_m: float) -> float:
    return float(_ORIGIN_LON_DEG + east_m / _M_PER_DEGREE)


def _lat_deg(north_m: float) -> float:
    return _LAT_DEG + float(np.degrees(north_m / EARTH_RADIUS_M))


def _moment(words: list[str], previous_ms: int) -> int:
    """``MM-DD HH:MM:SS``, or ``HH:MM:SS`` on the day of ``previous_ms``."""
    if len(words) == 2:
        return parse_iso(f"{YEAR}-{words[0]}T{words[1]}+08:00")
    day_ms = (previous_ms + 28_800_000) // 86_400_000 * 86_400_000 - 28_800_000
    hour, minute, second = words[0].split(":")
    return day_ms + round((int(hour) * 3600 + int(minute) * 60 + float(second)) * 1000)


def _reports(words: list[str], before: list[_Report]) -> list[_Report]:
    last = before[-1] if before else _Report(0, None, 0.0)
    if words[0] == "every":
        step_ms = round(float(words[1]) * 1000)
        dated = 2 if "-" in words[4][1:] else 1
        end_ms = _moment(words[4 : 4 + dated], last.at_ms)
        times = range(last.at_ms + step_ms, end_ms + 1, step_ms)
        rest = words[4 + dated :]
        if not times or times[-1] != end_ms:
            raise ValueError("the steps do not end at the stated time")
    elif words[0] == "after":
        times, rest = range(at := last.at_ms + round(float(words[1]) * 1000), at + 1), words[3:]
    else:
        dated = 2 if "-" in words[0][1:] else 1
        times, rest = range(at := _moment(words[:dated], last.at_ms), at + 1), words[dated:]
    speed_kmh = None if rest[0] == "-" else float(rest[0])
    found: list[_Report] = []
    for at_ms in times:
        way_m = (speed_kmh or 0.0) * (at_ms - last.at_ms) / 3600 if last.at_ms else 0.0
        for word in rest[1:]:
            if word == "hold":
                way_m = 0.0
            elif word.startswith("go="):
                way_m = float(word[3:])
        east_m = last.east_m + way_m
        last = _Report(at_ms, speed_kmh, east_m, tuple(rest[1:]), last.shown_m if "stuck" in rest else east_m)
        found.append(last)
    return found


def _batch(reports: list[_Report], odometer_m: int | None, grid: float | None) -> ReportBatch:
    told = [report for report in reports if "skip" not in report.words]
    rows = empty_rows(len(told))
    drivers: dict[str, int] = {}
    stated = any(word.startswith("received=") for report in told for word in report.words)
    for row, report in zip(rows, told, strict=True):
        flags = int(ReportFlag.POSITIONED)
        east_m, north_m = report.shown_m, 0.0
        row["fix_ms"] = report.at_ms
        row["recv_ms"] = report.at_ms if stated else 0
        for word in report.words:
            name, _, value = word.partition("=")
            if name == "acc":
                flags |= int(ReportFlag.ACC_KNOWN) | (int(ReportFlag.ACC_ON) if value == "on" else 0)
            elif name == "driver":
                row["driver"] = drivers.setdefault(value, len(drivers))
            elif name == "off":
                east_m += float(value)
            elif name == "north":
                north_m += float(value)
            elif name == "nofix":
                flags &= ~int(ReportFlag.POSITIONED)
            elif name == "alarm":
                bits = () if value == "none" else tuple(AlarmBit(bit) for bit in value.split("+"))
                row["alarm_flags"] = alarm_word(*bits)
            elif name == "wheels":
                row["recorder_speed_dkmh"] = round(float(value) * 10)
            elif name == "heading":
                row["heading_deg"] = int(value)
            elif name == "backfill":
                flags |= int(ReportFlag.BACKFILL)
            elif name == "received":
                delay = value.startswith("+")
                row["recv_ms"] = (
                    report.at_ms + round(float(value[1:]) * 1000) if delay else _moment(value.split("_"), report.at_ms)
                )
            elif name == "dated":
                row["fix_ms"] = _moment(value.split("_"), report.at_ms)
            elif name == "ahead":
                row["fix_ms"] = report.at_ms + round(float(value) * 1000)
            elif name not in ("hold", "go", "stuck", "other"):
                raise ValueError(f"unknown word {word}")
        row["lon_deg"] = _ORIGIN_LON_DEG + east_m / _M_PER_DEGREE
        row["lat_deg"] = _lat_deg(north_m)
        if odometer_m is not None:
            row["mileage_m"] = odometer_m + int(report.east_m)
        if grid is not None:
            row["lon_deg"] = round(row["lon_deg"] * grid) / grid
        row["speed_dkmh"] = -1 if report.speed_kmh is None else round(report.speed_kmh * 10)
        row["key"] = 1 if "other" in report.words else 0
        row["flags"] = flags
    return ReportBatch((VEHICLE_ID, OTHER_ID), rows, tuple(drivers))
