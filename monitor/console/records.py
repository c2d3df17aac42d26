"""Bodies of the REST API, as its OpenAPI document describes them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from monitor.model.alarm import Transition

Value = str | int | float | bool | None


class AlarmRecord(BaseModel):
    """An alarm; the fields of the alarm record in their order. Times ISO 8601 at +08:00."""

    alarm_id: str
    subject: str
    rule: str
    kind: str | None
    grade: str
    certainty: str
    state: str
    vehicle_id: str | None
    plate: str | None
    vehicle_class: str | None
    enterprise_id: str | None
    driver_id: str | None
    onset: str
    end: str | None
    duration_s: float | None
    peak: float | None
    mean: float | None
    limit: float | None
    limit_source: str | None
    suspected_serious: bool
    night_only: bool
    distance_m: float | None
    n_reports: int
    start_lon: float | None
    start_lat: float | None
    end_lon: float | None
    end_lat: float | None
    start_place: str | None
    end_place: str | None
    end_reason: str | None
    late: bool
    provisional: bool
    inhibited_by: str | None
    cargo: str | None = Field(description="of a hazmat vehicle, by its electronic waybill")
    load: str | None = Field(description="loaded or empty, of a hazmat vehicle where known")
    platform: str | None = Field(description="of a platform's alarm, by its name in reports")
    sequence: int = Field(description="number of its last change")
    changed_at: str = Field(description="engine clock of its last change")


class AlarmList(BaseModel):
    total: int
    offset: int
    alarms: list[AlarmRecord]


class AlarmChangeRecord(BaseModel):
    """One line of an alarm's log."""

    sequence: int
    transition: Transition
    at: str
    record: dict[str, Value]


class AlarmWithLog(BaseModel):
    alarm: AlarmRecord
    changes: list[AlarmChangeRecord]


class VehicleRecord(BaseModel):
    """A registry row in force. Dates ISO 8601, inclusive; null is open."""

    vehicle_id: str
    plate: str
    plate_color: str
    vehicle_class: str
    enterprise_id: str
    enterprise_name: str
    region: str
    terminal_phone: str
    max_speed_kmh: float | None
    suspended_from: str | None
    suspended_to: str | None
    in_service_from: str | None
    retired_on: str | None
    crew: int
    platform: str
    valid_from: str | None
    valid_to: str | None


class VehicleList(BaseModel):
    total: int
    offset: int
    vehicles: list[VehicleRecord]


class IndicatorList(BaseModel):
    """Rows of counts, each with the rates derived from it."""

    total: int
    offset: int
    indicators: list[dict[str, Value | dict[str, float | None]]]


class SupervisionRecord(BaseModel):
    """A row of the key-supervision list."""

    object_type: str
    object_id: str
    entered_at: str
    left_at: str | None
    rule_id: str
    reason: str
    alarm_ids: list[str]
    figures: dict[str, float]


class SupervisionList(BaseModel):
    total: int
    offset: int
    entries: list[SupervisionRecord]


class EnterpriseSummaryRecord(BaseModel):
    """An enterprise at a glance; ``day`` and ``month`` are its latest indicator rows with rates."""

    enterprise_id: str
    enterprise_name: str | None
    region: str | None
    at: str | None
    day: dict[str, Value | dict[str, float | None]] | None
    month: dict[str, Value | dict[str, float | None]] | None
    active_alarms: dict[str, int]
    listed_vehicles: list[str]
    listed_by: list[str]


class EnterpriseList(BaseModel):
    total: int
    enterprises: list[EnterpriseSummaryRecord]


class ProblemRecord(BaseModel):
    """What every error answers."""

    error: str
    message: str
