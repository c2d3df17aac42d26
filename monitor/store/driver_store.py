"""The driver register in the tables: import a file as a whole or not at all, load it, search it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, or_, select

from monitor.errors import RegistryError
from monitor.model.driver import Driver, DriverRegister
from monitor.store.database import Database
from monitor.store.driver_files import DriverFile
from monitor.store.tables import drivers

_COLUMNS = ("driver_id", "name", "licence_no", "qualification_no", "card_no", "enterprise_id", "phone")
_ALL = select(*(drivers.c[name] for name in _COLUMNS))


@dataclass(frozen=True, slots=True)
class DriverImport:
    """Drivers by what the import did to them."""

    added: int
    changed: int
    unchanged: int
    removed: int


@dataclass(frozen=True, slots=True)
class DriverPage:
    total: int
    drivers: tuple[Driver, ...]


def import_drivers(database: Database, file: DriverFile, imported_ms: int, *, complete: bool = False) -> DriverImport:
    """Take all rows of a file or none; ``complete`` removes drivers that are not in it.

    Raises RegistryError with every refused row, or where two drivers would share a card or number; StoreError.
    """
    file.require_whole()
    with database.write() as connection:
        before = {row.driver_id: Driver(*row) for row in connection.execute(_ALL)}
        after = ({} if complete else before) | {driver.driver_id: driver for driver in file.drivers}
        _require_distinct(file.path, after)
        gone = [driver_id for driver_id in before if driver_id not in after]
        added = [driver for driver in file.drivers if driver.driver_id not in before]
        changed = [
            driver for driver in file.drivers if driver.driver_id in before and before[driver.driver_id] != driver
        ]
        for driver_id in [*gone, *(driver.driver_id for driver in changed)]:
            connection.execute(delete(drivers).where(drivers.c.driver_id == driver_id))
        if added or changed:
            connection.execute(insert(drivers), [_values(driver, imported_ms) for driver in (*added, *changed)])
    return DriverImport(len(added), len(changed), len(file.drivers) - len(added) - len(changed), len(gone))


def load_drivers(database: Database) -> DriverRegister:
    """The whole register, by key. Raises StoreError."""
    with database.read() as connection:
        rows = connection.execute(_ALL.order_by(drivers.c.driver_id)).all()
    return DriverRegister(tuple(Driver(*row) for row in rows))


def drivers_changed(database: Database) -> tuple[int, int]:
    """Number of drivers and time of the last change: another pair is a reason to load the register again."""
    with database.read() as connection:
        n, changed_ms = connection.execute(select(func.count(), func.max(drivers.c.changed_ms))).one()
    return n, changed_ms or 0


def find_drivers(database: Database, text: str, enterprise_id: str, *, limit: int, offset: int) -> DriverPage:
    """Drivers whose key, name, card or numbers contain ``text``, of an enterprise if one is given; by key."""
    query = _ALL
    if text:
        columns = ("driver_id", "name", "licence_no", "qualification_no", "card_no")
        query = query.where(or_(*(drivers.c[name].contains(text, autoescape=True) for name in columns)))
    if enterprise_id:
        query = query.where(drivers.c.enterprise_id == enterprise_id)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar() or 0
        rows = connection.execute(query.order_by(drivers.c.driver_id).limit(limit).offset(offset)).all()
    return DriverPage(total, tuple(Driver(*row) for row in rows))


def _values(driver: Driver, changed_ms: int) -> dict[str, object]:
    return {name: getattr(driver, name) for name in _COLUMNS} | {"changed_ms": changed_ms}


def _require_distinct(path: str, found: dict[str, Driver]) -> None:
    owner: dict[str, str] = {}
    problems: list[str] = []
    for driver in found.values():
        for identifier in driver.identifiers():
            other = owner.setdefault(identifier, driver.driver_id)
            if other != driver.driver_id:
                problems.append(f"{identifier} would belong to {other} and to {driver.driver_id}")
    if problems:
        raise RegistryError(path=path, problems=tuple(problems))
