"""Numbers of alarms' changes, where two processes change them: live and settlement each go on from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection, select

from monitor.store.committed_step import CommittedStep
from monitor.store.tables import alarms

_AT_ONCE = 500


def renumbered(connection: Connection, steps: Sequence[CommittedStep]) -> list[CommittedStep]:
    """Steps whose changes follow on the stored ones of their alarms; what does so already is left as it is.

    Within the writer's transaction. What is withheld and the evidence of a change go by its new number.
    """
    ids = sorted({change.alarm.alarm_id for step in steps for change in step.changes})
    last = _stored(connection, ids)
    found: list[CommittedStep] = []
    for step in steps:
        moved: dict[tuple[str, int], int] = {}
        for change in step.changes:
            key = change.alarm.alarm_id
            number = max(change.sequence, last.get(key, 0) + 1)
            if number != change.sequence:
                moved[key, change.sequence] = number
            last[key] = number
        found.append(step if not moved else _moved(step, moved))
    return found


def _moved(step: CommittedStep, moved: dict[tuple[str, int], int]) -> CommittedStep:
    def number(alarm_id: str, sequence: int) -> int:
        return moved.get((alarm_id, sequence), sequence)

    return replace(
        step,
        changes=tuple(replace(one, sequence=number(one.alarm.alarm_id, one.sequence)) for one in step.changes),
        withheld=frozenset((alarm_id, number(alarm_id, sequence)) for alarm_id, sequence in step.withheld),
        evidence=tuple(
            msgspec.structs.replace(one, sequence=number(one.alarm_id, one.sequence)) for one in step.evidence
        ),
    )


def _stored(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = select(alarms.c.alarm_id, alarms.c.sequence).where(alarms.c.alarm_id.in_(ids[start : start + _AT_ONCE]))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found
