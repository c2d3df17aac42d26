"""Raw load: a lower platform that logs in and sends made-up positions, at a pace or as fast as they are taken.

    python -m simulators.jt809.load --port 6809 --access-code 620724 --user-id 1001 --per-s 50000 --seconds 20

prints one JSON object. The password is in ``VDM_JT809_PASSWORD``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass

import numpy as np
import uvloop

from monitor.codec.jt809 import Version
from monitor.model.exchange import Channel
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows, empty_rows
from simulators.jt809.lower import SimulatedLower
from simulators.jt809.settings import PlatformSettings
from simulators.target import PASSWORD_VARIABLE


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """``per_s`` 0: as fast as the other side takes them, ``seconds`` times ``at_most_per_s`` in all."""

    host: str = "127.0.0.1"
    port: int = 6809
    version: int = 2019
    access_code: int = 620_724
    user_id: int = 1001
    vehicles: int = 20_000
    first_vehicle: int = 0  # its number; runs of other vehicles do not make each other's positions old
    per_s: int = 50_000
    at_most_per_s: int = 50_000
    seconds: float = 20.0
    interval_ms: int = 1_000
    until_ms: int = 0  # last fix; 0 = now


@dataclass(frozen=True, slots=True)
class LoadResult:
    login: int
    sent: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0


def load_rows(plan: LoadPlan) -> ReportRows:
    """Each vehicle in turn, ``interval_ms`` between two fixes of one, at 60 km/h and more or less."""
    n = round(plan.seconds * (plan.per_s or plan.at_most_per_s))
    until_ms = plan.until_ms or time.time_ns() // 1_000_000
    turn = np.arange(n) // plan.vehicles
    rows = empty_rows(n)
    rows["key"] = np.arange(n) % plan.vehicles
    rows["fix_ms"] = (until_ms - (turn[-1] - turn) * plan.interval_ms) // 1_000 * 1_000 if n else 0
    rows["lat_deg"] = 38.0 + rows["key"] % 1_000 * 0.002 + turn * plan.interval_ms * 1.5e-7
    rows["lon_deg"] = 99.0 + rows["key"] // 1_000 * 0.02
    rows["speed_dkmh"], rows["recorder_speed_dkmh"] = 600, 600
    rows["mileage_m"] = 100_000_000 + turn * 17_000
    rows["heading_deg"], rows["altitude_m"] = 0, 1_350
    rows["status"], rows["alarm_flags"] = 0x000C0003, 0
    rows["flags"] = int(ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON)
    return rows


async def run(plan: LoadPlan) -> LoadResult:
    """Log in, send, log out."""
    rows = load_rows(plan)
    plates = [f"测L{plan.first_vehicle + number:06d}" for number in range(plan.vehicles)]
    colors = [2] * plan.vehicles
    settings = PlatformSettings(
        version=Version(plan.version),
        access_code=plan.access_code,
        user_id=plan.user_id,
        password=os.environ.get(PASSWORD_VARIABLE, ""),
        host=plan.host,
        port=plan.port,
        sub_link=False,
        timeout_s=60.0,
    )
    async with SimulatedLower(settings) as lower:
        result = await lower.connect()
        if result:
            return LoadResult(result)
        await lower.until_up(Channel.MAIN)
        cpu_s, began_s = time.process_time(), time.perf_counter()
        sent = await lower.send_positions(rows, plates, colors, per_s=plan.per_s)
        taken = LoadResult(result, sent, time.perf_counter() - began_s, time.process_time() - cpu_s)
        await lower.log_out()
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in asdict(LoadPlan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    print(json.dumps(asdict(uvloop.run(run(LoadPlan(**vars(parser.parse_args())))))), flush=True)


if __name__ == "__main__":
    main()
