"""Settings of what the daemon does with other platforms, beside the links themselves."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from monitor.model.fleet import VehicleClass


class ForwardStart(StrEnum):
    """Where a link begins that nothing was forwarded over before."""

    NOW = "now"
    OLDEST = "oldest"


class ForwardSettings(BaseModel):
    """Positions to the upper platform of one link on which we are the lower. Numbers without a source are guesses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str = Field(min_length=1, description="name of the link")
    classes: tuple[VehicleClass, ...] = Field(default=(), description="vehicle classes to forward; empty = all")
    enterprises: tuple[str, ...] = Field(default=(), description="enterprises to forward; empty = all")
    unregistered: bool = Field(
        default=False, description="whether vehicles known by their plate alone go too (never those without a plate)"
    )
    live_s: float = Field(default=60.0, gt=0, description="received longer ago goes as backfill (0x1203)")
    resend_s: float = Field(
        default=60.0, ge=0, description="sent again after a break of the link: one heartbeat interval (law: 1 min)"
    )
    pace_s: float = Field(default=1.0, gt=0, description="how often the journal is looked at")
    most_positions: int = Field(default=5_000, ge=1, description="positions handed to the link at a time, about")
    remembered: int = Field(
        default=200_000, ge=0, description="sent positions whose numbers are remembered for orders about them (2019)"
    )
    start: ForwardStart = Field(default=ForwardStart.NOW, description="where a new link begins: now or oldest")
    announce: bool = Field(default=True, description="whether vehicles are announced (0x1201) once per connection")


class ExchangeSettings(BaseModel):
    """The desk 平台值守. Numbers without a source are guesses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry_from_platforms: bool = Field(
        default=True, description="whether vehicles that lower platforms announce enter the registry"
    )
    inquiry_min: float = Field(
        default=10.0, gt=0, description="minutes for an answer where the question does not say; of a test laboratory"
    )
    nearing_s: float = Field(default=120.0, ge=0, description="an open inquiry is pressing this long before its end")
    look_s: float = Field(default=5.0, gt=0, description="how often deadlines are looked at")
    reference_days: float = Field(
        default=90.0, gt=0, description="how long it is known which message carried which alarm"
    )
    forward: tuple[ForwardSettings, ...] = Field(default=(), description="positions to upper platforms, per link")
