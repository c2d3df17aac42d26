"""Journal record in, everything that follows from it out: the engine and the alarm book as one step."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook, BookOutput
from monitor.app.evidence import EvidenceBook
from monitor.app.map_layers import LAYER_OF, MapShop
from monitor.app.settlement.putting_right import NOTHING_DONE, PutRight, put_right
from monitor.app.waybills import WaybillBook
from monitor.engine.engine import Engine
from monitor.errors import ConfigError
from monitor.model.alarm import AlarmChange, PreWarning
from monitor.model.device_record import DeviceRecord
from monitor.model.driver import Driver, DriverRegister
from monitor.model.evidence import Evidence
from monitor.model.exchange import LinkEvent
from monitor.model.fleet import Registry, Vehicle
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.waybill import Waybill

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What followed from one record."""

    offset: int
    clock_ms: int
    changes: tuple[AlarmChange, ...]
    prewarnings: tuple[PreWarning, ...]
    days: NDArray[np.void]  # dtype VEHICLE_DAY, closed vehicle-days
    outcomes: NDArray[np.int64]  # per engine.receive.Outcome
    waybills: tuple[Waybill, ...] = ()
    records: tuple[DeviceRecord, ...] = ()  # worth keeping, no alarms
    evidence: tuple[Evidence, ...] = ()  # one piece for each change


class Pipeline:
    """The live answer. The same records in the same order always give the same results."""

    def __init__(self, engine: Engine, *, provisional: bool = True) -> None:
        self.engine = engine
        self.book = AlarmBook(engine.rules, engine.fleet, provisional=provisional)
        self.waybills = WaybillBook(engine.fleet)
        self.evidence = EvidenceBook(engine)
        self.shop = MapShop()
        self.last_put_right: PutRight = NOTHING_DONE
        """What the last SETTLED record did."""

    def take(self, record: JournalRecord, *, again: bool = False) -> StepResult:
        """One journal record. ``again``: its outcome is stored already, so what only describes it is left out."""
        engine = self.engine
        clock_ms = engine.clock_ms
        waybill: Waybill | None = None
        right = NOTHING_DONE
        if record.type is RecordType.REPORTS:
            assert record.batch is not None
            output = engine.take(record.batch)
        elif record.type is RecordType.TICK:
            output = engine.tick(record.clock_ms, resumed=record.resumed, paused_ms=record.paused_ms)
        elif record.type is RecordType.LINK:
            output = engine.link(msgspec.json.decode(record.payload, type=LinkEvent), record.clock_ms)
        else:
            if record.type is RecordType.REGISTRY:
                engine.apply_registry(registry_of(record.payload))
            elif record.type is RecordType.DRIVERS:
                engine.fleet.apply_drivers(drivers_of(record.payload))
            elif record.type in LAYER_OF:
                self._apply_map(record)
            elif record.type is RecordType.WAYBILL:
                waybill = self.waybills.take(record)
            elif record.type is RecordType.SETTLED:
                right = self.last_put_right = put_right(engine, self.book, record.payload, record.offset)
            output = right.output or engine.tick(engine.clock_ms)
        self.evidence.note(output.stretches)
        found: BookOutput = self.book.apply(output.edges)
        changes = right.changes + self.waybills.marked(found.changes, record.batch, clock_ms)
        if again:
            return StepResult(record.offset, engine.clock_ms, changes, (), output.days, output.outcomes)
        return StepResult(
            record.offset,
            engine.clock_ms,
            changes,
            found.prewarnings,
            output.days,
            output.outcomes,
            () if waybill is None else (waybill,),
            found.records,
            self.evidence.of(found.changes, found.causes, output.edges),
        )

    def _apply_map(self, record: JournalRecord) -> None:
        layer = LAYER_OF[record.type]
        path = f"journal record {record.offset}"
        try:
            self.engine.apply_maps(*self.shop.taken(self.engine.fleet.maps, layer, record.payload, path))
        except ConfigError as error:
            # Written by another version; what that took for a shape is none now.
            log.warning("the %s stay as they were: %s", layer, error)


class _RegistryPayload(msgspec.Struct, frozen=True):
    version: int
    vehicles: tuple[Vehicle, ...] | None


def registry_payload(registry: Registry | None) -> bytes:
    """A registry as the payload of a REGISTRY record; None says that there is none."""
    if registry is None:
        return msgspec.json.encode(_RegistryPayload(0, None))
    return msgspec.json.encode(_RegistryPayload(registry.version, registry.vehicles))


def registry_of(payload: bytes) -> Registry | None:
    """The registry of a REGISTRY record."""
    stated = msgspec.json.decode(payload, type=_RegistryPayload)
    return None if stated.vehicles is None else Registry(stated.vehicles, stated.version)


def drivers_payload(register: DriverRegister) -> bytes:
    """A driver register as the payload of a DRIVERS record."""
    return msgspec.json.encode(register.drivers)


def drivers_of(payload: bytes) -> DriverRegister:
    """The driver register of a DRIVERS record."""
    return DriverRegister(msgspec.json.decode(payload, type=tuple[Driver, ...]))
