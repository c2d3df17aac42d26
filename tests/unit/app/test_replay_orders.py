"""Replay: which order, which clock, which day."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.app.replay import in_received_order, replay_batch
from monitor.engine.receive import Outcome
from monitor.model.beijing import DAY_MS, day_of
from monitor.model.report import ReportBatch
from tests.traces import START_MS, batch_of

NOW_MS = START_MS + 100 * DAY_MS
BOTH = pytest.mark.parametrize("as_received", [False, True], ids=["settled", "as received"])


def without_receipt(batch: ReportBatch) -> ReportBatch:
    batch.rows["recv_ms"] = 0
    return batch


def test_received_order_is_by_receipt_then_by_place_in_the_file() -> None:
    ordered = in_received_order(batch_of([0, 60, 30, 90], recv_s=[100, 70, 70, 90]))
    assert ((ordered.rows["fix_ms"] - START_MS) // 1000).tolist() == [60, 30, 90, 0]


def test_without_receive_times_the_file_order_holds() -> None:
    ordered = in_received_order(without_receipt(batch_of([0, 60, 30])))
    assert ((ordered.rows["fix_ms"] - START_MS) // 1000).tolist() == [0, 60, 30]
    assert (ordered.rows["recv_ms"] == ordered.rows["fix_ms"]).all()


@BOTH
def test_a_file_without_reports_gives_an_empty_answer(as_received: bool) -> None:
    for until_ms in (None, START_MS):
        replay = replay_batch(batch_of([]), until_ms=until_ms, as_received=as_received, now_ms=NOW_MS)
        assert replay.alarms == ()
        assert len(replay.days) == 0


@BOTH
def test_the_reports_handed_in_stay_as_they_are(as_received: bool) -> None:
    batch = batch_of([60, 0, 30], recv_s=[70, 80, 90], positioned=[False, True, True])
    before = batch.rows.copy()
    replay_batch(batch, as_received=as_received, now_ms=NOW_MS)
    assert (batch.rows == before).all()


@BOTH
def test_reports_after_the_moment_of_the_run_are_flagged_and_move_no_clock(as_received: bool) -> None:
    batch = without_receipt(batch_of([0, 30, 900_000_000]))
    replay = replay_batch(batch, as_received=as_received, now_ms=NOW_MS)
    assert replay.clock_ms == START_MS + 30_000
    assert replay.outcomes[Outcome.UNTIMED] == 1


def test_a_file_of_nothing_but_impossible_times_is_counted() -> None:
    replay = replay_batch(without_receipt(batch_of([900_000_000, 900_000_030])), now_ms=NOW_MS)
    assert replay.outcomes[Outcome.UNTIMED] == 2
    assert replay.alarms == ()


def test_settled_a_bad_time_counts_for_the_day_of_its_receipt() -> None:
    day_s = DAY_MS // 1000
    batch = batch_of([0, 30, 9 * day_s, 2 * day_s, 3 * day_s], recv_s=[0, 30, 60, 2 * day_s, 3 * day_s])
    replay = replay_batch(batch, now_ms=NOW_MS)
    bad = {int(day["day"]) - day_of(START_MS): int(day["bad_time"]) for day in replay.days}
    assert bad == {0: 1, 2: 0, 3: 0}


def test_duplicates_are_counted_apart_from_conflicts_and_the_first_is_kept() -> None:
    batch = batch_of([0, 30, 30, 30, 60], east_m=[0, 10, 10, 99, 20], recv_s=[0, 30, 31, 32, 60])
    replay = replay_batch(batch, now_ms=NOW_MS)
    assert (replay.outcomes[Outcome.DUPLICATE], replay.outcomes[Outcome.CONFLICT]) == (1, 1)
    assert int(replay.days["reports_total"].sum()) == 3


def test_a_bad_time_is_no_duplicate_of_a_good_report_at_its_receipt() -> None:
    batch = batch_of([30, 900_000, 30, 60], recv_s=[30, 30, 31, 60])
    replay = replay_batch(batch, now_ms=NOW_MS)
    assert replay.outcomes[Outcome.UNTIMED] == 1
    assert replay.outcomes[Outcome.DUPLICATE] == 1
    assert replay.outcomes[Outcome.ACCEPTED] == 2


@BOTH
def test_until_lets_time_pass(as_received: bool) -> None:
    batch = batch_of([0, 30])
    until_ms = START_MS + 30_000 + DAY_MS
    for after_ms, alarms in ((0, 0), (1, 1)):
        replay = replay_batch(batch, until_ms=until_ms + after_ms, as_received=as_received, now_ms=NOW_MS)
        assert len(replay.alarms) == alarms
        assert replay.clock_ms == until_ms + after_ms


def test_an_earlier_until_takes_nothing_back() -> None:
    assert replay_batch(batch_of([0, 30]), until_ms=START_MS - 1, now_ms=NOW_MS).clock_ms == START_MS + 30_000


def test_ids_do_not_depend_on_the_answer_asked_for() -> None:
    fix_s = list(range(0, 130, 10))
    east_m = [110 / 3.6 * at_s for at_s in fix_s]
    batch = batch_of([*fix_s, 140, 300], east_m=[*east_m, 4_000, 4_100], speed_kmh=[130] * 13 + [0, 0])
    settled, live = (replay_batch(batch, as_received=flag, now_ms=NOW_MS).alarms for flag in (False, True))
    assert [alarm.alarm_id for alarm in settled] == [alarm.alarm_id for alarm in live]
    assert [alarm.provisional for alarm in (*settled, *live)] == [False, True]


def test_the_time_flaw_is_the_only_one_that_keeps_a_report_from_the_engine() -> None:
    batch = batch_of([0, 30, 60], positioned=[True, False, True], speed_kmh=[0, 0, 200])
    replay = replay_batch(batch, now_ms=NOW_MS)
    assert replay.outcomes[Outcome.NO_POSITION] == 1
    assert replay.outcomes[Outcome.ACCEPTED] == 2
    assert np.sum(replay.days["bad_speed"]) == 1
