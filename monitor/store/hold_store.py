"""Legal holds: vehicles and spans that are sealed, who sealed them and why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from monitor.errors import StoreError
from monitor.model.report import plate_key, terminal_key
from monitor.store.database import Database
from monitor.store.retention_tables import legal_holds
from monitor.store.tables import vehicles


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing of ``vehicle_id`` between the two moments, both included, is deleted while ``released_ms`` is None."""

    hold_id: int
    vehicle_id: str
    from_ms: int
    to_ms: int
    author: str
    reason: str
    added_ms: int
    released_ms: int | None = None
    released_by: str = ""
    release_reason: str = ""


def add_hold(
    database: Database, vehicle_id: str, from_ms: int, to_ms: int, author: str, reason: str, now_ms: int
) -> Hold:
    """Seal a vehicle's data. Raises ``StoreError`` where the span, the author or the reason is missing."""
    for missing, text in (("vehicle", vehicle_id), ("author", author), ("reason", reason)):
        if not text.strip():
            raise StoreError(reason=f"a legal hold needs its {missing}")
    if to_ms < from_ms:
        raise StoreError(reason="a legal hold cannot end before it begins", advice="Exchange the two times")
    values = {
        "vehicle_id": vehicle_id,
        "from_ms": from_ms,
        "to_ms": to_ms,
        "author": author,
        "reason": reason,
        "added_ms": now_ms,
        "released_by": "",
        "release_reason": "",
    }
    with database.write() as connection:
        key = connection.execute(insert(legal_holds).values(values)).inserted_primary_key
    assert key is not None
    return Hold(int(key[0]), vehicle_id, from_ms, to_ms, author, reason, now_ms)


def release_hold(database: Database, hold_id: int, by: str, reason: str, now_ms: int) -> Hold:
    """End a hold; from the next retention on its data goes as other data. Raises ``StoreError``: none such in force."""
    columns = legal_holds.c
    if not by.strip() or not reason.strip():
        raise StoreError(reason="whoever releases a legal hold gives name and reason")
    with database.write() as connection:
        done = connection.execute(
            update(legal_holds)
            .where(columns.hold_id == hold_id, columns.released_ms.is_(None))
            .values(released_ms=now_ms, released_by=by, release_reason=reason)
        )
        if not done.rowcount:
            raise StoreError(reason=f"there is no legal hold {hold_id} in force", advice="See `monitor hold list`")
    return next(hold for hold in holds(database, released=True) if hold.hold_id == hold_id)


def holds(database: Database, *, released: bool = False) -> tuple[Hold, ...]:
    """Holds in force, with ``released`` all that ever were, by number."""
    query = select(*legal_holds.c).order_by(legal_holds.c.hold_id)
    if not released:
        query = query.where(legal_holds.c.released_ms.is_(None))
    with database.read() as connection:
        return tuple(Hold(**row) for row in connection.execute(query).mappings())


@dataclass(frozen=True, slots=True)
class Seal:
    """A hold in force, with every key under which its vehicle's reports may stand."""

    keys: frozenset[str]
    from_ms: int
    to_ms: int

    def touches(self, from_ms: int, to_ms: int) -> bool:
        """Whether it holds any moment of a span, both ends included."""
        return self.from_ms <= to_ms and self.to_ms >= from_ms


def seals(database: Database) -> tuple[Seal, ...]:
    """Holds in force: with vehicle id, terminals and plates that the vehicle ever had. Raises ``StoreError``."""
    found = holds(database)
    columns = vehicles.c
    query = select(columns.vehicle_id, columns.terminal_phone, columns.plate_color, columns.plate)
    keys = {hold.vehicle_id: {hold.vehicle_id} for hold in found}
    with database.read() as connection:
        for vehicle_id, phone, color, plate in connection.execute(query.where(columns.vehicle_id.in_(keys))):
            if phone:
                keys[vehicle_id].add(terminal_key(phone))
            if plate:
                keys[vehicle_id].add(plate_key(color, plate))
    return tuple(Seal(frozenset(keys[hold.vehicle_id]), hold.from_ms, hold.to_ms) for hold in found)
