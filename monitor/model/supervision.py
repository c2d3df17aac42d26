"""Key-supervision rows (重点监管): who is on the list, since when, by which entry rule and on what figures."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.beijing import iso


@dataclass(frozen=True, slots=True)
class SupervisionEntry:
    """One object on the list by one entry rule. ``figures`` are the numbers that met the rule."""

    object_type: str  # vehicle, driver, enterprise
    object_id: str
    entered_ms: int
    rule_id: str
    reason: str
    alarm_ids: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    left_ms: int | None = None

    def record(self) -> dict[str, object]:
        """The row other programs read."""
        return {
            "object_type": self.object_type,
            "object_id": self.object_id,
            "entered_at": iso(self.entered_ms),
            "left_at": None if self.left_ms is None else iso(self.left_ms),
            "rule_id": self.rule_id,
            "reason": self.reason,
            "alarm_ids": list(self.alarm_ids),
            "figures": dict(self.figures),
        }


SUPERVISION_COLUMNS: tuple[str, ...] = (
    "object_type",
    "object_id",
    "entered_at",
    "left_at",
    "rule_id",
    "reason",
    "alarm_ids",
    "figures",
)
