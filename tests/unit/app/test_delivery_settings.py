"""Limits of a receiver in the configuration file."""

from __future__ import annotations

import pytest

from monitor.app.config import parse_config
from monitor.errors import ConfigError

SINK = '[[sinks.webhook]]\nname = "desk"\nurl = "http://127.0.0.1/hook"\n'


def test_nothing_is_limited_unless_it_is_set() -> None:
    (sink,) = parse_config(SINK, "x.toml").sinks.webhook
    assert not sink.limits.any


def test_limits_are_taken() -> None:
    text = SINK + '[sinks.webhook.limits]\ncap_per_hour = 60\ngroup_by = ["enterprise", "rule"]\n'
    (sink,) = parse_config(text, "x.toml").sinks.webhook
    assert sink.limits.any
    assert sink.limits.cap_per_hour == 60


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param('kinds = ["alarm"]\n[sinks.webhook.limits]\ncap_per_hour = 5\n', "digest", id="no way to tell"),
        pytest.param('[sinks.webhook.limits]\ndigest_rules = ["overspeed"]\n', "'overspeed' is no rule", id="no rule"),
        pytest.param('[sinks.webhook.limits]\ndigest_grade = "serious"\n', "is none of notice", id="serious"),
        pytest.param('[sinks.webhook.limits]\ngroup_by = ["plate"]\n', "enterprise", id="no such group"),
        pytest.param("[sinks.webhook.limits]\ncap_per_hour = 0\n", "greater than or equal to 1", id="a cap of nothing"),
    ],
)
def test_limits_that_would_lose_messages_or_mean_nothing_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_config(SINK + text, "x.toml")
