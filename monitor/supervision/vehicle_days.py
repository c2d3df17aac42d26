"""What happened on one day, vehicle by vehicle, in the columns of the indicators."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.indicator import INDICATOR_COUNTS
from monitor.supervision.alarm_counts import AlarmCount
from monitor.supervision.membership import Membership

COLUMN: dict[str, int] = {name: i for i, name in enumerate(INDICATOR_COUNTS)}
FLAGS: tuple[str, ...] = ("vehicles_registered", "vehicles_joined", "vehicles_online", "vehicles_drift")
"""Columns that count vehicles: each is a mark of the vehicle, and within a month each vehicle counts once."""

_FROM_COUNTERS = (
    ("reports_total", "reports_total"),
    ("reports_qualified", "reports_qualified"),
    ("mileage_m", "mileage_m"),
    ("mileage_complete_m", "mileage_complete_m"),
    ("drift_points", "drift_points"),
    ("not_registered", "unqualified_plate"),
    ("bad_time", "unqualified_time"),
    ("bad_longitude", "unqualified_longitude"),
    ("bad_latitude", "unqualified_latitude"),
    ("bad_speed", "unqualified_speed"),
    ("bad_altitude", "unqualified_altitude"),
    ("bad_direction", "unqualified_direction"),
    ("no_fix", "unqualified_no_fix"),
    ("bad_status", "unqualified_status"),
)
_NEVER_JOINED = 2**31 - 1

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FleetDay:
    """One day of the fleet.

    Row i of ``counts`` (k, n_columns) is a sum for a vehicle that belongs to ``count_span[i]``. ``span`` (n_vehicles,)
    says where each vehicle belongs, ``flags`` (n_vehicles, 4) what it was, in the order of ``FLAGS``.
    ``about_enterprises`` are the alarms whose subject is no vehicle.
    """

    day: int
    count_span: NDArray[np.int64]
    counts: Counts
    span: NDArray[np.int64]
    flags: NDArray[np.bool_]
    about_enterprises: tuple[AlarmCount, ...]


class VehicleDays:
    """Vehicle-day counters and alarms, ready to be asked day by day."""

    def __init__(
        self,
        fleet: Membership,
        days: NDArray[np.void],
        vehicle_ids: tuple[str, ...],
        alarms: list[AlarmCount],
        joined_before: Collection[str],
    ) -> None:
        self._fleet = fleet
        index = np.array([fleet.index_of.get(vehicle_id, -1) for vehicle_id in vehicle_ids], np.int64)
        self._rows = days[np.argsort(days["day"], kind="stable")]
        self._vehicle = index[self._rows["row"]]
        self._first_joined = np.full(len(fleet.vehicle_ids), _NEVER_JOINED, np.int64)
        qualified = self._rows["reports_qualified"] > 0
        np.minimum.at(self._first_joined, self._vehicle[qualified], self._rows["day"][qualified])
        before = [fleet.index_of[vehicle_id] for vehicle_id in joined_before if vehicle_id in fleet.index_of]
        self._first_joined[before] = -_NEVER_JOINED
        self._alarms: dict[int, list[AlarmCount]] = {}
        for alarm in alarms:
            self._alarms.setdefault(alarm.day, []).append(alarm)

    def on(self, day: int) -> FleetDay:
        """What happened on a Beijing day number."""
        member = self._fleet.on(day)
        low, high = np.searchsorted(self._rows["day"], (day, day + 1))
        rows, reporting = self._rows[low:high], self._vehicle[low:high]
        alarms = self._alarms.get(day, [])
        raised = [alarm for alarm in alarms if alarm.vehicle_id]
        alarmed = np.array([self._fleet.index_of[alarm.vehicle_id] for alarm in raised], np.int64)
        return FleetDay(
            day=day,
            count_span=member.span[np.concatenate([reporting, alarmed])],
            counts=np.concatenate([_reported(rows), _raised(raised)]),
            span=member.span,
            flags=self._flags(day, member.registered, rows, reporting),
            about_enterprises=tuple(alarm for alarm in alarms if not alarm.vehicle_id and alarm.enterprise_id),
        )

    def _flags(
        self, day: int, registered: NDArray[np.bool_], rows: NDArray[np.void], reporting: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Each mark asks for the one before it, so that no rate of two of them exceeds 1."""
        reported = np.zeros(len(registered), np.bool_)
        reported[reporting[rows["reports_total"] > 0]] = True
        drifted = np.zeros(len(registered), np.bool_)
        drifted[reporting[rows["drift_vehicle"] > 0]] = True
        joined = registered & (self._first_joined <= day)
        online = joined & reported
        return np.stack([registered, joined, online, online & drifted], axis=1)


def _reported(rows: NDArray[np.void]) -> Counts:
    """Mileage is rounded per vehicle and day, so that sums of sums stay equal to the metre."""
    counts = np.zeros((len(rows), len(INDICATOR_COUNTS)), np.int64)
    for source, column in _FROM_COUNTERS:
        counts[:, COLUMN[column]] = np.rint(rows[source])
    return counts


def _raised(alarms: list[AlarmCount]) -> Counts:
    counts = np.zeros((len(alarms), len(INDICATOR_COUNTS)), np.int64)
    for i, alarm in enumerate(alarms):
        counts[i, COLUMN[alarm.column]] = alarm.amount
    return counts
