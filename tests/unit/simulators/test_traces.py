"""The labelled traces, through the engine."""

from __future__ import annotations

import pytest

from monitor.model.fleet import VehicleClass
from simulators.pytest_plugin import ReplayTrace
from simulators.trace_table import reports, steady, trace_ms
from simulators.traces import TRACES, Trace, trace


@pytest.mark.parametrize("item", TRACES, ids=[item.name for item in TRACES])
def test_the_engine_says_of_each_trace_what_its_label_says(item: Trace, replay_trace: ReplayTrace) -> None:
    alarms = sorted(
        (a for a in replay_trace(item.table, item.vehicle_class, until=item.until) if a.rule in item.rules),
        key=lambda a: (a.onset_ms, a.rule),
    )
    expected_of = sorted(item.expected, key=lambda e: (e.onset_ms, e.rule))
    found = [(a.rule, a.kind, a.grade.word) for a in alarms]
    assert found == [(e.rule, e.kind, e.grade) for e in expected_of]
    for alarm, expected in zip(alarms, expected_of, strict=True):
        assert abs(alarm.onset_ms - expected.onset_ms) <= 60_000
        assert alarm.end_ms is not None
        assert expected.end_ms is not None
        assert abs(alarm.end_ms - expected.end_ms) <= 60_000


def test_traces_have_names_of_their_own() -> None:
    assert len({item.name for item in TRACES}) == len(TRACES)
    assert trace(TRACES[0].name) is TRACES[0]


def test_a_table_reads_as_it_looks() -> None:
    batch = reports(
        """
        time       vehicle speed km  acc fix driver received    # a comment
        08:00:00   A       61.5  1.0 1   1   D1     08:00:02
        1T00:00:30 B       -     0   0   0   -      1T00:00:31
        """
    )
    assert batch.keys == ("A", "B")
    assert batch.drivers == ("D1",)
    assert list(batch.rows["speed_dkmh"]) == [615, -1]
    assert list(batch.rows["status"]) == [3, 0]
    assert list(batch.rows["recv_ms"] - batch.rows["fix_ms"]) == [2_000, 1_000]
    assert int(batch.rows["fix_ms"][1]) == trace_ms("1T00:00:30")


@pytest.mark.parametrize("table", ["speed km\n1 2", "time colour\n08:00:00 red", "time speed\n08:00:00"])
def test_a_table_that_is_none_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match=r"column|cells"):
        reports(table)


def test_a_class_is_enough_of_a_registry(replay_trace: ReplayTrace) -> None:
    table = "time speed km acc driver\n" + steady("12:00:00", "12:05:00", 10, speed_kmh=90.0)
    assert not [a for a in replay_trace(table, VehicleClass.HEAVY_TRUCK) if a.rule == "speeding"]
    assert [a for a in replay_trace(table, VehicleClass.HAZMAT) if a.rule == "speeding"]
