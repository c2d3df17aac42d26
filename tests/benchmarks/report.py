"""What a benchmark measured: rows of figures, each beside the figure asked for, printed and kept for the page.

Timing decides no test. A ratio is taken within one run; a rate is the best of several, because the machine is shared.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from monitor.model.beijing import BEIJING

FOLDER_VARIABLE = "VDM_BENCH_ROWS"
"""Folder in which a module started by ``python -m tests.benchmarks`` leaves its rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``target`` is what was asked for, in the same unit; "" where nothing was."""

    axis: str
    value: str
    unit: str
    target: str = ""


class Report:
    """Rows of one module, printed as they come."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.notes: list[str] = []
        self.rows: list[Row] = []
        print(title, flush=True)

    def add(self, axis: str, value: float | str, unit: str, target: str = "") -> None:
        """One figure; a number is given three significant digits."""
        row = Row(axis, value if isinstance(value, str) else digits(value), unit, target)
        self.rows.append(row)
        asked = f"   (asked: {target})" if target else ""
        print(f"  {axis:<78} {row.value:>10} {unit}{asked}", flush=True)

    def note(self, sentence: str) -> None:
        """What a reader has to know about the figures, or why some are missing."""
        self.notes.append(sentence)
        print(f"  {sentence}", flush=True)

    def close(self, name: str) -> None:
        """Keep the rows for the page, when somebody collects them."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder:
            kept = {"title": self.title, "notes": self.notes, "rows": [asdict(row) for row in self.rows]}
            (Path(folder) / f"{name}.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")


def digits(value: float) -> str:
    """Three significant digits, thousands separated."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def best_cpu_s(repeats: int, run: Callable[[], object]) -> float:
    """Least CPU time of several runs, seconds: what others do on the machine does not count."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        run()
        best = min(best, time.process_time() - began)
    return best


def best_wall_s(repeats: int, run: Callable[[], object]) -> float:
    """Shortest of several runs, seconds."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best


def machine() -> str:
    """Processor, cores and versions, on one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = named[0] if named else model
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, CPython {platform.python_version()}, "
        f"Numba {version('numba')}, NumPy {version('numpy')}"
    )


def page(collected: list[dict[str, object]]) -> str:
    """``docs/performance.md`` of what all modules kept."""
    lines = [
        "# Performance",
        "",
        "Written by `python -m tests.benchmarks`; `make bench` prints the same figures. Timing decides no test. Ratios",
        "come from one run, rates are the best of several runs, and the machine was shared with other work.",
        "",
        f"- machine: {machine()}",
        f"- date: {datetime.now(BEIJING).date().isoformat()}",
        "",
    ]
    for module in collected:
        lines += [f"## {module['title']}", ""]
        rows = module["rows"]
        if isinstance(rows, list) and rows:
            lines += ["| | measured | unit | asked for |", "|---|---:|---|---|"]
            lines += [f"| {row['axis']} | {row['value']} | {row['unit']} | {row['target']} |" for row in rows]
            lines.append("")
        notes = module["notes"]
        if isinstance(notes, list) and notes:
            lines += [*(f"- {note}" for note in notes), ""]
    return "\n".join(lines)
