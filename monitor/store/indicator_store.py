"""Indicator rows in the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from monitor.model.beijing import day_number
from monitor.model.indicator import INDICATOR_COLUMNS, Indicator, Period, Scope
from monitor.store.database import Database
from monitor.store.settled_guard import settled_among
from monitor.store.tables import indicators


@dataclass(frozen=True, slots=True)
class IndicatorPage:
    total: int
    indicators: tuple[Indicator, ...]


def write_indicators(database: Database, rows: Iterable[Indicator]) -> None:
    """Write rows, in place of those of the same scope, key, period and date."""
    with database.write() as connection:
        upsert_indicators(database, connection, rows)


def upsert_indicators(database: Database, connection: Connection, rows: Iterable[Indicator]) -> None:
    """As ``write_indicators``, within a transaction; of equal keys the last one counts. Rows of settled days stay."""
    rows = tuple(rows)
    settled = settled_among(connection, {day_number(row.date) for row in rows if row.period is Period.DAY})
    if settled:
        rows = tuple(row for row in rows if row.period is not Period.DAY or day_number(row.date) not in settled)
    overwrite_indicators(database, connection, rows)


def overwrite_indicators(database: Database, connection: Connection, rows: Iterable[Indicator]) -> None:
    """As ``upsert_indicators``, those of settled days too."""
    latest = {(row.scope, row.key, row.period, row.date): row for row in rows}
    if latest:
        connection.execute(database.upsert(indicators), [_values(row) for row in latest.values()])


def find_indicators(
    database: Database,
    *,
    scope: Scope | None = None,
    key: str = "",
    period: Period | None = None,
    first: date | None = None,
    last: date | None = None,
    limit: int = 1000,
    offset: int = 0,
) -> IndicatorPage:
    """Rows dated ``first`` to ``last`` inclusive, the newest first, then by scope, period and key."""
    table = indicators.c
    where: list[ColumnElement[bool]] = []
    if scope is not None:
        where.append(table.scope == scope.value)
    if key:
        where.append(table.key == key)
    if period is not None:
        where.append(table.period == period.value)
    if first is not None:
        where.append(table.date >= first)
    if last is not None:
        where.append(table.date <= last)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(indicators).where(*where)).scalar_one()
        rows = connection.execute(
            select(*(table[name] for name in INDICATOR_COLUMNS))
            .where(*where)
            .order_by(table.date.desc(), table.scope, table.period, table.key)
            .limit(limit)
            .offset(offset)
        )
        return IndicatorPage(total, tuple(msgspec.convert(row, Indicator) for row in rows.mappings()))


def _values(row: Indicator) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(row, name) for name in INDICATOR_COLUMNS}
    values["scope"] = row.scope.value
    values["period"] = row.period.value
    return values
