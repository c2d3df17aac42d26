"""Figures of settled days are final: nothing live overwrites them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from monitor.store.settlement_tables import settled_days


def settled_among(connection: Connection, days: Collection[int]) -> frozenset[int]:
    """Those of some Beijing day numbers that are settled, or are being settled."""
    if not days:
        return frozenset()
    query = select(settled_days.c.day).where(settled_days.c.day.between(min(days), max(days)))
    return frozenset(connection.execute(query).scalars())
