"""The REST API about other platforms: reads the store, tells the core."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from monitor.console.api import create_api
from monitor.console.commands import Command, Reply
from monitor.console.exchange import add_exchange
from monitor.console.exchange_words import ExchangeCommand
from monitor.errors import CommandError
from monitor.model.beijing import MINUTE_MS, iso
from monitor.model.exchange import (
    AlarmResult,
    Channel,
    Inquiry,
    LinkEvent,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    SupervisionRequest,
)
from monitor.model.waybill import Load, Waybill
from monitor.store.waybill_store import upsert_waybills
from tests.unit.app.exchange_kit import NOON_MS, Kit, exchange_kit

SOON = iso(NOON_MS + 60 * MINUTE_MS)


class Core:
    """Carries commands to the kit's handlers, as the channel does."""

    def __init__(self, kit: Kit) -> None:
        self._handlers = kit.commands.handlers()

    async def send(self, command: Command) -> Reply:
        return await self._handlers[command.name](command)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    folder: Path = tmp_path_factory.mktemp("exchange")
    with exchange_kit(folder) as made:
        asyncio.run(_fill(made))
        yield made


async def _fill(kit: Kit) -> None:
    await kit.desk.take(
        "city",
        [
            LinkEvent("city", Channel.MAIN, True, NOON_MS),
            LinkEvent("city", Channel.SUB, False, NOON_MS + 1_000, "peer closed"),
            Inquiry(77, "值班负责人是谁？", NOON_MS, answer_minutes=5),
            PlatformText(5, "请核对车辆档案", NOON_MS),
            SupervisionRequest(
                NOON_MS, NOON_MS + MINUTE_MS, 3, "李科长", NOON_MS, plate="甘G20002", plate_color=2, supervision_id=9
            ),
        ],
    )
    await kit.desk.take(
        "gaotai",
        [
            ReportedAlarm(1, NOON_MS, NOON_MS, 0x1402, "超速", "甘G20002", 2, info_id=4),
            AlarmResult(1, NOON_MS + 1_000, info_id=4),
            RegisteredVehicle("甘G12345", 2, NOON_MS, phone="0140"),
        ],
    )
    with kit.database.write() as connection:
        upsert_waybills(kit.database, connection, [Waybill("T1", NOON_MS, "CARGO_NAME:=汽油", "汽油", Load.LOADED)])


@pytest.fixture(scope="module")
def api(kit: Kit) -> FastAPI:
    made = create_api(kit.database, commands=Core(kit))
    if not any(getattr(route, "path", "") == "/api/v1/links" for route in made.routes):
        add_exchange(made, kit.database, Core(kit))
    return made


def _ask(api: FastAPI, method: str, path: str, body: object = None) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, f"/api/v1{path}", json=body)

    return asyncio.run(ask())


def test_links_stand_as_their_channels_do(api: FastAPI) -> None:
    (link,) = _ask(api, "GET", "/links").json()["links"]
    assert (link["link"], link["role"], link["platform"], link["up"]) == ("city", "lower", "city-bureau", True)
    assert [(one["channel"], one["up"], one["reason"]) for one in link["channels"]] == [
        ("main", True, ""),
        ("sub", False, "peer closed"),
    ]
    events = _ask(api, "GET", f"/links/city/events?to={iso(NOON_MS + 500)}").json()["events"]
    assert [(one["channel"], one["at"]) for one in events] == [("main", iso(NOON_MS))]


READS = [
    ("/inquiries?state=open", "inquiries", {"question": "值班负责人是谁？", "state": "open", "in_time": False}),
    ("/inquiries?direction=received&link=city", "inquiries", {"deadline": iso(NOON_MS + 5 * MINUTE_MS)}),
    ("/platform-texts", "texts", {"text": "请核对车辆档案", "direction": "received", "received_at": None}),
    ("/supervision-orders?state=open", "orders", {"level": 3, "vehicle_id": "T1", "result": None}),
    ("/platform-alarms?vehicle_id=T1", "alarms", {"msg_type": "0x1402", "result": "done", "content": "超速"}),
    ("/waybills?vehicle_id=T1", "waybills", {"cargo": "汽油", "load": "loaded"}),
    ("/vehicle-conflicts?link=gaotai", "conflicts", {"field": "terminal_phone", "stated": "140", "kept": "139"}),
]


@pytest.mark.parametrize(("path", "name", "facts"), READS, ids=[row[0] for row in READS])
def test_what_platforms_said_can_be_read(api: FastAPI, path: str, name: str, facts: dict[str, object]) -> None:
    answer = _ask(api, "GET", path).json()
    (row,) = answer[name]
    assert answer["total"] == 1
    assert {key: row[key] for key in facts} == facts


EMPTY = [
    "/inquiries?direction=sent",
    "/supervision-orders?link=x",
    "/platform-alarms?plate=x",
    "/waybills?vehicle_id=x",
]


@pytest.mark.parametrize("path", EMPTY)
def test_filters_leave_out_what_does_not_fit(api: FastAPI, path: str) -> None:
    assert _ask(api, "GET", path).json()["total"] == 0


def test_what_people_write_goes_through_the_core(api: FastAPI, kit: Kit) -> None:
    alarm = kit.raise_alarm()
    posts = [
        ("/inquiries", {"link": "gaotai", "question": "在吗？", "minutes": 3}),
        ("/platform-texts", {"link": "gaotai", "text": "通知"}),
        (
            "/supervision-orders",
            {"alarm_id": alarm.alarm_id, "deadline": SOON, "supervisor": "张科长", "level": "urgent"},
        ),
        ("/links/gaotai/outages", {"from": iso(NOON_MS + 1_000), "to": SOON, "cause": "carrier", "reason": "割接"}),
    ]
    for path, body in posts:
        answer = _ask(api, "POST", path, body)
        assert answer.status_code == 201, answer.text
    assert _ask(api, "GET", "/links/gaotai/outages").json()["outages"][0]["from"] == iso(NOON_MS + 1_000)
    order = _ask(api, "GET", f"/supervision-orders?alarm_id={alarm.alarm_id}").json()["orders"][0]
    assert (order["direction"], order["level"], order["warn_at"]) == ("sent", "urgent", iso(alarm.onset_ms))
    answered = _ask(api, "POST", "/supervision-orders/1/answer", {"result": "in_progress", "content": "已通知"})
    assert (answered.status_code, _ask(api, "GET", "/supervision-orders/1").json()["result"]) == (200, "in_progress")
    assert _ask(api, "POST", "/inquiries/1/answer", {"answer": "张三在岗"}).status_code == 200
    assert _ask(api, "GET", "/inquiries/1").json()["state"] == "answered"


REFUSED = [
    ("GET", "/links/nowhere/events", None, 404),
    ("GET", "/inquiries/999", None, 404),
    ("GET", "/supervision-orders/999", None, 404),
    ("GET", "/inquiries/99999999999999999999999", None, 422),
    ("GET", "/platform-alarms?from=yesterday", None, 422),
    ("POST", "/inquiries", {"link": "nowhere", "question": "?"}, 404),
    ("POST", "/inquiries", {"link": "city", "question": "?"}, 422),
    ("POST", "/inquiries", {"link": "gaotai"}, 422),
    ("POST", "/inquiries", {"link": "gaotai", "question": "?", "nonsense": 1}, 422),
    ("POST", "/supervision-orders/999/answer", {"result": "done"}, 404),
    ("POST", "/supervision-orders/1/answer", {"result": "perhaps"}, 422),
    ("POST", "/links/gaotai/outages", {"from": "x", "to": SOON, "cause": "own"}, 422),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), REFUSED, ids=[f"{row[0]} {row[1]}" for row in REFUSED])
def test_errors_are_a_word_and_a_sentence(api: FastAPI, method: str, path: str, body: object, status: int) -> None:
    answer = _ask(api, method, path, body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "message"}


def test_every_command_has_a_handler(kit: Kit) -> None:
    assert set(kit.commands.handlers()) == {name.value for name in ExchangeCommand}


def test_a_core_that_is_away_is_a_503(kit: Kit) -> None:
    class Away:
        async def send(self, command: Command) -> Reply:
            raise CommandError(status=503, reason="core_unavailable", message="The core does not answer.")

    made = create_api(kit.database, commands=Away())
    if not any(getattr(route, "path", "") == "/api/v1/links" for route in made.routes):
        add_exchange(made, kit.database, Away())
    assert _ask(made, "POST", "/platform-texts", {"link": "gaotai", "text": "x"}).status_code == 503
