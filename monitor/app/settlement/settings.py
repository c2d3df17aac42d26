"""Settings of settlement."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SettlementSettings(BaseModel):
    """Guesses unless a source is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="settle by itself every night; the command works either way")
    at: str = Field(
        default="01:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="when days are settled, Beijing time"
    )
    late_days: int = Field(
        default=3, ge=0, le=30, description="days for which late data are settled again by themselves (readings)"
    )
    kept_states: int = Field(default=8, ge=2, description="days whose end states are kept, some 0.2 GB each at most")
    vehicles_at_once: int = Field(default=64, ge=1, le=4096, description="vehicles put right by one journal record")
