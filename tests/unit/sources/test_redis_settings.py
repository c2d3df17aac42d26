"""Settings of Redis as a source, and the arithmetic of entry ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.model.redis_server import RedisServerSettings
from monitor.quality.crs import Crs
from monitor.sources.intake import Codec, SourceClock
from monitor.sources.redis_settings import RedisSourceSettings
from monitor.sources.stream_group import BEGIN, after, before, entries_of, pages, parse, text

STREAMS = [{"key": "reports"}]


def source(**fields: object) -> RedisSourceSettings:
    return RedisSourceSettings.model_validate({"name": "log", "streams": STREAMS} | fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"streams": []}, "at least 1"),
        ({"streams": [{"key": ""}]}, "at least 1"),
        ({"streams": STREAMS * 2}, "more than once"),
        ({"streams": [{"key": "a", "topic": "b"}]}, "Extra inputs"),
        ({"block_s": 10.0}, "below timeout_s"),
        ({"done": "drop"}, "'keep', 'delete' or 'trim'"),
        ({"start": "last"}, "'first' or 'new'"),
        ({"password": "a", "password_env": "B"}, "give one of"),
        ({"username": "a"}, "needs a password"),
        ({"port": 0}, "greater than or equal"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        source(**fields)


def test_a_stream_says_how_its_entries_are_read() -> None:
    settings = source(
        streams=[
            {"key": "raw", "codec": "jt808", "crs": "gcj02", "clock": "payload", "platform": "county"},
            {"key": "reports"},
        ],
        payload_bytes=1_000,
    )
    first, second = (settings.feed(stream) for stream in settings.streams)
    assert (first.codec, first.crs, first.clock) == (Codec.JT808, Crs.GCJ02, SourceClock.PAYLOAD)
    assert (first.source, first.platform, second.platform) == ("log", "county", "log")
    assert (second.codec, second.payload_bytes) == (Codec.JSON, 1_000)
    assert (settings.consumer_name, source(consumer="a").consumer_name) == ("log", "a")


def test_a_password_comes_from_one_place_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("opensesame\n")
    monkeypatch.setenv("REDIS_PASSWORD", "opensesame")
    for place in ({"password": "opensesame"}, {"password_env": "REDIS_PASSWORD"}, {"password_file": path}):
        settings = RedisServerSettings.model_validate(place)
        assert settings.client_options()["password"] == "opensesame"
        assert "opensesame" not in f"{settings!r} {settings} {settings.address}"
    with pytest.raises(ConfigError, match="missing"):
        RedisServerSettings(password_file=tmp_path / "missing").client_options()
    with pytest.raises(ConfigError, match="cannot be used"):
        RedisServerSettings.model_validate({"tls": {"ca_file": tmp_path / "missing.pem"}}).client_options()


def test_the_address_tells_of_tls_and_database() -> None:
    assert RedisServerSettings(database=2).address == "redis://127.0.0.1:6379/2"
    assert RedisServerSettings.model_validate({"tls": {}}).address == "rediss://127.0.0.1:6379/0"


ids = st.tuples(st.integers(0, 2**63), st.integers(0, 2**64 - 1))


@given(ids)
def test_before_and_after_are_neighbours(entry_id: tuple[int, int]) -> None:
    assert parse(text(entry_id).encode()) == entry_id
    assert before(after(entry_id)) == entry_id
    assert before(entry_id) < entry_id or entry_id == BEGIN
    assert entry_id < after(entry_id)


def test_deleted_entries_are_told_from_others() -> None:
    found = entries_of([(b"1-0", {b"data": b"x"}), (b"2-0", {}), (None, None)])
    assert [(entry.id, bool(entry.fields)) for entry in found] == [(b"1-0", True), (b"2-0", False)]
    assert [len(page) for page in pages(found * 3, 4)] == [4, 2]
