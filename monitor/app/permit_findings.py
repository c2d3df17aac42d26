"""Findings about the permits in force, for the command line: without asking the core."""

from __future__ import annotations

from monitor.app.config import MonitorConfig
from monitor.app.map_layers import MapFolder
from monitor.app.state_folder import StateFolder
from monitor.console.permits import stored_findings
from monitor.model.map_set import MapLayer
from monitor.store.database import open_database
from monitor.supervision.permit_review import PermitFinding


def permit_findings(config: MonitorConfig, first_day: int, last_day: int) -> tuple[PermitFinding, ...]:
    """Findings for the Beijing days ``first_day`` to ``last_day``. Raises ``ConfigError``, ``StoreError``."""
    folder = MapFolder(StateFolder(config.state_folder).maps)
    payload = {**folder.payloads(), **config.map_payloads()}.get(MapLayer.PERMITS, b"")
    if not payload:
        return ()
    database = open_database(config.database)
    try:
        return stored_findings(payload, database, first_day, last_day)
    finally:
        database.close()
