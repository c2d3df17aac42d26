"""The whole simulation: repeatable, complete, and what the network does to it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import ReportFileError
from monitor.model.flaw import ReportFlag
from simulators.fleet import REGISTRY_COLUMNS, write_registry
from simulators.run import simulate
from simulators.scenario import Faults, Scenario, preset
from simulators.truth import read_truth, write_truth

SMALL = Scenario(vehicles=12, days=2, seed=9, at_least=1, episodes={"speeding_major": 1, "gap_moving": 1})


def test_the_same_seed_gives_the_same_answer() -> None:
    spoilt = replace(SMALL, faults=Faults(loss=0.05, duplicate=0.05, disorder=0.05, drift_burst=0.5))
    one, two = simulate(spoilt), simulate(spoilt)
    assert np.array_equal(one.batch.rows, two.batch.rows)
    assert one.truth == two.truth
    assert one.registry == two.registry


def test_another_seed_gives_another_fleet_life() -> None:
    assert simulate(SMALL).truth != simulate(replace(SMALL, seed=10)).truth


def test_faults_do_not_change_the_truth() -> None:
    spoilt = replace(SMALL, faults=Faults(loss=0.1, noise_m=15, duplicate=0.1, conflict=0.1, disorder=0.1))
    assert simulate(spoilt).truth == simulate(SMALL).truth


def test_reports_come_in_the_order_received() -> None:
    rows = simulate(replace(SMALL, faults=Faults(disorder=0.2))).batch.rows
    assert (np.diff(rows["recv_ms"]) >= 0).all()
    by_vehicle = [rows[rows["key"] == key]["fix_ms"] for key in np.unique(rows["key"])]
    assert any((np.diff(fixes) < 0).any() for fixes in by_vehicle)


def test_a_perfect_network_keeps_the_order_and_every_fix_time_once() -> None:
    rows = simulate(SMALL).batch.rows
    for key in np.unique(rows["key"]):
        assert (np.diff(rows[rows["key"] == key]["fix_ms"]) > 0).all()
    assert (rows["flags"] & int(ReportFlag.POSITIONED) != 0).all()


@pytest.mark.parametrize(
    ("faults", "low", "high"),
    [(Faults(loss=0.2), 0.75, 0.85), (Faults(duplicate=0.2), 1.15, 1.25), (Faults(loss_burst=1.0), 0.9, 0.999)],
    ids=["loss", "duplicates", "bursts of loss"],
)
def test_faults_have_the_size_they_are_set_to(faults: Faults, low: float, high: float) -> None:
    share = len(simulate(replace(SMALL, faults=faults)).batch) / len(simulate(SMALL).batch)
    assert low < share < high


def test_backfilled_spells_arrive_together_and_flagged_and_nothing_is_lost() -> None:
    rows = simulate(replace(SMALL, faults=Faults(backfill=1.0))).batch.rows
    late = rows["flags"] & int(ReportFlag.BACKFILL) != 0
    assert len(rows) == len(simulate(SMALL).batch)
    assert 0.005 < late.mean() < 0.1
    assert (rows["recv_ms"] - rows["fix_ms"])[late].max() > 300_000
    assert (rows["recv_ms"] - rows["fix_ms"])[~late].max() < 10_000


def test_another_kind_moves_only_what_it_takes_the_days_of() -> None:
    fleet = replace(SMALL, vehicles=100, episodes={"speeding_major": 4, "gap_moving": 4})
    one, two = simulate(fleet).truth, simulate(replace(fleet, episodes=fleet.episodes | {"acc_cut": 2})).truth
    before, after = ({row.vehicle_id for row in truth if row.rule == "speeding"} for truth in (one, two))
    assert len(before & after) >= 0.75 * len(before)


def test_the_registry_file_has_the_columns_of_the_interface(tmp_path: Path) -> None:
    simulation = simulate(SMALL)
    write_registry(simulation.registry, tmp_path / "registry.csv")
    with (tmp_path / "registry.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == REGISTRY_COLUMNS
    assert len(rows) == 12
    assert len({row["plate"] for row in rows}) == len({row["terminal_phone"] for row in rows}) == 12
    assert all(row["plate"].startswith("测") for row in rows)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_truth_survives_its_file(tmp_path: Path, ending: str) -> None:
    truth = simulate(SMALL).truth
    path = tmp_path / f"truth.{ending}"
    write_truth(truth, path)
    back = read_truth(path)
    assert [row.record() for row in back] == [row.record() for row in truth]


def test_a_truth_file_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFileError, match="ends in"):
        write_truth((), tmp_path / "truth.xlsx")
    (tmp_path / "truth.jsonl").write_text('{"vehicle_id": "A", "rule": "speeding", "onset": "noon"}\n')
    with pytest.raises(ReportFileError, match="row 1"):
        read_truth(tmp_path / "truth.jsonl")


def test_the_demo_shows_every_rule_and_tier() -> None:
    simulation = simulate(preset("demo"))
    shown = {(row.rule, row.kind) for row in simulation.truth if row.expected}
    assert shown >= {
        ("speeding", ""), ("fatigue", "day"), ("fatigue", "night"), ("track_gap", ""), ("offline_displacement", ""),
        ("low_completeness", "day"), ("offline", "parked"), ("offline", "lost"), ("never_online", ""), ("no_fix", ""),
        ("drift", ""), ("frozen_fix", ""), ("pinned_speed", ""), ("clock_fault", ""), ("acc_contradiction", ""),
        ("cumulative_driving", "day_24h"), ("device_alarm", "emergency"),
        ("suspended_movement", ""),
        ("night_curfew", ""),
    }  # fmt: skip
    assert {row.grade for row in simulation.truth if row.rule == "offline" and row.expected} >= {
        "notice",
        "general",
        "major",
    }
    assert {row.grade for row in simulation.truth if row.rule == "speeding" and row.expected} == {
        "notice",
        "general",
        "major",
        "serious",
    }
