"""Vehicles as rows of the table ``vehicles``, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date

import msgspec
from sqlalchemy import Column, RowMapping

from monitor.model.fleet import Vehicle
from monitor.store.tables import vehicles

VEHICLE_FIELDS: tuple[str, ...] = tuple(item.name for item in fields(Vehicle))

SqlValue = str | int | float | bool | date | None


def vehicle_columns() -> Sequence[Column[SqlValue]]:
    """Columns of the table in the order of the fields of ``Vehicle``."""
    return [vehicles.c[name] for name in VEHICLE_FIELDS]


def vehicle_values(vehicle: Vehicle) -> dict[str, SqlValue]:
    """Column to value of one row."""
    values: dict[str, SqlValue] = {name: getattr(vehicle, name) for name in VEHICLE_FIELDS}
    values["plate_color"] = vehicle.plate_color.value
    values["vehicle_class"] = vehicle.vehicle_class.value
    return values


def vehicle_of(row: Mapping[str, SqlValue] | RowMapping) -> Vehicle:
    """The vehicle of a row selected by ``vehicle_columns``."""
    return msgspec.convert(row, Vehicle)
