"""Settings of a broker: refused with a reason, and secrets stay secret."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.model.backoff import Backoff
from monitor.model.broker import BrokerSettings, TlsSettings
from monitor.quality.crs import Crs
from monitor.sources.intake import Codec, SourceClock
from monitor.sources.mqtt_settings import MqttSourceSettings


def broker(**fields: object) -> BrokerSettings:
    return BrokerSettings.model_validate(fields)


def test_a_password_comes_from_one_place_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("opensesame\n")
    monkeypatch.setenv("BROKER_PASSWORD", "opensesame")
    for place in ({"password": "opensesame"}, {"password_env": "BROKER_PASSWORD"}, {"password_file": path}):
        settings = broker(username="daemon", **place)
        assert settings.secret() == "opensesame"
        assert "opensesame" not in f"{settings!r} {settings} {settings.address} {settings.model_dump()}"
    assert broker().secret() is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"username": "a", "password": "b", "password_env": "C"}, "give one of"),
        ({"password": "b"}, "needs a username"),
        ({"port": 70_000}, "less than or equal"),
        ({"hots": "typo"}, "Extra inputs"),
        ({"protocol": "4"}, "'5' or '3.1.1'"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        broker(**fields)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(ConfigError, match="NOT_SET is not set"):
        broker(username="a", password_env="NOT_SET").secret()
    with pytest.raises(ConfigError, match="missing"):
        broker(username="a", password_file=tmp_path / "missing").secret()
    with pytest.raises(ConfigError, match="cannot be used"):
        TlsSettings(ca_file=tmp_path / "missing.pem").context()


def test_a_subscription_says_how_its_messages_are_read() -> None:
    settings = MqttSourceSettings.model_validate(
        {
            "name": "city",
            "subscriptions": [
                {"topic": "a/#"},
                {"topic": "b/+/c", "codec": "jt808", "crs": "gcj02", "clock": "payload", "platform": "上级平台"},
            ],
        }
    )
    first, second = (settings.feed(item) for item in settings.subscriptions)
    assert (first.source, first.platform, first.codec, first.crs, first.clock) == (
        "city",
        "city",
        Codec.JSON,
        Crs.WGS84,
        SourceClock.ARRIVAL,
    )
    assert (second.platform, second.codec, second.crs, second.clock) == (
        "上级平台",
        Codec.JT808,
        Crs.GCJ02,
        SourceClock.PAYLOAD,
    )
    assert settings.session == "vdm-monitor-city"


@given(st.integers(0, 2**32))
def test_waits_double_up_to_a_bound_and_differ(seed: int) -> None:
    backoff = Backoff(1.0, 10.0, random.Random(seed))
    for step in (1, 2, 4, 8, 10, 10):
        assert 0 <= backoff.next_s() <= step
    backoff.reset()
    assert backoff.next_s() <= 1
