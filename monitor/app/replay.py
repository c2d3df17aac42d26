"""Replay: recorded or simulated reports through the same engine as the daemon, without any service."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook
from monitor.app.evidence import EvidenceBook
from monitor.app.live_pipeline import LivePipeline
from monitor.app.map_layers import ground_of
from monitor.app.settled import settle
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.trail import WholeTracks
from monitor.model.alarm import Alarm, AlarmChange, PreWarning
from monitor.model.driver import NO_DRIVERS, DriverRegister
from monitor.model.evidence import Evidence
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.quality.settings import QualitySettings
from monitor.rules import load_rules


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer: alarms as they stand at the end, by onset; vehicle-days; counts per outcome; the engine clock."""

    alarms: tuple[Alarm, ...]
    changes: tuple[AlarmChange, ...]
    prewarnings: tuple[PreWarning, ...]
    vehicle_ids: tuple[str, ...]
    days: NDArray[np.void]  # dtype VEHICLE_DAY; row indexes vehicle_ids; closed and open days
    outcomes: NDArray[np.int64]
    clock_ms: int
    registry: Registry | None = None
    evidence: tuple[Evidence, ...] = ()  # a piece for each change, where it was asked for


def replay_batch(
    batch: ReportBatch,
    registry: Registry | None = None,
    *,
    until_ms: int | None = None,
    as_received: bool = False,
    now_ms: int | None = None,
    layers: RuleLayers | None = None,
    quality: QualitySettings | None = None,
    maps: MapSet = NO_MAPS,
    drivers: DriverRegister = NO_DRIVERS,
    evidence: bool = False,
) -> Replay:
    """Settled answer of a set of reports, or the live one with ``as_received``; with ``evidence`` if asked for.

    ``now_ms`` is the moment of the run: reports dated after it are flagged and move no clock. ``batch`` is copied.
    """
    rows = batch.rows.copy()
    batch = ReportBatch(batch.keys, rows, batch.drivers, batch.sources)
    judge(
        rows,
        now_ms=now_ms if now_ms is not None else int(time.time() * 1000),
        settings=quality or QualitySettings(),
    )
    if as_received:
        live = _live_pipeline(layers, evidence)
        live.engine.apply_registry(registry)
        live.engine.fleet.apply_drivers(drivers)
        live.engine.apply_maps(maps, ground_of(maps))
        return _live(live, [JournalRecord(1, RecordType.REPORTS, 0, in_received_order(batch))], until_ms)
    rules = load_rules()
    engine = Engine(rules, ParameterTable(rules, layers), settled=True)
    engine.apply_registry(registry)
    engine.fleet.apply_drivers(drivers)
    engine.apply_maps(maps, ground_of(maps))
    engine.trail = WholeTracks() if evidence else None
    run = settle(engine, batch, until_ms=until_ms)
    book = AlarmBook(rules, engine.fleet, provisional=False)
    found = book.apply(run.edges)
    witness = EvidenceBook(engine)
    witness.note(run.stretches)
    return Replay(
        alarms=last_states(found.changes),
        changes=found.changes,
        prewarnings=found.prewarnings,
        vehicle_ids=tuple(engine.fleet.keys),
        days=np.concatenate([run.days, run.open_days]),
        outcomes=run.outcomes,
        clock_ms=run.clock_ms,
        evidence=witness.of(found.changes, found.causes, run.edges),
    )


def replay_journal(
    records: Iterable[JournalRecord],
    registry: Registry | None = None,
    *,
    until_ms: int | None = None,
    layers: RuleLayers | None = None,
    maps: MapSet = NO_MAPS,
    drivers: DriverRegister = NO_DRIVERS,
    evidence: bool = False,
) -> Replay:
    """The live answer over journal records: ticks, registry changes and rule settings included.

    A ``registry``, ``layers``, ``maps`` and ``drivers`` given here are in force from the start, until a record changes
    them.
    """
    live = _live_pipeline(layers, evidence)
    live.engine.apply_registry(registry)
    live.engine.fleet.apply_drivers(drivers)
    live.engine.apply_maps(maps, ground_of(maps))
    return _live(live, records, until_ms)


def in_received_order(batch: ReportBatch) -> ReportBatch:
    """Reports by receive time, then file order; a missing receive time is the fix time, in its place in the file."""
    rows = batch.rows
    stated = rows["recv_ms"] > 0
    received = np.where(stated, rows["recv_ms"], rows["fix_ms"])
    order = np.argsort(received, kind="stable") if stated.all() else np.arange(len(rows))
    ordered = rows[order]
    ordered["recv_ms"] = received[order]
    return ReportBatch(batch.keys, ordered, batch.drivers, batch.sources)


def _live(live: LivePipeline, records: Iterable[JournalRecord], until_ms: int | None) -> Replay:
    engine = live.engine
    results = [live.take(record) for record in records]
    last = JournalRecord(0, RecordType.TICK, max(engine.clock_ms, until_ms or 0))
    results.append(live.take(last))
    changes = tuple(change for result in results for change in result.changes)
    return Replay(
        alarms=last_states(changes),
        changes=changes,
        prewarnings=tuple(warning for result in results for warning in result.prewarnings),
        vehicle_ids=tuple(engine.fleet.keys),
        days=np.concatenate([*(result.days for result in results), engine.open_days()]),
        outcomes=np.sum([result.outcomes for result in results], axis=0),
        clock_ms=engine.clock_ms,
        registry=engine.fleet.registry,
        evidence=tuple(piece for result in results for piece in result.evidence),
    )


def _live_pipeline(layers: RuleLayers | None, evidence: bool) -> LivePipeline:
    """A live pipeline that takes evidence only where it is asked for."""
    live = LivePipeline(load_rules(), layers or RuleLayers())
    if not evidence:
        live.engine.trail = None
    return live


def last_states(changes: tuple[AlarmChange, ...]) -> tuple[Alarm, ...]:
    """Each alarm as its last change left it, by onset, vehicle, rule and kind."""
    states = {change.alarm.alarm_id: change.alarm for change in changes}
    return tuple(sorted(states.values(), key=lambda alarm: (alarm.onset_ms, alarm.vehicle_id, alarm.rule, alarm.kind)))
