"""How long data is kept."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

LEAST_DAYS = 183
"""Law: dynamic data at least six months (order on dynamic supervision of road transport vehicles, art. 25; platforms by
GB/T 35658)."""
LEAST_VIOLATION_DAYS = 1_096
"""Law: violations and what was done about them at least three years (the same article)."""


class RetentionSettings(BaseModel):
    """Days as Beijing days, counted back from today."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_days: int = Field(
        default=400, description="tracks and what holds places: archive, journal, quarantine, evidence, backups; >= 183"
    )
    violation_days: int = Field(default=LEAST_VIOLATION_DAYS, description="alarms and their handling; >= 1096")
    evidence_days: int | None = Field(
        default=None, description="reports shown in the evidence of alarms; default: as keep_days"
    )
    at_hour: int = Field(default=3, ge=0, le=23, description="hour of the nightly run, Beijing time")

    @field_validator("keep_days", "evidence_days")
    @classmethod
    def _long_enough(cls, days: int | None) -> int | None:
        if days is not None and days < LEAST_DAYS:
            raise ValueError(
                f"{days} days are too few: positions are kept for at least six months, {LEAST_DAYS} days "
                "(order on dynamic supervision of road transport vehicles, art. 25; GB/T 35658)"
            )
        return days

    @field_validator("violation_days")
    @classmethod
    def _three_years(cls, days: int) -> int:
        if days < LEAST_VIOLATION_DAYS:
            raise ValueError(
                f"{days} days are too few: violations and their handling are kept for at least three years, "
                f"{LEAST_VIOLATION_DAYS} days (order on dynamic supervision of road transport vehicles, art. 25)"
            )
        return days
