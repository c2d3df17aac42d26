"""The web process: the REST API over the store, away from the core so that no question delays an alarm."""

from __future__ import annotations

import asyncio
import logging

from monitor.app.command_channel import CommandClient
from monitor.app.config import MonitorConfig
from monitor.app.web_server import WebServer
from monitor.console.api import create_api
from monitor.store.database import open_database

log = logging.getLogger(__name__)


async def serve_web(config: MonitorConfig, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set. Until the core has made the tables, requests answer 503 with a sentence."""
    database = open_database(config.database)
    try:
        api = create_api(
            database,
            config.http.secret("http"),
            CommandClient(config.state_folder),
            admin_token=config.http.admin_secret("http"),
            loopback=config.http.loopback,
        )
        server = WebServer(api, config.http, "http")
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.run(), name="web server")
            log.info("REST API on http://%s:%d", config.http.host, server.port)
            await stop.wait()
            server.stop()
            await asyncio.wait([serving], timeout=config.core.drain_s)
            serving.cancel()
    finally:
        database.close()
