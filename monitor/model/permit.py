"""Permits 许可: which vehicle may go where, when, how fast, and how big it may be while it does.

GeoJSON (``monitor.model.geojson``) of routes: oversize transport 大件运输, special hazmat 危货, charter trips 包车.
Each feature has an ``id`` or the property ``permit_id``; its geometry is the route from begin to end as one LineString,
or null where the permit names none. Properties: ``vehicle_id``, or ``plate`` with ``plate_color``; ``valid_from`` and
``valid_to`` (ISO 8601; a date alone is the whole Beijing day); the others by name, all optional.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shapely.geometry import LineString

from monitor.model.beijing import DAY_MS, day_number, day_start_ms, parse_iso
from monitor.model.fleet import PlateColor
from monitor.model.geojson import EMPTY_PAYLOAD, Feature, parse_features
from monitor.model.plate import folded_plate

CORRIDOR_M = 200.0
"""R1: distance from the route that still is on it (D)."""
MAX_CORRIDOR_M = 5000.0
"""A wider corridor is a unit mistaken (D)."""
MAX_LIMIT_KMH = 160.0


class PermitKind(StrEnum):
    """What a permit is for."""

    OVERSIZE = "oversize"  # 大件运输
    HAZMAT = "hazmat"  # 剧毒化学品、烟花爆竹道路运输通行证
    CHARTER = "charter"  # 包车客运标志牌


@dataclass(frozen=True, slots=True)
class Permit:
    """One permit. ``valid_from_ms`` is inclusive, ``valid_to_ms`` exclusive; hours are seconds of the Beijing day."""

    permit_id: str
    kind: PermitKind
    valid_from_ms: int
    valid_to_ms: int
    vehicle_id: str = ""
    plate: str = ""
    plate_color: PlateColor = PlateColor.OTHER
    route: LineString | None = None  # WGS-84 degrees, longitude first
    corridor_m: float = CORRIDOR_M
    limit_kmh: float | None = None
    hours_from_s: int | None = None  # may drive from this time of day ...
    hours_to_s: int | None = None  # ... until this one; over midnight where it is the smaller
    length_m: float | None = None
    width_m: float | None = None
    height_m: float | None = None
    mass_kg: float | None = None
    cargo: str = ""
    issued_by: str = ""
    number: str = ""


class PermitSet:
    """Permits. ``payload`` is the GeoJSON they came from: the same bytes give the same set."""

    def __init__(self, permits: Sequence[Permit] = (), payload: bytes = EMPTY_PAYLOAD) -> None:
        self.permits = tuple(permits)
        self.payload = payload

    def __len__(self) -> int:
        return len(self.permits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PermitSet) and self.payload == other.payload

    def __hash__(self) -> int:
        return hash(self.payload)


def parse_permits(data: bytes, path: str) -> PermitSet:
    """Permits of GeoJSON text. Raises ConfigError that names every permit that is refused, and why."""
    return PermitSet(parse_features(data, path, "permit", _permit), data)


def _permit(feature: Feature) -> Permit:
    """Raises ValueError with what is wrong."""
    kind = feature.text("kind") or PermitKind.OVERSIZE.value
    if kind not in tuple(PermitKind):
        raise ValueError(f"kind {kind!r} is none of {', '.join(PermitKind)}")
    vehicle_id, plate = feature.text("vehicle_id"), feature.text("plate")
    if not vehicle_id and not plate:
        raise ValueError("it names no vehicle: give vehicle_id, or plate and plate_color")
    color = feature.text("plate_color") or PlateColor.OTHER.value
    if color not in tuple(PlateColor):
        raise ValueError(f"plate_color {color!r} is none of {', '.join(PlateColor)}")
    begin_ms, end_ms = _moment(feature, "valid_from", 0), _moment(feature, "valid_to", DAY_MS)
    if begin_ms >= end_ms:
        raise ValueError("it ends before it begins: valid_to lies before valid_from")
    hours_from_s, hours_to_s = _time_of_day(feature, "hours_from"), _time_of_day(feature, "hours_to")
    if (hours_from_s is None) != (hours_to_s is None):
        raise ValueError("it has one end of its hours; give both hours_from and hours_to, or none")
    if hours_from_s is not None and hours_from_s == hours_to_s:
        raise ValueError("its hours begin and end at the same time; leave them out where it holds all day")
    return Permit(
        permit_id=feature.feature_id,
        kind=PermitKind(kind),
        valid_from_ms=begin_ms,
        valid_to_ms=end_ms,
        vehicle_id=vehicle_id,
        plate=folded_plate(plate) if plate else "",
        plate_color=PlateColor(color),
        route=None if feature.geometry is None else feature.line(),
        corridor_m=_within(feature, "corridor_m", MAX_CORRIDOR_M) or CORRIDOR_M,
        limit_kmh=_within(feature, "limit_kmh", MAX_LIMIT_KMH),
        hours_from_s=hours_from_s,
        hours_to_s=hours_to_s,
        length_m=_within(feature, "length_m", 200.0),
        width_m=_within(feature, "width_m", 50.0),
        height_m=_within(feature, "height_m", 50.0),
        mass_kg=_within(feature, "mass_kg", 2_000_000.0),
        cargo=feature.text("cargo"),
        issued_by=feature.text("issued_by"),
        number=feature.text("number"),
    )


def _within(feature: Feature, name: str, most: float) -> float | None:
    value = feature.number(name)
    if value is not None and not 0.0 < value <= most:
        raise ValueError(f"{name} {value:g} is not above 0 and at most {most:g}")
    return value


def _moment(feature: Feature, name: str, whole_day_ms: int) -> int:
    """Epoch ms of a moment, or of a Beijing day; ``whole_day_ms`` after its begin."""
    stated = feature.text(name)
    if not stated:
        raise ValueError(f"{name} is missing")
    try:
        if len(stated) == len("2026-05-31"):
            return int(day_start_ms(day_number(date.fromisoformat(stated)))) + whole_day_ms
        return parse_iso(stated)
    except ValueError:
        raise ValueError(f"{name} {stated!r} is neither a date nor an ISO 8601 time with its offset") from None


def _time_of_day(feature: Feature, name: str) -> int | None:
    stated = feature.text(name)
    if not stated:
        return None
    found = re.fullmatch(r"([01]?\d|2[0-4]):([0-5]\d)", stated)
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 if found else -1
    if not 0 <= seconds <= 86_400:
        raise ValueError(f"{name} {stated!r} is no time of day such as 06:00")
    return seconds
