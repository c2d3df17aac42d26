"""Who belongs where on which day: registry rows as arrays, so that sums per enterprise need no look-up per vehicle.

A *span* is one registry row; a vehicle without any has one span of its own. On every day a vehicle belongs to exactly
one span, so what is summed per span adds up however the spans are grouped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from monitor.model.beijing import day_number
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.indicator import Scope

_FIRST_DAY, _LAST_DAY = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Grouping:
    """Spans grouped by one scope: ``code`` (n_spans,) indexes ``keys``; -1 = the span counts nowhere in this scope."""

    scope: Scope
    keys: tuple[str, ...]
    code: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DayMembership:
    """One day: ``span`` (n_vehicles,) and whether the vehicle is ``registered`` that day (n_vehicles,)."""

    span: NDArray[np.int64]
    registered: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Membership:
    """``vehicle_ids`` in sorted order; arrays (n_spans,), days as inclusive Beijing day numbers.

    ``valid_*`` bound the registry row, ``service_*`` the vehicle's time in service; ``counted`` is false for trailers
    and for vehicles that nobody registered. ``last_span`` (n_vehicles,) is each vehicle's last registry row.
    """

    vehicle_ids: tuple[str, ...]
    index_of: dict[str, int]
    vehicle: NDArray[np.int64]
    valid_from: NDArray[np.int64]
    valid_to: NDArray[np.int64]
    service_from: NDArray[np.int64]
    service_to: NDArray[np.int64]
    counted: NDArray[np.bool_]
    last_span: NDArray[np.int64]
    rows: tuple[Vehicle, ...]

    def on(self, day: int) -> DayMembership:
        """Span and registration of every vehicle on a Beijing day number.

        Where no row is in force the last one says where the vehicle belongs (as ``Registry.vehicle`` does), but it is
        not registered that day. Suspension does not matter: a suspended vehicle stays registered.
        """
        valid = (self.valid_from <= day) & (day <= self.valid_to)
        in_force = np.full(len(self.vehicle_ids), -1, np.int64)
        np.maximum.at(in_force, self.vehicle[valid], np.flatnonzero(valid))
        registered_span = valid & self.counted & (self.service_from <= day) & (day <= self.service_to)
        span = np.where(in_force >= 0, in_force, self.last_span)
        return DayMembership(span, registered_span[span])

    def grouping(self, scope: Scope) -> Grouping:
        """Spans by scope. Trailers stand in the vehicle scope only, so that they are in no denominator.

        Vehicles without an enterprise share the enterprise key ``""``; without platform or region they are in none.
        """
        if scope is Scope.VEHICLE:
            return Grouping(scope, self.vehicle_ids, self.vehicle)
        names = [_name(row, scope) for row in self.rows]
        keys = sorted({name for name in names if name is not None})
        position = {key: i for i, key in enumerate(keys)}
        code = np.array([-1 if name is None else position[name] for name in names], np.int64)
        return Grouping(scope, tuple(keys), code)


def membership(registry: Registry, seen: Iterable[str]) -> Membership:
    """Spans of all registered vehicles and of every other vehicle ``seen``.

    Without any registry every vehicle seen counts as registered, with no enterprise.
    """
    known = set(registry.vehicle_ids())
    nobody_registered = not registry.vehicles
    strangers = sorted(set(seen) - known)
    rows = (*registry.vehicles, *(Vehicle(vehicle_id) for vehicle_id in strangers))
    vehicle_ids = tuple(sorted(known | set(strangers)))
    index_of = {vehicle_id: i for i, vehicle_id in enumerate(vehicle_ids)}
    counted = np.array([row.vehicle_class is not VehicleClass.TRAILER for row in rows], np.bool_)
    if not nobody_registered:
        counted[len(registry.vehicles) :] = False
    vehicle = np.array([index_of[row.vehicle_id] for row in rows], np.int64)
    last_span = np.zeros(len(vehicle_ids), np.int64)
    np.maximum.at(last_span, vehicle, np.arange(len(vehicle)))
    return Membership(
        vehicle_ids=vehicle_ids,
        index_of=index_of,
        vehicle=vehicle,
        valid_from=_days((row.valid_from for row in rows), _FIRST_DAY),
        valid_to=_days((row.valid_to for row in rows), _LAST_DAY),
        service_from=_days((row.in_service_from for row in rows), _FIRST_DAY),
        service_to=_days((row.retired_on for row in rows), _LAST_DAY),
        counted=counted,
        last_span=last_span,
        rows=rows,
    )


def _days(dates: Iterable[date | None], open_end: int) -> NDArray[np.int64]:
    return np.array([open_end if day is None else day_number(day) for day in dates], np.int64)


def _name(row: Vehicle, scope: Scope) -> str | None:
    if row.vehicle_class is VehicleClass.TRAILER:
        return None
    if scope is Scope.ENTERPRISE:
        return row.enterprise_id
    return (row.platform if scope is Scope.PLATFORM else row.region) or None
