"""The JT/T 808 server in the daemon as it runs: journal with fsync, all rules, SQLite; terminals from another process.

Axes: what is asked (10,000 connections, 30,000 frames/s), half and twice of it. CPU time is that of all processes of
the daemon and of the simulator; both share the machine's cores.

    python -m tests.benchmarks.bench_jt808_server [CONNECTIONS [SECONDS]]
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.bench_pipeline import BenchDaemon
from tests.benchmarks.report import Report
from tests.integration.brokers import free_port

CONNECTIONS = 10_000
ASKED_FRAMES_PER_S = 30_000
ASKED_P99_MS = 300.0
SECONDS = 20.0
WARM_S = 3.0
"""Sent before, and not counted."""
CONNECT_PER_S = 500
SETTLED_S = 3.0
"""Between the last log-in and the look at the memory; a guess."""
FULL = 0.95
"""A core used above this share counts as used up; a guess."""


@dataclass(slots=True)
class TerminalDaemon(BenchDaemon):
    """The daemon with one terminal server and nothing else."""

    terminal_port: int = field(default_factory=free_port)

    def launch(self) -> None:
        config = self.folder / "monitor.toml"
        config.write_text(
            f'state_folder = "{self.state}"\nlang = "en"\n'
            f'[[jt808]]\nname = "terminals"\nport = {self.terminal_port}\n'
            f"[http]\nport = {self.http_port}\n[metrics]\nport = {self.metrics_port}\n",
            "utf-8",
        )
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config", str(config)]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)

    def reports(self) -> float:
        """Reports that went through the rules so far."""
        return sum(value for name, value in self.metrics().items() if name[0] == "vdm_reports_total")

    def rss_bytes(self) -> int:
        """Resident memory of all processes of the daemon."""
        assert self.process is not None
        total = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                values = path.read_text().rpartition(")")[2].split()
                if int(values[2]) == self.process.pid:
                    total += int(values[21]) * os.sysconf("SC_PAGE_SIZE")
        return total


class Terminals:
    """The load simulator as a process: connected at once, sending after ``go``."""

    def __init__(self, port: int, connections: int, frames_per_s: int, seconds: float, nth: int) -> None:
        arguments = {
            "port": port,
            "connections": connections,
            "first-terminal": nth * connections,
            "frames-per-s": frames_per_s,
            "seconds": seconds,
            "connect-per-s": CONNECT_PER_S,
            "warm-s": WARM_S,
        }
        command = [sys.executable, "-m", "simulators.jt808.load", "--wait"]
        command += [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def result(self) -> dict[str, float]:
        """The next thing it has to say."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator ended with status {self._process.wait(10)}")
        found: dict[str, float] = json.loads(line)
        return found

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def terminals(
    daemon: TerminalDaemon, connections: int, frames_per_s: int, seconds: float, nth: int
) -> Iterator[Terminals]:
    running = Terminals(daemon.terminal_port, connections, frames_per_s, seconds, nth)
    try:
        yield running
    finally:
        running.close()


def limit_of(load: dict[str, float], daemon_cpu_s: float, seconds: float, frames_per_s: int) -> str:
    """Which side kept the other waiting."""
    if load["frames_per_s"] < 0.98 * frames_per_s or load["most_behind_s"] > ASKED_P99_MS / 1000:
        return "simulator: it fell behind its own pace"
    if load["answered"] < load["sent"] or load["seconds"] > seconds + 1.0:
        return "daemon: answers came behind the frames"
    cores = os.cpu_count() or 1
    if (daemon_cpu_s + load["cpu_s"]) / load["seconds"] > FULL * cores:
        return "machine: all cores used by both"
    return "neither: the pace was kept"


def run_at(
    report: Report, daemon: TerminalDaemon, connections: int, frames_per_s: int, seconds: float, nth: int
) -> None:
    """One pace, everybody connected before; each run (``nth``) has terminals of its own."""
    asked = frames_per_s == ASKED_FRAMES_PER_S
    reports = daemon.reports()
    before = daemon.rss_bytes()
    with terminals(daemon, connections, frames_per_s, seconds, nth) as running:
        connected = running.result()
        assert connected["authenticated"] == connections, connected
        what = f"{connections:,} terminals, {frames_per_s:,} frames/s"
        if asked:
            time.sleep(SETTLED_S)
            idle_kb = (daemon.rss_bytes() - before) / connections / 1024
            report.add(f"{connections:,} terminals: connected and authenticated in", connected["connect_s"], "s")
            report.add("memory of the daemon per idle connection", idle_kb, "KiB")
        cpu_s = daemon.cpu_s()
        running.go()
        load = running.result()
        cpu_s = daemon.cpu_s() - cpu_s
        frames = round(load["sent"] + WARM_S * frames_per_s)
        began_s = time.monotonic()
        daemon.wait_for_reports(round(reports) + frames, 120.0)
        behind_s = time.monotonic() - began_s
    report.add(f"{what}: answered", load["answered_per_s"], "frames/s", "≥ 30,000" if asked else "")
    report.add(f"{what}: reply, median", load["p50_s"] * 1000, "ms")
    report.add(f"{what}: reply, 99 of 100", load["p99_s"] * 1000, "ms", "< 300" if asked else "")
    report.add(f"{what}: reply, slowest", load["most_s"] * 1000, "ms")
    report.add(f"{what}: rules and store done after the last reply", behind_s, "s")
    report.add(f"{what}: unanswered or lost connections", load["sent"] - load["answered"] + load["lost"], "")
    # The warm-up is in the daemon's time and not in the simulator's, so the daemon's is told per frame of both.
    report.add(f"{what}: daemon", 1e6 * cpu_s / frames, "CPU-µs/frame")
    report.add(f"{what}: simulator", 1e6 * load["cpu_s"] / load["sent"], "CPU-µs/frame")
    daemon_cpu_s = cpu_s * load["sent"] / frames
    report.add(f"{what}: limit", limit_of(load, daemon_cpu_s, seconds, frames_per_s), "")


def main() -> None:
    connections = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    report = Report("JT/T 808 server")
    with tempfile.TemporaryDirectory(prefix="bench-jt808-server-", dir=Path.cwd()) as name:
        daemon = TerminalDaemon(Path(name), 0)
        try:
            daemon.start()
            # First the pace that is asked for, while no connection has left anything behind in memory.
            paces = (ASKED_FRAMES_PER_S, ASKED_FRAMES_PER_S // 2, 2 * ASKED_FRAMES_PER_S)
            for nth, frames_per_s in enumerate(paces):
                run_at(report, daemon, connections, frames_per_s, seconds, nth)
        finally:
            daemon.kill()
    report.note("Replies go out after the journal's fsync; rules, SQLite and the web process run meanwhile.")
    report.note("Simulator and daemon share the machine's cores; a third of the frames have the header of 2019.")
    report.close("jt808_server")


if __name__ == "__main__":
    main()
