"""Evidence of alarms, one piece for each change, as the engine took it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from monitor.model.evidence import AlarmEvidence, Evidence, decoded, encoded
from monitor.store.alarm_query import alarm_by_id
from monitor.store.database import Database
from monitor.store.tables import alarm_evidence


def insert_evidence(connection: Connection, pieces: Sequence[Evidence]) -> None:
    """Keep pieces of changes that are new."""
    if pieces:
        connection.execute(
            insert(alarm_evidence),
            [
                {"alarm_id": piece.alarm_id, "sequence": piece.sequence, "payload": encoded(piece).decode()}
                for piece in pieces
            ],
        )


def evidence_of_alarm(database: Database, alarm_id: str) -> tuple[Evidence, ...]:
    """The pieces of an alarm in the order of its changes; empty where there are none. Raises ``StoreError``."""
    columns = alarm_evidence.c
    query = select(columns.payload).where(columns.alarm_id == alarm_id).order_by(columns.sequence)
    with database.read() as connection:
        return tuple(decoded(payload) for payload in connection.execute(query).scalars())


def alarm_evidence_by_id(database: Database, alarm_id: str) -> AlarmEvidence | None:
    """An alarm as it stands with its evidence; None if there is no alarm with this id. Raises ``StoreError``."""
    found = alarm_by_id(database, alarm_id)
    if found is None:
        return None
    return AlarmEvidence(found.alarm.record(), evidence_of_alarm(database, alarm_id))
