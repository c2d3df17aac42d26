"""An even load for a long time: what must stay flat is memory, open files and the time from receipt to commit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from tests.chaos.servers import running_servers
from tests.integration.brokers import WebhookReceiver, free_port
from tests.integration.daemons import DaemonProcess

EVERY_S = 10.0
WARM_S = 600.0
"""Before that the fleet, its first day and the caches fill; measured from here on (asked for)."""
GROWTH_MIB = 64.0
"""How much more memory a process may have at the end than after the warming up (a guess: a leak of one small object
per report would be some 1,000 MiB an hour)."""
FILES = 8
"""And open files; snapshots, segments and connections come and go."""
LATENCY_TIMES = 3.0
"""How many times the 99th percentile may grow between the first and the last third: the machine is shared."""

_TABLES = """\
[[sinks.webhook]]
name = "bureau"
url = "{url}"
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Memory in MiB and open files by process; latencies in seconds since the look before."""

    at_s: float
    rss_mib: dict[str, float]
    files: dict[str, int]
    p50_s: float
    p99_s: float
    reports: float
    behind: float
    load: float


async def soak(seconds: float, rate: float, vehicles: int, folder: Path | None = None) -> bool:
    """Run, print a table, and tell whether everything stayed flat."""
    with contextlib.ExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vdm-soak-")))
        servers = stack.enter_context(running_servers(home))
        port = free_port()
        receiver = WebhookReceiver(f"http://127.0.0.1:{port}/hook")
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
        daemon = DaemonProcess(
            home,
            servers.mosquitto.port,
            clock="arrival",
            snapshot_records=5_000,
            database_url=servers.postgres.url,
            tables=_TABLES.format(url=receiver.url),
        )
        daemon.state.mkdir(parents=True, exist_ok=True)
        try:
            await asyncio.to_thread(daemon.start)
            samples, pace, told = await _watched(daemon, servers.mosquitto.port, seconds, rate, vehicles, receiver)
        finally:
            daemon.kill()
            server.close()
            await receiver.close()
    print(f"published {pace:,.0f} reports/s over {seconds:,.0f} s, {vehicles:,} vehicles; {told:,} pushes")
    return judged(samples)


async def _watched(
    daemon: DaemonProcess, broker: int, seconds: float, rate: float, vehicles: int, receiver: WebhookReceiver
) -> tuple[list[Sample], float, int]:
    words = (str(broker), "reports/soak", str(vehicles), str(rate), str(seconds))
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.steady_publisher", *words, stdout=asyncio.subprocess.PIPE
    )
    assert publisher.stdout is not None
    began_s = time.monotonic()
    before = await asyncio.to_thread(daemon.metrics)
    samples: list[Sample] = []
    told = 0
    print("     s   reports/s  p50 ms  p99 ms  behind  load   " + "MiB and open files by process", flush=True)
    try:
        while publisher.returncode is None:
            await asyncio.sleep(min(EVERY_S, max(seconds / 10, 1.0)))
            try:
                seen = await asyncio.to_thread(daemon.metrics)
            except httpx.HTTPError as error:
                print(f"no metrics: {error!r}", flush=True)
                continue
            samples.append(_sample(daemon, time.monotonic() - began_s, before, seen))
            before = seen
            last = samples[-1]
            span_s = last.at_s - (samples[-2].at_s if len(samples) > 1 else 0.0)
            processes = "  ".join(f"{name} {mib:.0f}/{last.files[name]}" for name, mib in last.rss_mib.items())
            print(
                f"{last.at_s:6.0f} {last.reports / span_s:11,.0f} {last.p50_s * 1000:7.0f} {last.p99_s * 1000:7.0f} "
                f"{last.behind:7.0f} {last.load:5.1f}   {processes}",
                flush=True,
            )
            told += len(receiver.requests)
            receiver.requests.clear()
            receiver.answered.clear()
        pace = float((await publisher.stdout.read()).decode())
    finally:
        if publisher.returncode is None:
            publisher.kill()
            await publisher.wait()
    return samples, pace, told


def judged(samples: list[Sample]) -> bool:
    """Print slopes and say whether memory, files and latency stayed within bounds after the warming up."""
    warm_s = min(WARM_S, samples[-1].at_s / 2)
    warm = [sample for sample in samples if sample.at_s >= warm_s]
    times_h = np.array([sample.at_s for sample in warm]) / 3600.0
    third = max(len(warm) // 3, 1)
    flat = True
    for name in warm[-1].rss_mib:
        memory = np.array([sample.rss_mib.get(name, np.nan) for sample in warm])
        files = np.array([sample.files.get(name, 0) for sample in warm])
        known = ~np.isnan(memory)
        if known.sum() < 3:
            continue
        slope = float(np.polyfit(times_h[known], memory[known], 1)[0])
        growth = float(np.nanmedian(memory[-third:]) - np.nanmedian(memory[:third]))
        more = int(np.median(files[-third:]) - np.median(files[:third]))
        good = growth <= GROWTH_MIB and more <= FILES
        flat = flat and good
        print(
            f"{name:<8} {memory[known][0]:.0f} MiB after {warm_s:.0f} s, {memory[known][-1]:.0f} at the end; "
            f"slope {slope:+.1f} MiB/h, last third {growth:+.1f} MiB (at most {GROWTH_MIB:.0f}), "
            f"{more:+d} open files (at most {FILES})  {'flat' if good else 'GROWS'}"
        )
    first, last = (float(np.median([one.p99_s for one in part])) for part in (warm[:third], warm[-third:]))
    good = last <= max(LATENCY_TIMES * first, 1.0)
    print(
        f"received to committed, 99 of 100: {first * 1000:.0f} ms in the first third, {last * 1000:.0f} ms in the last"
        f"  {'flat' if good else 'GROWS'}"
    )
    return flat and good


def _sample(
    daemon: DaemonProcess, at_s: float, before: dict[tuple[str, ...], float], seen: dict[tuple[str, ...], float]
) -> Sample:
    rss, files = _processes(daemon)
    buckets = sorted(
        (float(name[1]), value - before.get(name, 0.0))
        for name, value in seen.items()
        if name[0] == "vdm_detect_latency_seconds_bucket"
    )

    def received(samples: dict[tuple[str, ...], float]) -> float:
        return sum(value for name, value in samples.items() if name[0] == "vdm_reports_received_total")

    return Sample(
        at_s,
        rss,
        files,
        _quantile(buckets, 0.5),
        _quantile(buckets, 0.99),
        received(seen) - received(before),
        seen["vdm_journal_offset",] - seen["vdm_committed_offset",],
        os.getloadavg()[0],
    )


def _quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """Upper bound of the bucket that holds it; the buckets are cumulative."""
    total = buckets[-1][1] if buckets else 0.0
    return next((bound for bound, upto in buckets if total and upto >= share * total), 0.0)


def _processes(daemon: DaemonProcess) -> tuple[dict[str, float], dict[str, int]]:
    """Memory and open files of every process of the daemon's group."""
    assert daemon.process is not None
    rss: dict[str, float] = {}
    files: dict[str, int] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            if int(stat[2]) != daemon.process.pid:
                continue
            words = (path / "cmdline").read_bytes().split(b"\0")
            name = _name(words)
            status = (path / "status").read_text()
            kib = int(status.partition("VmRSS:")[2].split()[0])
            rss[name] = rss.get(name, 0.0) + kib / 1024.0
            files[name] = files.get(name, 0) + len(list((path / "fd").iterdir()))
    return rss, files


def _name(words: list[bytes]) -> str:
    text = b" ".join(words)
    for mark, name in ((b"child core", "core"), (b"child web", "web"), (b" run ", "parent")):
        if mark in text:
            return name
    return "other"
