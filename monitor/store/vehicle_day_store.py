"""Vehicle-day counters in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, select

from monitor.model.day import COUNTERS, VEHICLE_DAY
from monitor.store.committed_step import VehicleDayRows
from monitor.store.database import Database
from monitor.store.settled_guard import settled_among
from monitor.store.tables import vehicle_days

_COLUMNS = ("vehicle_id", "day", *COUNTERS)


def upsert_vehicle_days(database: Database, connection: Connection, parts: Sequence[VehicleDayRows]) -> None:
    """Write counters within a transaction; for a day stated twice the last one counts. Those of settled days stay."""
    settled = settled_among(connection, {int(day) for part in parts for day in np.unique(part.rows["day"])})
    if settled:
        parts = [replace(part, rows=part.rows[~np.isin(part.rows["day"], list(settled))]) for part in parts]
    overwrite_vehicle_days(database, connection, parts)


def overwrite_vehicle_days(database: Database, connection: Connection, parts: Sequence[VehicleDayRows]) -> None:
    """As ``upsert_vehicle_days``, those of settled days too."""
    latest: dict[tuple[str, int], dict[str, object]] = {}
    for part in parts:
        columns = [part.rows[name].tolist() for name in ("row", "day", *COUNTERS)]
        for row, *values in zip(*columns, strict=True):
            vehicle_id = part.vehicle_ids[row]
            latest[vehicle_id, values[0]] = dict(zip(_COLUMNS, (vehicle_id, *values), strict=True))
    if latest:
        connection.execute(database.upsert(vehicle_days), list(latest.values()))


def load_vehicle_days(database: Database, first_day: int, last_day: int) -> VehicleDayRows:
    """Counters of Beijing day numbers ``first_day`` to ``last_day`` inclusive, by vehicle id and day."""
    query = (
        select(*(vehicle_days.c[name] for name in _COLUMNS))
        .where(vehicle_days.c.day.between(first_day, last_day))
        .order_by(vehicle_days.c.vehicle_id, vehicle_days.c.day)
    )
    with database.read() as connection:
        found = connection.execute(query).all()
    row_of: dict[str, int] = {}
    rows = np.zeros(len(found), VEHICLE_DAY)
    if found:
        vehicle_ids, *columns = zip(*found, strict=True)
        rows["row"] = [row_of.setdefault(vehicle_id, len(row_of)) for vehicle_id in vehicle_ids]
        for name, values in zip(_COLUMNS[1:], columns, strict=True):
            rows[name] = values
    return VehicleDayRows(tuple(row_of), rows)


def joined_before(database: Database, day: int) -> frozenset[str]:
    """Vehicles that sent a qualified report on any day before a Beijing day number."""
    query = select(vehicle_days.c.vehicle_id).where(vehicle_days.c.day < day, vehicle_days.c.reports_qualified > 0)
    with database.read() as connection:
        return frozenset(connection.execute(query.distinct()).scalars())
