"""Address of the REST API for the review of permits."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from monitor.console.access import asked_by
from monitor.console.commands import Commands, command
from monitor.console.map_words import MapRef, SettingsCommand
from monitor.console.parameters import PREFIX, WrongParameterError
from monitor.model.beijing import day_number, day_of
from monitor.model.map_set import MapLayer
from monitor.store.database import Database
from monitor.store.registry_store import load_registry
from monitor.store.vehicle_day_store import load_vehicle_days
from monitor.supervision.permit_review import FindingKind, PermitFinding, review_permits


class FindingRecord(BaseModel):
    """A reason to ask: what a permit states and what was found disagree."""

    kind: FindingKind
    permit_id: str
    vehicle_id: str
    plate: str
    enterprise_id: str
    day: str
    stated: str
    found: str


class FindingList(BaseModel):
    """All findings of the days asked for."""

    total: int
    findings: list[FindingRecord]


def add_permits(api: FastAPI, database: Database, commands: Commands) -> None:
    """Add it to the API."""

    @api.get(f"{PREFIX}/permits/findings", tags=["permits"])
    async def findings(
        request: Request,
        first: Annotated[date, Query(alias="from", description="Beijing date")],
        last: Annotated[date, Query(alias="to", description="Beijing date, inclusive")],
    ) -> FindingList:
        """大车小证、有证无行程、有行程无证: permits against the registry and the days driven."""
        if last < first:
            raise WrongParameterError("to", "lies before from")
        answer = await commands.send(command(SettingsCommand.READ_MAP, MapRef(MapLayer.PERMITS), by=asked_by(request)))
        found = await run_in_threadpool(
            stored_findings, bytes(answer.body), database, day_number(first), day_number(last)
        )
        return FindingList(total=len(found), findings=[_record(one) for one in found])


def stored_findings(payload: bytes, database: Database, first_day: int, last_day: int) -> tuple[PermitFinding, ...]:
    """Findings about the permits of a GeoJSON text, by the registry and the days driven that the store has."""
    from monitor.model.permit import parse_permits  # shapes are slow to load, and most offices have no permits

    permits = parse_permits(payload, "permits")
    begin = min([first_day, *(int(day_of(permit.valid_from_ms)) for permit in permits.permits)])
    days = load_vehicle_days(database, begin, last_day)
    return review_permits(permits, load_registry(database), days.vehicle_ids, days.rows, first_day, last_day)


def _record(one: PermitFinding) -> FindingRecord:
    return FindingRecord(
        kind=one.kind,
        permit_id=one.permit_id,
        vehicle_id=one.vehicle_id,
        plate=one.plate,
        enterprise_id=one.enterprise_id,
        day=one.day,
        stated=one.stated,
        found=one.found,
    )
