"""Kill the daemon at random moments and compare, or soak it.

python -m tests.chaos [--kills 200] [--seed 1]
python -m tests.chaos --soak-s 3600 [--rate 5000] [--vehicles 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from pathlib import Path

from monitor.model.beijing import day_of
from tests.chaos.killing import compared, run
from tests.chaos.soak import soak
from tests.chaos.stream import stream

FLEET = 48
DAYS = 3
_SHOWN = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--most-s", type=float, default=math.inf, help="no more kills after so many seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--soak-s", type=float, default=0.0, help="soak for so long instead")
    parser.add_argument("--rate", type=float, default=5_000.0, help="reports per second of the soak")
    parser.add_argument("--vehicles", type=int, default=0, help=f"{FLEET}, or 20,000 for the soak")
    parser.add_argument("--folder", type=Path, help="keep everything there instead of a temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vdm-chaos-") as name:
        folder = asked.folder or Path(name)
        if asked.soak_s:
            return 0 if asyncio.run(soak(asked.soak_s, asked.rate, asked.vehicles or 20_000, folder)) else 1
        return asyncio.run(_kill(asked.kills, asked.most_s, asked.seed, asked.vehicles or FLEET, folder))


async def _kill(kills: int, most_s: float, seed: int, vehicles: int, folder: Path) -> int:
    made = stream(vehicles, DAYS, kills + max(kills // 10, 10), int(day_of(time.time_ns() // 1_000_000)), seed)
    print(f"{len(made.batch):,} reports of {vehicles} vehicles over {DAYS} days, seed {seed}", flush=True)
    outcomes = []
    for name, n in (("undisturbed", 0), ("killed", kills)):
        (folder / name).mkdir(parents=True)
        began_s = time.monotonic()
        print(f"{name}:", flush=True)
        outcomes.append(await run(made, folder / name, n, seed, lambda line: print(f"  {line}", flush=True), most_s))
        for line in (*outcomes[-1].lines, f"{time.monotonic() - began_s:.0f} s"):
            print(f"  {line}", flush=True)
    wrong = compared(outcomes[1], outcomes[0])
    for line in wrong[:_SHOWN]:
        print(line)
    print(f"{len(wrong)} differences" if wrong else "nothing lost, nothing doubled, nothing different")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
