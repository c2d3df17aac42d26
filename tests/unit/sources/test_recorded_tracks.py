"""The four recorded tracks, read with the mappings that ship, against facts counted by an independent script."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from monitor.model.beijing import iso
from monitor.model.flaw import ReportFlag
from monitor.model.resources import mapping_file
from monitor.sources.mapping_files import load_mapping
from monitor.sources.report_files import FileRead, read_reports

DATA = Path(__file__).parents[3].parent / "shared" / "data"
NOW_MS = 1_760_000_000_000
LONG_GAPS_S = (30, 60, 300, 1200, 1800, 3600, 86_400, 259_200)


@cache
def recorded(name: str) -> FileRead:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"recorded track {name} is not on this machine")
    return read_reports(path, None, now_ms=NOW_MS)


def distinct_fix_ms(read: FileRead) -> dict[str, list[int]]:
    """Fix times of each vehicle, sorted, each once."""
    rows = read.batch.rows
    return {key: np.unique(rows["fix_ms"][rows["key"] == index]).tolist() for index, key in enumerate(read.batch.keys)}


@pytest.mark.parametrize(
    ("name", "facts_key"),
    [("trucks_2018_1hz.csv.xz", "trucks_2018_1hz"), ("cars_2016_60s.csv.xz", "cars_2016_60s")],
    ids=["trucks at 1 s", "cars at 60 s"],
)
def test_rows_gaps_and_ends_equal_the_independent_count_for_every_vehicle(name: str, facts_key: str) -> None:
    found = distinct_fix_ms(recorded(name))
    facts = json.loads((DATA / "facts.json").read_text())[facts_key]
    assert set(found) == set(facts)
    for key, fact in facts.items():
        fix_ms = np.array(found[key])
        assert len(fix_ms) == fact["rows_after_dedup"], key
        steps_s = np.diff(fix_ms) / 1000
        assert {f">{s}s": int((steps_s > s).sum()) for s in LONG_GAPS_S} == fact["gaps"], key
        assert iso(int(fix_ms[0]) - 8 * 3_600_000)[:19].replace("T", " ") == fact["first"], key
        assert iso(int(fix_ms[-1]) - 8 * 3_600_000)[:19].replace("T", " ") == fact["last"], key


def test_no_row_of_a_recorded_track_is_lost() -> None:
    for name, reports, filtered, vehicles in (
        ("trucks_2018_1hz.csv.xz", 574_153, 0, 6),
        ("cars_2016_60s.csv.xz", 16_022, 0, 21),
        ("trucks_2018_latency.csv.gz", 1_697, 1_869, 2),
        ("tracks_2008_no_speed.csv.gz", 5_908, 0, 5),
    ):
        read = recorded(name)
        assert (len(read.batch), read.rows_filtered, len(read.batch.keys)) == (reports, filtered, vehicles), name
        assert not read.rejects, name
        assert not read.bad_values, name
        assert not read.problems, name


def test_the_fixed_positions_do_not_jump_where_the_printed_ones_do() -> None:
    path = DATA / "trucks_2018_1hz.csv.xz"
    fixed = recorded(path.name).batch.rows
    raw_mapping = mapping_file("trucks_2018_1hz_raw")
    assert raw_mapping is not None
    raw = read_reports(path, load_mapping(raw_mapping), now_ms=NOW_MS).batch.rows
    moved_deg = np.maximum(*(np.abs(raw[field] - fixed[field]) for field in ("lon_deg", "lat_deg")))
    assert 0.07 < np.mean(moved_deg > 1e-3) < 0.09
    assert np.array_equal(raw["speed_dkmh"], fixed["speed_dkmh"])


def test_metres_per_second_and_sentinels_of_the_cars_are_read() -> None:
    rows = recorded("cars_2016_60s.csv.xz").batch.rows
    assert rows["speed_dkmh"][0] == 445  # 12.35 m/s
    assert np.count_nonzero(rows["speed_dkmh"] == -1) == 12
    assert np.count_nonzero(rows["heading_deg"] == -1) == 25
    assert rows["altitude_m"].min() < -50


def test_the_latency_track_states_times_of_receipt_after_its_fixes() -> None:
    rows = recorded("trucks_2018_latency.csv.gz").batch.rows
    assert np.all(rows["flags"] & ReportFlag.PAYLOAD_RECV)
    delay_s = (rows["recv_ms"] - rows["fix_ms"]) / 1000
    assert 3.0 < np.median(delay_s) < 6.0


def test_a_track_without_speed_and_receipt_leaves_them_unknown() -> None:
    rows = recorded("tracks_2008_no_speed.csv.gz").batch.rows
    assert np.all(rows["speed_dkmh"] == -1)
    assert np.all(rows["heading_deg"] == -1)
    assert np.all(rows["recv_ms"] == 0)
    assert np.all(rows["flags"] == ReportFlag.POSITIONED)
    assert iso(int(rows["fix_ms"][0])) == "2008-12-11T12:42:14+08:00"
