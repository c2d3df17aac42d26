"""A copied track is found whatever was done to its times; lines driven daily, convoys and rough places never are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.app.pipeline import Pipeline
from monitor.app.replay import replay_batch
from monitor.engine.engine import Engine
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.model.alarm import Alarm, AlarmChange, Grade
from monitor.model.beijing import DAY_MS
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.resources import mapping_file
from monitor.rules import load_rules
from monitor.sources.mapping_files import load_mapping
from monitor.sources.report_files import read_reports
from tests.traces import START_MS

RULE = tuple(rule for rule in load_rules() if rule.name == "copied_track")
DATA = Path(__file__).parents[3].parent / "shared" / "data"
HOUR_S = 3_600
M_PER_DEGREE = 111_195.0

Fixes = NDArray[np.float64]


def line(hours: float, every_s: float = 30.0, digits: int = 6, scatter_m: float = 2.0, seed: int = 1) -> Fixes:
    """``(n, 3)`` seconds, longitude and latitude along one road at some 70 km/h, with a receiver's scatter."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(0, hours * HOUR_S, every_s)
    way_deg = at_s * 20.0 / M_PER_DEGREE
    lon = 100.0 + way_deg + rng.normal(0, scatter_m, len(at_s)) / M_PER_DEGREE
    lat = 38.5 + 0.1 * np.sin(way_deg * 20) + rng.normal(0, scatter_m, len(at_s)) / M_PER_DEGREE
    return np.column_stack([at_s, np.round(lon, digits), np.round(lat, digits)])


def shifted(track: Fixes, hours: float) -> Fixes:
    moved: Fixes = track + np.array([hours * HOUR_S, 0.0, 0.0])
    return moved


def fleet(*tracks: tuple[int, Fixes], speed_kmh: float = 70.0) -> ReportBatch:
    """Tracks by vehicle number, in the order received."""
    parts = []
    for vehicle, track in tracks:
        rows = empty_rows(len(track))
        rows["fix_ms"] = rows["recv_ms"] = START_MS + (track[:, 0] * 1000).astype(np.int64)
        rows["lon_deg"], rows["lat_deg"] = track[:, 1], track[:, 2]
        rows["speed_dkmh"] = round(speed_kmh * 10)
        rows["flags"] = int(ReportFlag.POSITIONED)
        rows["key"] = vehicle
        parts.append(rows)
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows["recv_ms"], kind="stable")]
    return ReportBatch(tuple(f"V{i}" for i in range(1 + max(vehicle for vehicle, _ in tracks))), rows)


def record(batch: ReportBatch) -> JournalRecord:
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def live(batch: ReportBatch, *, every: int = 0, restarts: bool = False, ticks: bool = False) -> list[AlarmChange]:
    pipeline = Pipeline(Engine(RULE))
    changes: list[AlarmChange] = []
    step = every or len(batch)
    for begin in range(0, len(batch), step):
        part = replace(batch, rows=batch.rows[begin : begin + step])
        changes += pipeline.take(record(part)).changes
        if ticks:
            changes += pipeline.take(JournalRecord(2, RecordType.TICK, int(part.rows["recv_ms"].max()))).changes
        if restarts:
            state, book = take_snapshot(pipeline.engine), pipeline.book.snapshot()
            pipeline = Pipeline(Engine(RULE))
            restore_snapshot(pipeline.engine, state, None)
            pipeline.book.restore(book)
    until_ms = int(batch.rows["recv_ms"].max()) + DAY_MS
    return changes + list(pipeline.take(JournalRecord(2, RecordType.TICK, until_ms)).changes)


def found(changes: list[AlarmChange]) -> list[Alarm]:
    return list({change.alarm.alarm_id: change.alarm for change in changes}.values())


def minutes(alarm: Alarm) -> tuple[float, float]:
    assert alarm.end_ms is not None
    return (alarm.onset_ms - START_MS) / 60_000, (alarm.end_ms - START_MS) / 60_000


def test_an_hour_of_another_vehicles_track_is_a_copy() -> None:
    original = line(1.0)
    alarms = found(live(fleet((0, original), (1, shifted(original, 5.0)))))
    assert [alarm.vehicle_id for alarm in alarms] == ["V1"]
    begin, end = minutes(alarms[0])
    assert 300 <= begin <= 330
    assert 330 <= end <= 360
    assert alarms[0].grade is Grade.MAJOR
    assert alarms[0].n_reports >= 6


def test_ones_own_track_of_yesterday_is_a_copy() -> None:
    alarms = found(live(fleet((0, line(1.0)), (0, shifted(line(1.0), 24.0)))))
    assert [alarm.vehicle_id for alarm in alarms] == ["V0"]
    assert minutes(alarms[0])[0] >= 24 * 60


def test_other_times_and_speeds_do_not_hide_a_copy() -> None:
    original = line(2.0)
    copy = original * np.array([0.8, 1.0, 1.0]) + np.array([4 * HOUR_S + 7, 0.0, 0.0])
    batch = fleet((0, original), (1, copy))
    batch.rows["speed_dkmh"][batch.rows["key"] == 1] = 413
    assert [alarm.vehicle_id for alarm in found(live(batch))] == ["V1"]


def test_lost_reports_do_not_hide_a_copy() -> None:
    original = line(3.0)
    kept = [track[np.random.default_rng(seed).random(len(track)) > 0.05] for seed, track in enumerate([original] * 2)]
    assert [a.vehicle_id for a in found(live(fleet((0, kept[0]), (1, shifted(kept[1], 6.0)))))] == ["V1"]


def test_at_the_same_time_both_are_copies() -> None:
    alarms = found(live(fleet((0, line(1.0)), (1, line(1.0)))))
    assert sorted(alarm.vehicle_id for alarm in alarms) == ["V0", "V1"]


def test_long_after_a_copy_is_not_found() -> None:
    assert len(found(live(fleet((0, line(1.0)), (1, shifted(line(1.0), 24.0 * 7)))))) == 1
    assert found(live(fleet((0, line(1.0)), (1, shifted(line(1.0), 24.0 * 8.5))))) == []


@pytest.mark.parametrize("every_s", [1.0, 5.0, 10.0, 30.0, 60.0], ids=lambda s: f"{s:.0f} s")
@pytest.mark.parametrize("seed", range(5))
def test_an_hour_and_a_half_is_enough_at_any_usual_interval(every_s: float, seed: int) -> None:
    before = line(5.0, every_s, seed=100 + seed)  # of the copier's own, with windows of its own
    original = line(7.0, every_s, seed=seed)
    hour = original[(original[:, 0] >= 5 * HOUR_S) & (original[:, 0] < 6.5 * HOUR_S)]
    alarms = found(live(fleet((0, original), (1, before), (1, shifted(hour, 3.0)))))
    assert [alarm.vehicle_id for alarm in alarms] == ["V1"]


def test_the_same_line_driven_daily_is_none() -> None:
    days = [(0, shifted(line(4.0, every_s=5.0, seed=day), 24.0 * day)) for day in range(7)]
    assert found(live(fleet(*days))) == []


def test_a_convoy_is_none() -> None:
    convoy = [(vehicle, shifted(line(4.0, 5.0, seed=vehicle), vehicle * 2 / HOUR_S)) for vehicle in range(6)]
    assert found(live(fleet(*convoy))) == []


@pytest.mark.parametrize("digits", [3, 4], ids=["0.001 degrees", "0.0001 degrees"])
def test_rough_places_say_nothing(digits: int) -> None:
    track = line(4.0, 5.0, digits, scatter_m=0.0)
    assert found(live(fleet(*[(0, shifted(track, 24.0 * day)) for day in range(5)]))) == []


def test_places_of_five_digits_with_scatter_say_nothing() -> None:
    days = [(0, shifted(line(4.0, 1.0, 5, scatter_m=1.0, seed=day), 24.0 * day)) for day in range(4)]
    assert found(live(fleet(*days))) == []


def test_standing_and_a_fix_that_stays_are_none() -> None:
    stays = line(4.0)
    stays[:, 1:] = stays[0, 1:]
    assert found(live(fleet((0, stays), (1, shifted(stays, 5.0))))) == []
    assert found(live(fleet((0, line(4.0)), (1, shifted(line(4.0), 5.0)), speed_kmh=3.0))) == []


def test_what_is_sent_twice_is_no_copy() -> None:
    batch = fleet((0, line(4.0)))
    again = batch.rows.copy()
    again["recv_ms"] += 2 * HOUR_S * 1000
    rows = np.concatenate([batch.rows, again])
    twice = replace(batch, rows=rows[np.argsort(rows["recv_ms"], kind="stable")])
    assert found(live(twice)) == []
    assert [a for a in replay_batch(twice, now_ms=START_MS + 9 * DAY_MS).alarms if a.rule == "copied_track"] == []


def test_who_is_not_registered_may_have_two_names() -> None:
    engine = Engine(RULE)
    engine.apply_registry(Registry(()))
    pipeline = Pipeline(engine)
    assert pipeline.take(record(fleet((0, line(2.0)), (1, shifted(line(2.0), 3.0))))).changes == ()


def test_pauses_of_two_hours_divide_alarms() -> None:
    day = line(8.0)
    copy = shifted(day[(day[:, 0] < 2 * HOUR_S) | (day[:, 0] > 6 * HOUR_S)], 12.0)
    alarms = found(live(fleet((0, day), (1, copy))))
    assert [alarm.vehicle_id for alarm in alarms] == ["V1", "V1"]
    assert minutes(alarms[0])[1] < 14.1 * 60 < 18 * 60 < minutes(alarms[1])[0]


@cache
def mixed() -> ReportBatch:
    day = line(5.0)
    return fleet(
        (0, day),
        (1, shifted(day, 2.0)),
        (2, shifted(day, 2.0)),
        (3, shifted(line(5.0, seed=9), 1.0)),
        (3, shifted(line(5.0, seed=9), 25.0)),
        (4, shifted(line(5.0, seed=9), 26.0)),
    )


@pytest.mark.parametrize(
    ("every", "restarts", "ticks"),
    [(1, False, False), (7, True, True), (100, True, False), (333, False, True)],
    ids=["one by one", "restarts and ticks", "restarts", "ticks"],
)
def test_batches_restarts_and_ticks_change_nothing(every: int, restarts: bool, ticks: bool) -> None:
    def story(changes: list[AlarmChange]) -> list[str]:
        return sorted(f"{change.at_ms} {change.sequence} {change.alarm}" for change in changes)

    batch = mixed()
    whole = story(live(batch))
    assert len(whole) == 2 * 4
    assert story(live(batch, every=every, restarts=restarts, ticks=ticks)) == whole


def test_settled_the_answer_is_the_same() -> None:
    batch = mixed()
    until_ms = int(batch.rows["recv_ms"].max()) + DAY_MS
    settled = replay_batch(batch, until_ms=until_ms, now_ms=until_ms)
    a = {(x.vehicle_id, x.onset_ms, x.end_ms, x.n_reports) for x in settled.alarms if x.rule == "copied_track"}
    b = {(x.vehicle_id, x.onset_ms, x.end_ms, x.n_reports) for x in found(live(batch))}
    assert a == b


@pytest.mark.parametrize(
    ("name", "mapping"),
    [
        ("trucks_2018_1hz.csv.xz", "trucks_2018_1hz"),
        ("cars_2016_60s.csv.xz", "cars_2016_60s"),
        ("tracks_2008_no_speed.csv.gz", "tracks_2008_no_speed"),
    ],
)
def test_no_recorded_track_is_a_copy(name: str, mapping: str) -> None:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"recorded track {name} is not on this machine")
    file = mapping_file(mapping)
    batch = read_reports(path, load_mapping(file) if file else None, now_ms=1_760_000_000_000).batch
    rows = batch.rows.copy()
    rows["recv_ms"] = rows["fix_ms"]
    ordered = replace(batch, rows=rows[np.argsort(rows["fix_ms"], kind="stable")])
    assert found(live(ordered)) == []
