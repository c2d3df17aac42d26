"""Electronic waybills 电子运单, and the drivers that platforms name, in the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from monitor.model.plate import color_of_code
from monitor.model.waybill import Waybill
from monitor.store.database import Database
from monitor.store.exchange_rows import Page, columns_of, count, fitted
from monitor.store.exchange_tables import vehicle_drivers, waybills

_WAYBILL = Waybill.__match_args__


@dataclass(frozen=True, slots=True)
class NamedDriver:
    """The driver that a platform last named for a vehicle; ``plate_color`` is a word of ``PlateColor``."""

    plate_color: str
    plate: str
    vehicle_id: str
    link: str
    name: str
    driver_id: str
    licence: str
    issuer: str
    valid_ms: int
    at_ms: int


_DRIVER = NamedDriver.__match_args__


def upsert_waybills(database: Database, connection: Connection, rows: Iterable[Waybill]) -> None:
    """Keep waybills within a transaction; one of the same vehicle and time takes the place of the earlier."""
    latest = {(row.key, row.at_ms): row for row in rows}
    values = [
        fitted(
            waybills,
            {
                "key": row.key,
                "at_ms": row.at_ms,
                "content": row.content,
                "cargo": row.cargo,
                "load": row.load.value,
            },
        )
        for row in latest.values()
    ]
    if values:
        connection.execute(database.upsert(waybills), values)


def find_waybills(
    database: Database,
    *,
    key: str = "",
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Page[Waybill]:
    """Waybills in ``[from_ms, to_ms)``, the newest first; ``key`` is the key of a vehicle."""
    table = waybills.c
    where: list[ColumnElement[bool]] = []
    if key:
        where.append(table.key == key)
    if from_ms is not None:
        where.append(table.at_ms >= from_ms)
    if to_ms is not None:
        where.append(table.at_ms < to_ms)
    query = select(*columns_of(waybills, _WAYBILL)).where(*where)
    with database.read() as connection:
        total = count(connection, waybills, where)
        ordered = query.order_by(table.at_ms.desc(), table.key).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, Waybill) for row in rows))


def keep_driver(database: Database, connection: Connection, driver: NamedDriver) -> None:
    """Keep a driver within a transaction, unless a later one is known for the vehicle."""
    values = fitted(vehicle_drivers, {name: getattr(driver, name) for name in _DRIVER})
    connection.execute(database.upsert(vehicle_drivers, newer=vehicle_drivers.c.at_ms), [values])


def driver_of_plate(database: Database, plate: str, color: int) -> NamedDriver | None:
    """The driver last named for a plate in the colour of a JT/T code."""
    table = vehicle_drivers.c
    query = select(*columns_of(vehicle_drivers, _DRIVER)).where(
        table.plate == plate, table.plate_color == color_of_code(color).value
    )
    with database.read() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else msgspec.convert(row, NamedDriver)
