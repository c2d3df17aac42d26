"""Orders the whole way: REST, command channel, store, server, a simulated terminal over TCP, and back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest

from monitor.app.command_channel import CommandClient, CommandServer
from monitor.app.config import MonitorConfig
from monitor.app.terminals import Terminals
from monitor.app.wall_clock import now_ms
from monitor.codec.jt808 import Version
from monitor.console.api import create_api
from monitor.model.downlink import DownlinkState
from monitor.model.fleet import PlateColor, Registry, Vehicle
from monitor.model.report import empty_rows
from monitor.sources.intake import Intake
from monitor.store.database import Database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry, load_registry
from simulators.jt808 import orders
from simulators.jt808.identity import TerminalIdentity
from simulators.jt808.terminal import SimulatedTerminal

pytestmark = pytest.mark.integration

PHONES = {Version.V2011: "13900002011", Version.V2013: "13900002013", Version.V2019: "13900002019"}
STRANGER = "4f07788ef87d"
JSON = dict[str, object]


async def _acknowledge(intake: Intake, /) -> None:
    intake.ack()


def _vehicles() -> tuple[Vehicle, ...]:
    return tuple(
        Vehicle(f"V{version.value}", f"测A{version.value}", PlateColor.YELLOW, terminal_phone=phone)
        for version, phone in PHONES.items()
    )


@dataclass
class Daemon:
    """Core and web in one event loop, with a real socket between them."""

    terminals: Terminals
    web: httpx.AsyncClient

    async def terminal(self, version: Version, phone: str = "") -> SimulatedTerminal:
        """One that has registered and authenticated, as orders need it."""
        identity = TerminalIdentity(phone or PHONES[version], version, plate=f"测A{version.value}")
        found = SimulatedTerminal(identity, port=self.terminals.servers[0].port)
        await found.connect()
        assert await found.register() == 0
        assert await found.authenticate() == 0
        return found

    async def order(self, **wish: object) -> JSON:
        answer = await self.web.post("/api/v1/downlinks", json=wish)
        assert answer.status_code == 202, answer.text
        found: JSON = answer.json()
        return found

    async def becomes(self, order: JSON, state: DownlinkState) -> JSON:
        async with asyncio.timeout(20):
            while True:
                found: JSON = (await self.web.get(f"/api/v1/downlinks/{order['downlink_id']}")).json()
                if found["state"] == state:
                    return found
                assert not DownlinkState(str(found["state"])).final, found
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(database: Database, folder: Path, *, fast: bool = False) -> AsyncIterator[Daemon]:
    server: JSON = {"name": "terminals", "port": 0}
    downlinks: JSON = {"sweep_s": 0.1}
    if fast:
        server |= {"answer_timeout_s": 0.05, "retries": 1}
        downlinks |= {"answer_timeout_s": 1.0}
    config = MonitorConfig.model_validate({"jt808": [server], "downlinks": downlinks})
    registry: Registry = await asyncio.to_thread(load_registry, database)
    terminals = Terminals(config, folder / "jt808.key", database, lambda: registry, _acknowledge, now_ms)
    await terminals.open()
    channel = CommandServer(folder, terminals.handlers())
    tasks = [
        asyncio.create_task(work)
        for work in (channel.run(), *(one.run() for one in terminals.servers), *(task for _, task in terminals.tasks()))
    ]
    try:
        async with asyncio.timeout(120):  # the first server compiles
            await channel.ready.wait()
            while not all(one.connected for one in terminals.servers):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.01)
        api = create_api(database, commands=CommandClient(folder))
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as web:
            yield Daemon(terminals, web)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def daemon(database: Database, tmp_path: Path) -> AsyncIterator[Daemon]:
    await asyncio.to_thread(import_registry, database, RegistryFile(_vehicles(), (), 3), date(2026, 1, 1))
    async with running(database, tmp_path) as found:
        yield found


@pytest.mark.parametrize("version", Version)
async def test_a_text_reaches_the_driver_and_is_confirmed(daemon: Daemon, version: Version) -> None:
    order = await daemon.order(kind="text", vehicle_id=f"V{version.value}", text="前方大雾，请减速")
    assert order["state"] == "queued"
    terminal = await daemon.terminal(version)
    done = await daemon.becomes(order, DownlinkState.CONFIRMED)
    assert terminal.texts == ["前方大雾，请减速"]
    assert done["answer"] == {"result": "done"}
    assert done["requested_by"] == "local 127.0.0.1"
    await terminal.close()


@pytest.mark.parametrize("version", Version)
async def test_limits_are_set_in_the_widths_of_the_standard_and_read_back(daemon: Daemon, version: Version) -> None:
    terminal = await daemon.terminal(version)
    wanted = {"0x0055": 80, "0x0056": 5, "0x0057": 14_400, "0x0059": 1_200, "0x005B": 30, "0x005C": 900}
    order = await daemon.order(kind="parameters", phone=PHONES[version], parameters=wanted)
    await daemon.becomes(order, DownlinkState.CONFIRMED)
    assert terminal.parameters[0x0055] == (80).to_bytes(4, "big")
    assert terminal.parameters[0x005B] == (30).to_bytes(2, "big")
    asked = await daemon.order(kind="query_parameters", phone=PHONES[version], ids=list(wanted))
    assert (await daemon.becomes(asked, DownlinkState.CONFIRMED))["answer"] == {"result": "done", "parameters": wanted}
    everything = await daemon.order(kind="query_parameters", phone=PHONES[version])
    answer = (await daemon.becomes(everything, DownlinkState.CONFIRMED))["answer"]
    assert isinstance(answer, dict)
    assert answer["parameters"]["0x0029"] == 30
    await terminal.close()


@pytest.mark.parametrize("version", Version)
async def test_a_terminal_tells_where_it_is(daemon: Daemon, version: Version) -> None:
    terminal = await daemon.terminal(version)
    rows = empty_rows(1)
    rows["fix_ms"], rows["lon_deg"], rows["lat_deg"] = now_ms() // 1000 * 1000, 103.5, 36.1
    rows["speed_dkmh"], rows["status"], rows["flags"] = 555, 3, 7
    await terminal.report(rows)
    order = await daemon.order(kind="position", vehicle_id=f"V{version.value}")
    answer = (await daemon.becomes(order, DownlinkState.CONFIRMED))["answer"]
    assert isinstance(answer, dict)
    assert (answer["report"]["lon"], answer["report"]["lat"], answer["report"]["speed_kmh"]) == (103.5, 36.1, 55.5)
    await terminal.close()


async def test_a_terminal_that_refuses_and_one_that_is_silent(database: Database, tmp_path: Path) -> None:
    await asyncio.to_thread(import_registry, database, RegistryFile(_vehicles(), (), 3), date(2026, 1, 1))
    async with running(database, tmp_path, fast=True) as daemon:
        terminal = await daemon.terminal(Version.V2013)
        terminal.order_results[orders.TEXT] = orders.UNSUPPORTED
        order = await daemon.order(kind="text", vehicle_id="V2013", text="停车")
        assert (await daemon.becomes(order, DownlinkState.REFUSED))["answer"] == {"result": "unsupported"}
        terminal.order_results[orders.TEXT] = orders.SILENT
        order = await daemon.order(kind="text", vehicle_id="V2013", text="停车")
        assert (await daemon.becomes(order, DownlinkState.UNANSWERED))["answer"] is None
        await terminal.close()


async def test_orders_survive_a_restart_and_a_terminal_that_is_away(database: Database, tmp_path: Path) -> None:
    await asyncio.to_thread(import_registry, database, RegistryFile(_vehicles(), (), 3), date(2026, 1, 1))
    async with running(database, tmp_path) as daemon:
        terminal = await daemon.terminal(Version.V2013)
        terminal.order_results |= {orders.TEXT: orders.SILENT}
        text = await daemon.order(kind="text", vehicle_id="V2013", text="停车")
        await terminal.order(orders.TEXT)
        where = await daemon.order(kind="position", vehicle_id="V2013")
        later = await daemon.order(kind="text", vehicle_id="V2019", text="休息")
        code = terminal.identity.auth_code
        terminal.cut()
    async with running(database, tmp_path) as daemon:
        await daemon.becomes(text, DownlinkState.UNANSWERED)
        identity = TerminalIdentity(PHONES[Version.V2013], auth_code=code)
        terminal = SimulatedTerminal(identity, port=daemon.terminals.servers[0].port)
        terminal.order_results |= {orders.QUERY_POSITION: orders.FAILED}
        await terminal.connect()
        assert await terminal.authenticate() == 0
        await daemon.becomes(where, DownlinkState.REFUSED)
        assert [one.msg_id for one in terminal.orders] == [orders.QUERY_POSITION]
        other = await daemon.terminal(Version.V2019)
        await daemon.becomes(later, DownlinkState.CONFIRMED)
        await terminal.close()
        await other.close()


async def test_what_waits_is_cancelled_and_reaches_nobody(daemon: Daemon) -> None:
    order = await daemon.order(kind="text", vehicle_id="V2013", text="停车", downlink_id="mine")
    assert (await daemon.web.delete("/api/v1/downlinks/mine")).json()["state"] == "cancelled"
    terminal = await daemon.terminal(Version.V2013)
    again = await daemon.order(kind="position", phone=PHONES[Version.V2013])
    await terminal.order(orders.QUERY_POSITION)
    assert terminal.texts == []
    assert (await daemon.web.delete("/api/v1/downlinks/mine")).status_code == 409
    await daemon.becomes(order, DownlinkState.CANCELLED)
    await daemon.becomes(again, DownlinkState.REFUSED)
    await terminal.close()


async def test_terminals_are_listed_with_strangers_and_whether_they_are_online(daemon: Daemon) -> None:
    terminal = await daemon.terminal(Version.V2013)
    stranger = await daemon.terminal(Version.V2019, STRANGER)
    answer = (await daemon.web.get("/api/v1/terminals?online=true")).json()
    assert answer["online_by"] == "core"
    assert [(row["phone"], row["registered"], row["vehicle_id"]) for row in answer["terminals"]] == [
        (PHONES[Version.V2013], True, "V2013"),
        (STRANGER, False, None),
    ]
    await stranger.close()
    async with asyncio.timeout(10):
        while (await daemon.web.get(f"/api/v1/terminals/{STRANGER}")).json()["online"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await terminal.close()
