"""Recorded tracks through the whole settled engine, against facts that an independent script counted."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from monitor.app.replay import Replay, replay_batch
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import Alarm, AlarmState, Certainty
from monitor.model.beijing import parse_iso
from monitor.model.resources import mapping_file
from monitor.sources.mapping_files import load_mapping
from monitor.sources.report_files import FileRead, read_reports

DATA = Path(__file__).parents[2].parent / "shared" / "data"
NOW_MS = 1_760_000_000_000
HOUR_MS = 3_600_000
TRACKS = [("trucks_2018_1hz.csv.xz", "trucks_2018_1hz"), ("cars_2016_60s.csv.xz", "cars_2016_60s")]
EACH_TRACK = pytest.mark.parametrize(("name", "facts_key"), TRACKS, ids=["trucks at 1 s", "cars at 60 s"])
_ELAPSED = RuleLayers(rules={"fatigue": {"elapsed": True, "queue_s": 0}})
"""What the facts call a driving episode: short stops count as driving, and there is no queueing."""


@cache
def recorded(name: str, mapping: str = "") -> FileRead:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"recorded track {name} is not on this machine")
    file = mapping_file(mapping) if mapping else None
    return read_reports(path, load_mapping(file) if file else None, now_ms=NOW_MS)


@cache
def replayed(name: str, *, elapsed: bool = False, mapping: str = "") -> Replay:
    batch = recorded(name, mapping).batch
    return replay_batch(batch, now_ms=NOW_MS, layers=_ELAPSED if elapsed else None)


def facts(key: str) -> dict[str, dict[str, object]]:
    return json.loads((DATA / "facts.json").read_text())[key]  # type: ignore[no-any-return]


def utc_ms(text: object) -> int:
    return parse_iso(f"{text}+00:00")


def alarms_of(replay: Replay, rule: str, vehicle_id: str) -> list[Alarm]:
    return [alarm for alarm in replay.alarms if alarm.rule == rule and alarm.vehicle_id == vehicle_id]


def rows_of(fact: object) -> list[list[object]]:
    assert isinstance(fact, list)
    return fact


@EACH_TRACK
def test_absences_that_ended_are_the_spans_of_over_24_h(name: str, facts_key: str) -> None:
    replay = replayed(name)
    for vehicle_id, fact in facts(facts_key).items():
        ended = [alarm for alarm in alarms_of(replay, "offline", vehicle_id) if alarm.end_ms is not None]
        found = [(alarm.onset_ms - 24 * HOUR_MS, alarm.end_ms) for alarm in ended]
        assert found == [(utc_ms(row[0]), utc_ms(row[1])) for row in rows_of(fact["gaps_over_24h"])], vehicle_id


@EACH_TRACK
def test_an_absence_at_the_end_of_the_file_lasts(name: str, facts_key: str) -> None:
    replay = replayed(name)
    for vehicle_id, fact in facts(facts_key).items():
        lasting = [alarm for alarm in alarms_of(replay, "offline", vehicle_id) if alarm.end_ms is None]
        absent = replay.clock_ms - utc_ms(fact["last"]) > 24 * HOUR_MS
        assert [alarm.onset_ms for alarm in lasting] == [utc_ms(fact["last"]) + 24 * HOUR_MS] * absent, vehicle_id


@EACH_TRACK
def test_certain_runs_of_over_4_h_are_the_driving_episodes_of_over_4_h(name: str, facts_key: str) -> None:
    replay = replayed(name, elapsed=True)
    for vehicle_id, fact in facts(facts_key).items():
        certain = [
            a for a in alarms_of(replay, "fatigue", vehicle_id) if a.certainty is Certainty.CERTAIN and a.kind == "day"
        ]
        expected = rows_of(fact["driving_episodes>4h"])
        assert len(certain) == len(expected), (vehicle_id, certain)
        for alarm, row in zip(certain, expected, strict=True):
            assert abs(alarm.onset_ms - 4 * HOUR_MS - utc_ms(row[0])) <= 60_000
            assert alarm.end_ms is not None
            assert abs(alarm.end_ms - utc_ms(row[1])) <= 60_000


@EACH_TRACK
def test_track_gaps_lie_within_the_long_silences_in_which_the_vehicle_moved(name: str, facts_key: str) -> None:
    batch = recorded(name).batch
    replay = replayed(name)
    for index, vehicle_id in enumerate(batch.keys):
        fix_ms = np.unique(batch.rows["fix_ms"][batch.rows["key"] == index])
        silences = {(int(a), int(b)) for a, b in pairwise(fix_ms) if b - a > 300_000}
        gaps = {(alarm.onset_ms, alarm.end_ms) for alarm in alarms_of(replay, "track_gap", vehicle_id)}
        moved = facts(facts_key)[vehicle_id]["gap>300s_and_moved>1km"]
        assert gaps <= silences, vehicle_id
        assert isinstance(moved, int)
        assert len(gaps) <= moved


def test_every_report_of_a_recorded_track_has_one_outcome() -> None:
    for name, _ in TRACKS:
        assert int(replayed(name).outcomes.sum()) == len(recorded(name).batch)


def test_broken_coordinates_give_no_speeding_that_repaired_ones_do_not() -> None:
    def runs(mapping: str) -> set[tuple[str, int]]:
        replay = replayed("trucks_2018_1hz.csv.xz", mapping=mapping)
        return {(a.vehicle_id, a.onset_ms) for a in replay.alarms if a.rule == "speeding"}

    assert runs("trucks_2018_1hz_raw") <= runs("trucks_2018_1hz")


def test_broken_coordinates_are_found_as_drift() -> None:
    raw = replayed("trucks_2018_1hz.csv.xz", mapping="trucks_2018_1hz_raw")
    repaired = replayed("trucks_2018_1hz.csv.xz")
    assert raw.days["drift_points"].sum() > 100 * max(1, int(repaired.days["drift_points"].sum()))
    broken = {"AA00004", "AB00006", "AD00053"}  # the vehicles whose rows differ between raw and repaired columns
    assert {alarm.vehicle_id for alarm in raw.alarms if alarm.rule == "drift"} == broken


def test_late_and_disordered_reports_settle_to_the_same_alarms_in_any_order() -> None:
    batch = recorded("trucks_2018_latency.csv.gz").batch
    order = np.random.default_rng(7).permutation(len(batch))
    shuffled = type(batch)(batch.keys, batch.rows[order], batch.drivers, batch.sources)
    assert replay_batch(shuffled, now_ms=NOW_MS).alarms == replay_batch(batch, now_ms=NOW_MS).alarms


def test_tracks_without_speed_never_speed() -> None:
    replay = replayed("tracks_2008_no_speed.csv.gz")
    assert not [alarm for alarm in replay.alarms if alarm.rule == "speeding"]
    assert all(alarm.state is not AlarmState.WITHDRAWN for alarm in replay.alarms)
