"""Enterprise summaries out of the store: the daemon's stored rows, put together as they are pushed."""

from __future__ import annotations

from sqlalchemy import func, select

from monitor.model.alarm import AlarmState
from monitor.model.indicator import Indicator, Period, Scope
from monitor.store.alarm_query import AlarmFilter, find_alarms
from monitor.store.database import Database
from monitor.store.indicator_store import find_indicators
from monitor.store.registry_store import load_registry
from monitor.store.supervision_store import find_supervision
from monitor.store.tables import alarm_changes
from monitor.supervision.summary import EnterpriseSummary, build_summaries

_ALL = 1_000_000


def enterprise_summaries(database: Database, enterprise_id: str = "") -> tuple[EnterpriseSummary, ...]:
    """All summaries by enterprise id, or the one asked for (none if nobody knows it). Raises ``StoreError``."""
    wanted = AlarmFilter(states=(AlarmState.ACTIVE,), enterprise_id=enterprise_id)
    alarms = tuple(one.alarm for one in find_alarms(database, wanted, limit=_ALL).alarms)
    entries = find_supervision(database, listed_only=True, limit=_ALL).entries
    registry = load_registry(database)
    indicators = (*_latest(database, Period.DAY, enterprise_id), *_latest(database, Period.MONTH, enterprise_id))
    at_ms = _last_change_ms(database)
    found = build_summaries(indicators, alarms, entries, registry, at_ms=at_ms)
    return tuple(one for one in found if not enterprise_id or one.enterprise.enterprise_id == enterprise_id)


def _latest(database: Database, period: Period, enterprise_id: str) -> tuple[Indicator, ...]:
    """Rows of the newest date, or of the newest there is for one enterprise."""
    newest = find_indicators(database, scope=Scope.ENTERPRISE, period=period, key=enterprise_id, limit=1).indicators
    if not newest or enterprise_id:
        return newest
    day = newest[0].date
    return find_indicators(database, scope=Scope.ENTERPRISE, period=period, first=day, last=day, limit=_ALL).indicators


def _last_change_ms(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.max(alarm_changes.c.at_ms))).scalar() or 0
