"""Run every benchmark, one after the other, and write ``docs/performance.md``.

    python -m tests.benchmarks [NAME...]

With names (``engine replay``) only those run, and the page is left alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.report import FOLDER_VARIABLE, page

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "performance.md"
ORDER = ("engine", "jt808", "journal", "files", "replay", "mqtt_source", "pipeline")


def main() -> int:
    wanted = sys.argv[1:]
    found = {path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py")}
    names = [name for name in (*ORDER, *sorted(found - set(ORDER))) if name in found and (not wanted or name in wanted)]
    collected: list[dict[str, object]] = []
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            # Each in a process of its own: what one leaves in memory does not slow the next.
            command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
            done = subprocess.run(command, env={**os.environ, FOLDER_VARIABLE: folder}, check=False)
            kept = Path(folder) / f"{name}.json"
            if done.returncode or not kept.is_file():
                print(f"bench_{name} ended with status {done.returncode} and left no figures", file=sys.stderr)
                failed = True
                continue
            collected.append(json.loads(kept.read_text("utf-8")))
    if not wanted:
        PAGE.write_text(page(collected), encoding="utf-8")
        print(f"written: {PAGE.relative_to(HERE.parents[1])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
