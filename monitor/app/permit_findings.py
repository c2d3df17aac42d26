"""Findings about permits from the relational store: the permits in force, the registry, and the days driven."""

from __future__ import annotations

from monitor.app.config import MonitorConfig
from monitor.app.map_layers import MapFolder, with_layer
from monitor.app.registry_watch import registry_in_force
from monitor.app.state_folder import StateFolder
from monitor.model.beijing import day_of
from monitor.model.fleet import Registry
from monitor.model.map_set import NO_MAPS, MapLayer
from monitor.store.database import open_database
from monitor.store.vehicle_day_store import load_vehicle_days
from monitor.supervision.permit_review import PermitFinding, review_permits


def permit_findings(config: MonitorConfig, first_day: int, last_day: int) -> tuple[PermitFinding, ...]:
    """Findings for the Beijing days ``first_day`` to ``last_day``. Raises ``ConfigError``, ``StoreError``."""
    folder = MapFolder(StateFolder(config.state_folder).maps)
    payload = {**folder.payloads(), **config.map_payloads()}.get(MapLayer.PERMITS, b"")
    if not payload:
        return ()
    permits = with_layer(NO_MAPS, MapLayer.PERMITS, payload, "permits").permits
    assert permits is not None
    begin = min([first_day, *(int(day_of(permit.valid_from_ms)) for permit in permits.permits)])
    database = open_database(config.database)
    try:
        registry = registry_in_force(database) or Registry()
        days = load_vehicle_days(database, begin, last_day)
    finally:
        database.close()
    return review_permits(permits, registry, days.vehicle_ids, days.rows, first_day, last_day)
