"""How many of the received bytes are kept for evidence, and how many an alarm shows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class EvidenceSettings(BaseModel):
    """Guesses. 24 reports of 128 bytes of each of 80,000 vehicles are the 256 MiB; an ordinary frame has some 70."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    raw_mib: int = Field(
        default=256, ge=0, le=1 << 20, description="received frames kept in the state folder, MiB; 0 keeps none"
    )
    raw_frames: int = Field(
        default=6, ge=0, le=24, description="frames shown around the begin of an alarm, and around its end"
    )
    raw_bytes: int = Field(
        default=4_096, ge=64, le=1 << 16, description="bytes of them together; what is longer is cut"
    )
