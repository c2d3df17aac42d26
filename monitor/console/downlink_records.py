"""Bodies of the REST API for terminals and orders to them, as its OpenAPI document describes them."""

from __future__ import annotations

import msgspec
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from monitor.model.beijing import iso
from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.store.terminal_store import KnownTerminal


class TerminalRecord(BaseModel):
    """A JT/T 808 terminal. Times ISO 8601 at +08:00; ``plate`` is what the terminal states."""

    phone: str
    registered: bool = Field(description="the registry knows its phone")
    online: bool
    vehicle_id: str | None
    vehicle_plate: str | None
    enterprise_id: str | None
    version: int | None = Field(description="edition of the protocol: 2011, 2013, 2019")
    registered_at: str | None
    authenticated_at: str | None
    first_seen_at: str | None
    last_seen_at: str | None
    province: int
    county: int
    maker: str | None
    model: str | None
    terminal_id: str | None
    plate: str | None
    plate_color: int
    imei: str | None
    software: str | None
    driver_id: str | None
    driver_name: str | None
    driver_licence: str | None = Field(description="identity card number; administrators only")
    card_at: str | None
    reports: int
    last_fix_at: str | None
    lon: float | None
    lat: float | None


class TerminalList(BaseModel):
    """``online_by`` says who tells what is online: the core, or (when it is down) the time of last contact."""

    total: int
    offset: int
    online_by: str
    terminals: list[TerminalRecord]


class DownlinkRecord(BaseModel):
    """An order to a terminal, and what became of it. Times ISO 8601 at +08:00."""

    downlink_id: str
    phone: str
    vehicle_id: str | None
    kind: DownlinkKind
    body: dict[str, JsonValue]
    state: DownlinkState
    requested_by: str
    alarm_id: str | None
    queued_at: str
    expires_at: str
    sent_at: str | None
    answered_at: str | None
    answer: dict[str, JsonValue] | None


class DownlinkList(BaseModel):
    total: int
    offset: int
    downlinks: list[DownlinkRecord]


class NewDownlink(BaseModel):
    """An order for one vehicle or one terminal. Sent again with the same ``downlink_id`` it is the same order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: DownlinkKind = Field(strict=False)
    vehicle_id: str = Field(default="", max_length=100)
    phone: str = Field(default="", max_length=40)
    text: str | None = Field(default=None, max_length=1024, description="kind text: up to 1024 bytes in GBK")
    urgent: bool = Field(default=False, description="kind text")
    speak: bool = Field(default=True, description="kind text: read out")
    display: bool = Field(default=True, description="kind text: shown on the terminal's display")
    parameters: dict[str, int] | None = Field(
        default=None, description='kind parameters: {"0x0055": 80}, in the units of JT/T 808'
    )
    ids: list[str] | None = Field(default=None, description='kind query_parameters: ["0x0055"]; none asks for all')
    valid_s: int | None = Field(default=None, description="seconds for which it waits for the terminal to connect")
    downlink_id: str = Field(default="", max_length=64, description="yours, to send it again safely; else made here")


def terminal_record(known: KnownTerminal, *, online: bool, whole: bool) -> TerminalRecord:
    """``whole`` shows what only administrators see."""
    terminal = known.terminal
    placed = terminal.last_fix_ms > 0
    return TerminalRecord(
        phone=terminal.phone,
        registered=known.registered,
        online=online,
        vehicle_id=known.vehicle_id or None,
        vehicle_plate=known.plate or None,
        enterprise_id=known.enterprise_id or None,
        version=terminal.version or None,
        registered_at=_time(terminal.registered_ms),
        authenticated_at=_time(terminal.authenticated_ms),
        first_seen_at=_time(terminal.first_seen_ms),
        last_seen_at=_time(terminal.last_seen_ms),
        province=terminal.province,
        county=terminal.county,
        maker=terminal.maker or None,
        model=terminal.model or None,
        terminal_id=terminal.terminal_id or None,
        plate=terminal.plate or None,
        plate_color=terminal.plate_color,
        imei=terminal.imei or None,
        software=terminal.software or None,
        driver_id=terminal.driver_id or None,
        driver_name=terminal.driver_name or None,
        driver_licence=(terminal.driver_licence or None) if whole else None,
        card_at=_time(terminal.card_ms),
        reports=terminal.reports,
        last_fix_at=_time(terminal.last_fix_ms),
        lon=terminal.lon_deg if placed else None,
        lat=terminal.lat_deg if placed else None,
    )


def downlink_record(order: Downlink) -> DownlinkRecord:
    return DownlinkRecord(
        downlink_id=order.downlink_id,
        phone=order.phone,
        vehicle_id=order.vehicle_id or None,
        kind=order.kind,
        body=msgspec.json.decode(order.body or b"{}"),
        state=order.state,
        requested_by=order.requested_by,
        alarm_id=order.alarm_id or None,
        queued_at=iso(order.queued_ms),
        expires_at=iso(order.expires_ms),
        sent_at=_time(order.sent_ms),
        answered_at=_time(order.answered_ms),
        answer=msgspec.json.decode(order.answer) if order.answer else None,
    )


def _time(at_ms: int | None) -> str | None:
    return iso(at_ms) if at_ms else None
