"""Addresses of the REST API for JT/T 808 terminals. Who is online only the core knows; the rest is in the store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monitor.console.access import Access
from monitor.console.commands import Commands, command
from monitor.console.downlink_records import TerminalList, TerminalRecord, terminal_record
from monitor.console.downlink_request import ONLINE, OnlineQuestion, Phones
from monitor.console.parameters import PREFIX, Limit, Offset, WrongParameterError, phone_digits
from monitor.errors import CommandError
from monitor.model.beijing import MINUTE_MS
from monitor.store.database import Database
from monitor.store.terminal_store import KnownTerminal, TerminalFilter, find_terminals, last_contact, terminal_by_phone

log = logging.getLogger(__name__)

SILENT_MS = 5 * MINUTE_MS
"""While the core is down, a terminal heard within this time before the last contact of any counts as online: three
heartbeats of a minute, and what was last heard is kept once a minute (a guess)."""


def add_terminals(api: FastAPI, database: Database, commands: Commands, access: Access) -> None:
    """Add them to the API. Terminals that the registry does not know are shown to administrators only."""

    @api.get(f"{PREFIX}/terminals", tags=["terminals"])
    async def terminals(
        request: Request,
        text: Annotated[str, Query(description="part of phone, plate, vehicle id or terminal id")] = "",
        online: bool | None = None,
        registered: Annotated[bool | None, Query(description="false is for administrators")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> TerminalList:
        """Terminals by phone. Unregistered ones are shown to administrators only."""
        whole = access.is_administrator(request)
        if not whole:
            if registered is False and (problem := access.objection(request)) is not None:
                raise CommandError(status=problem.status, reason=problem.error, message=problem.message)
            registered = True
        wanted = TerminalFilter(text=text, registered=registered)
        asked = OnlineQuestion() if online is not None else None
        phones = await _online(commands, asked) if asked else None
        by_core = phones is not None
        if online is not None:
            wanted = await _narrowed(database, wanted, online, phones)
        page = await run_in_threadpool(find_terminals, database, wanted, limit=limit, offset=offset)
        if online is None:
            shown = OnlineQuestion(tuple(known.terminal.phone for known in page.terminals))
            phones = await _online(commands, shown)
            by_core = phones is not None
        if phones is None:
            phones = await _lately(database, page.terminals)
        records = [
            terminal_record(known, online=known.terminal.phone in phones, whole=whole) for known in page.terminals
        ]
        return TerminalList(
            total=page.total, offset=offset, online_by="core" if by_core else "last_seen", terminals=records
        )

    @api.get(f"{PREFIX}/terminals/{{phone}}", tags=["terminals"])
    async def terminal(request: Request, phone: str) -> TerminalRecord:
        """One terminal."""
        try:
            digits = phone_digits(phone)
        except ValueError as error:
            raise WrongParameterError("phone", str(error)) from None
        whole = access.is_administrator(request)
        known = await run_in_threadpool(terminal_by_phone, database, digits)
        if known is None or not (known.registered or whole):
            raise HTTPException(404, f"There is no terminal {digits}.")
        phones = await _online(commands, OnlineQuestion((digits,)))
        if phones is None:
            phones = await _lately(database, (known,))
        return terminal_record(known, online=digits in phones, whole=whole)


async def _online(commands: Commands, question: OnlineQuestion) -> frozenset[str] | None:
    """Phones that are connected; None where the core does not say."""
    if question.phones == ():
        return frozenset()
    try:
        reply = await commands.send(command(ONLINE, question))
        return frozenset(reply.read(Phones).phones)
    except CommandError as error:
        log.info("which terminals are online is taken from their last contact: %s", error)
        return None


async def _narrowed(
    database: Database, wanted: TerminalFilter, online: bool, phones: frozenset[str] | None
) -> TerminalFilter:
    if phones is not None:
        among, not_among = (phones, None) if online else (None, phones)
        return TerminalFilter(wanted.text, wanted.registered, among=among, not_among=not_among)
    since_ms = await run_in_threadpool(last_contact, database) - SILENT_MS
    from_ms, before_ms = (since_ms, None) if online else (None, since_ms)
    return TerminalFilter(wanted.text, wanted.registered, seen_from_ms=from_ms, seen_before_ms=before_ms)


async def _lately(database: Database, found: Sequence[KnownTerminal]) -> frozenset[str]:
    """Of these, those that were heard shortly before the last contact of any terminal."""
    since_ms = await run_in_threadpool(last_contact, database) - SILENT_MS
    return frozenset(known.terminal.phone for known in found if known.terminal.last_seen_ms >= since_ms)
