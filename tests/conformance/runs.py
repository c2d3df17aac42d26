"""Runs of the live pipeline over a scenario, cut and disturbed in every way that must not matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.app.map_layers import ground_of
from monitor.app.pipeline import Pipeline
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.model.alarm import Alarm, AlarmChange
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from tests.conformance.scenario import Scenario

RULES = load_rules()
LAYERS = RuleLayers(rules={"hazmat_hours": {"enabled": True, "classes": ["hazmat", "heavy_truck", "tour_coach"]}})
"""What is off by default has its laws too."""

History = dict[str, list[AlarmChange]]
"""Changes by alarm, each in order. The order of changes of different alarms may differ between equal runs."""


def live_pipeline(scenario: Scenario) -> Pipeline:
    engine = Engine(RULES, ParameterTable(RULES, LAYERS))
    engine.apply_registry(scenario.registry)
    engine.apply_maps(scenario.maps, ground_of(scenario.maps))
    return Pipeline(engine)


def reports(batch: ReportBatch) -> JournalRecord:
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def tick(clock_ms: int) -> JournalRecord:
    return JournalRecord(2, RecordType.TICK, clock_ms)


def run(scenario: Scenario, records: Sequence[JournalRecord]) -> History:
    """The changes that follow from some records and the passing of time to the scenario's end."""
    pipeline = live_pipeline(scenario)
    return history(
        [change for record in (*records, tick(scenario.until_ms)) for change in pipeline.take(record).changes]
    )


def run_with_restarts(scenario: Scenario, records: Sequence[JournalRecord], at: set[int]) -> History:
    """The same, with a snapshot and a restore into a new pipeline before the records numbered in ``at``."""
    pipeline = live_pipeline(scenario)
    changes: list[AlarmChange] = []
    for number, record in enumerate((*records, tick(scenario.until_ms))):
        if number in at:
            state, book = take_snapshot(pipeline.engine), pipeline.book.snapshot()
            pipeline = Pipeline(Engine(RULES, ParameterTable(RULES, LAYERS)))
            pipeline.engine.apply_maps(scenario.maps, ground_of(scenario.maps))
            restore_snapshot(pipeline.engine, state, scenario.registry)
            pipeline.book.restore(book)
        changes += pipeline.take(record).changes
    return history(changes)


def history(changes: Sequence[AlarmChange]) -> History:
    found: defaultdict[str, list[AlarmChange]] = defaultdict(list)
    for change in changes:
        found[change.alarm.alarm_id].append(change)
    return dict(found)


def cut(scenario: Scenario, places: Sequence[int]) -> list[JournalRecord]:
    """The scenario's reports in several records, cut before the reports numbered in ``places``."""
    edges = sorted({0, len(scenario.batch), *(place % (len(scenario.batch) + 1) for place in places)})
    return [reports(scenario.part(slice(a, b))) for a, b in pairwise(edges)]


def last_alarms(found: History) -> dict[str, Alarm]:
    return {key: changes[-1].alarm for key, changes in found.items()}


def resent_soon(scenario: Scenario, chosen: Sequence[int]) -> ReportBatch:
    """The batch with some reports sent again at once, as a broker does whose acknowledgement was lost."""
    rows = scenario.batch.rows
    order = np.arange(len(rows))
    again = np.zeros(len(rows), np.int64)
    again[[place % len(rows) for place in chosen]] = 1
    again[rows["flaws"] & Flaw.TIME != 0] = 0  # without a time there is no telling that it is the same
    return replace(scenario.batch, rows=rows[np.repeat(order, 1 + again)])


def ties_shuffled(scenario: Scenario, seed: int) -> NDArray[np.intp]:
    """An order of the reports in which vehicles are interleaved otherwise wherever receive times are equal."""
    rows = scenario.batch.rows
    rank = np.random.default_rng(seed).permutation(len(scenario.batch.keys))
    return np.lexsort((rank[rows["key"]], rows["recv_ms"]))
