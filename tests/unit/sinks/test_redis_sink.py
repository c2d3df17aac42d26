"""Settings, key names and the marker of the Redis sink; the rest is tried on a real server."""

from __future__ import annotations

import pytest

from monitor.model.push import PushKind
from monitor.sinks.redis_marker import Marker
from monitor.sinks.redis_settings import RedisSinkSettings
from tests.unit.sinks.memory_outbox import alarm, summary


def sink(**fields: object) -> RedisSinkSettings:
    return RedisSinkSettings.model_validate({"name": "live"} | fields)


def test_keys_stand_below_the_prefix() -> None:
    settings = sink(prefix="bureau:{vdm}")
    assert settings.stream(alarm(7)) == "bureau:{vdm}:alarms"
    assert settings.stream(summary("E1", 1)) == "bureau:{vdm}:summaries"
    assert settings.sent(alarm(7)) == "bureau:{vdm}:sent:alarm:alarm-7"
    assert settings.vehicle("甘G12345") == "bureau:{vdm}:vehicle:甘G12345"
    assert settings.geo == "bureau:{vdm}:vehicles:geo"
    assert {settings.stream_marker, settings.vehicle_marker} == {
        "bureau:{vdm}:marker:streams",
        "bureau:{vdm}:marker:vehicles",
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prefix": ""}, "at least 1"),
        ({"prefix": "a b"}, "pattern"),
        ({"stream_days": 500}, "less than or equal to 400"),
        ({"every_s": 0}, "greater than or equal"),
        ({"kinds": ["news"]}, "Input should be"),
        ({"name": "a b"}, "pattern"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sink(**fields)


def test_everything_is_kept_for_a_bounded_time() -> None:
    assert sink().kinds == tuple(PushKind)
    assert (sink(stream_days=2).stream_ttl_s, sink(vehicle_hours=0.5).vehicle_ttl_s) == (172_800, 1_800)


def test_a_marker_knows_what_was_written_last_and_what_may_have_been() -> None:
    marker = Marker()
    assert not marker.knows(None)
    first = marker.next()
    assert marker.knows(first.encode())
    marker.written(first)
    second = marker.next()
    assert marker.knows(first.encode())
    assert marker.knows(second.encode())
    marker.written(second)
    assert not marker.knows(first.encode())
    assert not marker.knows(None)
    assert not Marker().knows(second.encode())
