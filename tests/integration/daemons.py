"""The real daemon as a process, on free loopback ports in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from monitor.model.fleet import Vehicle
from monitor.store.database import open_database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from tests.integration.brokers import free_port

START_S = 300.0
"""The first start after an edit compiles the rules."""
STOP_S = 40.0
_LOOK_S = 0.05

_CONFIG = """\
[http]
port = {http}
[metrics]
port = {metrics}
[supervision]
every_min = 30
least_s = 0.5
[core]
snapshot_records = {snapshot_records}
"""

_MQTT = """\
[[mqtt]]
name = "main"
port = {broker}
backoff_first_s = 0.1
[[mqtt.subscriptions]]
topic = "reports/#"
clock = "{clock}"
[[sinks.mqtt]]
name = "desk"
port = {broker}
prefix = "vdm"
"""


@dataclass(slots=True)
class DaemonProcess:
    """``monitor run``; ``start`` again after ``kill`` or ``stop`` goes on in the same folder.

    ``top`` and ``tables`` are further configuration, before the first table and behind the last; without a
    ``broker_port`` there is no MQTT, without a ``database_url`` the store is SQLite in the state folder.
    """

    folder: Path
    broker_port: int = 0
    clock: str = "payload"
    snapshot_records: int = 20
    http_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    top: str = ""
    tables: str = ""
    database_url: str = ""

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/api/v1"

    @property
    def operations(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text("utf-8")

    def register(self, vehicles: tuple[Vehicle, ...], effective: date) -> None:
        """Import a registry before the start."""
        self.state.mkdir(parents=True, exist_ok=True)
        url = self.database_url or f"sqlite:///{self.state / 'monitor.db'}"
        upgrade(url)
        database = open_database(url)
        try:
            import_registry(database, RegistryFile(vehicles, (), len(vehicles)), effective)
        finally:
            database.close()

    def start(self) -> None:
        """Start, and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self, timeout_s: float = START_S) -> None:
        """Wait until both processes answer and everything is fresh."""
        self._until(self._ready, timeout_s)

    def launch(self) -> None:
        """Start without waiting."""
        config = self.folder / "monitor.toml"
        parts = [f'state_folder = "{self.state}"\nlang = "en"\n', self.top]
        if self.database_url:
            parts.append(f'database_url = "{self.database_url}"\n')
        parts.append(
            _CONFIG.format(http=self.http_port, metrics=self.metrics_port, snapshot_records=self.snapshot_records)
        )
        if self.broker_port:
            parts.append(_MQTT.format(broker=self.broker_port, clock=self.clock))
        config.write_text("".join([*parts, self.tables]), "utf-8")
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config", str(config)]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_S)
        self.process = None
        return status

    def kill(self) -> None:
        """SIGKILL to the daemon and its children, all at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_S)
            self.process = None

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Samples by name and label values."""
        text = httpx.get(f"{self.operations}/metrics", trust_env=False).text
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def alarms(self) -> list[dict[str, object]]:
        """All alarms over REST, without the number and time of the last change."""
        found: list[dict[str, object]] = []
        while True:
            url = f"{self.api}/alarms?limit=1000&offset={len(found)}"
            page = httpx.get(url, trust_env=False).raise_for_status().json()
            found += page["alarms"]
            if len(found) >= page["total"]:
                break
        return [{k: v for k, v in alarm.items() if k not in ("sequence", "changed_at")} for alarm in found]

    def wait_for_clock(self, clock_ms: int, timeout_s: float = 60.0) -> None:
        """Wait until the engine has come to a moment and everything before it is committed."""

        def there() -> bool:
            seen = self.metrics()
            caught_up = seen["vdm_committed_offset",] == seen["vdm_journal_offset",]
            return caught_up and seen["vdm_engine_clock_timestamp_seconds",] * 1000 >= clock_ms - 0.5

        self._until(there, timeout_s)

    def wait_for(self, name: tuple[str, ...], least: float, timeout_s: float = 60.0) -> None:
        """Wait until a sample has at least this value."""
        self._until(lambda: self.metrics().get(name, 0.0) >= least, timeout_s)

    def _ready(self) -> bool:
        try:
            web = httpx.get(f"http://127.0.0.1:{self.http_port}/healthz", trust_env=False)
            core = httpx.get(f"{self.operations}/readyz", trust_env=False)
        except httpx.HTTPError:
            return False
        return web.is_success and core.is_success

    def _until(self, condition: object, timeout_s: float) -> None:
        assert callable(condition)
        until_s = time.monotonic() + timeout_s
        while not condition():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(f"the daemon did not get there:\n{self.log[-3000:]}")
            time.sleep(_LOOK_S)
