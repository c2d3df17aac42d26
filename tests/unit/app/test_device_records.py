"""Power cut in a depot: a record from the engine to the REST API, and no alarm."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from monitor.app.live_pipeline import LivePipeline
from monitor.console.api import create_api
from monitor.engine.parameters import RuleLayers
from monitor.model.flaw import ReportFlag
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, ReportRows, empty_rows
from monitor.rules import load_rules
from monitor.store.alarm_query import AlarmFilter, find_alarms
from monitor.store.alarm_store import AlarmStore
from monitor.store.database import open_database
from monitor.store.device_record_store import find_device_records
from monitor.store.schema import upgrade
from tests.unit.console.api_client import ApiClient

FIRST_MS = 1_772_412_000_000
POWER_LOST = 1 << 8
DEPOT = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "depot-1",
            "properties": {"name": "客运站停车场", "kind": "depot"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[100.0, 39.0], [100.01, 39.0], [100.01, 39.01], [100.0, 39.01], [100.0, 39.0]]],
            },
        }
    ],
}


def _standing(lon_deg: float) -> ReportRows:
    """ACC off, main power lost from the third of six reports on."""
    rows = empty_rows(6)
    rows["key"] = 0
    rows["fix_ms"] = rows["recv_ms"] = FIRST_MS + 30_000 * np.arange(6)
    rows["lon_deg"], rows["lat_deg"], rows["speed_dkmh"] = lon_deg, 39.005, 0
    rows["flags"] = int(ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN)
    rows["alarm_flags"] = [0, 0, POWER_LOST, POWER_LOST, POWER_LOST, 0]
    return rows


def test_power_cut_in_a_depot_is_a_record_and_outside_an_alarm(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    store = AlarmStore(database, lambda: FIRST_MS)
    live = LivePipeline(load_rules(), RuleLayers())
    fences = JournalRecord(1, RecordType.FENCES, 0, payload=json.dumps(DEPOT).encode())
    inside = JournalRecord(2, RecordType.REPORTS, 0, ReportBatch(("IN",), _standing(100.005)))
    outside = JournalRecord(3, RecordType.REPORTS, 0, ReportBatch(("OUT",), _standing(100.5)))
    try:
        steps = [live.step(live.take(record))[0] for record in (fences, inside, outside)]
        store.commit_all(steps)
        store.commit_all(steps)  # a tail that is run again changes nothing
        (record,) = find_device_records(database).records
        (alarm,) = find_alarms(database, AlarmFilter(), limit=10).alarms
        assert (record.vehicle_id, record.kind, record.fence_name) == ("IN", "power_lost", "客运站停车场")
        assert record.at_ms == FIRST_MS + 60_000
        assert (alarm.alarm.vehicle_id, alarm.alarm.kind) == ("OUT", "power_lost")
        shown = ApiClient(create_api(database)).get("/api/v1/device-records?vehicle_id=IN").json()
        assert (shown["total"], shown["records"][0]["fence_id"]) == (1, "depot-1")
        none = ApiClient(create_api(database)).get("/api/v1/device-records?vehicle_id=OUT").json()
        assert none["total"] == 0
    finally:
        database.close()
