"""What backfill in time leaves of a gap is, live, what settlement finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.app.replay import replay_batch
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.report import ReportBatch
from tests.traces import batch_of, registry_of

RULES = ("offline_displacement", "track_gap")


@settings(max_examples=40, deadline=None)
@given(
    length_s=st.sampled_from((600, 1_500, 2_400, 3_600, 7_200)),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    every_s=st.sampled_from((30, 60, 240)),
    backwards=st.booleans(),
    arrived_s=st.integers(1, 600),
    speed_kmh=st.sampled_from((4, 8, 30, 60, 110)),
    hazmat=st.booleans(),
)
def test_a_run_of_backfill_in_either_order_leaves_what_settlement_finds(
    length_s: int,
    share: tuple[float, float],
    every_s: int,
    backwards: bool,
    arrived_s: int,
    speed_kmh: float,
    hazmat: bool,
) -> None:
    first, last = sorted(int(part * (length_s - 2)) + 1 for part in share)
    filled = list(range(first, last + 1, every_s))
    before, after = list(range(-600, 1, 30)), list(range(length_s, length_s + 1_500, 30))
    told = [(at, at) for at in before + after]
    arrivals = filled[::-1] if backwards else filled
    told += [(at, length_s + arrived_s) for at in arrivals]
    told.sort(key=lambda report: report[1])
    fixes = [float(at) for at, _ in told]
    batch = batch_of(
        fixes,
        recv_s=[float(received) for _, received in told],
        east_m=[at * speed_kmh / 3.6 for at in fixes],
        speed_kmh=[speed_kmh] * len(told),
    )
    registry = registry_of([VehicleClass.HAZMAT if hazmat else VehicleClass.HEAVY_TRUCK])
    assert found(batch, registry, as_received=True) == found(batch, registry, as_received=False)


def found(batch: ReportBatch, registry: Registry, *, as_received: bool) -> list[tuple[object, ...]]:
    until_ms = int(batch.rows["recv_ms"].max()) + 3_600_000
    alarms = replay_batch(batch, registry, until_ms=until_ms, now_ms=until_ms, as_received=as_received).alarms
    return sorted(
        (alarm.rule, alarm.onset_ms, alarm.end_ms, alarm.peak, alarm.grade, bool(alarm.inhibited_by))
        for alarm in alarms
        if alarm.rule in RULES
    )
