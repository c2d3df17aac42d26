"""The daemon as it runs: Mosquitto, journal, all rules, SQLite, web process, a webhook.

Axes: reports per message; what is asked (throughput of a filled queue, latency at half of the asked load, start).
CPU time is that of all processes of the daemon.

    python -m tests.benchmarks.bench_pipeline
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import uvloop

from monitor.model.report import ReportBatch
from simulators.payload import PayloadCodec, PayloadWriter
from tests.benchmarks.bench_mqtt_source import count_bare, fill, subscribe
from tests.benchmarks.generated_fleet import fleet_reports
from tests.benchmarks.paced_publisher import Plan
from tests.benchmarks.report import Report
from tests.integration.brokers import Mosquitto, WebhookReceiver, free_port, running_mosquitto
from tests.integration.daemons import DaemonProcess

VEHICLES = 20_000
TOPIC = "reports"
ASKED_REPORTS_PER_S = 200_000
# Its own autosave would write the whole filled queue once a second.
BROKER = "allow_anonymous true\nautosave_interval 1800"
RECKONING = ("vdm_reckoning_duration_seconds",)
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class BenchDaemon(DaemonProcess):
    """The daemon with a webhook, or without any push where there is none."""

    webhook: str = ""
    look_s: float = 0.2

    def start(self) -> None:
        self.launch()
        self._until(self._ready, 120.0)

    def launch(self) -> None:
        """Start without waiting."""
        sink = f'[[sinks.webhook]]\nname = "hook"\nurl = "{self.webhook}"\n' if self.webhook else ""
        config = self.folder / "monitor.toml"
        config.write_text(
            f'state_folder = "{self.state}"\nlang = "en"\n'
            f'[[mqtt]]\nname = "main"\nclient_id = "daemon"\nport = {self.broker_port}\n'
            "backoff_first_s = 0.1\nbackoff_most_s = 0.1\n"
            f'[[mqtt.subscriptions]]\ntopic = "{TOPIC}"\nclock = "{self.clock}"\n'
            f"{sink}[http]\nport = {self.http_port}\n[metrics]\nport = {self.metrics_port}\n",
            "utf-8",
        )
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config", str(config)]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)

    def wait_until_up(self) -> None:
        """Both processes answer, whether or not there is a broker."""

        def up() -> bool:
            try:
                web = httpx.get(f"http://127.0.0.1:{self.http_port}/healthz", trust_env=False)
                return web.is_success and bool(self.metrics())
            except httpx.HTTPError:
                return False

        self._until(up, 120.0)

    def wait_for_reports(self, n: int, timeout_s: float) -> None:
        """Wait until ``n`` reports are through rules and store."""

        def there() -> bool:
            seen = self.metrics()
            through = sum(value for name, value in seen.items() if name[0] == "vdm_reports_total")
            return through >= n and seen["vdm_committed_offset",] == seen["vdm_journal_offset",]

        self._until(there, timeout_s)

    def wait_for_reckoning(self) -> float:
        """Wait until the indicators were worked out once; how long that took, seconds."""
        self.wait_for(RECKONING, 0.001, 120.0)
        return self.metrics()[RECKONING]

    def _until(self, condition: object, timeout_s: float) -> None:
        """Looks less often than the tests do: each look costs the daemon some milliseconds."""
        assert callable(condition)
        until_s = time.monotonic() + timeout_s
        while not condition():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(f"the daemon did not get there:\n{self.log[-3000:]}")
            time.sleep(self.look_s)

    def cpu_s(self) -> float:
        """CPU seconds of all processes of the daemon so far."""
        assert self.process is not None
        total = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                values = path.read_text().rpartition(")")[2].split()
                if int(values[2]) == self.process.pid:
                    total += int(values[11]) + int(values[12])
        return total / TICKS_PER_S


def payloads(batch: ReportBatch, reports: int) -> list[bytes]:
    """JSON messages of so many reports each."""
    writer = PayloadWriter(batch, PayloadCodec.JSON, {})
    return [writer.payload(batch.rows[i : i + reports]) for i in range(0, len(batch), reports)]


@contextlib.contextmanager
def broker_in(folder: Path) -> Iterator[Mosquitto]:
    yield from running_mosquitto(folder, BROKER)


def filled_queue(report: Report, folder: Path, reports: int, messages: Sequence[bytes], first: Sequence[bytes]) -> None:
    """The daemon is up, the broker comes back with a queue for it: how long until everything is committed?

    Before, it has taken ``first`` and reckoned its indicators, which it does every 5 minutes.
    """
    with broker_in(folder) as broker:
        daemon = BenchDaemon(folder, broker.port)
        try:
            daemon.start()
            fill(broker.port, list(first))
            daemon.wait_for_reckoning()
            assert daemon.stop() == 0
            if reports == 1:
                uvloop.run(subscribe(broker.port, "bare"))
            fill(broker.port, list(messages))
            bare = uvloop.run(count_bare(broker.port, "bare", len(messages))).per_cpu_s if reports == 1 else 0.0
            broker.stop()
            daemon.launch()
            daemon.wait_until_up()
            reckoning_s = daemon.wait_for_reckoning()
            cpu_s = daemon.cpu_s()
            broker.start()
            began = time.perf_counter()
            daemon.wait_for_reports(len(messages) * reports, 180.0)
            took_s, cpu_s = time.perf_counter() - began, daemon.cpu_s() - cpu_s
        finally:
            daemon.kill()
    rate, per_cpu_s = len(messages) * reports / took_s, len(messages) / cpu_s
    what = f"{reports} reports per message" if reports > 1 else "one report per message"
    report.add(f"{what}, queue filled beforehand", rate, "reports/s", "≥ 200,000" if reports > 1 else "")
    report.add(f"{what}: messages per CPU-second of the whole daemon", per_cpu_s, "messages/CPU-s")
    if reports > 1:
        report.add(f"indicators of {VEHICLES:,} vehicles, in between every 5 minutes", reckoning_s, "s")
    if bare:
        report.add("bare aiomqtt client that only counts, the same queue", bare, "messages/CPU-s")
        report.add("daemon to bare client, per CPU-second", 100 * per_cpu_s / bare, "%", "≥ 60")


def start_up(report: Report, folder: Path) -> None:
    """From the command to ``/readyz`` and the page, compiled code at hand, then with a state to restore."""
    with broker_in(folder) as broker:
        daemon = BenchDaemon(folder, broker.port)
        try:
            daemon.start()
            assert daemon.stop() == 0
            best = float("inf")
            daemon.look_s = 0.02
            for _ in range(3):
                began = time.perf_counter()
                daemon.start()
                best = min(best, time.perf_counter() - began)
                assert daemon.stop() == 0
        finally:
            daemon.kill()
    report.add("warm start of the daemon to ready", best, "s", "< 3")


async def latency(report: Report, folder: Path) -> None:
    """Half of the asked load for ten seconds: from publishing the report that raises an alarm to its webhook."""
    port = free_port()
    receiver = WebhookReceiver(f"http://127.0.0.1:{port}/hook")
    arrived: list[tuple[float, int]] = []
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    broker_context = broker_in(folder)
    broker = broker_context.__enter__()
    daemon = BenchDaemon(folder, broker.port, webhook=receiver.url)
    plan = Plan(broker.port, TOPIC, VEHICLES, ASKED_REPORTS_PER_S // 2, 100, 10.0)
    try:
        await asyncio.to_thread(daemon.start)
        sent_file = folder / "sent.json"
        command = [sys.executable, "-m", "tests.benchmarks.paced_publisher", plan.text(), str(sent_file)]
        publisher = await asyncio.create_subprocess_exec(*command)
        until = time.monotonic() + 120
        while publisher.returncode is None or time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await receiver.arrived.wait()
            receiver.arrived.clear()
            if len(receiver.requests) > (arrived[-1][1] if arrived else 0):
                arrived.append((time.monotonic(), len(receiver.requests)))
            elif publisher.returncode is not None and time.monotonic() - arrived[-1][0] > 3.0:
                break
        sent = json.loads(sent_file.read_text())
    finally:
        daemon.kill()
        server.close()
        await receiver.close()
        broker_context.__exit__(None, None, None)
    when: dict[str, float] = {}
    counted = 0
    for moment, total in arrived:
        for request in receiver.requests[counted:total]:
            body = json.loads(request.body)
            if body["type"] == "alarm" and body["sequence"] == 1 and body["data"]["rule"] == "speeding":
                when.setdefault(body["data"]["vehicle_id"], moment)
        counted = total
    waits = np.array([when[vehicle] - published for vehicle, published in sent["raised"].items() if vehicle in when])
    assert len(waits) >= 0.9 * len(sent["raised"]), (len(waits), len(sent["raised"]))
    report.add("load while latency is measured", sent["reports_per_s"], "reports/s", "half of 200,000")
    report.add("from publishing to webhook, median", float(np.quantile(waits, 0.5)), "s")
    report.add("from publishing to webhook, 99 of 100", float(np.quantile(waits, 0.99)), "s", "< 1")
    report.note(f"Latency over {len(waits)} alarms; it begins at the publisher, so it holds the broker's share too.")


def main() -> None:
    report = Report("Pipeline")
    batch = fleet_reports(VEHICLES, 75, interval_ms=1_000)
    with tempfile.TemporaryDirectory(prefix="bench-pipeline-", dir=Path.cwd()) as name:
        folder = Path(name)
        for part in ("start", "hundred", "one", "latency"):
            (folder / part).mkdir()
        start_up(report, folder / "start")
        messages = payloads(batch, 100)
        first, rest = messages[: VEHICLES // 100], messages[VEHICLES // 100 :]
        filled_queue(report, folder / "hundred", 100, rest, first)
        few = ReportBatch(batch.keys, batch.rows[VEHICLES : VEHICLES + 40_000])
        filled_queue(report, folder / "one", 1, payloads(few, 1), first)
        uvloop.run(latency(report, folder / "latency"))
    report.note("Broker, publisher, bare client and daemon share the two cores of the machine.")
    report.close("pipeline")


if __name__ == "__main__":
    main()
