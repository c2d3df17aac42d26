"""SETTLED records: what vehicles are rebuilt from, some of them at a time, with all reports up to now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import msgspec
import numpy as np

from monitor.app.settlement.day_reports import DayArchive
from monitor.app.settlement.putting_right import decoded_reports, encoded_reports
from monitor.app.settlement.settler import ToPutRight
from monitor.engine.snapshot import layout_of
from monitor.model.beijing import day_start_ms
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, concatenate, empty_rows
from monitor.model.settled import SettledVehicles


class KeptArchive(DayArchive, Protocol):
    """An archive that says how far it follows the journal."""

    @property
    def archived_offset(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A record in the making: all reports up to journal record ``offset`` are in it; ``keys`` are those that reports of
    each vehicle come with."""

    stated: SettledVehicles
    keys: tuple[frozenset[str], ...]
    offset: int


def parts(told: ToPutRight, archive: KeptArchive, at_once: int) -> Iterator[Part]:
    """The records that tell the live engine, with what the archive has of later days."""
    vehicles = iter(told.vehicles)
    while some := tuple(islice(vehicles, at_once)):
        yield _part(told, archive, some)


def with_tail(part: Part, records: Iterable[JournalRecord]) -> Part:
    """The part with reports of journal records after its offset."""
    keys = frozenset().union(*part.keys)
    end_ms = int(day_start_ms(part.stated.day + 1))
    offset = part.offset
    batches = [decoded_reports(part.stated.reports)]
    for record in records:
        offset = record.offset
        if record.type is RecordType.REPORTS and record.batch is not None:
            own = _chosen(record.batch, keys, end_ms)
            if len(own):
                batches.append(own)
    if len(batches) > 1:
        return _stated(part.stated, part.keys, concatenate(batches), offset)
    return replace(part, offset=offset)


def only(part: Part, vehicles: Collection[str]) -> Part | None:
    """The part for some of its vehicles; None where none of them is in it."""
    places = [place for place, key in enumerate(part.stated.keys) if key in vehicles]
    if not places:
        return None
    stated = part.stated
    size = len(stated.rows) // len(stated.keys)
    rows = b"".join(stated.rows[place * size : (place + 1) * size] for place in places)
    fewer = msgspec.structs.replace(
        stated,
        keys=tuple(stated.keys[place] for place in places),
        rows=rows,
        newest_ms=tuple(stated.newest_ms[place] for place in places),
    )
    keys = tuple(part.keys[place] for place in places)
    wanted = frozenset().union(*keys)
    batch = _chosen(decoded_reports(stated.reports), wanted, 0)
    return _stated(fewer, keys, batch, part.offset)


def record_of(part: Part, clock_ms: int) -> JournalRecord:
    """The journal record."""
    return JournalRecord(0, RecordType.SETTLED, clock_ms, payload=msgspec.json.encode(part.stated))


def _part(told: ToPutRight, archive: KeptArchive, vehicles: tuple[str, ...]) -> Part:
    engine = told.state.engine
    fleet = engine.fleet
    rows = fleet.rows_of(vehicles)
    keys = tuple(told.keys[vehicle] for vehicle in vehicles)
    offset = archive.archived_offset
    wanted = frozenset().union(*keys)
    later = [archive.read(day, keys=wanted) for day in archive.days() if day > told.day]
    maps = fleet.maps
    stated = SettledVehicles(
        day=told.day,
        layout=layout_of(engine),
        keys=vehicles,
        rows=fleet.rows[rows].tobytes(),
        newest_ms=tuple(fleet.rows["core"]["time_ms"][rows].tolist()),
        drivers=tuple(fleet.drivers),
        sections=tuple(one.section_id for one in maps.roads.sections) if maps.roads is not None else (),
        permits=tuple(one.permit_id for one in maps.permits.permits) if maps.permits is not None else (),
        judged=tuple(one for one in told.judged if one.vehicle_id in vehicles),
        lasting=tuple(one for one in told.lasting if one.vehicle_id in vehicles),
        reports=b"",
        reason=told.reason,
    )
    return _stated(stated, keys, concatenate(later) if later else ReportBatch((), empty_rows(0)), offset)


def _stated(stated: SettledVehicles, keys: tuple[frozenset[str], ...], batch: ReportBatch, offset: int) -> Part:
    """The part with these reports, and the newest of each vehicle."""
    timed = batch.rows["flaws"] & int(Flaw.TIME) == 0
    newest = np.zeros(len(batch.keys), np.int64)
    np.maximum.at(newest, batch.rows["key"][timed], batch.rows["fix_ms"][timed])
    of_key = dict(zip(batch.keys, newest.tolist(), strict=True))
    newest_ms = tuple(
        max(known_ms, *(of_key.get(key, 0) for key in own))
        for known_ms, own in zip(stated.newest_ms, keys, strict=True)
    )
    return Part(msgspec.structs.replace(stated, reports=encoded_reports(batch), newest_ms=newest_ms), keys, offset)


def _chosen(batch: ReportBatch, keys: Collection[str], from_ms: int) -> ReportBatch:
    """Reports that come with some keys, made at or after a moment."""
    wanted = np.array([*(key in keys for key in batch.keys), False], np.bool_)[batch.rows["key"]]
    timed = batch.rows["flaws"] & int(Flaw.TIME) == 0
    wanted &= np.where(timed, batch.rows["fix_ms"], batch.rows["recv_ms"]) >= from_ms
    return replace(batch, rows=batch.rows[wanted])
