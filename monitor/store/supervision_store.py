"""The key-supervision list in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping, func, select, tuple_

from monitor.model.supervision import SupervisionEntry
from monitor.store.database import Database
from monitor.store.tables import supervision_entries

_COLUMNS = tuple(
    supervision_entries.c[name]
    for name in ("object_type", "object_id", "rule_id", "entered_ms", "left_ms", "reason", "alarm_ids", "figures")
)
_KEYS_AT_ONCE = 200
"""Bounds the parameters of one query; SQLite takes 32,766."""


@dataclass(frozen=True, slots=True)
class SupervisionPage:
    total: int
    entries: tuple[SupervisionEntry, ...]


def upsert_supervision(
    database: Database, connection: Connection, entries: Sequence[SupervisionEntry]
) -> tuple[SupervisionEntry, ...]:
    """Write entries within a transaction; returns those that are new or differ from what was stored."""
    keys = [(entry.object_type, entry.object_id, entry.rule_id, entry.entered_ms) for entry in entries]
    known: dict[tuple[str, str, str, int], SupervisionEntry] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        query = select(*_COLUMNS).where(tuple_(*_COLUMNS[:4]).in_(keys[start : start + _KEYS_AT_ONCE]))
        for row in connection.execute(query).mappings():
            entry = _entry(row)
            known[entry.object_type, entry.object_id, entry.rule_id, entry.entered_ms] = entry
    changed = [entry for key, entry in zip(keys, entries, strict=True) if known.get(key) != entry]
    if changed:
        connection.execute(database.upsert(supervision_entries), [_values(entry) for entry in changed])
    return tuple(changed)


def find_supervision(
    database: Database,
    *,
    object_type: str = "",
    object_id: str = "",
    listed_only: bool = False,
    limit: int = 1000,
    offset: int = 0,
) -> SupervisionPage:
    """Entries, the newest first; ``listed_only`` leaves out those that have left the list."""
    table = supervision_entries.c
    where = []
    if object_type:
        where.append(table.object_type == object_type)
    if object_id:
        where.append(table.object_id == object_id)
    if listed_only:
        where.append(table.left_ms.is_(None))
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(supervision_entries).where(*where)).scalar_one()
        rows = connection.execute(
            select(*_COLUMNS)
            .where(*where)
            .order_by(table.entered_ms.desc(), table.object_type, table.object_id, table.rule_id)
            .limit(limit)
            .offset(offset)
        )
        return SupervisionPage(total, tuple(_entry(row) for row in rows.mappings()))


def _entry(row: RowMapping) -> SupervisionEntry:
    return SupervisionEntry(
        object_type=row["object_type"],
        object_id=row["object_id"],
        entered_ms=row["entered_ms"],
        rule_id=row["rule_id"],
        reason=row["reason"],
        alarm_ids=msgspec.json.decode(row["alarm_ids"], type=tuple[str, ...]),
        figures=msgspec.json.decode(row["figures"], type=dict[str, float]),
        left_ms=row["left_ms"],
    )


def _values(entry: SupervisionEntry) -> dict[str, object]:
    return {
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "rule_id": entry.rule_id,
        "entered_ms": entry.entered_ms,
        "left_ms": entry.left_ms,
        "reason": entry.reason,
        "alarm_ids": msgspec.json.encode(entry.alarm_ids).decode(),
        "figures": msgspec.json.encode(entry.figures).decode(),
    }
