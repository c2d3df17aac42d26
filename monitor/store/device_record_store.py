"""Records of terminals that are no alarms, as the engine found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from monitor.model.device_record import DeviceRecord
from monitor.store.database import Database
from monitor.store.tables import device_records


@dataclass(frozen=True, slots=True)
class DeviceRecordPage:
    """Records, and how many there are in all."""

    records: tuple[DeviceRecord, ...]
    total: int


def upsert_device_records(database: Database, connection: Connection, records: Sequence[DeviceRecord]) -> None:
    """Keep records; one that is there already stays as it is found again."""
    if records:
        connection.execute(database.upsert(device_records), [msgspec.to_builtins(record) for record in records])


def find_device_records(
    database: Database,
    *,
    vehicle_id: str = "",
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> DeviceRecordPage:
    """Records by time, the newest first. Raises ``StoreError``."""
    columns = device_records.c
    where: list[ColumnElement[bool]] = []
    if vehicle_id:
        where.append(columns.vehicle_id == vehicle_id)
    if from_ms is not None:
        where.append(columns.at_ms >= from_ms)
    if to_ms is not None:
        where.append(columns.at_ms < to_ms)
    query = (
        select(*(columns[name] for name in DeviceRecord.__match_args__))
        .where(*where)
        .order_by(columns.at_ms.desc(), columns.record_id)
    )
    with database.read() as connection:
        rows = connection.execute(query.limit(limit).offset(offset))
        found = tuple(DeviceRecord(*row) for row in rows)
        total = connection.execute(select(func.count()).select_from(device_records).where(*where)).scalar_one()
    return DeviceRecordPage(found, total)
