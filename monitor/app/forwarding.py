"""Which positions of the journal go to an upper platform, and under which plates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.app.exchange_settings import ForwardSettings
from monitor.model.beijing import day_of
from monitor.model.exchange import RegisteredVehicle
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.fleet import PlateColor, Registry, Vehicle
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.plate import CODE_OF_COLOR
from monitor.model.report import PLATE_PREFIX, REPORT, TERMINAL_PREFIX, ReportRows

_UNUSABLE: Final = int(Flaw.TIME) | int(Flaw.NO_FIX)
_BACKFILL: Final = int(ReportFlag.BACKFILL)
_PLATE_BYTES = 21
"""VEHICLE_NO of both editions; a longer one must be refused, not cut."""

_REASONS: Final = ("no_plate", "not_wanted", "plate_too_long")
"""Why a vehicle is left out; its code in the columns is -1 minus the position."""


@dataclass(frozen=True, slots=True)
class PositionPart:
    """Positions of one message kind; the vehicle of a row is ``plates[row["key"]]`` in ``colors[row["key"]]``."""

    rows: ReportRows
    plates: Sequence[str]
    colors: Sequence[int]
    backfill: bool


@dataclass(frozen=True, slots=True)
class Positions:
    """What some journal records have for a link: backfill by fix time, then live ones as they came."""

    backfill: ReportRows
    live: ReportRows
    plates: Sequence[str]
    colors: Sequence[int]
    vehicles: tuple[RegisteredVehicle, ...]
    left_out: Counter[str]

    def parts(self, most: int) -> Iterator[PositionPart]:
        """Pieces of at most ``most`` rows."""
        for rows, late in ((self.backfill, True), (self.live, False)):
            for start in range(0, len(rows), most):
                yield PositionPart(rows[start : start + most], self.plates, self.colors, late)


class ForwardedFleet:
    """Vehicles by the key of their reports, as the registry in force states them on a day.

    ``own`` is the name under which reports that came over the very same link stand; they do not go back.
    """

    def __init__(self, settings: ForwardSettings, registry: Callable[[], Registry | None], own: str) -> None:
        self.own = own
        self.live_ms = int(settings.live_s * 1000)
        self._settings = settings
        self._registry_now = registry
        self._registry: Registry | None = None
        self._day = -1
        self._code_of: dict[str, int] = {}
        self._table_of: dict[tuple[str, int], int] = {}
        self.plates: list[str] = []
        self.colors: list[int] = []
        self.phones: list[str] = []

    def codes(self, keys: Sequence[str], day: int) -> NDArray[np.int32]:
        """Row of ``plates`` and ``colors`` for each key on a Beijing day number; negative for those left out."""
        registry = self._registry_now()
        if registry is not self._registry or day != self._day:
            self._registry, self._day = registry, day
            self._code_of.clear()
        known = self._code_of
        return np.array([known[key] if key in known else self._resolved(key) for key in keys] or np.zeros(0), np.int32)

    def registered(self, at_ms: int) -> tuple[RegisteredVehicle, ...]:
        """Registered vehicles that go over this link, as of a moment."""
        registry = self._registry_now()
        if registry is None:
            return ()
        day = int(day_of(at_ms))
        found: list[RegisteredVehicle] = []
        for vehicle_id in registry.vehicle_ids():
            vehicle = registry.vehicle(vehicle_id, day)
            if vehicle is None or not vehicle.plate or not self._wants(vehicle) or not _fits(vehicle.plate):
                continue
            if vehicle.valid_on(day) and (vehicle.retired_on is None):
                color = CODE_OF_COLOR[vehicle.plate_color]
                found.append(RegisteredVehicle(vehicle.plate, color, at_ms, phone=vehicle.terminal_phone))
        return tuple(found)

    def vehicle(self, code: int, at_ms: int) -> RegisteredVehicle:
        """The vehicle of a row of the table."""
        return RegisteredVehicle(self.plates[code], self.colors[code], at_ms, phone=self.phones[code])

    def _resolved(self, key: str) -> int:
        code = self._resolve(key)
        self._code_of[key] = code
        return code

    def _resolve(self, key: str) -> int:
        registry, day = self._registry, self._day
        vehicle: Vehicle | None = None
        color_word, plate = "", ""
        if key.startswith(PLATE_PREFIX):
            color_word, _, plate = key[len(PLATE_PREFIX) :].partition(":")
        if registry is not None:
            if key.startswith(TERMINAL_PREFIX):
                vehicle = registry.by_phone(key[len(TERMINAL_PREFIX) :], day)
            elif plate:
                vehicle = registry.by_plate(color_word, plate, day)
            else:
                vehicle = registry.vehicle(key, day)
        if vehicle is not None:
            if not vehicle.plate:
                return _left("no_plate")
            if not self._wants(vehicle):
                return _left("not_wanted")
            return self._entry(vehicle.plate, CODE_OF_COLOR[vehicle.plate_color], vehicle.terminal_phone)
        if not plate:
            return _left("no_plate")
        if not self._settings.unregistered:
            return _left("not_wanted")
        color = next((one for one in PlateColor if one.value == color_word), PlateColor.OTHER)
        return self._entry(plate, CODE_OF_COLOR[color], "")

    def _entry(self, plate: str, color: int, phone: str) -> int:
        if not _fits(plate):
            return _left("plate_too_long")
        code = self._table_of.get((plate, color))
        if code is None:
            code = self._table_of[plate, color] = len(self.plates)
            self.plates.append(plate)
            self.colors.append(color)
            self.phones.append(phone)
        self.phones[code] = phone or self.phones[code]
        return code

    def _wants(self, vehicle: Vehicle) -> bool:
        settings = self._settings
        return (not settings.classes or vehicle.vehicle_class in settings.classes) and (
            not settings.enterprises or vehicle.enterprise_id in settings.enterprises
        )


def positions_of(records: Sequence[JournalRecord], fleet: ForwardedFleet, now_ms: int) -> Positions:
    """The positions of journal records that go over a link; what has no usable time or place does not."""
    left_out: Counter[str] = Counter()
    chosen: list[ReportRows] = []
    for record in records:
        if record.type is not RecordType.REPORTS or record.batch is None or not len(record.batch):
            continue
        batch = record.batch
        codes = fleet.codes(batch.keys, int(day_of(record.clock_ms)))[batch.rows["key"]]
        usable = batch.rows["flaws"] & _UNUSABLE == 0
        own = np.array([name == fleet.own and bool(name) for name in batch.sources] + [False], np.bool_)
        foreign = ~own[batch.rows["source"]]
        left_out["unusable"] += int((~usable).sum())
        left_out["own"] += int((usable & ~foreign).sum())
        for number, reason in enumerate(_REASONS):
            left_out[reason] += int((usable & foreign & (codes == -1 - number)).sum())
        mask = usable & foreign & (codes >= 0)
        rows = batch.rows[mask]
        rows["key"] = codes[mask]
        rows["source"] = rows["driver"] = -1
        chosen.append(rows)
    rows = np.concatenate(chosen) if chosen else np.zeros(0, REPORT)
    received_ms = np.where(rows["recv_ms"] > 0, rows["recv_ms"], rows["fix_ms"])
    late = (received_ms < now_ms - fleet.live_ms) | (rows["flags"] & _BACKFILL != 0)
    backfill = rows[late]
    seen = np.unique(rows["key"]).tolist()
    return Positions(
        backfill[np.argsort(backfill["fix_ms"], kind="stable")],
        rows[~late],
        fleet.plates,
        fleet.colors,
        tuple(fleet.vehicle(code, now_ms) for code in seen),
        +left_out,
    )


def _left(reason: str) -> int:
    return -1 - _REASONS.index(reason)


def _fits(plate: str) -> bool:
    return len(plate.encode("gb18030", "replace")) <= _PLATE_BYTES
