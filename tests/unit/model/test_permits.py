"""Permits as offices bring them: what is read, what is refused by name."""

from __future__ import annotations

import json

import pytest

from monitor.errors import ConfigError
from monitor.model.beijing import parse_iso
from monitor.model.permit import PermitKind, parse_permits


def permits(**properties: object) -> bytes:
    stated = {"vehicle_id": "T1", "valid_from": "2026-05-02", "valid_to": "2026-05-03"} | properties
    line = {"type": "LineString", "coordinates": [[100.0, 39.0], [100.1, 39.0]]}
    feature = {"type": "Feature", "id": "P1", "properties": stated, "geometry": line}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def test_dates_are_whole_beijing_days_both_ends_included() -> None:
    (permit,) = parse_permits(permits(), "test").permits
    assert permit.valid_from_ms == parse_iso("2026-05-02T00:00:00+08:00")
    assert permit.valid_to_ms == parse_iso("2026-05-04T00:00:00+08:00")
    assert permit.kind is PermitKind.OVERSIZE
    assert permit.corridor_m == 200.0


def test_moments_and_hours() -> None:
    (permit,) = parse_permits(
        permits(
            valid_from="2026-05-02T06:00:00+08:00",
            valid_to="2026-05-02T18:30:00+08:00",
            hours_from="06:00",
            hours_to="24:00",
        ),
        "test",
    ).permits
    assert permit.valid_to_ms - permit.valid_from_ms == 45_000_000
    assert (permit.hours_from_s, permit.hours_to_s) == (21_600, 86_400)


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"vehicle_id": ""}, "names no vehicle"),
        ({"valid_from": ""}, "valid_from is missing"),
        ({"valid_to": "2026-05-01"}, "ends before it begins"),
        ({"valid_to": "soon"}, "neither a date nor"),
        ({"hours_from": "06:00"}, "one end of its hours"),
        ({"hours_from": "06:00", "hours_to": "06:00"}, "same time"),
        ({"hours_from": "25:00", "hours_to": "06:00"}, "no time of day"),
        ({"limit_kmh": 0}, "limit_kmh 0 is not above 0"),
        ({"corridor_m": 6000}, "corridor_m 6000"),
        ({"mass_kg": "many"}, "is no number"),
        ({"kind": "other"}, "is none of oversize"),
        ({"plate_color": "pink"}, "is none of blue"),
    ],
)
def test_what_is_wrong_is_named(properties: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word) as refused:
        parse_permits(permits(**properties), "permits.geojson")
    assert refused.value.problems[0][0] == "permit P1"
