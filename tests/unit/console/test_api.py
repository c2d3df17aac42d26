"""The REST API over a small store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from monitor.console.api import create_api
from monitor.model.alarm import (
    ALARM_COLUMNS,
    Alarm,
    AlarmChange,
    AlarmState,
    Certainty,
    EndReason,
    Grade,
    Subject,
    Transition,
    alarm_id,
)
from monitor.model.beijing import parse_iso
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.supervision import SupervisionEntry
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database, open_database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade

NOW_MS = parse_iso("2026-03-02T12:00:00+08:00")
TOKEN = "a-token-of-some-length"


class Client:
    """Asks the application without a server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.request("get", path, headers)

    def request(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


def _alarm(rule: str, vehicle_id: str, onset: str, grade: Grade, enterprise_id: str = "E1") -> Alarm:
    onset_ms = parse_iso(onset)
    return Alarm(
        alarm_id=alarm_id(Subject.VEHICLE, vehicle_id, rule, "", onset_ms),
        subject=Subject.VEHICLE,
        rule=rule,
        kind="",
        grade=grade,
        certainty=Certainty.CERTAIN,
        state=AlarmState.ACTIVE,
        vehicle_id=vehicle_id,
        plate=f"测{vehicle_id}",
        vehicle_class="hazmat",
        enterprise_id=enterprise_id,
        driver_id="",
        onset_ms=onset_ms,
    )


FAST = _alarm("speeding", "A1", "2026-03-02T08:00:00+08:00", Grade.MAJOR)
GAP = _alarm("track_gap", "A2", "2026-03-02T09:00:00+08:00", Grade.NOTICE, "E2")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("store")
    url = f"sqlite:///{folder / 'monitor.db'}"
    upgrade(url)
    found = open_database(url)
    vehicles = tuple(
        Vehicle(key, f"测{key}", vehicle_class=VehicleClass.HAZMAT, enterprise_id=enterprise, enterprise_name=name)
        for key, enterprise, name in (("A1", "E1", "甲公司"), ("A2", "E2", "乙公司"))
    )
    import_registry(found, RegistryFile(vehicles, (), 2), date(2026, 1, 1))
    over = replace(FAST, state=AlarmState.CLEARED, end_ms=FAST.onset_ms + 60_000, end_reason=EndReason.CONDITION_OVER)
    step = CommittedStep(
        1,
        changes=(
            AlarmChange(FAST, Transition.RAISED, 1, NOW_MS),
            AlarmChange(GAP, Transition.RAISED, 1, NOW_MS),
            AlarmChange(over, Transition.CLEARED, 2, NOW_MS + 1000),
        ),
        indicators=(
            Indicator(Scope.ENTERPRISE, "E1", Period.DAY, date(2026, 3, 2), vehicles_joined=4, vehicles_online=3),
            Indicator(Scope.VEHICLE, "A1", Period.DAY, date(2026, 3, 2), reports_total=10, reports_qualified=9),
        ),
        supervision=(SupervisionEntry("vehicle", "A1", NOW_MS, "rule", "reason", (FAST.alarm_id,), {"n": 1.0}),),
    )
    AlarmStore(found, lambda: NOW_MS).commit(step)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(database: Database) -> Client:
    return Client(create_api(database))


FILTERS: tuple[tuple[str, list[str]], ...] = (
    ("", ["track_gap", "speeding"]),
    ("rule=speeding", ["speeding"]),
    ("rule=speeding&rule=track_gap", ["track_gap", "speeding"]),
    ("grade=notice", ["track_gap"]),
    ("state=cleared", ["speeding"]),
    ("vehicle_id=A2", ["track_gap"]),
    ("enterprise_id=E1", ["speeding"]),
    ("from=2026-03-02T08:30:00%2B08:00", ["track_gap"]),
    ("to=2026-03-02T08:30:00+08:00", ["speeding"]),
    ("limit=1&offset=1", ["speeding"]),
)


@pytest.mark.parametrize(("query", "rules"), FILTERS, ids=[row[0] or "everything" for row in FILTERS])
def test_alarms_are_filtered_and_the_newest_comes_first(client: Client, query: str, rules: list[str]) -> None:
    answer = client.get(f"/api/v1/alarms?{query}").json()
    assert [alarm["rule"] for alarm in answer["alarms"]] == rules


def test_an_alarm_has_the_columns_of_the_interface(client: Client) -> None:
    (alarm,) = client.get("/api/v1/alarms?rule=speeding").json()["alarms"]
    assert tuple(alarm)[: len(ALARM_COLUMNS)] == ALARM_COLUMNS
    assert alarm["onset"] == "2026-03-02T08:00:00+08:00"
    assert alarm["end_reason"] == "condition_over"


def test_an_alarm_comes_with_its_log(client: Client) -> None:
    found = client.get(f"/api/v1/alarms/{FAST.alarm_id}").json()
    assert found["alarm"]["state"] == "cleared"
    assert [change["transition"] for change in found["changes"]] == ["raised", "cleared"]
    assert found["changes"][0]["record"]["state"] == "active"


def test_vehicles_enterprises_indicators_and_supervision_answer(client: Client) -> None:
    assert client.get("/api/v1/vehicles?text=a2").json()["vehicles"][0]["plate"] == "测A2"
    found = client.get("/api/v1/enterprises").json()["enterprises"]
    assert [one["enterprise_name"] for one in found] == ["甲公司", "乙公司"]
    summary = client.get("/api/v1/enterprises/E1/summary").json()
    assert summary["listed_vehicles"] == ["A1"]
    assert summary["day"]["rates"]["online_rate"] == 0.75
    assert client.get("/api/v1/enterprises/E2/summary").json()["active_alarms"]["notice"] == 1
    (row,) = client.get("/api/v1/indicators?scope=vehicle").json()["indicators"]
    assert row["rates"]["conformity_rate"] == 0.9
    (entry,) = client.get("/api/v1/supervision?object_type=vehicle").json()["entries"]
    assert entry["alarm_ids"] == [FAST.alarm_id]


PROBLEMS: tuple[tuple[str, str, int, str], ...] = (
    ("get", "/api/v1/alarms/none", 404, "There is no alarm none."),
    ("get", "/api/v1/enterprises/none/summary", 404, "There is no enterprise none."),
    ("get", "/api/v2", 404, "There is nothing at /api/v2"),
    ("get", "/api/v1/alarms?grade=huge", 422, "'huge' is none of notice, general, major, serious"),
    ("get", "/api/v1/alarms?from=soon", 422, "'soon' is no time like"),
    ("get", "/api/v1/alarms?limit=0", 422, "parameter limit"),
    ("get", "/api/v1/alarms?offset=99999999999999999999", 422, "parameter offset"),
    ("get", "/api/v1/alarms?state=odd", 422, "parameter"),
    ("post", "/api/v1/alarms", 405, "read-only"),
)


@pytest.mark.parametrize(("method", "path", "status", "message"), PROBLEMS, ids=[row[1] for row in PROBLEMS])
def test_an_error_is_json_with_a_sentence(client: Client, method: str, path: str, status: int, message: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert answer.json()["error"]


def test_a_token_is_asked_for_where_one_is_set(database: Database) -> None:
    client = Client(create_api(database, TOKEN))
    assert client.get("/api/v1/alarms").status_code == 401
    assert client.get("/api/v1/alarms", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/healthz").status_code == 200  # all it says is that we live
    assert client.get("/api/v1/alarms", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_without_tables_it_says_what_to_do(tmp_path: Path) -> None:
    empty = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    answer = Client(create_api(empty)).get("/api/v1/alarms")
    empty.close()
    assert answer.status_code == 503
    assert "monitor db upgrade" in answer.json()["message"]


def test_the_document_and_its_page_need_nothing_from_elsewhere(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert "/api/v1/alarms" in document["paths"]
    page = client.get("/docs").text
    assert "/api/v1/supervision" in page
    assert "http://" not in page
    assert "https://" not in page
