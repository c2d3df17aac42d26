"""``monitor replay`` of a recorded track as a person starts it, against reading the same file by the csv module.

Axis: command line. Wall time of a process of its own, start of the interpreter included, after one run that compiles.

    python -m tests.benchmarks.bench_replay
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.bench_files import RECORDED, csv_module
from tests.benchmarks.report import Report, best_wall_s

MONITOR = Path(sys.executable).with_name("monitor")
WATCHED = ("numba", "pydantic", "pyarrow", "rich.console", "typer", "openpyxl", "sqlalchemy", "httpx")
"""Packages whose share of the start is worth knowing; those that a replay does not load are told."""


def run(*arguments: str) -> None:
    subprocess.run([MONITOR, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def import_times_s(*arguments: str) -> dict[str, float]:
    """Seconds each module took to import, with what it imports, by ``python -X importtime``."""
    command = [sys.executable, "-X", "importtime", str(MONITOR), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)$", done.stderr, re.MULTILINE)
    return {name: int(us) / 1e6 for us, name in lines}


def main() -> None:
    report = Report("Replay")
    report.add("monitor version: the least a command takes", best_wall_s(5, lambda: run("version")), "s")
    if not RECORDED.is_file():
        report.note(f"{RECORDED.name} is not on this machine: its replay was left out.")
    else:
        run("replay", str(RECORDED))
        ours, theirs = (
            best_wall_s(5, lambda: run("replay", str(RECORDED))),
            best_wall_s(5, lambda: csv_module(RECORDED)),
        )
        report.add(f"monitor replay {RECORDED.name}, 574,153 rows", ours, "s", "≤ 3")
        report.add("csv.reader over lzma.open of the same file", theirs, "s")
        report.add("replay to csv module", ours / theirs, "times", "≤ 3")
        took = import_times_s("replay", str(RECORDED))
        loaded = ", ".join(f"{name} {took[name] * 1000:.0f} ms" for name in WATCHED if name in took)
        absent = ", ".join(name for name in WATCHED if name not in took)
        report.note(f"Of the start: {loaded}. Not loaded: {absent}.")
    report.close("replay")


if __name__ == "__main__":
    main()
