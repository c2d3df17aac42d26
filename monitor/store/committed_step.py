"""What one journal record brought, as the store takes it: everything that has to be committed together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.model.alarm import AlarmChange, PreWarning
from monitor.model.day import VEHICLE_DAY
from monitor.model.device_record import DeviceRecord
from monitor.model.evidence import Evidence
from monitor.model.indicator import Indicator
from monitor.model.push import PushMessage
from monitor.model.supervision import SupervisionEntry
from monitor.model.waybill import Waybill


@dataclass(frozen=True, slots=True)
class VehicleDayRows:
    """Vehicle-day counters: ``rows`` (n,) of dtype ``VEHICLE_DAY``, whose ``row`` indexes ``vehicle_ids``.

    Counters are whole sums of the day, not differences.
    """

    vehicle_ids: tuple[str, ...] = ()
    rows: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, VEHICLE_DAY))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class CommittedStep:
    """The outcome of one journal record (or of a tick).

    ``offset`` is the record's, from 1 on. Every change is pushed but those of ``withheld``, given as (alarm id,
    sequence): inhibited, silenced or too late. Supervision entries are pushed when they are new or differ from what is
    stored. ``summaries`` are numbered by the store.
    """

    offset: int
    changes: tuple[AlarmChange, ...] = ()
    withheld: frozenset[tuple[str, int]] = frozenset()
    prewarnings: tuple[PreWarning, ...] = ()
    vehicle_days: VehicleDayRows = field(default_factory=VehicleDayRows)
    indicators: tuple[Indicator, ...] = ()
    supervision: tuple[SupervisionEntry, ...] = ()
    summaries: tuple[PushMessage, ...] = ()
    waybills: tuple[Waybill, ...] = ()
    records: tuple[DeviceRecord, ...] = ()
    evidence: tuple[Evidence, ...] = ()
