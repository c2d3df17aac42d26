"""What the stores of the exchange share: pages, and texts cut to what their column takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, String, Table, Text, func, select

R = TypeVar("R")

LONGEST_TEXT = 4_096
"""Characters of a question, answer, text or waybill that are kept (809 allows 1,024 bytes for most; a guess)."""

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of rows, and how many there are on all pages."""

    total: int
    rows: tuple[R, ...]


def fitted(table: Table, values: dict[str, Value]) -> dict[str, Value]:
    """Values of a row with every text cut to its column; PostgreSQL refuses longer ones and NUL."""
    out: dict[str, Value] = {}
    for name, value in values.items():
        if isinstance(value, str):
            kind = table.c[name].type
            longest = LONGEST_TEXT if isinstance(kind, Text) else kind.length if isinstance(kind, String) else None
            value = value.replace("\x00", "")[:longest]
        out[name] = value
    return out


def columns_of(table: Table, names: tuple[str, ...]) -> list[Column[Value]]:
    """Columns in the order of a dataclass's fields."""
    return [table.c[name] for name in names]


def count(connection: Connection, table: Table, where: list[ColumnElement[bool]]) -> int:
    """Rows of a table that meet all conditions."""
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
