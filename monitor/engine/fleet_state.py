"""The fleet as columns: which row a key has, and what the registry says of each row.

Rows are given in the order keys are first seen and never move, so a snapshot is a copy of the arrays.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from datetime import date
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.engine.parameters import ParameterTable
from monitor.engine.row_layout import row_dtype
from monitor.engine.rule import Rule, RuleSettings
from monitor.engine.state import NO_DAY, SPANS
from monitor.model.beijing import NEVER_MS, day_number, day_start_ms
from monitor.model.driver import NO_DRIVERS, DriverRegister
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.map_set import NO_MAPS
from monitor.model.report import PLATE_PREFIX, TERMINAL_PREFIX

if TYPE_CHECKING:
    from monitor.model.fence import FenceSet

_CLASSES = list(VehicleClass)
_INITIAL_ROWS = 1024


class FleetState:
    """State rows, registry spans and deadlines by fleet row, and the texts behind the numbers."""

    def __init__(self, rules: Sequence[Rule], parameters: ParameterTable) -> None:
        self._parameters = parameters
        self._registry: Registry | None = None
        self._change_days: tuple[int, ...] = ()
        self._day: int | None = None
        self.keys: list[str] = []
        self.drivers: list[str] = []
        self.sources: list[str] = []
        self.maps = NO_MAPS
        """The maps in force."""
        self._row_of: dict[str, int] = {}
        self._alias: dict[str, int] = {}  # a key as reported (perhaps a terminal) to its row
        self.register = NO_DRIVERS
        """The driver register in force: cards, licences and qualification numbers of one person are one driver."""
        self._driver_of: dict[str, int] = {}  # as reported
        self._source_of: dict[str, int] = {}
        self._last_keys: Sequence[str] = ()  # texts of the last batch: a source may send the same tuple again
        self._last_rows: NDArray[np.int32] = np.zeros(0, np.int32)
        self.rows: NDArray[np.void] = np.zeros(_INITIAL_ROWS, row_dtype(rules))
        self.spans: NDArray[np.void] = np.zeros(_INITIAL_ROWS, SPANS)
        self.deadlines: NDArray[np.int64] = np.full(_INITIAL_ROWS, NEVER_MS, np.int64)
        self.params: NDArray[np.void] = parameters.table()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def registry(self) -> Registry | None:
        """The registry in force; None where there is none and every vehicle counts as registered."""
        return self._registry

    @property
    def fences(self) -> FenceSet | None:
        """The fences in force; None where there are none."""
        return self.maps.fences

    @property
    def next_change_ms(self) -> int:
        """When other registry rows come into force: ``on_day`` is due before anything at or after this moment."""
        if not self._change_days:
            return NEVER_MS
        if self._day is None:
            return -NEVER_MS
        later = bisect.bisect_right(self._change_days, self._day)
        return int(day_start_ms(self._change_days[later])) if later < len(self._change_days) else NEVER_MS

    @property
    def change_days(self) -> tuple[int, ...]:
        """Beijing day numbers on which other registry rows come into force."""
        return self._change_days

    def on_day(self, day: int) -> None:
        """Put the registry rows of a Beijing day number in force; only vehicles with several rows can change."""
        self._day = day
        self._forget_aliases()
        for row, key in enumerate(self.keys):
            self._describe(row, key)
        self._refresh_params()

    def rows_of(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Fleet rows of keys as reported; unknown ones get a new row."""
        if keys is self._last_keys:
            return self._last_rows
        rows = self._known_rows(keys)
        if rows is None:
            resolved = [self._resolve(key) for key in keys]
            self._refresh_params()
            rows = np.array(resolved, np.int32)
        if isinstance(keys, tuple):
            self._last_keys, self._last_rows = keys, rows
        return rows

    def _known_rows(self, keys: Sequence[str]) -> NDArray[np.int32] | None:
        """Rows of keys that were all resolved before; None otherwise. One C call: this runs per key and batch."""
        if len(keys) < 2:
            return None
        try:
            return np.fromiter(itemgetter(*keys)(self._alias), np.int32, len(keys))
        except KeyError:
            return None

    def _forget_aliases(self) -> None:
        """Keys mean other rows from now on."""
        self._alias.clear()
        self._last_keys = ()

    def drivers_of(self, drivers: Sequence[str]) -> NDArray[np.int32]:
        """Driver indices; one more entry at the end, -1, for reports without a driver."""
        for stated in drivers:
            if stated not in self._driver_of:
                key = self.register.key_of(stated)
                self._driver_of[stated] = int(_indices((key,), self._driver_of, self.drivers)[0])
        return _indices(drivers, self._driver_of, self.drivers)

    def sources_of(self, sources: Sequence[str]) -> NDArray[np.int32]:
        """Source indices; one more entry at the end, -1, for reports without a source."""
        return _indices(sources, self._source_of, self.sources)

    def source(self, name: str) -> int:
        """Index of one source; a new one gets the next."""
        return int(self.sources_of((name,))[0])

    def apply_drivers(self, register: DriverRegister) -> None:
        """Another driver register from now on. A driver on the way goes on under the new key."""
        self.register = register
        for index, name in enumerate(self.drivers):
            key = register.key_of(name)
            if key != name and key not in self.drivers:
                self.drivers[index] = key
        self._driver_of = {name: index for index, name in enumerate(self.drivers)}

    def apply_registry(self, registry: Registry | None) -> None:
        """Bring every row up to a registry; registered vehicles that were never seen get a row."""
        self._adopt(registry)
        if registry is not None:
            for vehicle_id in registry.vehicle_ids():
                self._row(vehicle_id)
        for row, key in enumerate(self.keys):
            self._describe(row, key)
        self._refresh_params()
        self.deadlines[: len(self.keys)] = 0

    def apply_parameters(self, parameters: ParameterTable) -> None:
        """Take new settings; state stays."""
        self._parameters = parameters
        for row, key in enumerate(self.keys):
            self._describe(row, key)
        self._refresh_params()
        self.deadlines[: len(self.keys)] = 0

    def parameter(self, row: int, rule: str, name: str) -> float:
        """One value of a vehicle's parameters for a rule."""
        return float(self.params[self.rows[row]["core"]["profile"]][rule][name])

    def settings(self, rule: Rule, vehicle: Vehicle | None = None) -> RuleSettings:
        """Settings of a rule for a vehicle; without one, those that hold for no vehicle in particular."""
        return self._parameters.settings(rule, vehicle)

    def restore(
        self,
        keys: Sequence[str],
        drivers: Sequence[str],
        sources: Sequence[str],
        rows: NDArray[np.void],
        deadlines: NDArray[np.int64],
        registry: Registry | None,
    ) -> None:
        """Take over a snapshot; ``rows`` and ``deadlines`` have one entry per key."""
        self.keys = list(keys)
        self.drivers = list(drivers)
        self._row_of = {key: row for row, key in enumerate(self.keys)}
        self._driver_of = {name: index for index, name in enumerate(self.drivers)}
        self.sources = list(sources)
        self._source_of = {name: index for index, name in enumerate(self.sources)}
        self.rows = rows.copy()
        self.spans = np.zeros(len(rows), SPANS)
        self.deadlines = deadlines.copy()
        self._adopt(registry)
        for row, key in enumerate(self.keys):
            self._describe(row, key)
        self._refresh_params()

    def vehicle(self, row: int) -> Vehicle | None:
        """The registry row in force last for a fleet row."""
        return self._registry.vehicle(self.keys[row]) if self._registry else None

    def _adopt(self, registry: Registry | None) -> None:
        self._registry = registry
        self._change_days = registry.change_days() if registry is not None else ()
        self._day = None
        self._forget_aliases()

    def _resolve(self, key: str) -> int:
        known = self._alias.get(key)
        if known is not None:
            return known
        vehicle = None
        if self._registry is not None and key.startswith(TERMINAL_PREFIX):
            vehicle = self._registry.by_phone(key[len(TERMINAL_PREFIX) :], self._day)
        elif self._registry is not None and key.startswith(PLATE_PREFIX):
            color, _, plate = key[len(PLATE_PREFIX) :].partition(":")
            vehicle = self._registry.by_plate(color, plate, self._day)
        row = self._row(key if vehicle is None else vehicle.vehicle_id)
        self._alias[key] = row
        return row

    def _row(self, key: str) -> int:
        row = self._row_of.get(key)
        if row is None:
            row = len(self.keys)
            if row == len(self.rows):
                self._grow(2 * row)
            self.keys.append(key)
            self._row_of[key] = row
            core = self.rows[row]["core"]
            core["speed_dkmh"] = -1
            core["driver"] = -1
            core["acc"] = -1
            self._describe(row, key)
        return row

    def _grow(self, size: int) -> None:
        for name, fill in (("rows", None), ("spans", None), ("deadlines", NEVER_MS)):
            old = getattr(self, name)
            new = np.zeros(size, old.dtype) if fill is None else np.full(size, fill, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def _describe(self, row: int, key: str) -> None:
        core = self.rows[row]["core"]
        vehicle = self._registry.vehicle(key, self._day) if self._registry else None
        core["registered"] = 1 if (vehicle is not None or self._registry is None) else 0
        core["vehicle_class"] = -1 if vehicle is None else _CLASSES.index(vehicle.vehicle_class)
        core["profile"] = self._parameters.profile_of(vehicle, registered=core["registered"] == 1)
        span = self.spans[row]
        span["due_from_day"] = 0
        span["suspended_from_day"] = span["suspended_to_day"] = span["retired_day"] = NO_DAY
        if vehicle is not None:
            known = self._registry.known_from(key) if self._registry else None
            span["due_from_day"] = max(_first_day(vehicle.in_service_from), _first_day(known))
            if vehicle.suspended_from is not None or vehicle.suspended_to is not None:
                span["suspended_from_day"] = _first_day(vehicle.suspended_from)
                span["suspended_to_day"] = _day_after(vehicle.suspended_to)
            span["retired_day"] = _day_after(vehicle.retired_on)
        for name in ("suspended_from_day", "suspended_to_day", "retired_day"):
            core[name] = span[name]

    def _refresh_params(self) -> None:
        table = self._parameters.table()
        if len(table) != len(self.params) or table.tobytes() != self.params.tobytes():
            self.params = table


def _indices(texts: Sequence[str], known: dict[str, int], names: list[str]) -> NDArray[np.int32]:
    """Index of each text, new ones appended to ``names``; one more entry at the end, -1."""
    out = np.full(len(texts) + 1, -1, np.int32)
    for i, name in enumerate(texts):
        index = known.get(name)
        if index is None:
            index = known[name] = len(names)
            names.append(name)
        out[i] = index
    return out


def _first_day(first: date | None) -> int:
    """Day number of an inclusive beginning; an open one lies before every report."""
    return 0 if first is None else max(0, day_number(first))


def _day_after(last: date | None) -> int:
    """Day number after an inclusive end; an open one never comes."""
    return NO_DAY if last is None else max(0, day_number(last) + 1)
