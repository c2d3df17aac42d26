"""The address of the REST API for records of terminals that are no alarms."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel

from monitor.console.parameters import PREFIX, Limit, Offset, moment
from monitor.store.database import Database
from monitor.store.device_record_store import find_device_records


class DeviceRecordRow(BaseModel):
    """One record: what a terminal said, when and where, and the fence that makes it no alarm."""

    record_id: str
    rule: str
    kind: str | None
    vehicle_id: str | None
    plate: str | None
    vehicle_class: str | None
    enterprise_id: str | None
    driver_id: str | None
    at: str
    found_at: str
    lon: float | None
    lat: float | None
    fence_id: str | None
    fence_name: str | None
    late: bool


class DeviceRecordList(BaseModel):
    total: int
    offset: int
    records: list[DeviceRecordRow]


def add_device_records(api: FastAPI, database: Database) -> None:
    """Add it to the API."""

    @api.get(f"{PREFIX}/device-records", tags=["terminals"])
    def device_records(
        vehicle_id: str = "",
        since: Annotated[str | None, Query(alias="from", description="at or after, ISO 8601")] = None,
        until: Annotated[str | None, Query(alias="to", description="before, ISO 8601")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> DeviceRecordList:
        """What terminals said that is no alarm: power cut off in a depot or loading place. The newest first."""
        page = find_device_records(
            database,
            vehicle_id=vehicle_id,
            from_ms=moment("from", since),
            to_ms=moment("to", until),
            limit=limit,
            offset=offset,
        )
        rows = [DeviceRecordRow.model_validate(one.record()) for one in page.records]
        return DeviceRecordList(total=page.total, offset=offset, records=rows)
