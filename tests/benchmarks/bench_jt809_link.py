"""Positions over one JT/T 809 link into the daemon as it runs: journal with fsync, all rules, SQLite.

Axes: edition; at the pace that is asked (50,000/s) and as fast as the link takes them. The lower platform is another
process; CPU time is that of all processes of the daemon.

    python -m tests.benchmarks.bench_jt809_link [SECONDS]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.bench_pipeline import BenchDaemon
from tests.benchmarks.report import Report
from tests.integration.brokers import free_port

ASKED_PER_S = 50_000
SECONDS = 15.0
VEHICLES = 20_000
MOST_PER_S = 150_000
"""How many positions there are for each second of the run that goes as fast as it can."""
PASSWORD = "bench"
ACCESS_CODE, USER_ID = 620_724, 1001


@dataclass(slots=True)
class LinkDaemon(BenchDaemon):
    """The daemon as the upper platform of one link."""

    version: int = 2019
    link_port: int = field(default_factory=free_port)

    def launch(self) -> None:
        config = self.folder / "monitor.toml"
        config.write_text(
            f'state_folder = "{self.state}"\nlang = "en"\n'
            f'[[jt809]]\nname = "lower"\nrole = "upper"\nversion = {self.version}\nport = {self.link_port}\n'
            f'access_code = {ACCESS_CODE}\nuser_id = {USER_ID}\npassword = "{PASSWORD}"\nsub_link = false\n'
            f"[http]\nport = {self.http_port}\n[metrics]\nport = {self.metrics_port}\n",
            "utf-8",
        )
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config", str(config)]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)

    def reports(self) -> float:
        """Reports that went through the rules so far."""
        return sum(value for name, value in self.metrics().items() if name[0] == "vdm_reports_total")


def send(daemon: LinkDaemon, per_s: int, seconds: float, nth: int) -> dict[str, float]:
    """Run the lower platform; what it has to say.

    ``per_s`` 0: as fast as they are taken. Each run (``nth``) has vehicles of its own.
    """
    arguments = {
        "port": daemon.link_port,
        "version": daemon.version,
        "access-code": ACCESS_CODE,
        "user-id": USER_ID,
        "vehicles": VEHICLES,
        "per-s": per_s,
        "at-most-per-s": MOST_PER_S,
        "seconds": seconds,
        "first-vehicle": nth * VEHICLES,
    }
    command = [sys.executable, "-m", "simulators.jt809.load"]
    command += [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(
        command, env={**os.environ, "VDM_JT809_PASSWORD": PASSWORD}, stdout=subprocess.PIPE, text=True, check=True
    )
    said: dict[str, float] = json.loads(done.stdout)
    assert said["login"] == 0, said
    return said


def limit_of(said: dict[str, float], per_s: int, cpu_s: float, took_s: float, late_s: float) -> str:
    """Which side kept the other waiting."""
    if per_s and said["sent"] / said["seconds"] > 0.98 * per_s and late_s < 1.0:
        return "neither: the pace was kept"
    if (cpu_s + said["cpu_s"]) / took_s > 0.95 * (os.cpu_count() or 1):
        return "machine: all cores used by both"
    return "lower platform: it has more to do" if said["cpu_s"] > cpu_s else "daemon: it has more to do"


def run_at(report: Report, daemon: LinkDaemon, per_s: int, seconds: float, nth: int) -> None:
    before, cpu_s = round(daemon.reports()), daemon.cpu_s()
    said = send(daemon, per_s, seconds, nth)
    ended_s = time.monotonic()
    daemon.wait_for_reports(before + round(said["sent"]), 180.0)
    late_s = time.monotonic() - ended_s
    cpu_s = daemon.cpu_s() - cpu_s
    took_s = said["seconds"] + late_s
    what = f"{daemon.version}, {per_s:,} positions/s" if per_s else f"{daemon.version}, as fast as they are taken"
    report.add(f"{what}: through rules and store", said["sent"] / took_s, "positions/s", "≥ 50,000")
    report.add(f"{what}: last one done after the last was sent", late_s, "s")
    report.add(f"{what}: daemon", 1e6 * cpu_s / said["sent"], "CPU-µs/position")
    report.add(f"{what}: lower platform", 1e6 * said["cpu_s"] / said["sent"], "CPU-µs/position")
    report.add(f"{what}: limit", limit_of(said, per_s, cpu_s, took_s, late_s), "")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    report = Report("JT/T 809 link")
    for version in (2019, 2011):
        with tempfile.TemporaryDirectory(prefix="bench-jt809-link-", dir=Path.cwd()) as name:
            daemon = LinkDaemon(Path(name), 0, version=version)
            try:
                daemon.start()
                send(daemon, ASKED_PER_S, 1.0, 0)  # everything compiled
                run_at(report, daemon, ASKED_PER_S, seconds, 1)
                run_at(report, daemon, 0, seconds, 2)
            finally:
                daemon.kill()
    report.note("Positions of 20,000 vehicles, one 0x1202 each; they are not answered, so what counts is the store.")
    report.close("jt809_link")


if __name__ == "__main__":
    main()
