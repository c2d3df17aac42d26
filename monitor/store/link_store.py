"""How links to other platforms stand, when they came and went, and which outages were announced."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, tuple_

from monitor.model.exchange import Channel, LinkEvent, LinkRole
from monitor.store.database import Database
from monitor.store.exchange_rows import Page, columns_of, count, fitted
from monitor.store.exchange_tables import link_events, link_outages, platform_links
from monitor.supervision.connectivity import Outage

_STATE = ("link", "channel", "role", "platform", "up", "since_ms", "reason")
_EVENT = ("link", "channel", "up", "at_ms", "reason")
_OUTAGE = ("link", "from_ms", "to_ms", "cause", "reason", "announced_by", "announced_ms")


@dataclass(frozen=True, slots=True)
class LinkState:
    """One channel as it stands since ``since_ms``; ``reason`` is of the last event."""

    link: str
    channel: Channel
    role: LinkRole
    platform: str
    up: bool
    since_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoredOutage:
    outage_id: int
    outage: Outage


def record_link_event(
    database: Database, connection: Connection, role: LinkRole, platform: str, event: LinkEvent
) -> bool:
    """Take one event within a transaction; False if it was there already."""
    table = link_events.c
    known = select(table.event_id).where(
        table.link == event.link,
        table.at_ms == event.at_ms,
        table.channel == event.channel.value,
        table.up == event.up,
    )
    if connection.execute(known).first() is not None:
        return False
    values = fitted(
        link_events,
        {
            "link": event.link,
            "channel": event.channel.value,
            "up": event.up,
            "at_ms": event.at_ms,
            "reason": event.reason,
        },
    )
    connection.execute(insert(link_events).values(values))
    state = fitted(
        platform_links,
        {
            "link": event.link,
            "channel": event.channel.value,
            "role": role.value,
            "platform": platform,
            "up": event.up,
            "since_ms": event.at_ms,
            "reason": event.reason,
        },
    )
    newer = connection.execute(
        select(platform_links.c.since_ms).where(
            platform_links.c.link == event.link,
            platform_links.c.channel == event.channel.value,
            platform_links.c.since_ms > event.at_ms,
        )
    ).first()
    if newer is None:
        connection.execute(database.upsert(platform_links), [state])
    return True


def link_states(database: Database) -> tuple[LinkState, ...]:
    """Every channel that ever was, by link and channel."""
    query = select(*columns_of(platform_links, _STATE)).order_by(platform_links.c.link, platform_links.c.channel)
    with database.read() as connection:
        return tuple(msgspec.convert(row, LinkState) for row in connection.execute(query).mappings())


def find_link_events(
    database: Database,
    link: str,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Page[LinkEvent]:
    """Events of a link in ``[from_ms, to_ms)``, the newest first."""
    table = link_events.c
    where: list[ColumnElement[bool]] = [table.link == link]
    if from_ms is not None:
        where.append(table.at_ms >= from_ms)
    if to_ms is not None:
        where.append(table.at_ms < to_ms)
    query = select(*columns_of(link_events, _EVENT)).where(*where)
    with database.read() as connection:
        total = count(connection, link_events, where)
        ordered = query.order_by(table.at_ms.desc(), table.event_id.desc()).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, LinkEvent) for row in rows))


def events_reaching(database: Database, from_ms: int, to_ms: int) -> tuple[LinkEvent, ...]:
    """Events of all links in ``[from_ms, to_ms)``, and the last one of each channel before, in order."""
    table = link_events.c
    last = (
        select(table.link, table.channel, func.max(table.at_ms))
        .where(table.at_ms < from_ms)
        .group_by(table.link, table.channel)
    )
    query = select(*columns_of(link_events, _EVENT)).order_by(table.at_ms, table.event_id)
    with database.read() as connection:
        before = connection.execute(query.where(tuple_(table.link, table.channel, table.at_ms).in_(last))).mappings()
        found = [msgspec.convert(row, LinkEvent) for row in before]
        within = connection.execute(query.where(table.at_ms >= from_ms, table.at_ms < to_ms)).mappings()
        found += [msgspec.convert(row, LinkEvent) for row in within]
    return tuple(found)


def platforms_of_links(database: Database) -> dict[str, str]:
    """Link to the platform at its other end."""
    query = select(platform_links.c.link, platform_links.c.platform).distinct()
    with database.read() as connection:
        return {row.link: row.platform for row in connection.execute(query)}


def announce_outage(database: Database, outage: Outage) -> StoredOutage:
    """Keep an announced outage; the very same one again is not kept twice."""
    values = fitted(
        link_outages,
        {
            "link": outage.link,
            "from_ms": outage.from_ms,
            "to_ms": outage.to_ms,
            "cause": outage.cause.value,
            "reason": outage.reason,
            "announced_by": outage.announced_by,
            "announced_ms": outage.announced_ms,
        },
    )
    table = link_outages.c
    same = [table[name] == values[name] for name in ("link", "from_ms", "to_ms", "cause")]
    with database.write() as connection:
        known = connection.execute(select(table.outage_id, *columns_of(link_outages, _OUTAGE)).where(*same)).mappings()
        for row in known:
            return _outage(row)
        made = insert(link_outages).values(values).returning(table.outage_id)
        return StoredOutage(connection.execute(made).scalar_one(), msgspec.convert(values, Outage))


def outages_reaching(database: Database, from_ms: int, to_ms: int, link: str = "") -> tuple[StoredOutage, ...]:
    """Outages that touch ``[from_ms, to_ms)``, in order."""
    table = link_outages.c
    where: list[ColumnElement[bool]] = [table.to_ms > from_ms, table.from_ms < to_ms]
    if link:
        where.append(table.link == link)
    query = select(table.outage_id, *columns_of(link_outages, _OUTAGE)).where(*where)
    with database.read() as connection:
        rows = connection.execute(query.order_by(table.from_ms, table.outage_id)).mappings()
        return tuple(_outage(row) for row in rows)


def _outage(row: RowMapping) -> StoredOutage:
    return StoredOutage(row["outage_id"], msgspec.convert(row, Outage))
