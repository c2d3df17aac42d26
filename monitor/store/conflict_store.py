"""What platforms state of vehicles and the registry says otherwise, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from monitor.store.database import Database
from monitor.store.exchange_rows import Page, columns_of, count, fitted
from monitor.store.exchange_tables import vehicle_conflicts


@dataclass(frozen=True, slots=True)
class VehicleConflict:
    """``field`` of the registry: ``stated`` by the platform over ``link``, ``kept`` in the registry. A plate, terminal
    or id that belongs to another vehicle has that vehicle as ``kept``."""

    link: str
    plate_color: str
    plate: str
    field: str
    vehicle_id: str
    stated: str
    kept: str
    at_ms: int


_CONFLICT = VehicleConflict.__match_args__


def keep_conflict(database: Database, connection: Connection, conflict: VehicleConflict) -> bool:
    """Keep a conflict within a transaction, in place of the former one of its vehicle and field; whether it is new or
    another one."""
    values = fitted(vehicle_conflicts, {name: getattr(conflict, name) for name in _CONFLICT})
    table = vehicle_conflicts.c
    same = [table[name] == values[name] for name in ("link", "plate_color", "plate", "field", "stated", "kept")]
    if connection.execute(select(table.at_ms).where(*same)).first() is not None:
        return False
    connection.execute(database.upsert(vehicle_conflicts), [values])
    return True


def find_conflicts(database: Database, *, link: str = "", limit: int = 100, offset: int = 0) -> Page[VehicleConflict]:
    """Conflicts, the newest first."""
    table = vehicle_conflicts.c
    where = [table.link == link] if link else []
    query = select(*columns_of(vehicle_conflicts, _CONFLICT)).where(*where)
    with database.read() as connection:
        total = count(connection, vehicle_conflicts, where)
        ordered = query.order_by(table.at_ms.desc(), table.plate, table.field).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, VehicleConflict) for row in rows))
