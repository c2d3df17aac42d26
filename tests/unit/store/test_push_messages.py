"""Topics and bodies of pushes."""

from __future__ import annotations

import json

import pytest

from monitor.model.push import PushKind, PushMessage, summary_message, topic_level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        pytest.param("E1", "E1", id="plain"),
        pytest.param("", "_", id="nothing"),
        pytest.param("a/b+c#", "a_b_c_", id="signs that MQTT gives a meaning"),
        pytest.param("高台", "高台", id="Chinese"),
    ],
)
def test_a_text_is_one_level_of_a_topic(text: str, level: str) -> None:
    assert topic_level(text) == level


def test_the_body_is_json_whatever_the_id() -> None:
    message = PushMessage(PushKind.SUMMARY, 'a "quoted"\n id', "t", '{"x": null}', 3)
    assert json.loads(message.body()) == {
        "type": "summary",
        "id": 'a "quoted"\n id',
        "sequence": 3,
        "data": {"x": None},
    }
    assert message.idempotency_key == 'a "quoted"\n id/3'


def test_only_summaries_are_retained() -> None:
    assert summary_message("E1", "{}").retained
    assert not PushMessage(PushKind.ALARM, "a", "t", "{}", 1).retained
