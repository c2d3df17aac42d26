"""Restart: from the start of the process to ready, with a large fleet in the snapshot and a tail of reports behind it.

Axis: vehicles in the snapshot, and as many reports in the tail. The daemon is the real one, on SQLite, with a registry
of all vehicles; the page cache is warm. ``VDM_BENCH_VEHICLES`` names another number of vehicles.

    python -m tests.benchmarks.bench_restart
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import httpx
from sqlalchemy import insert

from monitor.app import snapshot_state
from monitor.app.live_pipeline import LivePipeline, config_payload
from monitor.app.registry_watch import last_import
from monitor.app.state_folder import StateFolder
from monitor.engine.parameters import RuleLayers
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import open_database
from monitor.store.driver_store import drivers_changed
from monitor.store.journal import Journal
from monitor.store.schema import upgrade
from monitor.store.tables import registry_imports
from tests.benchmarks.generated_fleet import MICRO_BATCH, START_MS, fleet_reports
from tests.benchmarks.report import Report

VEHICLES = 1_000_000
MEMORY_PER_VEHICLE = 12 * 1024
"""While the state is made: rows, copies and a registry of objects."""
_ROUNDS = 3
"""Reports of each vehicle before the snapshot: what is over a limit has its alarm by then, as in a fleet at work."""
_AT_ONCE = 100_000
_CLASSES = list(VehicleClass)
_CONFIG = """\
state_folder = "{state}"
lang = "en"
[http]
port = {http}
[metrics]
port = {metrics}
"""


def prepare(folder: Path, vehicles: int) -> int:
    """A state folder as a daemon leaves that is killed; returns the size of the snapshot."""
    state = StateFolder(folder)
    url = f"sqlite:///{folder / 'monitor.db'}"
    folder.mkdir(parents=True)
    upgrade(url)
    database = open_database(url)
    with database.write() as connection:
        stated: dict[str, object] = {column.name: 0 for column in registry_imports.columns}
        stated |= {"import_id": 1, "imported_by": "", "path": "", "effective": date(2026, 1, 1), "rows_total": vehicles}
        connection.execute(insert(registry_imports), [stated])
    store = AlarmStore(database, lambda: START_MS)
    batch = fleet_reports(vehicles, _ROUNDS + 1)
    registry = Registry(
        tuple(
            Vehicle(
                key,
                key,
                vehicle_class=_CLASSES[number % 6],
                enterprise_id=f"E{number % 5_000:04d}",
                enterprise_name=f"第{number % 5_000}运输公司",
                region="620700",
                terminal_phone=f"139{number:08d}",
            )
            for number, key in enumerate(batch.keys)
        ),
        1,
    )
    live = LivePipeline(load_rules(), RuleLayers())
    live.engine.apply_registry(registry)
    rows = batch.rows
    for begin in range(0, _ROUNDS * vehicles, _AT_ONCE):
        part = ReportBatch(batch.keys, rows[begin : min(begin + _AT_ONCE, _ROUNDS * vehicles)])
        live.take_again(JournalRecord(1, RecordType.REPORTS, 0, part))
    with Journal(state.journal) as journal:
        journal.append([JournalRecord(0, RecordType.CONFIG, 0, payload=config_payload(live.layers))])
        seen = snapshot_state.Known(last_import(database), drivers_changed(database))
        path = snapshot_state.write(state.snapshots, snapshot_state.save(live, 1, seen))
        for record in _records(ReportBatch(batch.keys, rows[_ROUNDS * vehicles :])):
            journal.append([record])
        store.commit(CommittedStep(offset=journal.last_offset))
    database.close()
    return path.stat().st_size


def _records(batch: ReportBatch) -> list[JournalRecord]:
    found = []
    for begin in range(0, len(batch.rows), MICRO_BATCH):
        rows = batch.rows[begin : begin + MICRO_BATCH].copy()
        keys = tuple(batch.keys[key] for key in rows["key"].tolist())
        rows["key"] = range(len(rows))
        clock_ms = int(rows["recv_ms"].max())
        found.append(JournalRecord(0, RecordType.REPORTS, clock_ms, ReportBatch(keys, rows)))
    return found


def start(folder: Path) -> tuple[float, float, str]:
    """From the start of the core's process to ready: seconds, its CPU seconds, and what it logged."""
    config = folder / "monitor.toml"
    http, metrics = 18_080, 19_108
    config.write_text(_CONFIG.format(state=folder / "state", http=http, metrics=metrics), "utf-8")
    command = [sys.executable, "-m", "monitor.app.child", "core", str(config), str(folder / "state")]
    log_path = folder / "core.log"
    with log_path.open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            while not _ready(metrics):
                if _ended(process) or time.perf_counter() - began > 600:
                    raise SystemExit(f"the core did not get ready:\n{log_path.read_text('utf-8')[-3000:]}")
                time.sleep(0.02)
            took = time.perf_counter() - began
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            _, _, usage = os.wait4(process.pid, 0)
    return took, usage.ru_utime + usage.ru_stime, log_path.read_text("utf-8")


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Without reaping it: its use of the processor is asked for later."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def main() -> None:
    report = Report("Restart")
    wanted = int(os.environ.get("VDM_BENCH_VEHICLES", VEHICLES))
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    vehicles = min(wanted, int(free // MEMORY_PER_VEHICLE))
    if vehicles < wanted:
        report.note(f"The memory of this machine allows for {vehicles:,} vehicles, not {wanted:,}.")
    with tempfile.TemporaryDirectory(prefix="bench-restart-", dir=Path.cwd()) as name:
        folder = Path(name)
        # In a process of its own: it takes several times the memory of the daemon.
        made = [sys.executable, "-m", "tests.benchmarks.bench_restart", str(folder / "state"), str(vehicles)]
        size = int(subprocess.run(made, check=True, capture_output=True, text=True).stdout)
        start(folder)  # compiles what is not compiled, and warms the page cache
        took, cpu, log = min(start(folder) for _ in range(3))
        interpreter = min(_interpreter_s() for _ in range(3))
    what = f"{vehicles:,} vehicles, as many reports in the tail"
    target = "6" if vehicles >= VEHICLES else ""
    report.add(f"{what}: size of the snapshot", size / 2**20, "MiB")
    report.add(f"{what}: from the start of the process to ready", took, "s")
    report.add(f"{what}: without the interpreter's own start", took - interpreter, "s", target)
    report.add(f"{what}: CPU time of all threads", cpu, "s")
    for line in re.findall(r"(?:state: .*|ready after .* s;)", log):
        report.note(line)
    report.close("restart")


def _interpreter_s() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(prepare(Path(sys.argv[1]), int(sys.argv[2])))
    else:
        main()
