"""The engine at its edges: order, drift, bad times, days, snapshots."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.engine.engine import Engine, Output
from monitor.engine.pass_template import EDGES_PER_REPORT
from monitor.engine.receive import Outcome
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS, day_of
from monitor.model.flaw import Flaw
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of, registry_of

RULES = load_rules()
HOUR_S = 3600


def engine_with(registry: Registry | None = None) -> Engine:
    engine = Engine(RULES)
    engine.apply_registry(registry)
    return engine


def judged(batch: ReportBatch) -> ReportBatch:
    judge(batch.rows, None)
    return batch


def counts(output: Output) -> dict[str, int]:
    return {item.name: int(output.outcomes[item]) for item in Outcome if output.outcomes[item]}


def days_of(engine: Engine, outputs: list[Output]) -> NDArray[np.void]:
    return np.concatenate([*(output.days for output in outputs), engine.open_days()])


@pytest.mark.parametrize(
    ("fix_s", "east_m", "expected"),
    [
        ([0, 30, 30], [0, 0, 0], {"ACCEPTED": 2, "DUPLICATE": 1}),
        ([0, 30, 30], [0, 0, 50], {"ACCEPTED": 2, "CONFLICT": 1}),
        ([0, 30, 60, 90, 0], [0] * 5, {"ACCEPTED": 4, "DUPLICATE": 1}),
        ([0, 30, 60, 90, 120, 150, 0], [0] * 7, {"ACCEPTED": 6, "OUT_OF_ORDER": 1}),
        ([0, 30, 20], [0] * 3, {"ACCEPTED": 2, "OUT_OF_ORDER": 1}),
        ([0, 30, 60, 90], [0, 9_000, 0, 0], {"ACCEPTED": 3, "DRIFT": 1}),
        ([0, 30, 60, 90], [0, 9_000, 9_000, 9_000], {"ACCEPTED": 2, "DRIFT": 2}),
    ],
    ids=[
        "the same again",
        "the same time at another place",
        "four reports back is still known",
        "further back it is only older",
        "older than the newest",
        "a displaced report",
        "three at the new place",
    ],
)
def test_every_report_has_one_outcome(fix_s: list[float], east_m: list[float], expected: dict[str, int]) -> None:
    received = [max(fix_s[: i + 1]) for i in range(len(fix_s))]
    assert counts(engine_with().take(judged(batch_of(fix_s, east_m=east_m, recv_s=received)))) == expected


def test_held_back_reports_keep_their_driver() -> None:
    """Fleet and batch number drivers differently; a report held back must not be taken for another driver's."""
    engine = engine_with()
    engine.take(judged(batch_of([0], vehicle=[1], n_vehicles=2, driver=[0], drivers=("other",))))
    n = 600
    fix_s = [10 + 30 * i for i in range(n)]
    east_m = [500.0 * i + (40_000.0 if i >= 300 else 0.0) for i in range(n)]
    output = engine.take(judged(batch_of(fix_s, east_m=east_m, speed_kmh=60, driver=0, drivers=("mine",))))
    fatigue = [rule.name for rule in RULES].index("fatigue")
    raised = output.edges[output.edges["rule"] == fatigue]
    assert len(raised)
    assert {engine.fleet.drivers[index] for index in raised["driver"]} == {"mine"}


def test_a_report_with_an_impossible_time_moves_no_clock() -> None:
    engine = engine_with()
    batch = judged(batch_of([0, 9_000_000, 30], recv_s=[0, 20, 30]))
    assert batch.rows["flaws"][1] & Flaw.TIME
    assert counts(engine.take(batch)) == {"ACCEPTED": 2, "UNTIMED": 1}
    assert engine.clock_ms == START_MS + 30_000


def test_a_report_with_an_impossible_time_counts_for_the_day_it_came() -> None:
    day_s = DAY_MS // 1000
    engine = engine_with()
    outputs = [
        engine.take(judged(batch_of([0, 30], recv_s=[0, 30]))),
        engine.take(judged(batch_of([2 * day_s, 9_000_000], recv_s=[2 * day_s, 2 * day_s + 5]))),
    ]
    days = days_of(engine, outputs)
    assert {int(day["day"]) - day_of(START_MS): int(day["bad_time"]) for day in days} == {0: 0, 2: 1}


@pytest.mark.parametrize("ticks_s", [(), (20 * HOUR_S,), (17 * HOUR_S, 30 * HOUR_S)], ids=["no tick", "one", "two"])
def test_a_day_has_one_row_whatever_comes_after_its_end(ticks_s: tuple[int, ...]) -> None:
    """A bad time stamp and a straggler of the day before, both after the day was closed."""
    engine = engine_with()
    outputs = [engine.take(judged(batch_of([0, 30])))]
    outputs += [engine.tick(START_MS + at_s * 1000) for at_s in ticks_s]
    late_s = 31 * HOUR_S
    outputs.append(engine.take(judged(batch_of([9_000_000], recv_s=[late_s]))))
    outputs.append(engine.take(judged(batch_of([15 * HOUR_S], recv_s=[late_s + 10]))))
    outputs.append(engine.take(judged(batch_of([late_s + 20]))))
    days = days_of(engine, outputs)
    assert len(set(days["day"].tolist())) == len(days)
    assert int(days["reports_total"].sum()) == 5


def test_a_bad_first_report_opens_no_day_in_1970() -> None:
    engine = engine_with()
    outputs = [engine.take(judged(batch_of([9_000_000], recv_s=[0]))), engine.take(judged(batch_of([60, 90])))]
    outputs.append(engine.tick(START_MS + 3 * DAY_MS))
    days = days_of(engine, outputs)
    assert days["day"].tolist() == [day_of(START_MS)]
    assert days["reports_total"].tolist() == [3]


def test_a_jump_within_a_millisecond_has_no_absurd_speed() -> None:
    engine = engine_with()
    fix_s = [0, 0.001, 0.002, 0.003, 30]
    engine.take(judged(batch_of(fix_s, east_m=[0, 3e6, 3e6, 3e6, 3e6], speed_kmh=-1)))
    assert 0 <= engine.fleet.rows[0]["core"]["speed_dkmh"] <= 10_000


def test_a_snapshot_of_an_empty_fleet_can_be_restored() -> None:
    fresh = engine_with()
    restore_snapshot(fresh, take_snapshot(engine_with()), None)
    assert counts(fresh.take(judged(batch_of([0, 30])))) == {"ACCEPTED": 2}


def test_a_snapshot_of_other_rules_is_refused() -> None:
    with pytest.raises(StoreError):
        restore_snapshot(engine_with(), take_snapshot(Engine(RULES[:3])), None)


def test_an_empty_batch_is_taken() -> None:
    output = engine_with(registry_of([VehicleClass.HAZMAT])).take(batch_of([]))
    assert len(output.edges) == 0
    assert counts(output) == {}


def test_the_state_of_a_vehicle_is_at_most_2_kib() -> None:
    """Registry dates and the deadline, 24 bytes, lie beside it: they are no state of the rules."""
    assert engine_with().fleet.rows.itemsize <= 2048


def test_a_worst_report_fits_into_the_room_kept_free() -> None:
    """Two held-back reports and the third, each raising or ending everything, after time has passed."""
    per_step, time_passing = 2 + 8 + 4 + 2, 6 + 3 + 2 + 4 + 4
    bits = 12 + 12  # all of a vehicle's bits end, by time or by the report, and as many others begin
    assert per_step * 3 + time_passing + bits <= EDGES_PER_REPORT


def test_after_our_own_pause_absence_holds_back_for_half_an_hour() -> None:
    engine = engine_with()
    engine.take(judged(batch_of([0, 30])))
    paused_ms, back_ms = START_MS + 3_600_000, START_MS + 30 * 3_600_000
    assert len(engine.tick(back_ms, resumed=True, paused_ms=paused_ms).edges) == 0
    assert len(engine.tick(back_ms + 1_799_000).edges) == 0
    found = engine.tick(back_ms + 1_801_000).edges
    assert [int(edge["onset_ms"]) for edge in found] == [START_MS + 30_000 + DAY_MS]


def test_contact_within_the_grace_raises_nothing() -> None:
    engine = engine_with()
    engine.take(judged(batch_of([0, 30])))
    back_s = 30 * HOUR_S
    engine.tick(START_MS + back_s * 1000, resumed=True, paused_ms=START_MS + 3_600_000)
    output = engine.take(judged(batch_of([back_s + 60], east_m=50_000.0)))
    assert len(output.edges) == 0
    assert len(engine.tick(START_MS + (back_s + 4_000) * 1000).edges) == 0


def test_an_edge_found_late_carries_its_deadline() -> None:
    engine = engine_with()
    engine.take(judged(batch_of([0, 30])))
    edges = engine.tick(START_MS + 20 * DAY_MS).edges
    tiers_ms = [START_MS + 30_000 + days * DAY_MS for days in (1, 3, 7, 15)]
    assert edges["at_ms"].tolist() == tiers_ms
