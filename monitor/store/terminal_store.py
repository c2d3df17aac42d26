"""Terminals in the tables: loaded whole at the start, written in batches, searched by people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    RowMapping,
    Select,
    String,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)

from monitor.model.terminal import Terminal
from monitor.store.database import Database
from monitor.store.tables import vehicles
from monitor.store.terminal_tables import terminals

_NAMES = tuple(item.name for item in fields(Terminal))
_COLUMNS = tuple(terminals.c[name] for name in _NAMES)
_AT_ONCE = 1_000
"""Rows of one transaction, so that the writer of alarms never waits long (a guess: some 10 ms)."""
_DELETED_AT_ONCE = 500


class TerminalStore:
    """Written by one keeper only; what is saved stands in the place of what was there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> tuple[Terminal, ...]:
        """Every terminal by phone. Raises StoreError."""
        with self._database.read() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(terminals.c.phone)).mappings().all()
        return tuple(_terminal(row) for row in rows)

    def save(self, changed: Sequence[Terminal]) -> None:
        """Write terminals; of one phone stated twice the last counts. Raises StoreError."""
        latest = list({terminal.phone: terminal for terminal in changed}.values())
        statement = self._database.upsert(terminals)
        for start in range(0, len(latest), _AT_ONCE):
            part = latest[start : start + _AT_ONCE]
            rows = [{name: getattr(terminal, name) for name in _NAMES} for terminal in part]
            with self._database.write() as connection:
                connection.execute(statement, rows)

    def delete(self, phones: Sequence[str]) -> None:
        """Forget terminals. Raises StoreError."""
        for start in range(0, len(phones), _DELETED_AT_ONCE):
            with self._database.write() as connection:
                doomed = phones[start : start + _DELETED_AT_ONCE]
                connection.execute(delete(terminals).where(terminals.c.phone.in_(doomed)))


@dataclass(frozen=True, slots=True)
class TerminalFilter:
    """Which terminals are wanted; what is empty or None excludes none.

    ``text`` is part of the phone, the plate (as stated by the terminal or by the registry), the vehicle id or the
    terminal id, in any case. ``among`` are phones, ``not_among`` the opposite.
    """

    text: str = ""
    registered: bool | None = None
    seen_from_ms: int | None = None
    seen_before_ms: int | None = None
    among: frozenset[str] | None = None
    not_among: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class KnownTerminal:
    """A terminal and the vehicle that the registry gives it, empty without one.

    Where nobody imported a registry every terminal counts as registered.
    """

    terminal: Terminal
    registered: bool
    vehicle_id: str = ""
    plate: str = ""
    enterprise_id: str = ""


@dataclass(frozen=True, slots=True)
class TerminalPage:
    total: int
    terminals: tuple[KnownTerminal, ...]


def find_terminals(database: Database, wanted: TerminalFilter, *, limit: int = 100, offset: int = 0) -> TerminalPage:
    """Terminals by phone."""
    query = _known(_conditions(database, wanted))
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        rows = connection.execute(query.order_by(terminals.c.phone).limit(limit).offset(offset)).mappings()
        return TerminalPage(total, tuple(_known_terminal(row) for row in rows))


def terminal_by_phone(database: Database, phone: str) -> KnownTerminal | None:
    """The terminal with this phone (hex digits without leading zeros, lower case)."""
    with database.read() as connection:
        row = connection.execute(_known([terminals.c.phone == phone])).mappings().one_or_none()
    return None if row is None else _known_terminal(row)


def last_contact(database: Database) -> int:
    """When any terminal was heard last, epoch ms; 0 = never."""
    with database.read() as connection:
        return connection.execute(select(func.max(terminals.c.last_seen_ms))).scalar() or 0


def in_registry(phone: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the registry has ever named a phone; without a registry every phone counts."""
    return or_(~exists(select(vehicles.c.span_id)), phone.in_(select(vehicles.c.terminal_phone)))


# The last row that names a phone, as ``Registry.by_phone`` takes it; grouped once, since the column has no index.
_LAST_SPANS = (
    select(vehicles.c.terminal_phone, func.max(vehicles.c.span_id).label("span_id"))
    .where(vehicles.c.terminal_phone != "")
    .group_by(vehicles.c.terminal_phone)
    .subquery("last_spans")
)
_REGISTERED = or_(~exists(select(vehicles.c.span_id).correlate(None)), _LAST_SPANS.c.span_id.is_not(None))


def _known(where: list[ColumnElement[bool]]) -> Select[*tuple[object, ...]]:
    joined = terminals.outerjoin(_LAST_SPANS, _LAST_SPANS.c.terminal_phone == terminals.c.phone).outerjoin(
        vehicles, vehicles.c.span_id == _LAST_SPANS.c.span_id
    )
    columns = (
        *_COLUMNS,
        _REGISTERED.label("registered"),
        func.coalesce(vehicles.c.vehicle_id, "").label("of_vehicle"),
        func.coalesce(vehicles.c.plate, "").label("of_plate"),
        func.coalesce(vehicles.c.enterprise_id, "").label("of_enterprise"),
    )
    return select(*columns).select_from(joined).where(*where)


def _conditions(database: Database, wanted: TerminalFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.text:
        searched = (
            terminals.c.phone,
            terminals.c.plate,
            terminals.c.terminal_id,
            vehicles.c.plate,
            vehicles.c.vehicle_id,
        )
        found.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in searched)))
    if wanted.registered is not None:
        found.append(_REGISTERED if wanted.registered else ~_REGISTERED)
    if wanted.seen_from_ms is not None:
        found.append(terminals.c.last_seen_ms >= wanted.seen_from_ms)
    if wanted.seen_before_ms is not None:
        found.append(terminals.c.last_seen_ms < wanted.seen_before_ms)
    if wanted.among is not None:
        found.append(terminals.c.phone.in_(_listed(database, wanted.among)))
    if wanted.not_among is not None:
        found.append(terminals.c.phone.not_in(_listed(database, wanted.not_among)))
    return found


def _listed(database: Database, phones: Iterable[str]) -> Select[tuple[str]]:
    """Phones as one parameter: there may be more of them than a query may have parameters."""
    text = msgspec.json.encode(sorted(phones)).decode()
    if database.is_sqlite:
        return select(func.json_each(text).table_valued("value").c.value)
    array = cast(literal(text, String), JSON)
    return select(func.json_array_elements_text(array).table_valued("value").c.value)


def _terminal(row: RowMapping) -> Terminal:
    return Terminal(**{name: row[name] for name in _NAMES})


def _known_terminal(row: RowMapping) -> KnownTerminal:
    return KnownTerminal(
        _terminal(row), bool(row["registered"]), row["of_vehicle"], row["of_plate"], row["of_enterprise"]
    )
