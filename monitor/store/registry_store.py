"""The registry in the tables: import a file as a whole or not at all, load all rows, search those in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, or_, select, update

from monitor.errors import RegistryError
from monitor.model.beijing import day_number, day_start_ms
from monitor.model.fleet import Enterprise, Registry, Vehicle, VehicleClass
from monitor.store.database import Database
from monitor.store.registry_files import RegistryFile, RowProblem, unique_keys
from monitor.store.registry_spans import SpanAction, SpanStep, span_step
from monitor.store.tables import enterprises, registry_imports, vehicles
from monitor.store.vehicle_rows import VEHICLE_FIELDS, vehicle_columns, vehicle_of, vehicle_values

_KEYS_AT_ONCE = 500
"""Bounds the parameters of one query; SQLite takes 32,766."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Vehicles by what the import did to them; ``retired`` are not counted under ``changed``."""

    added: int
    changed: int
    unchanged: int
    retired: int


@dataclass(frozen=True, slots=True)
class KnownVehicle:
    """A row in force, and who imported it (``registry_imports.imported_by``)."""

    vehicle: Vehicle
    imported_by: str


@dataclass(frozen=True, slots=True)
class VehiclePage:
    total: int
    vehicles: tuple[Vehicle, ...]


def import_registry(
    database: Database,
    file: RegistryFile,
    effective: date,
    *,
    imported_ms: int | None = None,
    imported_by: str = "",
    complete: bool = False,
) -> ImportResult:
    """Take all rows of a file, in force from ``effective`` on, or none.

    A changed plate, terminal, enterprise, class or other field of ``SPANNED`` closes the row in force at the day before
    and opens a new one; other changes correct the row in force; equal rows stay untouched. ``complete`` says that the
    file is the whole register: vehicles missing from it retire at the day before. ``imported_ms`` (default: start of
    ``effective``) and ``imported_by`` go to the log of imports.

    Raises RegistryError with every refused row, StoreError.
    """
    file.require_whole()
    with database.write() as connection:
        current = _in_force(connection)
        steps = [
            (
                row,
                span_step(
                    current[vehicle.vehicle_id][1] if vehicle.vehicle_id in current else None, vehicle, effective
                ),
            )
            for row, vehicle in zip(file.rows or range(2, len(file.vehicles) + 2), file.vehicles, strict=True)
        ]
        stated = {vehicle.vehicle_id for vehicle in file.vehicles}
        missing = [vehicle for key, (_, vehicle) in current.items() if key not in stated]
        leaving = [vehicle for vehicle in missing if complete and vehicle.retired_on is None]
        staying = missing if not complete else []
        _refuse(file, effective, steps, staying)
        result = _count(steps, current, leaving)
        import_id = _log(connection, file, effective, result, imported_ms, imported_by)
        last_day = effective - timedelta(days=1)
        retired = [SpanStep(SpanAction.CORRECT, replace(vehicle, retired_on=last_day)) for vehicle in leaving]
        _apply(connection, [step for _, step in steps] + retired, current, import_id)
        _keep_enterprises(database, connection, file.vehicles)
    return result


def vehicles_like(
    connection: Connection, *, plates: Sequence[str] = (), phones: Sequence[str] = (), vehicle_ids: Sequence[str] = ()
) -> tuple[KnownVehicle, ...]:
    """Rows in force that have one of these plates, terminal phones or vehicle ids, by vehicle id."""
    found: dict[str, KnownVehicle] = {}
    joined = select(registry_imports.c.imported_by, *vehicle_columns()).join(
        registry_imports, registry_imports.c.import_id == vehicles.c.import_id
    )
    for column, values in (
        (vehicles.c.plate, plates),
        (vehicles.c.terminal_phone, phones),
        (vehicles.c.vehicle_id, vehicle_ids),
    ):
        wanted = sorted(set(values) - {""})
        for start in range(0, len(wanted), _KEYS_AT_ONCE):
            part = joined.where(vehicles.c.valid_to.is_(None), column.in_(wanted[start : start + _KEYS_AT_ONCE]))
            for row in connection.execute(part).mappings():
                vehicle = vehicle_of({name: row[name] for name in VEHICLE_FIELDS})
                found[vehicle.vehicle_id] = KnownVehicle(vehicle, row["imported_by"])
    return tuple(found[key] for key in sorted(found))


def taken_vehicle_ids(connection: Connection, vehicle_ids: Sequence[str]) -> frozenset[str]:
    """Those of some vehicle ids that any row has or ever had; an id is never used again."""
    taken: set[str] = set()
    for start in range(0, len(vehicle_ids), _KEYS_AT_ONCE):
        part = vehicles.c.vehicle_id.in_(vehicle_ids[start : start + _KEYS_AT_ONCE])
        taken.update(connection.execute(select(vehicles.c.vehicle_id).where(part)).scalars())
    return frozenset(taken)


def upsert_vehicles(
    database: Database,
    connection: Connection,
    stated: Sequence[Vehicle],
    effective: date,
    *,
    imported_ms: int,
    imported_by: str,
    path: str,
) -> ImportResult:
    """Take a few vehicles within a transaction as one import, in force from ``effective`` on.

    Rows as ``import_registry`` makes them; a change that would lie before the row in force corrects that row. The
    caller sees to it that no plate or terminal is taken (``vehicles_like``). Without a change there is no import.
    """
    query = select(vehicles.c.span_id, *vehicle_columns()).where(vehicles.c.valid_to.is_(None))
    current: dict[str, tuple[int, Vehicle]] = {}
    ids = sorted({vehicle.vehicle_id for vehicle in stated})
    for start in range(0, len(ids), _KEYS_AT_ONCE):
        part = query.where(vehicles.c.vehicle_id.in_(ids[start : start + _KEYS_AT_ONCE]))
        for row in connection.execute(part).mappings():
            current[row["vehicle_id"]] = (row["span_id"], vehicle_of(row))
    steps: list[tuple[int, SpanStep]] = []
    for number, vehicle in enumerate(stated, 1):
        known = current.get(vehicle.vehicle_id)
        step = span_step(None if known is None else known[1], vehicle, effective)
        if step.action is SpanAction.REFUSE and known is not None:
            in_place = replace(vehicle, valid_from=known[1].valid_from, valid_to=None)
            step = SpanStep(SpanAction.CORRECT, in_place)
        steps.append((number, step))
    result = _count(steps, current, [])
    if any(step.action is not SpanAction.KEEP for _, step in steps):
        file = RegistryFile(tuple(stated), (), len(stated), path)
        import_id = _log(connection, file, effective, result, imported_ms, imported_by)
        _apply(connection, [step for _, step in steps], current, import_id)
        _keep_enterprises(database, connection, stated)
    return result


def load_registry(database: Database) -> Registry:
    """Every row, past and in force, in the order they came; the version rises with every import that changed one."""
    with database.read() as connection:
        rows = connection.execute(select(*vehicle_columns()).order_by(vehicles.c.span_id)).mappings().all()
        changes = registry_imports.c.added + registry_imports.c.changed + registry_imports.c.retired
        version = connection.execute(select(func.max(registry_imports.c.import_id)).where(changes > 0)).scalar()
    return Registry(tuple(vehicle_of(row) for row in rows), version or 0)


def find_vehicles(
    database: Database,
    *,
    enterprise_id: str = "",
    vehicle_class: VehicleClass | None = None,
    text: str = "",
    limit: int = 100,
    offset: int = 0,
) -> VehiclePage:
    """Rows in force by vehicle id; ``text`` is part of the vehicle id, plate or terminal phone, in any case."""
    where: list[ColumnElement[bool]] = [vehicles.c.valid_to.is_(None)]
    if enterprise_id:
        where.append(vehicles.c.enterprise_id == enterprise_id)
    if vehicle_class is not None:
        where.append(vehicles.c.vehicle_class == vehicle_class.value)
    if text:
        searched = (vehicles.c.vehicle_id, vehicles.c.plate, vehicles.c.terminal_phone)
        where.append(or_(*(column.icontains(text, autoescape=True) for column in searched)))
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(vehicles).where(*where)).scalar_one()
        rows = connection.execute(
            select(*vehicle_columns()).where(*where).order_by(vehicles.c.vehicle_id).limit(limit).offset(offset)
        )
        found = tuple(vehicle_of(row) for row in rows.mappings())
    return VehiclePage(total, found)


def vehicle_spans(database: Database, vehicle_id: str) -> tuple[Vehicle, ...]:
    """All rows of one vehicle, the earliest first; empty if nobody registered it."""
    query = select(*vehicle_columns()).where(vehicles.c.vehicle_id == vehicle_id).order_by(vehicles.c.span_id)
    with database.read() as connection:
        return tuple(vehicle_of(row) for row in connection.execute(query).mappings())


def load_enterprises(database: Database) -> tuple[Enterprise, ...]:
    """All enterprises by id."""
    query = select(enterprises.c.enterprise_id, enterprises.c.name, enterprises.c.region)
    with database.read() as connection:
        rows = connection.execute(query.order_by(enterprises.c.enterprise_id)).all()
    return tuple(Enterprise(key, name, region) for key, name, region in rows)


def _in_force(connection: Connection) -> dict[str, tuple[int, Vehicle]]:
    query = select(vehicles.c.span_id, *vehicle_columns()).where(vehicles.c.valid_to.is_(None))
    rows = connection.execute(query.order_by(vehicles.c.span_id)).mappings()
    return {row["vehicle_id"]: (row["span_id"], vehicle_of(row)) for row in rows}


def _refuse(file: RegistryFile, effective: date, steps: list[tuple[int, SpanStep]], staying: list[Vehicle]) -> None:
    """Raise RegistryError if a row goes back behind the row in force, or takes what another vehicle holds."""
    problems: list[RowProblem] = []
    holders: dict[tuple[str, str], str] = {}
    for vehicle in staying:
        if vehicle.retired_on is None or vehicle.retired_on >= effective:
            holders.update(dict.fromkeys(unique_keys(vehicle), vehicle.vehicle_id))
    for row, step in steps:
        if step.action is SpanAction.REFUSE:
            since = step.opened.valid_from
            reason = f"the change of {effective} lies before the row in force since {since}; import with a later date"
            problems.append(RowProblem(row, "vehicle_id", reason))
            continue
        if step.opened.retired_on is not None and step.opened.retired_on < effective:
            continue
        for column, key in unique_keys(step.opened):
            holder = holders.setdefault((column, key), step.opened.vehicle_id)
            if holder != step.opened.vehicle_id:
                problems.append(RowProblem(row, column, f"{key} belongs to vehicle {holder}"))
    if problems:
        raise RegistryError(path=file.path, problems=tuple(problem.sentence() for problem in problems))


def _count(
    steps: list[tuple[int, SpanStep]], current: dict[str, tuple[int, Vehicle]], leaving: list[Vehicle]
) -> ImportResult:
    added = changed = unchanged = 0
    retired = len(leaving)
    for _, step in steps:
        if step.action is SpanAction.ADD:
            added += 1
        elif step.action is SpanAction.KEEP:
            unchanged += 1
        elif step.opened.retired_on is not None and current[step.opened.vehicle_id][1].retired_on is None:
            retired += 1
        else:
            changed += 1
    return ImportResult(added, changed, unchanged, retired)


def _log(
    connection: Connection,
    file: RegistryFile,
    effective: date,
    result: ImportResult,
    imported_ms: int | None,
    imported_by: str,
) -> int:
    row = insert(registry_imports).values(
        imported_ms=day_start_ms(day_number(effective)) if imported_ms is None else imported_ms,
        imported_by=imported_by,
        path=file.path,
        effective=effective,
        rows_total=file.rows_total,
        added=result.added,
        changed=result.changed,
        unchanged=result.unchanged,
        retired=result.retired,
    )
    return int(connection.execute(row.returning(registry_imports.c.import_id)).scalar_one())


def _apply(
    connection: Connection, steps: list[SpanStep], current: dict[str, tuple[int, Vehicle]], import_id: int
) -> None:
    closing: list[dict[str, object]] = []
    correcting: list[dict[str, object]] = []
    opening: list[dict[str, object]] = []
    for step in steps:
        if step.action is SpanAction.KEEP:
            continue
        values: dict[str, object] = {**vehicle_values(step.opened), "import_id": import_id}
        if step.action is SpanAction.CORRECT:
            correcting.append(values | {"at_span": current[step.opened.vehicle_id][0]})
            continue
        opening.append(values)
        if step.action is SpanAction.SUCCEED:
            closing.append({"at_span": current[step.opened.vehicle_id][0], "last_day": step.closed_on})
    at_span = vehicles.c.span_id == bindparam("at_span")
    if closing:
        connection.execute(update(vehicles).where(at_span).values(valid_to=bindparam("last_day")), closing)
    if correcting:
        connection.execute(update(vehicles).where(at_span), correcting)
    if opening:
        connection.execute(insert(vehicles), opening)


def _keep_enterprises(database: Database, connection: Connection, rows: Iterable[Vehicle]) -> None:
    """The last name and region stated for an enterprise; what a file leaves empty stays."""
    query = select(enterprises.c.enterprise_id, enterprises.c.name, enterprises.c.region)
    known = {key: (name, region) for key, name, region in connection.execute(query)}
    found = dict(known)
    for vehicle in rows:
        if vehicle.enterprise_id:
            name, region = found.get(vehicle.enterprise_id, ("", ""))
            found[vehicle.enterprise_id] = (vehicle.enterprise_name or name, vehicle.region or region)
    changed = [
        {"enterprise_id": key, "name": name, "region": region}
        for key, (name, region) in found.items()
        if known.get(key) != (name, region)
    ]
    if changed:
        connection.execute(database.upsert(enterprises), changed)
