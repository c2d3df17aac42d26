"""Alarms as rows of the table ``alarms``, and back."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Column, RowMapping

from monitor.model.alarm import ALARM_FIELDS, Alarm, AlarmChange
from monitor.store.tables import alarms

AlarmValue = str | int | float | bool | None

STORED_COLUMNS: tuple[Column[AlarmValue], ...] = tuple(
    alarms.c[name] for name in (*ALARM_FIELDS, "sequence", "raised_ms", "changed_ms")
)


@dataclass(frozen=True, slots=True)
class StoredAlarm:
    """An alarm as it stands, the number of its last change, and the engine clock of its first and last change."""

    alarm: Alarm
    sequence: int
    raised_ms: int
    changed_ms: int


def alarm_values(change: AlarmChange, raised_ms: int) -> dict[str, AlarmValue]:
    """Column to value of the row after a change; ``raised_ms`` counts only where the alarm is new."""
    alarm = change.alarm
    values: dict[str, AlarmValue] = {name: getattr(alarm, name) for name in ALARM_FIELDS}
    values["subject"] = alarm.subject.value
    values["state"] = alarm.state.value
    values["grade"] = int(alarm.grade)
    values["certainty"] = int(alarm.certainty)
    values["limit_source"] = int(alarm.limit_source)
    values["end_reason"] = int(alarm.end_reason)
    values["load"] = alarm.load.value
    values["sequence"] = change.sequence
    values["raised_ms"] = raised_ms
    values["changed_ms"] = change.at_ms
    return values


def stored_alarm(row: RowMapping) -> StoredAlarm:
    """The alarm of a row selected by ``STORED_COLUMNS``."""
    return StoredAlarm(msgspec.convert(row, Alarm), row["sequence"], row["raised_ms"], row["changed_ms"])
