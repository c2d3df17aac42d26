"""What a terminal said that is worth keeping and nothing to alarm anybody about.

Now one thing: main power cut with ACC off inside a depot or a loading fence, where the main switch is meant to be off.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.beijing import iso


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """One entry, written once when the condition begins. ``at_ms`` is the terminal's time, ``found_ms`` engine clock.

    ``record_id`` is computed like an alarm's id, so the same journal gives the same entry.
    """

    record_id: str
    rule: str
    kind: str
    vehicle_id: str
    plate: str
    vehicle_class: str
    enterprise_id: str
    driver_id: str
    at_ms: int
    found_ms: int
    lon: float | None
    lat: float | None
    fence_id: str = ""
    fence_name: str = ""
    late: bool = False

    def record(self) -> dict[str, str | float | bool | None]:
        """The row other programs read: ISO times at +08:00, empty text as null."""
        return {
            "record_id": self.record_id,
            "rule": self.rule,
            "kind": self.kind or None,
            "vehicle_id": self.vehicle_id or None,
            "plate": self.plate or None,
            "vehicle_class": self.vehicle_class or None,
            "enterprise_id": self.enterprise_id or None,
            "driver_id": self.driver_id or None,
            "at": iso(self.at_ms),
            "found_at": iso(self.found_ms),
            "lon": self.lon,
            "lat": self.lat,
            "fence_id": self.fence_id or None,
            "fence_name": self.fence_name or None,
            "late": self.late,
        }
