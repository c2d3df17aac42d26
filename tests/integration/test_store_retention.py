"""Holds and deletions on both relational stores."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from monitor.model.beijing import DAY_MS
from monitor.store.database import Database
from monitor.store.deletion_store import (
    RECORDS,
    TRACKS,
    delete_alarms,
    delete_rows,
    record_deletions,
    recorded_deletions,
)
from monitor.store.exchange_tables import waybills
from monitor.store.hold_store import add_hold, holds, release_hold, seals
from monitor.store.tables import alarm_evidence, alarms

pytestmark = pytest.mark.integration

_NOW_MS = 1_772_000_000_000


def _alarm(alarm_id: str, vehicle: str, end_ms: int) -> dict[str, object]:
    values: dict[str, object] = {
        column.name: {str: "", bool: False}.get(column.type.python_type, 0)
        for column in alarms.columns
        if not column.nullable
    }
    return values | {"alarm_id": alarm_id, "vehicle_id": vehicle, "onset_ms": end_ms - 5, "end_ms": end_ms}


def test_rows_go_day_by_day_around_holds(database: Database) -> None:
    old_ms = _NOW_MS - 500 * DAY_MS
    with database.write() as connection:
        for key, at_ms in (("A", old_ms), ("A", old_ms + 3 * DAY_MS), ("B", old_ms), ("B", _NOW_MS)):
            values = {"key": key, "at_ms": at_ms, "content": "", "cargo": "", "load": ""}
            connection.execute(insert(waybills).values(values))
        connection.execute(insert(alarms), [_alarm("a", "A", old_ms), _alarm("b", "B", old_ms)])
        pieces = [{"alarm_id": alarm_id, "sequence": 1, "payload": "{}"} for alarm_id in ("a", "b")]
        connection.execute(insert(alarm_evidence), pieces)
    hold = add_hold(database, "A", old_ms - 1, old_ms + 1, "张", "事故", _NOW_MS)
    before_ms = _NOW_MS - 400 * DAY_MS
    found = [delete_rows(database, dated, before_ms, seals(database)) for dated in (*TRACKS, *RECORDS)]
    assert {one.what: (one.n, one.held) for one in found if one.n} == {"waybills": (2, 1)}
    evidence = delete_alarms(database, before_ms, seals(database), evidence_only=True)
    assert (evidence.n, evidence.held, evidence.from_ms) == (1, 1, old_ms)
    assert delete_alarms(database, before_ms, seals(database), evidence_only=False).n == 1
    with database.read() as connection:
        assert set(connection.execute(select(alarms.c.alarm_id)).scalars()) == {"a"}
        assert set(connection.execute(select(alarm_evidence.c.alarm_id)).scalars()) == {"a"}
        left = {(key, at_ms) for key, at_ms in connection.execute(select(waybills.c.key, waybills.c.at_ms))}
    assert left == {("A", old_ms), ("B", _NOW_MS)}
    record_deletions(database, [*found, evidence], _NOW_MS, "test")
    assert [(one.what, one.n) for one in recorded_deletions(database)] == [("alarm_evidence", 1), ("waybills", 2)]
    release_hold(database, hold.hold_id, "张", "结案", _NOW_MS)
    assert holds(database) == ()
    assert delete_alarms(database, before_ms, seals(database), evidence_only=False).n == 1
