"""Addresses of the REST API for orders to terminals: read from the store, given and cancelled through the core."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monitor.console.access import Access, asked_by
from monitor.console.commands import Commands, command
from monitor.console.downlink_records import DownlinkList, DownlinkRecord, NewDownlink, downlink_record
from monitor.console.downlink_request import ADD, CANCEL, DownlinkRef, DownlinkRequest
from monitor.console.parameters import PREFIX, Limit, Offset, WrongParameterError, moment, phone_digits
from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.store.database import Database
from monitor.store.downlink_store import DownlinkFilter, downlink_by_id, find_downlinks


def add_downlinks(api: FastAPI, database: Database, commands: Commands, access: Access) -> None:
    """Add them to the API. Orders to terminals that the registry does not know are shown to administrators only."""

    @api.get(f"{PREFIX}/downlinks", tags=["terminals"])
    def downlinks(
        request: Request,
        phone: str = "",
        vehicle_id: str = "",
        alarm_id: str = "",
        state: Annotated[list[DownlinkState] | None, Query(description="repeatable")] = None,
        kind: Annotated[list[DownlinkKind] | None, Query(description="repeatable")] = None,
        since: Annotated[str | None, Query(alias="from", description="ordered at or after, ISO 8601")] = None,
        until: Annotated[str | None, Query(alias="to", description="ordered before, ISO 8601")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> DownlinkList:
        """Orders to terminals, the newest first."""
        wanted = DownlinkFilter(
            phone=_digits(phone),
            vehicle_id=vehicle_id,
            alarm_id=alarm_id,
            states=tuple(state or ()),
            kinds=tuple(kind or ()),
            from_ms=moment("from", since),
            to_ms=moment("to", until),
            registered_only=not access.is_administrator(request),
        )
        page = find_downlinks(database, wanted, limit=limit, offset=offset)
        return DownlinkList(total=page.total, offset=offset, downlinks=[downlink_record(one) for one in page.downlinks])

    @api.get(f"{PREFIX}/downlinks/{{downlink_id}}", tags=["terminals"])
    def downlink(request: Request, downlink_id: str) -> DownlinkRecord:
        """One order, and what became of it."""
        found = downlink_by_id(database, downlink_id, registered_only=not access.is_administrator(request))
        if found is None:
            raise HTTPException(404, f"There is no order {downlink_id[:64]}.")
        return downlink_record(found)

    @api.post(f"{PREFIX}/downlinks", tags=["terminals"], status_code=202)
    async def order(request: Request, new: NewDownlink) -> DownlinkRecord:
        """Order something of a terminal; it is sent when the terminal is connected. Administrators only."""
        wanted = DownlinkRequest(
            kind=new.kind,
            vehicle_id=new.vehicle_id,
            phone=_digits(new.phone),
            text=new.text,
            urgent=new.urgent,
            speak=new.speak,
            display=new.display,
            parameters=new.parameters,
            ids=None if new.ids is None else tuple(new.ids),
            valid_s=new.valid_s,
            downlink_id=new.downlink_id,
        )
        reply = await commands.send(command(ADD, wanted, by=asked_by(request)))
        return downlink_record(reply.read(Downlink))

    @api.delete(f"{PREFIX}/downlinks/{{downlink_id}}", tags=["terminals"])
    async def cancel(request: Request, downlink_id: str) -> DownlinkRecord:
        """Cancel an order that still waits (409 if it was sent). Administrators only."""
        reply = await commands.send(command(CANCEL, DownlinkRef(downlink_id), by=asked_by(request)))
        return downlink_record(reply.read(Downlink))


def _digits(phone: str) -> str:
    if not phone:
        return ""
    try:
        return phone_digits(phone)
    except ValueError as error:
        raise WrongParameterError("phone", str(error)) from None
