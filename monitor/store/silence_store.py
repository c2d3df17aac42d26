"""Silences in the relational store. They are never deleted: who kept what from whom stays on record."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import func, insert, select, update

from monitor.alarms.silences import Silence
from monitor.store.database import Database
from monitor.store.delivery_tables import silences


@dataclass(frozen=True, slots=True)
class SilencePage:
    total: int
    silences: tuple[Silence, ...]


def add_silence(database: Database, silence: Silence) -> Silence:
    """Keep a new one; returns it with its number."""
    values = msgspec.structs.asdict(silence)
    del values["silence_id"]
    values["grade"] = int(silence.grade)
    with database.write() as connection:
        number = connection.execute(insert(silences).values(values).returning(silences.c.silence_id)).scalar_one()
    return msgspec.structs.replace(silence, silence_id=number)


def expire_silence(database: Database, silence_id: int, by: str, now_ms: int) -> bool:
    """End one that lasts; False if none of this number does."""
    columns = silences.c
    statement = update(silences).where(columns.silence_id == silence_id, columns.ends_ms > now_ms)
    with database.write() as connection:
        return connection.execute(statement.values(ends_ms=now_ms, expired_by=by)).rowcount > 0


def lasting_silences(database: Database, now_ms: int) -> tuple[Silence, ...]:
    """Those that have not ended, by number."""
    query = select(silences).where(silences.c.ends_ms > now_ms).order_by(silences.c.silence_id)
    with database.read() as connection:
        return tuple(msgspec.convert(row, Silence) for row in connection.execute(query).mappings())


def find_silences(
    database: Database, now_ms: int, *, lasting_only: bool = False, limit: int = 100, offset: int = 0
) -> SilencePage:
    """The newest first."""
    query = select(silences)
    if lasting_only:
        query = query.where(silences.c.ends_ms > now_ms)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        page = query.order_by(silences.c.silence_id.desc()).limit(limit).offset(offset)
        found = tuple(msgspec.convert(row, Silence) for row in connection.execute(page).mappings())
    return SilencePage(total, found)
