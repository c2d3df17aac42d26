"""Vehicles and enterprises as the registry states them, with validity spans.

The key of a vehicle (``vehicle_id``) never changes and is never reused; plate, terminal, enterprise and class hold for
a span of days. An alarm belongs to the plate and enterprise at its onset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from monitor.model.beijing import DAY_MS, day_number, day_start_ms


class VehicleClass(StrEnum):
    """Classes in the order of their codes in the engine's columns (``list(VehicleClass).index``)."""

    TOUR_COACH = "tour_coach"
    CHARTER_COACH = "charter_coach"
    LINE_COACH = "line_coach"
    HAZMAT = "hazmat"
    HEAVY_TRUCK = "heavy_truck"
    TRAILER = "trailer"
    OTHER = "other"


class PlateColor(StrEnum):
    BLUE = "blue"
    YELLOW = "yellow"
    BLACK = "black"
    WHITE = "white"
    GREEN = "green"
    YELLOW_GREEN = "yellow_green"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One registry row. Dates are Beijing dates, inclusive; ``None`` is open.

    ``valid_from`` and ``valid_to`` bound the plate, terminal, enterprise and class stated here.
    """

    vehicle_id: str
    plate: str = ""
    plate_color: PlateColor = PlateColor.OTHER
    vehicle_class: VehicleClass = VehicleClass.OTHER
    enterprise_id: str = ""
    enterprise_name: str = ""
    region: str = ""
    terminal_phone: str = ""  # hex digits without leading zeros, lower case
    max_speed_kmh: float | None = None
    suspended_from: date | None = None
    suspended_to: date | None = None
    vin: str = ""
    licence_no: str = ""
    in_service_from: date | None = None
    retired_on: date | None = None
    crew: int = 1
    line_km: float | None = None
    curfew_exempt: bool = False
    relay_from: date | None = None
    relay_to: date | None = None
    gross_mass_kg: float | None = None
    platform: str = ""
    valid_from: date | None = None
    valid_to: date | None = None

    def valid_on(self, day: int) -> bool:
        """Whether this row is in force on a Beijing day number."""
        if self.valid_from is not None and day < day_number(self.valid_from):
            return False
        return self.valid_to is None or day <= day_number(self.valid_to)


@dataclass(frozen=True, slots=True)
class Enterprise:
    enterprise_id: str
    name: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every vehicle row known, current and past. Immutable: a change makes a new one with a higher version."""

    vehicles: tuple[Vehicle, ...] = ()
    version: int = 0
    _by_id: dict[str, list[Vehicle]] = field(default_factory=dict, repr=False, compare=False)
    _by_phone: dict[str, list[Vehicle]] = field(default_factory=dict, repr=False, compare=False)
    _by_plate: dict[tuple[str, str], list[Vehicle]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for vehicle in self.vehicles:
            self._by_id.setdefault(vehicle.vehicle_id, []).append(vehicle)
            if vehicle.terminal_phone:
                self._by_phone.setdefault(vehicle.terminal_phone, []).append(vehicle)
            if vehicle.plate:
                self._by_plate.setdefault((vehicle.plate_color.value, vehicle.plate), []).append(vehicle)

    def vehicle_ids(self) -> tuple[str, ...]:
        """Distinct vehicle ids in first-seen order."""
        return tuple(self._by_id)

    def vehicle(self, vehicle_id: str, day: int | None = None) -> Vehicle | None:
        """The row in force on ``day`` (Beijing day number); the last row where ``day`` is None or none matches."""
        rows = self._by_id.get(vehicle_id)
        return _in_force(rows, day) if rows else None

    def by_phone(self, phone: str, day: int | None = None) -> Vehicle | None:
        """The vehicle whose terminal has this phone number on ``day``."""
        rows = self._by_phone.get(phone)
        return _in_force(rows, day) if rows else None

    def by_plate(self, color: str, plate: str, day: int | None = None) -> Vehicle | None:
        """The vehicle with this plate (``model.plate.folded_plate``) in this colour on ``day``.

        Colours are mixed up in practice (green and yellow-green above all): a plate that exists in one colour only is
        found whatever the colour asked for.
        """
        rows = self._by_plate.get((color, plate))
        if rows is None:
            alike = [rows for word in PlateColor if (rows := self._by_plate.get((word.value, plate))) is not None]
            rows = alike[0] if len(alike) == 1 else None
        return _in_force(rows, day) if rows else None

    def known_from(self, vehicle_id: str) -> date | None:
        """Date from which the registry knows a vehicle; None where its first row has no beginning."""
        rows = self._by_id.get(vehicle_id)
        return rows[0].valid_from if rows else None

    def change_days(self) -> tuple[int, ...]:
        """Beijing day numbers on which another row of a vehicle, or another vehicle of a terminal or plate, comes into
        force."""
        days: set[int] = set()
        for rows in (*self._by_id.values(), *self._by_phone.values(), *self._by_plate.values()):
            if len(rows) > 1:
                days.update(day_number(row.valid_from) for row in rows if row.valid_from is not None)
                days.update(day_number(row.valid_to) + 1 for row in rows if row.valid_to is not None)
        return tuple(sorted(days))

    def enterprises(self) -> tuple[Enterprise, ...]:
        """Enterprises named by the rows in force last, in first-seen order."""
        found: dict[str, Enterprise] = {}
        for vehicle_id in self._by_id:
            row = self._by_id[vehicle_id][-1]
            if row.enterprise_id:
                found.setdefault(row.enterprise_id, Enterprise(row.enterprise_id, row.enterprise_name, row.region))
        return tuple(found.values())


def _in_force(rows: list[Vehicle], day: int | None) -> Vehicle:
    if day is not None:
        for row in reversed(rows):
            if row.valid_on(day):
                return row
    return rows[-1]


def span_ms(first: date | None, last: date | None) -> tuple[int, int]:
    """Inclusive dates as ``[start, end)`` in epoch ms; open ends are -/+ infinity of int64 range."""
    start = -(2**62) if first is None else day_start_ms(day_number(first))
    end = 2**62 if last is None else day_start_ms(day_number(last)) + DAY_MS
    return start, end
