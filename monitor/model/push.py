"""What is pushed: one message of the outbox, and the body and key that every sink gives it.

``sequence`` counts what happened to the record behind ``id``, so a receiver drops what it already has.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from monitor.model.alarm import AlarmChange, PreWarning
from monitor.model.supervision import SupervisionEntry

NOBODY = "_"
"""Topic level of an empty enterprise or vehicle: MQTT allows an empty level, but few tools show one."""

_LEVEL_BREAKERS = str.maketrans({"/": "_", "+": "_", "#": "_", "\x00": "_"})


class PushKind(StrEnum):
    """``type`` in the body of a push."""

    ALARM = "alarm"
    SUMMARY = "summary"
    SUPERVISION = "supervision"
    PREWARNING = "prewarning"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One push. ``topic`` stands below the sink's own prefix; ``data`` is JSON text.

    ``sequence`` 0 lets the store number the message within its ``id``.
    """

    kind: PushKind
    id: str
    topic: str
    data: str
    sequence: int = 0

    @property
    def retained(self) -> bool:
        """Whether a broker keeps it for later subscribers."""
        return self.kind is PushKind.SUMMARY

    @property
    def idempotency_key(self) -> str:
        return f"{self.id}/{self.sequence}"

    def body(self) -> str:
        """``{type, id, sequence, data}`` as JSON text."""
        return f'{{"type":"{self.kind.value}","id":{_json(self.id)},"sequence":{self.sequence},"data":{self.data}}}'


def topic_level(text: str) -> str:
    """Text as one level of a topic: never empty, without the signs that MQTT gives a meaning."""
    return text.translate(_LEVEL_BREAKERS) or NOBODY


def alarm_message(change: AlarmChange) -> PushMessage:
    """An alarm after a change. What settlement puts right says so: ``correction`` and its ``reason``."""
    alarm = change.alarm
    topic = f"alarms/{topic_level(alarm.enterprise_id)}/{topic_level(alarm.vehicle_id)}"
    record: dict[str, str | float | int | bool | None] = alarm.record()
    if change.reason:
        record |= {"correction": True, "reason": change.reason}
    return PushMessage(PushKind.ALARM, alarm.alarm_id, topic, _json(record), change.sequence)


def prewarning_message(warning: PreWarning) -> PushMessage:
    topic = f"prewarnings/{topic_level(warning.enterprise_id)}/{topic_level(warning.vehicle_id)}"
    return PushMessage(PushKind.PREWARNING, warning.warning_id, topic, _json(warning.record()), 1)


def supervision_message(entry: SupervisionEntry) -> PushMessage:
    """A key-supervision row; a later stay on the list is another record with another id."""
    topic = f"supervision/{topic_level(entry.object_type)}/{topic_level(entry.object_id)}"
    key = f"{entry.object_type}:{entry.object_id}:{entry.rule_id}:{entry.entered_ms}"
    return PushMessage(PushKind.SUPERVISION, key, topic, _json(entry.record()))


def summary_message(enterprise_id: str, data: str) -> PushMessage:
    """An enterprise summary; ``data`` is JSON text of its indicator rows and rates."""
    return PushMessage(PushKind.SUMMARY, f"summary:{enterprise_id}", f"summaries/{topic_level(enterprise_id)}", data)


def digest_message(digest_id: str, enterprise_id: str, record: object) -> PushMessage:
    """What one receiver was spared in a span of time: counts and alarm ids. Each is a record of its own."""
    return PushMessage(PushKind.DIGEST, digest_id, f"digests/{topic_level(enterprise_id)}", _json(record), 1)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
