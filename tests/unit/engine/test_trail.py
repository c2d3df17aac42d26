"""Trails: the last reports of every vehicle, however they came."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.engine.receive import Outcome
from monitor.engine.trail import (
    FLAG_BITS,
    FLAW_BITS,
    OUTCOME_BITS,
    TRAIL_LENGTH,
    Trail,
    WholeTracks,
    flags_of,
    flaws_of,
    heading_of,
    outcome_of,
    received_ms,
)
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import ReportBatch, ReportRows, empty_rows
from tests.traces import START_MS, batch_of

ALL_MS = 2**60
JUDGED_BEFORE_THE_JOURNAL = [flaw for flaw in Flaw if flaw < Flaw.IDENTITY]


def taken(trail: Trail | WholeTracks, batch: ReportBatch, outcome: Outcome = Outcome.ACCEPTED) -> None:
    rows = batch.rows
    trail.take(rows, rows["key"].astype(np.int32), np.full(len(rows), outcome, np.int8), len(batch.keys))


def times(seen: NDArray[np.void]) -> list[int]:
    return [int(fix_ms - START_MS) // 1000 for fix_ms in seen["fix_ms"]]


def test_every_flag_flaw_and_outcome_has_its_bits() -> None:
    assert max(ReportFlag) < 1 << FLAG_BITS
    assert max(JUDGED_BEFORE_THE_JOURNAL) < 1 << FLAW_BITS
    assert max(Outcome) < 1 << OUTCOME_BITS


@given(
    flags=st.integers(0, 2 * int(max(ReportFlag)) - 1),
    flaws=st.lists(st.sampled_from(JUDGED_BEFORE_THE_JOURNAL), unique=True),
    outcome=st.sampled_from([one for one in Outcome if one is not Outcome.DUPLICATE]),
    heading=st.integers(-1, 70_000),
    speed=st.integers(-1, 70_000),
    mileage=st.integers(-1, 2**40),
    delay=st.integers(-(2**40), 2**40),
    lon=st.floats(-500, 500),
)
def test_a_report_comes_back_as_it_was(
    flags: int, flaws: list[Flaw], outcome: Outcome, heading: int, speed: int, mileage: int, delay: int, lon: float
) -> None:
    rows = empty_rows(1)
    flaw = Flaw(sum(flaws))
    rows["fix_ms"], rows["recv_ms"] = START_MS, START_MS + delay
    rows["lon_deg"], rows["lat_deg"] = lon, 39.0
    rows["flags"], rows["flaws"], rows["heading_deg"] = flags, int(flaw), heading
    rows["speed_dkmh"], rows["recorder_speed_dkmh"], rows["mileage_m"] = speed, speed, mileage
    trail = Trail()
    taken(trail, ReportBatch(("V0",), rows), outcome)
    (seen,) = trail.around(0, START_MS, ALL_MS)
    marks = int(seen["marks"])
    assert (flags_of(marks), flaws_of(marks), outcome_of(marks)) == (ReportFlag(flags), flaw, outcome)
    assert heading_of(marks) == (heading if 0 <= heading < 511 else -1)
    assert seen["speed_dkmh"] == seen["recorder_dkmh"] == min(speed, 32_767)
    assert seen["mileage_m"] == min(mileage, 2**31 - 1)
    assert received_ms(np.array([seen]))[0] == pytest.approx(START_MS + delay, abs=0 if abs(delay) < 2**31 else 1000)
    if not flaw & Flaw.NO_FIX:
        assert seen["lon_e7"] == pytest.approx(np.clip(lon, -214.0, 214.0) * 1e7, abs=1)


def test_the_oldest_reports_make_room_and_each_vehicle_has_its_own() -> None:
    trail = Trail()
    for second in range(0, 400, 10):
        taken(trail, batch_of([second, second + 1], vehicle=[0, 1], n_vehicles=2))
    assert times(trail.around(0, ALL_MS, ALL_MS)) == list(range(160, 400, 10))
    assert times(trail.around(1, ALL_MS, ALL_MS)) == list(range(161, 401, 10))
    assert len(trail.around(2, ALL_MS, ALL_MS)) == 0


def test_what_was_sent_twice_pushes_nothing_out() -> None:
    trail = Trail()
    taken(trail, batch_of(range(0, 240, 10)))
    taken(trail, batch_of([230] * 100), Outcome.DUPLICATE)
    taken(trail, batch_of([240]))
    assert times(trail.around(0, ALL_MS, ALL_MS)) == list(range(10, 250, 10))


def test_reports_lie_on_both_sides_of_the_moment_while_there_are_any() -> None:
    tracks = WholeTracks()
    taken(tracks, batch_of(range(0, 10_000, 10)))
    around = times(tracks.around(0, START_MS + 5_000_000, ALL_MS))
    assert around == list(range(5_000 - 120, 5_000 + 120, 10))
    assert times(tracks.around(0, START_MS, ALL_MS)) == list(range(0, 240, 10))
    assert times(tracks.around(0, START_MS + 99_000_000, ALL_MS)) == list(range(9_760, 10_000, 10))


def test_a_report_without_a_usable_time_stands_where_it_was_received() -> None:
    batch = batch_of([0, 10, 20, 30])
    batch.rows["fix_ms"][2] = 3_000_000_000_000
    batch.rows["flaws"][2] = int(Flaw.TIME)
    trail = Trail()
    taken(trail, batch)
    seen = trail.around(0, START_MS, ALL_MS)
    assert seen["fix_ms"].tolist() == batch.rows["fix_ms"].tolist()


def test_what_came_after_the_alarm_was_found_is_not_shown() -> None:
    trail = Trail()
    taken(trail, batch_of([0, 10, 20, 30], recv_s=[1, 11, 500, 31]))
    assert times(trail.around(0, START_MS, START_MS + 31_000)) == [0, 10, 30]


@settings(max_examples=30)
@given(places=st.lists(st.integers(0, 200), max_size=12), found_s=st.integers(0, 1_990))
def test_the_reports_around_do_not_depend_on_how_they_were_cut_into_batches(places: list[int], found_s: int) -> None:
    batch = batch_of(range(0, 2_000, 10), vehicle=[0, 0, 1, 0] * 50, n_vehicles=2)
    alone = Trail()
    for a in range(len(batch)):
        if batch.rows["recv_ms"][a] <= START_MS + found_s * 1000:
            taken(alone, part(batch, a, a + 1))
    cut = Trail()
    edges = sorted({0, len(batch), *places})
    for a, b in pairwise(edges):
        taken(cut, part(batch, a, b))
        if batch.rows["recv_ms"][b - 1] >= START_MS + found_s * 1000:
            break
    found_ms = START_MS + found_s * 1000
    for row in (0, 1):
        wanted = alone.around(row, found_ms - 60_000, ALL_MS)
        assert cut.around(row, found_ms - 60_000, found_ms).tobytes() == wanted.tobytes()


def part(batch: ReportBatch, a: int, b: int) -> ReportBatch:
    rows: ReportRows = batch.rows[a:b]
    return replace(batch, rows=rows)


def test_a_restored_trail_goes_on_as_the_one_that_was_saved() -> None:
    trail, other = Trail(), Trail()
    taken(trail, batch_of(range(0, 500, 10)))
    other.restore(trail.snapshot(1))
    for one in (trail, other):
        taken(one, batch_of([600, 610]))
    assert other.around(0, ALL_MS, ALL_MS).tobytes() == trail.around(0, ALL_MS, ALL_MS).tobytes()
    assert len(trail.around(0, ALL_MS, ALL_MS)) == TRAIL_LENGTH


def test_a_fleet_of_nobody_is_saved_and_restored() -> None:
    trail = Trail()
    trail.restore(trail.snapshot(0))
    assert len(trail.around(0, ALL_MS, ALL_MS)) == 0


def test_a_snapshot_of_another_layout_leaves_the_trails_empty() -> None:
    trail = Trail()
    taken(trail, batch_of([0, 10]))
    state = trail.snapshot(1)
    trail.restore(replace(state, rings=state.rings[:, :100]))
    assert len(trail.around(0, ALL_MS, ALL_MS)) == 0


def test_a_fleet_that_grows_keeps_its_trails() -> None:
    trail = Trail()
    taken(trail, batch_of([0]))
    n = 3_000
    taken(trail, batch_of([10] * n, vehicle=list(range(n)), n_vehicles=n))
    taken(trail, batch_of([20], vehicle=n - 1, n_vehicles=n))
    assert times(trail.around(0, ALL_MS, ALL_MS)) == [0, 10]
    assert times(trail.around(n - 1, ALL_MS, ALL_MS)) == [10, 20]
