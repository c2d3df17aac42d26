"""A waybill through the real pipeline: journal record, alarm, snapshot, store."""

from __future__ import annotations

from pathlib import Path

from monitor.app import snapshot_state
from monitor.app.live_pipeline import LivePipeline
from monitor.app.waybills import waybill_record
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import Alarm
from monitor.model.fleet import VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.waybill import Load
from monitor.rules import load_rules
from monitor.store.alarm_query import alarm_by_id
from monitor.store.alarm_store import AlarmStore
from monitor.store.snapshot import read_latest
from monitor.store.waybill_store import find_waybills
from tests.traces import START_MS, batch_of, registry_of
from tests.unit.app.exchange_kit import exchange_kit

SECONDS = [10.0 * n for n in range(40)]


def _fast(first: int, last: int, status: int) -> JournalRecord:
    """Two vehicles, each at 110 km/h."""
    times = [second for second in SECONDS[first:last] for _ in range(2)]
    batch = batch_of(
        times,
        east_m=[second * 110 / 3.6 for second in times],
        speed_kmh=110.0,
        vehicle=[0, 1] * (last - first),
        n_vehicles=2,
    )
    batch.rows["status"] = status
    return JournalRecord(first + 2, RecordType.REPORTS, 0, batch)


def test_a_hazmat_alarm_says_what_is_carried_through_a_restart_and_in_the_store(tmp_path: Path) -> None:
    rules = load_rules()
    live = LivePipeline(rules, RuleLayers())
    live.engine.apply_registry(registry_of([VehicleClass.HAZMAT, VehicleClass.HEAVY_TRUCK]))
    with exchange_kit(tmp_path) as kit:
        store = AlarmStore(kit.database, lambda: START_MS)

        def commit(record: JournalRecord) -> list[Alarm]:
            result = live.take(record)
            store.commit(live.step(result)[0])
            return [change.alarm for change in result.changes if change.alarm.rule == "speeding"]

        bill = waybill_record("plate:yellow:甘G00000", START_MS, "CARGO_NAME:=汽油;CARGO_TONNAGE:=28", START_MS)
        commit(JournalRecord(1, bill.type, bill.clock_ms, payload=bill.payload))
        raised = {alarm.vehicle_id: alarm for alarm in commit(_fast(0, 20, 3))}
        assert (raised["V0"].cargo, raised["V0"].load) == ("汽油", Load.LOADED)
        assert (raised["V1"].cargo, raised["V1"].load) == ("", Load.UNKNOWN)

        snapshot_state.write(tmp_path, snapshot_state.save(live, 2))
        snapshot = read_latest(tmp_path, not_after=9)
        assert snapshot is not None
        live = LivePipeline(rules, RuleLayers())
        snapshot_state.restore(live, snapshot)
        commit(_fast(20, 40, 3))
        end = JournalRecord(50, RecordType.TICK, START_MS + 3_600_000)
        commit(end)

        stored = alarm_by_id(kit.database, raised["V0"].alarm_id)
        assert stored is not None
        assert (stored.alarm.cargo, stored.alarm.load, stored.alarm.record()["load"]) == ("汽油", Load.LOADED, "loaded")
        (waybill,) = find_waybills(kit.database).rows
        assert (waybill.key, waybill.cargo) == ("V0", "汽油")
