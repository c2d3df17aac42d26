"""The live engine put right by a journal record: rows as if reports had come in order, and again in every replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.app.live_pipeline import LivePipeline
from monitor.app.settlement.putting_right import same_content
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import AlarmState
from monitor.model.beijing import day_of
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.store.journal import Journal
from tests.conformance.settled_tables import OF_FIX_TIME, RULES, LiveRun
from tests.traces import START_MS, batch_of

DAY = int(day_of(START_MS))
DAY_S = 86_400


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LiveRun]:
    made = LiveRun(tmp_path)
    yield made
    made.close()


def drive(from_s: int, n: int, speed_kmh: float = 70.0, late_s: int = 0, every_s: int = 30) -> ReportBatch:
    """Reports of a straight drive whose place follows from the time alone."""
    fix_s = [from_s + every_s * k for k in range(n)]
    return batch_of(
        fix_s,
        recv_s=[at + late_s for at in fix_s] if not late_s else [fix_s[-1] + late_s] * n,
        east_m=[at * 20.0 for at in fix_s],
        speed_kmh=speed_kmh,
        acc=1,
    )


def reports(batch: ReportBatch) -> JournalRecord:
    return JournalRecord(0, RecordType.REPORTS, 0, batch)


def in_order(*batches: ReportBatch) -> ReportBatch:
    rows = np.concatenate([batch.rows for batch in batches])
    rows = rows[np.argsort(rows["fix_ms"], kind="stable")]
    rows["recv_ms"] = rows["fix_ms"]
    return replace(batches[0], rows=rows)


def fresh(*records: JournalRecord) -> LivePipeline:
    live = LivePipeline(RULES, RuleLayers())
    for number, record in enumerate(records, 1):
        live.take(replace(record, offset=number))
    return live


def test_a_row_is_what_it_would_be_had_the_reports_come_in_order(run: LiveRun) -> None:
    morning, noon, evening = drive(0, 200), drive(6_000, 200), drive(12_000, 300)
    next_day = drive(DAY_S - 8 * 3_600 + 60, 150)
    run.take_all([reports(morning), reports(evening), reports(replace_received(noon, 40_000)), reports(next_day)])
    run.settle(DAY, DAY)
    assert run.records[-1].type is RecordType.SETTLED
    assert run.live.pipeline.last_put_right.replaced == 1
    assert run.live.pipeline.last_put_right.differed == 1
    expected = fresh(reports(in_order(morning, noon, evening, next_day)))
    contact = {rule.name for rule in RULES if rule.name not in OF_FIX_TIME}
    assert same_content(run.live.engine.fleet.rows[0], expected.engine.fleet.rows[0], contact)


def replace_received(batch: ReportBatch, at_s: int) -> ReportBatch:
    rows = batch.rows.copy()
    rows["recv_ms"] = START_MS + at_s * 1000
    return replace(batch, rows=rows)


def test_an_alarm_that_late_data_end_is_ended_live_too(run: LiveRun) -> None:
    """Five hours of driving; the rest in the middle of it came late."""
    first, second = drive(0, 250, every_s=60), drive(17_400, 140, every_s=60)
    rest = batch_of([15_000 + 60 * k for k in range(39)], recv_s=[27_000.0] * 39, east_m=[15_000 * 20.0] * 39, acc=0)
    run.take_all([reports(first), reports(second), reports(rest)])
    live_before = {one.rule for one in run.live.pipeline.book.open_alarms}
    run.settle(DAY, DAY)
    after = {one.rule for one in run.live.pipeline.book.open_alarms if one.rule in OF_FIX_TIME}
    settled = {one.rule for one in run.alarms() if one.state is AlarmState.ACTIVE}
    assert after == settled
    assert live_before >= after


def test_a_replay_of_the_journal_does_the_same(run: LiveRun, tmp_path: Path) -> None:
    morning, noon = drive(0, 200), replace_received(drive(3_000, 90), 40_000)
    run.take_all([reports(morning), reports(drive(7_000, 100)), reports(noon)])
    run.settle(DAY, DAY)
    run.take_all([reports(drive(DAY_S, 20))])
    with Journal(tmp_path / "journal") as journal:
        journal.append(run.records)
        again = LivePipeline(RULES, RuleLayers())
        for record in journal.read(1):
            again.take(record)
    assert again.pipeline.book.snapshot() == run.live.pipeline.book.snapshot()
    assert same_content(again.engine.fleet.rows[0], run.live.engine.fleet.rows[0], set())


def test_a_vehicle_with_newer_reports_is_passed_over(run: LiveRun) -> None:
    run.take_all(
        [reports(drive(0, 100)), reports(drive(5_000, 50)), reports(replace_received(drive(3_500, 20), 9_000))]
    )
    run.settle(DAY, DAY)
    told = run.records[-1]
    assert told.type is RecordType.SETTLED
    run.take(reports(drive(50_000, 5)))
    before = run.live.engine.fleet.rows[0].copy()
    run.take(told)
    right = run.live.pipeline.last_put_right
    assert (right.replaced, right.passed_over) == (0, ("V0",))
    assert same_content(before, run.live.engine.fleet.rows[0], set())


def test_a_record_of_another_layout_changes_nothing(run: LiveRun) -> None:
    run.take_all([reports(drive(0, 100))])
    before = run.live.engine.fleet.rows[0].copy()
    run.take(JournalRecord(0, RecordType.SETTLED, 0, payload=b"{}"))
    assert same_content(before, run.live.engine.fleet.rows[0], set())
