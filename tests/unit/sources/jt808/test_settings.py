"""Settings of the server."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monitor.quality.crs import Crs
from monitor.sources.intake import Codec
from monitor.sources.jt808 import Authentication, Jt808Settings, Policy


def test_a_name_is_enough() -> None:
    settings = Jt808Settings(name="terminals")
    assert (settings.host, settings.port) == ("127.0.0.1", 6808)
    assert (settings.policy, settings.authentication) == (Policy.ACCEPT_UNREGISTERED, Authentication.REQUIRED)
    assert settings.idle_s == 180
    assert settings.address == "jt808://127.0.0.1:6808"
    feed = settings.feed()
    assert (feed.source, feed.platform, feed.codec, feed.crs) == ("terminals", "terminals", Codec.JT808, Crs.WGS84)


def test_reports_carry_the_platform_where_one_is_named() -> None:
    feed = Jt808Settings(name="a", platform="upper", crs=Crs.GCJ02).feed()
    assert (feed.platform, feed.crs) == ("upper", Crs.GCJ02)


@pytest.mark.parametrize(
    "wrong", [{"port": -1}, {"name": ""}, {"name": "a b"}, {"polcy": "reject"}, {"heartbeat_s": 0}]
)
def test_what_is_no_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Jt808Settings.model_validate({"name": "a"} | wrong)
