"""Addresses of the REST API for the driver register. People's numbers are for administrators only."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel
from starlette.requests import Request

from monitor.console.access import Access
from monitor.console.parameters import PREFIX, Limit, Offset
from monitor.model.driver import Driver
from monitor.store.database import Database
from monitor.store.driver_store import find_drivers


class DriverRecord(BaseModel):
    """One driver. Card, licence, qualification number and telephone are left out for those who only read."""

    driver_id: str
    name: str
    enterprise_id: str
    licence_no: str | None
    qualification_no: str | None
    card_no: str | None
    phone: str | None


class DriverList(BaseModel):
    """One page."""

    total: int
    offset: int
    drivers: list[DriverRecord]


def add_drivers(api: FastAPI, database: Database, access: Access) -> None:
    """Add them to the API."""

    @api.get(f"{PREFIX}/drivers", tags=["fleet"])
    def drivers(
        request: Request,
        text: Annotated[str, Query(max_length=64, description="part of a key, name or number")] = "",
        enterprise_id: str = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> DriverList:
        """The driver register, by key."""
        page = find_drivers(database, text, enterprise_id, limit=limit, offset=offset)
        whole = access.is_administrator(request)
        return DriverList(total=page.total, offset=offset, drivers=[_record(one, whole) for one in page.drivers])


def _record(driver: Driver, whole: bool) -> DriverRecord:
    return DriverRecord(
        driver_id=driver.driver_id,
        name=driver.name,
        enterprise_id=driver.enterprise_id,
        licence_no=driver.licence_no if whole else None,
        qualification_no=driver.qualification_no if whole else None,
        card_no=driver.card_no if whole else None,
        phone=driver.phone if whole else None,
    )
