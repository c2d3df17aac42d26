"""Settings of the archive."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ArchiveSettings(BaseModel):
    """Guesses unless a measurement is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    buckets: int = Field(
        default=64, ge=1, le=1024, description="parts of a day that are read on their own; more need less memory each"
    )
    flush_rows: int = Field(default=500_000, ge=1, description="a flush after so many reports (some 100 MB)")
    flush_s: float = Field(default=300.0, gt=0, description="or after this time")
    row_group_rows: int = Field(default=1_000_000, ge=1_000, description="rows of a Parquet row group at most")
    small_files: int = Field(default=64, ge=2, description="files of a day that runs before they are merged")
    level: int = Field(default=1, ge=1, le=22, description="zstd level; measured: higher ones save little")
