"""After an outage of ours: the daemon is up, the broker comes back with an hour of the fleet in its queue.

Axes: until every report is committed; until the alarms that still matter are at the webhook. Those are the ones that
last when the queue is empty: what was over more than 15 minutes before is not pushed. Receive time is our clock, as it
would be.

    python -m tests.benchmarks.bench_catch_up [--vehicles 20000] [--minutes 60]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from monitor.model.beijing import parse_iso
from monitor.model.report import ReportBatch
from tests.benchmarks.bench_mqtt_source import fill
from tests.benchmarks.bench_pipeline import BenchDaemon, broker_in, payloads
from tests.benchmarks.generated_fleet import INTERVAL_MS, fleet_reports
from tests.benchmarks.report import Report
from tests.integration.brokers import WebhookReceiver, free_port

VEHICLES = 20_000
MINUTES = 60
PER_MESSAGE = 100
ASKED_S = 30.0
_LOOK_S = 0.2
_MOST_S = 300.0
_LAST_MS = 660_000
"""The generated fleet stands for ten minutes and then drives for the last ten: what begins after that lasts."""


def hour_until_now(vehicles: int, minutes: int) -> ReportBatch:
    """The fleet's reports of the last minutes, one every 30 s and vehicle."""
    batch = fleet_reports(vehicles, minutes * 60_000 // INTERVAL_MS)
    rows = batch.rows
    shift_ms = (time.time_ns() // 1_000_000 - int(rows["fix_ms"].max())) // 1_000 * 1_000
    rows["fix_ms"] += shift_ms
    rows["recv_ms"] += shift_ms
    return batch


def lasting(receiver: WebhookReceiver, since_ms: int) -> set[str]:
    """Vehicles whose newest push of a speeding that began after a moment says that it lasts."""
    states: dict[str, tuple[str, str]] = {}
    for request in receiver.requests:
        body = json.loads(request.body)
        data = body["data"]
        if body["type"] == "alarm" and data["rule"] == "speeding" and parse_iso(data["onset"]) >= since_ms:
            states[body["id"]] = (body["data"]["vehicle_id"], body["data"]["state"])
    return {vehicle for vehicle, state in states.values() if state == "active"}


async def catch_up(report: Report, folder: Path, vehicles: int, minutes: int) -> None:
    port = free_port()
    receiver = WebhookReceiver(f"http://127.0.0.1:{port}/hook")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    with broker_in(folder) as broker:
        daemon = BenchDaemon(folder, broker.port, clock="arrival", webhook=receiver.url)
        try:
            await asyncio.to_thread(daemon.start)
            assert await asyncio.to_thread(daemon.stop) == 0
            batch = await asyncio.to_thread(hour_until_now, vehicles, minutes)
            messages = await asyncio.to_thread(payloads, batch, PER_MESSAGE)
            await asyncio.to_thread(fill, broker.port, messages)
            size = sum(map(len, messages))
            del messages
            broker.stop()
            daemon.launch()
            await asyncio.to_thread(daemon.wait_until_up)
            cpu_s = daemon.cpu_s()
            expected = _speeders(batch)
            since_ms = int(batch.rows["fix_ms"].max()) - _LAST_MS
            broker.start()
            began_s = time.perf_counter()
            committed_s, out_s = await asyncio.gather(
                _committed(daemon, len(batch), began_s), _out(receiver, expected, since_ms, began_s)
            )
            cpu_s = daemon.cpu_s() - cpu_s
        finally:
            daemon.kill()
            server.close()
            await receiver.close()
    report.add(f"{len(batch):,} reports, {PER_MESSAGE} per message, {size / 1e6:.0f} MB: committed", committed_s, "s")
    report.add("the same", len(batch) / committed_s, "reports/s", f"≥ {len(batch) / ASKED_S:,.0f}")
    report.add(f"{len(expected)} alarms that last: at the webhook", out_s, "s", f"≤ {ASKED_S:.0f}")
    report.add("CPU of all processes of the daemon meanwhile", cpu_s, "s")
    report.note(f"{len(receiver.requests):,} pushes in all; the broker has the queue on disk and in memory beforehand.")


def _speeders(batch: ReportBatch) -> set[str]:
    """Vehicles that speed up to their last report: one in a hundred, as the fleet is made."""
    last = batch.rows[-len(batch.keys) :]
    return {batch.keys[key] for key in last["key"][last["speed_dkmh"] == 1_300].tolist()}


async def _committed(daemon: BenchDaemon, n: int, began_s: float) -> float:
    while True:
        seen = await asyncio.to_thread(daemon.metrics)
        through = sum(value for name, value in seen.items() if name[0] == "vdm_reports_total")
        spent_s = time.perf_counter() - began_s
        if through >= n and seen["vdm_committed_offset",] == seen["vdm_journal_offset",]:
            return spent_s
        if spent_s > _MOST_S:
            raise AssertionError(f"{through:,.0f} of {n:,} reports after {spent_s:.0f} s:\n{daemon.log[-3000:]}")
        await asyncio.sleep(_LOOK_S)


async def _out(receiver: WebhookReceiver, expected: set[str], since_ms: int, began_s: float) -> float:
    """When the webhook knew of every alarm that lasts, to 0.2 s."""
    while True:
        spent_s = time.perf_counter() - began_s
        if expected <= lasting(receiver, since_ms):
            return spent_s
        if spent_s > _MOST_S:
            raise AssertionError(f"{len(lasting(receiver, since_ms))} of {len(expected)} alarms after {spent_s:.0f} s")
        await asyncio.sleep(_LOOK_S)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vehicles", type=int, default=VEHICLES)
    parser.add_argument("--minutes", type=int, default=MINUTES)
    asked = parser.parse_args()
    report = Report("Catching up")
    with tempfile.TemporaryDirectory(prefix="bench-catch-up-", dir=Path.cwd()) as name:
        uvloop.run(catch_up(report, Path(name), asked.vehicles, asked.minutes))
    report.note("Broker, webhook and daemon share the two cores of the machine.")
    report.close("catch_up")
    return 0


if __name__ == "__main__":
    sys.exit(main())
