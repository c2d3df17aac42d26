"""Maps, settings and the review of permits over REST: real desk, real pipeline, real store behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from monitor.app.config import load_config
from monitor.app.live_pipeline import LivePipeline
from monitor.app.map_layers import MapFolder
from monitor.app.settings_desk import SettingsDesk
from monitor.console.api import create_api
from monitor.console.commands import Command, Reply
from monitor.engine.parameters import RuleLayers
from monitor.model.beijing import day_number
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.journal import JournalRecord
from monitor.rules import load_rules
from monitor.store.committed_step import VehicleDayRows
from monitor.store.database import Database, open_database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from monitor.store.vehicle_day_store import upsert_vehicle_days
from tests.unit.console.api_client import ApiClient

TOKEN, ADMIN = "a-token-for-readers", "a-token-for-administrators"
LINE = {"type": "LineString", "coordinates": [[100.0, 39.0], [100.1, 39.0]]}


@dataclass
class Core:
    """The desk of a core, without the channel in between."""

    desk: SettingsDesk

    async def send(self, command: Command) -> Reply:
        return await self.desk.handlers()[command.name](command)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    upgrade(url)
    found = open_database(url)
    truck = Vehicle("T1", "甘A1", vehicle_class=VehicleClass.HEAVY_TRUCK, enterprise_id="E1", gross_mass_kg=49_000)
    import_registry(found, RegistryFile((truck,), (), 1), date(2026, 1, 1))
    days = np.zeros(1, VEHICLE_DAY)
    days["day"], days["mileage_m"] = day_number(date(2026, 5, 2)), 80_000
    with found.write() as connection:
        upsert_vehicle_days(found, connection, [VehicleDayRows(("T1",), days)])
    yield found
    found.close()


@pytest.fixture
def desk(tmp_path: Path) -> SettingsDesk:
    path = tmp_path / "monitor.toml"
    path.write_text(f'state_folder = "{tmp_path}"\n', "utf-8")
    live = LivePipeline(load_rules(), RuleLayers())

    async def submit(record: JournalRecord) -> None:
        live.take(replace(record, offset=1))

    return SettingsDesk(path, load_config(path), live, MapFolder(tmp_path / "maps"), submit, lambda: 0)


@pytest.fixture
def api(database: Database, desk: SettingsDesk) -> ApiClient:
    return ApiClient(create_api(database, commands=Core(desk)))


def section(section_id: str = "R1", **properties: object) -> dict[str, object]:
    return {"type": "Feature", "id": section_id, "properties": {"limit_kmh": 60} | properties, "geometry": LINE}


def collection(*features: object) -> dict[str, object]:
    return {"type": "FeatureCollection", "features": list(features)}


def test_a_layer_is_put_read_and_listed(api: ApiClient) -> None:
    assert api.put("/api/v1/maps/roads", json=collection(section())).json()["features"] == 1
    assert api.get("/api/v1/maps/roads").json() == collection(section())
    listed = api.get("/api/v1/maps").json()["maps"]
    assert [(one["layer"], one["features"]) for one in listed] == [
        ("fences", 0),
        ("roads", 1),
        ("places", 0),
        ("permits", 0),
    ]


def test_single_features(api: ApiClient) -> None:
    assert api.put("/api/v1/maps/roads/features/R7", json=section("?")).json()["features"] == 1
    assert [one["id"] for one in api.get("/api/v1/maps/roads").json()["features"]] == ["R7"]
    assert api.delete("/api/v1/maps/roads/features/R7").json()["features"] == 0
    assert api.delete("/api/v1/maps/roads/features/R7").status_code == 404


def test_a_refusal_names_every_shape(api: ApiClient) -> None:
    answer = api.put("/api/v1/maps/roads", json=collection(section("A", limit_kmh=0), section("B", direction="up")))
    assert answer.status_code == 422
    assert "section A" in answer.json()["message"]
    assert "section B" in answer.json()["message"]
    assert api.get("/api/v1/maps/roads").json()["features"] == []


@pytest.mark.parametrize("body", [{"type": "Feature"}, {"type": "FeatureCollection"}, [], 7])
def test_what_is_no_collection_is_refused(api: ApiClient, body: object) -> None:
    assert api.put("/api/v1/maps/roads", json=body).status_code == 422


def test_there_is_no_other_layer(api: ApiClient) -> None:
    assert api.get("/api/v1/maps/clouds").status_code == 422


def test_only_administrators_change_maps_and_settings(database: Database, desk: SettingsDesk) -> None:
    guarded = ApiClient(
        create_api(database, TOKEN, Core(desk), admin_token=ADMIN, loopback=False), "http://monitor:8080"
    )
    reader, administrator = ({"Authorization": f"Bearer {token}"} for token in (TOKEN, ADMIN))
    assert guarded.put("/api/v1/maps/roads", json=collection(section()), headers=reader).status_code == 403
    assert guarded.post("/api/v1/settings/reload", json={}, headers=reader).status_code == 403
    assert guarded.get("/api/v1/maps/roads", headers=reader).status_code == 200
    assert guarded.put("/api/v1/maps/roads", json=collection(section()), headers=administrator).status_code == 200


def test_settings_are_read_anew_and_a_bad_file_is_refused_with_its_key(api: ApiClient, tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text(f'state_folder = "{tmp_path}"\n[rules.speeding]\nhold_s = 45\n', "utf-8")
    assert api.post("/api/v1/settings/reload", json={}).json() == {"in_force": ["rules"], "at_next_start": []}
    path.write_text(f'state_folder = "{tmp_path}"\n[rules.speeding]\nholds = 45\n', "utf-8")
    refused = api.post("/api/v1/settings/reload", json={})
    assert refused.status_code == 422
    assert "rules.speeding.holds" in refused.json()["message"]


def test_findings_about_permits(api: ApiClient) -> None:
    stated = {"vehicle_id": "T1", "valid_from": "2026-05-02", "valid_to": "2026-05-02", "mass_kg": 40_000}
    permit = {"type": "Feature", "id": "P1", "properties": stated, "geometry": LINE}
    assert api.put("/api/v1/maps/permits", json=collection(permit)).status_code == 200
    found = api.get("/api/v1/permits/findings?from=2026-05-01&to=2026-05-31").json()
    assert [(one["kind"], one["permit_id"], one["stated"], one["found"]) for one in found["findings"]] == [
        ("small_permit", "P1", "40000 kg", "49000 kg")
    ]
    assert api.get("/api/v1/permits/findings?from=2026-06-01&to=2026-05-31").status_code == 422
    assert json.loads(api.get("/api/v1/maps/permits").text)["features"][0]["id"] == "P1"
