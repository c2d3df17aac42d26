"""Reasonable ranges of a report's fields (rule Q1)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class QualitySettings(BaseModel):
    """Ranges of the assessment table's notes (考核表 注 2), all bounds included; the skew is a default of this project.

    A report outside of a range gets the flaw bit of the field and is counted unqualified; it is never dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    skew_s: float = Field(default=60.0, ge=0.0)
    """How far a fix time may lie after its receipt, seconds. Project default, for clocks that differ."""
    oldest_days: float = Field(default=183.0, gt=0.0)
    """How far a fix time may lie before its receipt, days: as long as positions are kept (order art. 25, 6 months).

    Older is a wrong clock, for example a GPS week roll-over of 1,024 weeks."""
    lon_min_deg: float = 73.55
    """Western end of China, 73°33′E. Assessment table, note 2."""
    lon_max_deg: float = 135.0833
    """Eastern end of China, 135°05′E. Assessment table, note 2."""
    lat_min_deg: float = 3.85
    """Southern end of China, 3°51′N. Assessment table, note 2."""
    lat_max_deg: float = 53.55
    """Northern end of China, 53°33′N. Assessment table, note 2."""
    speed_max_kmh: float = Field(default=160.0, gt=0.0)
    """Largest speed, km/h. Assessment table, note 2."""
    altitude_min_m: int = -200
    """Lowest altitude, metres. Assessment table, note 2."""
    altitude_max_m: int = 6_500
    """Highest altitude, metres. Assessment table, note 2."""
    heading_max_deg: int = 359
    """Largest heading, degrees. JT/T 808 table 24 and 809 4.5.8 (0 to 359)."""
