"""Two real daemons as lower and upper platform over JT/T 809: what a terminal sends to the lower goes the whole way.

Positions, an alarm, a supervision order and its answer, an inquiry and its answer; and what was stored while the link
was down comes as backfill.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest

from monitor.codec.jt808.header import Version
from monitor.model.beijing import iso
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.model.journal import RecordType
from monitor.model.report import ReportRows, empty_rows
from monitor.store.journal import Journal
from simulators.jt808.identity import TerminalIdentity
from simulators.jt808.terminal import SimulatedTerminal
from tests.integration.brokers import free_port
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PHONE = "13900000001"
TRUCK = Vehicle(
    "T1",
    plate="测A12345",
    plate_color=PlateColor.YELLOW,
    vehicle_class=VehicleClass.HEAVY_TRUCK,
    enterprise_id="E1",
    enterprise_name="测试运输公司",
    region="620724",
    terminal_phone=PHONE,
    platform="county",
)
STEP_S = 10
FAST = (60, *[115] * 15, *[60] * 6)
"""Speeds in km/h of a truck that may go 80 to 100: fast for 140 s."""


@dataclass(slots=True)
class Pair:
    upper: DaemonProcess
    lower: DaemonProcess
    terminal_port: int


@pytest.fixture(params=["2011", "2019"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    version, main, sub, terminals = str(request.param), free_port(), free_port(), free_port()
    common = (
        f'version = "{version}"\naccess_code = 62072401\nuser_id = 1001\npassword = "secret12"\n'
        f"port = {main}\nbackoff_first_s = 0.1\nbackoff_most_s = 0.5\n"
        'encrypt = true\ncipher = { m1 = "30000000", ia1 = "20000000", ic1 = "20000000" }\n'
    )
    upper = DaemonProcess(
        tmp_path / "upper",
        tables=f'[[jt809]]\nname = "from_county"\nrole = "upper"\nplatform = "county"\n'
        f'platform_id = "62072400001"\n{common}',
    )
    lower = DaemonProcess(
        tmp_path / "lower",
        tables=f'[[jt809]]\nname = "to_city"\nrole = "lower"\nplatform_id = "62072400001"\ndown_link_port = {sub}\n'
        f"{common}"
        f'[[jt808]]\nname = "terminals"\nport = {terminals}\n'
        '[[exchange.forward]]\nlink = "to_city"\npace_s = 0.1\nlive_s = 1\nstart = "oldest"\n'
        '[[sinks.jt809]]\nname = "city_alarms"\nlink = "to_city"\n',
    )
    try:
        for process in (upper, lower):
            process.folder.mkdir()
            process.register((TRUCK,), date(2025, 1, 1))
        upper.start()
        lower.start()
        yield Pair(upper, lower, terminals)
    finally:
        lower.kill()
        upper.kill()


@pytest.fixture
async def truck(pair: Pair) -> AsyncIterator[SimulatedTerminal]:
    identity = TerminalIdentity(PHONE, Version.V2013, plate=TRUCK.plate, plate_color=TRUCK.plate_color)
    terminal = SimulatedTerminal(identity, port=pair.terminal_port)
    await terminal.connect()
    assert await terminal.register() == 0
    assert await terminal.authenticate() == 0
    yield terminal
    await terminal.close()


async def test_positions_an_alarm_an_order_and_its_answer_go_the_whole_way(
    pair: Pair, truck: SimulatedTerminal
) -> None:
    upper, lower = pair.upper, pair.lower
    await _until(lambda: _links_up(upper) and _links_up(lower), "both channels")
    rows = _drive(int(time.time()) - STEP_S * len(FAST))
    assert set(await truck.report(rows)) == {0}

    # Positions: the upper platform detects on its own.
    await _until(lambda: _alarms(upper, "speeding"), "the upper's own alarm")
    (theirs,), (ours,) = _alarms(upper, "speeding"), _alarms(lower, "speeding")
    assert theirs["vehicle_id"] == ours["vehicle_id"] == "T1"
    assert (theirs["onset"], theirs["peak"], theirs["n_reports"]) == (ours["onset"], ours["peak"], ours["n_reports"])

    # The lower's alarm.
    await _until(lambda: _rows(upper, "platform-alarms", "alarms"), "the reported alarm")
    reported = _rows(upper, "platform-alarms", "alarms")[0]
    assert (reported["plate"], reported["vehicle_id"], reported["warn_type"]) == (TRUCK.plate, "T1", 1)

    # A supervision order, and its answer.
    deadline = iso(time.time_ns() // 1_000_000 + 3_600_000)
    order = {"alarm_id": theirs["alarm_id"], "deadline": deadline, "supervisor": "王督办", "level": "urgent"}
    given = _post(upper, "supervision-orders", order)
    await _until(lambda: _rows(lower, "supervision-orders", "orders"), "the order")
    received = _rows(lower, "supervision-orders", "orders")[0]
    assert (received["direction"], received["state"], received["level"]) == ("received", "open", "urgent")
    assert received["alarm_id"] == ours["alarm_id"]
    assert received["supervisor"] == "王督办"
    _post(lower, f"supervision-orders/{received['order_id']}/answer", {"result": "done", "content": "已处理"})
    await _until(lambda: _one(upper, f"supervision-orders/{given['id']}")["state"] == "answered", "the answer")
    assert _one(upper, f"supervision-orders/{given['id']}")["result"] == "done"

    # An inquiry, and its answer.
    asked = _post(upper, "inquiries", {"link": "from_county", "question": "请回复值班人员姓名", "minutes": 5})
    await _until(lambda: _rows(lower, "inquiries", "inquiries"), "the inquiry")
    inquiry = _rows(lower, "inquiries", "inquiries")[0]
    assert inquiry["question"] == "请回复值班人员姓名"
    _post(lower, f"inquiries/{inquiry['inquiry_id']}/answer", {"answer": "张值班", "responder": "张三"})
    await _until(lambda: _one(upper, f"inquiries/{asked['id']}")["state"] == "answered", "the answer to the inquiry")
    assert _one(upper, f"inquiries/{asked['id']}")["answer"] == "张值班"


async def test_what_came_while_the_link_was_down_follows_as_backfill(pair: Pair, truck: SimulatedTerminal) -> None:
    upper, lower = pair.upper, pair.lower
    await _until(lambda: _links_up(upper), "both channels")
    first_s = int(time.time()) - 280
    rows = _drive(first_s, [60] * 28)
    assert set(await truck.report(rows[:10])) == {0}
    await asyncio.to_thread(upper.wait_for, ("vdm_reports_received_total", "from_county"), 10)
    upper.kill()
    await _until(lambda: not any(link["up"] for link in _rows(lower, "links", "links")), "the link is down")
    assert set(await truck.report(rows[10:20])) == {0}
    await asyncio.to_thread(upper.start)
    await _until(lambda: _links_up(upper), "both channels again")
    assert set(await truck.report(rows[20:])) == {0}
    await asyncio.to_thread(upper.wait_for, ("vdm_reports_total", "accepted"), 18)
    assert any(not event["up"] for event in _rows(lower, "links/to_city/events", "events"))
    assert await asyncio.to_thread(upper.stop) == 0
    found = _journalled(upper)
    assert sorted(found) == (rows["fix_ms"] // 1000).tolist()
    assert {fix_s for fix_s, flags in found.items() if flags & ReportFlag.BACKFILL} >= {
        int(ms) // 1000 for ms in rows["fix_ms"][10:20]
    }


def _drive(first_s: int, speeds: Any = FAST) -> ReportRows:
    """A straight drive east, one report every ``STEP_S``."""
    rows = empty_rows(len(speeds))
    metres = np.cumsum([0.0, *[speed / 3.6 * STEP_S for speed in speeds[1:]]])
    rows["fix_ms"] = (first_s + STEP_S * np.arange(len(speeds))) * 1000
    rows["lon_deg"] = 100.5 + metres / 86_400.0
    rows["lat_deg"] = 39.0
    rows["speed_dkmh"] = [speed * 10 for speed in speeds]
    rows["heading_deg"] = 90
    rows["altitude_m"] = 1_500
    rows["flags"] = int(ReportFlag.POSITIONED | ReportFlag.ACC_ON | ReportFlag.ACC_KNOWN)
    return rows


def _journalled(daemon: DaemonProcess) -> dict[int, int]:
    """Fix times (s) in the journal of a daemon that has stopped, with the flags of the report."""
    journal = Journal(daemon.state / "journal")
    try:
        found = [record.batch for record in journal.read(0) if record.type is RecordType.REPORTS]
    finally:
        journal.close()
    return {int(row["fix_ms"]) // 1000: int(row["flags"]) for batch in found if batch is not None for row in batch.rows}


def _links_up(daemon: DaemonProcess) -> bool:
    return any(
        link["up"] and all(channel["up"] for channel in link["channels"]) and len(link["channels"]) == 2
        for link in _rows(daemon, "links", "links")
    )


def _alarms(daemon: DaemonProcess, rule: str) -> list[dict[str, Any]]:
    return [alarm for alarm in daemon.alarms() if alarm["rule"] == rule]


def _one(daemon: DaemonProcess, path: str) -> dict[str, Any]:
    return cast(dict[str, Any], httpx.get(f"{daemon.api}/{path}", trust_env=False).raise_for_status().json())


def _rows(daemon: DaemonProcess, path: str, key: str) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], _one(daemon, path)[key])


def _post(daemon: DaemonProcess, path: str, body: dict[str, object]) -> dict[str, Any]:
    answer = httpx.post(f"{daemon.api}/{path}", json=body, trust_env=False)
    assert answer.is_success, answer.text
    return cast(dict[str, Any], answer.json())


async def _until(there: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            while not await asyncio.to_thread(there):  # noqa: ASYNC110  another process
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"it did not come: {what}") from None
