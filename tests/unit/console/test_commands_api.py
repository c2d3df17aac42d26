"""Terminals and orders to them over REST: who may see what, who may command, and what is written down."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from monitor.console.api import create_api
from monitor.console.commands import Command, Reply, reply
from monitor.console.downlink_request import ADD, CANCEL, ONLINE, DownlinkRef, DownlinkRequest, OnlineQuestion, Phones
from monitor.console.http_settings import HttpSettings
from monitor.errors import CommandError, ConfigError
from monitor.model.beijing import parse_iso
from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.model.fleet import Vehicle
from monitor.model.terminal import Terminal
from monitor.store.database import Database, open_database
from monitor.store.downlink_store import DownlinkStore
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from monitor.store.terminal_store import TerminalStore
from tests.unit.console.api_client import ApiClient

NOW_MS = parse_iso("2026-03-02T12:00:00+08:00")
KNOWN = Terminal(
    "13912345678",
    version=2019,
    last_seen_ms=NOW_MS,
    plate="甘A12345",
    driver_licence="620100199001011234",
    last_fix_ms=NOW_MS,
    lon_deg=103.5,
    lat_deg=36.0,
)
QUIET = Terminal("13912345679", last_seen_ms=NOW_MS - 3_600_000)
STRANGER = Terminal("4f07788ef87d", last_seen_ms=NOW_MS)
ORDER = Downlink(
    "o1",
    KNOWN.phone,
    "V1",
    DownlinkKind.TEXT,
    '{"text":"停车","urgent":false}',
    DownlinkState.CONFIRMED,
    "rule:speeding",
    NOW_MS,
    NOW_MS + 60_000,
    "a1",
    NOW_MS,
    NOW_MS + 1_000,
    '{"result":"done"}',
)
TOKEN, ADMIN = "a-token-for-readers", "a-token-for-administrators"
WISH = {"kind": "text", "vehicle_id": "V1", "text": "停车"}


@dataclass
class Core:
    """A core that remembers what it was asked."""

    online: frozenset[str] = frozenset({KNOWN.phone, STRANGER.phone})
    down: bool = False
    asked: list[Command] = field(default_factory=list)

    async def send(self, command: Command) -> Reply:
        if self.down:
            raise CommandError(status=503, reason="core_unavailable", message="The core is not running.")
        self.asked.append(command)
        if command.name == ONLINE:
            phones = command.read(OnlineQuestion).phones
            return reply(Phones(tuple(self.online if phones is None else self.online & frozenset(phones))))
        if command.name == ADD:
            wanted = command.read(DownlinkRequest)
            return reply(replace(ORDER, downlink_id=wanted.downlink_id or "new", requested_by=command.by, answer=""))
        assert command.name == CANCEL
        if command.read(DownlinkRef).downlink_id == "o1":
            raise CommandError(status=409, reason="not_queued", message="Order o1 is confirmed.")
        return reply(replace(ORDER, state=DownlinkState.CANCELLED))

    def commands(self) -> list[Command]:
        return [command for command in self.asked if command.name != ONLINE]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("store")
    url = f"sqlite:///{folder / 'monitor.db'}"
    upgrade(url)
    found = open_database(url)
    rows = (
        Vehicle("V1", "甘A12345", terminal_phone=KNOWN.phone, enterprise_id="E1"),
        Vehicle("V2", terminal_phone=QUIET.phone),
    )
    import_registry(found, RegistryFile(rows, (), 2), date(2026, 1, 1))
    TerminalStore(found).save((KNOWN, QUIET, STRANGER))
    store = DownlinkStore(found)
    for order in (ORDER, replace(ORDER, downlink_id="o2", phone=STRANGER.phone, kind=DownlinkKind.POSITION, body="{}")):
        store.insert(order, most_open=9)
    yield found
    found.close()


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def local(database: Database, core: Core) -> ApiClient:
    """Loopback, no tokens."""
    return ApiClient(create_api(database, commands=core))


@pytest.fixture
def guarded(database: Database, core: Core) -> ApiClient:
    """Both tokens, reachable from elsewhere."""
    return ApiClient(create_api(database, TOKEN, core, admin_token=ADMIN, loopback=False), "http://monitor:8080")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _phones(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["phone"] for row in answer.json()["terminals"]]


def test_a_terminal_is_shown_with_its_vehicle_and_whether_it_is_online(local: ApiClient) -> None:
    answer = local.get("/api/v1/terminals").json()
    assert (answer["total"], answer["online_by"]) == (3, "core")
    first, second, third = answer["terminals"]
    assert (first["phone"], first["online"], first["vehicle_id"], first["vehicle_plate"]) == (
        KNOWN.phone,
        True,
        "V1",
        "甘A12345",
    )
    assert (first["lon"], first["last_fix_at"]) == (103.5, "2026-03-02T12:00:00+08:00")
    assert (second["online"], second["lon"], second["registered_at"]) == (False, None, None)
    assert (third["phone"], third["registered"], third["vehicle_id"]) == (STRANGER.phone, False, None)
    one = local.get("/api/v1/terminals/013912345678").json()
    assert one == first


FILTERS = (
    ("online=true", [KNOWN.phone, STRANGER.phone]),
    ("online=false", [QUIET.phone]),
    ("registered=true", [KNOWN.phone, QUIET.phone]),
    ("registered=false", [STRANGER.phone]),
    ("text=a123", [KNOWN.phone]),
    ("online=true&registered=true", [KNOWN.phone]),
    ("limit=1&offset=1", [QUIET.phone]),
)


@pytest.mark.parametrize(("query", "phones"), FILTERS, ids=[row[0] for row in FILTERS])
@pytest.mark.parametrize("down", [False, True], ids=["core", "by last contact"])
def test_terminals_are_filtered_with_the_core_or_without(
    local: ApiClient, core: Core, query: str, phones: list[str], down: bool
) -> None:
    core.down = down
    answer = local.get(f"/api/v1/terminals?{query}")
    assert _phones(answer) == phones
    assert answer.json()["online_by"] == ("last_seen" if down else "core")


def test_strangers_and_licences_are_for_administrators(guarded: ApiClient) -> None:
    assert _phones(guarded.get("/api/v1/terminals", _bearer(TOKEN))) == [KNOWN.phone, QUIET.phone]
    assert _phones(guarded.get("/api/v1/terminals?online=true", _bearer(TOKEN))) == [KNOWN.phone]
    assert len(_phones(guarded.get("/api/v1/terminals", _bearer(ADMIN)))) == 3
    assert guarded.get("/api/v1/terminals?registered=false", _bearer(TOKEN)).status_code == 403
    assert guarded.get(f"/api/v1/terminals/{STRANGER.phone}", _bearer(TOKEN)).status_code == 404
    assert guarded.get(f"/api/v1/terminals/{STRANGER.phone}", _bearer(ADMIN)).status_code == 200
    path = f"/api/v1/terminals/{KNOWN.phone}"
    assert guarded.get(path, _bearer(TOKEN)).json()["driver_licence"] is None
    assert guarded.get(path, _bearer(ADMIN)).json()["driver_licence"] == KNOWN.driver_licence


def test_orders_to_strangers_are_for_administrators(guarded: ApiClient) -> None:
    def ids(token: str) -> list[str]:
        return [row["downlink_id"] for row in guarded.get("/api/v1/downlinks", _bearer(token)).json()["downlinks"]]

    assert ids(TOKEN) == ["o1"]
    assert ids(ADMIN) == ["o1", "o2"]
    assert guarded.get("/api/v1/downlinks/o2", _bearer(TOKEN)).status_code == 404
    assert guarded.get("/api/v1/downlinks/o2", _bearer(ADMIN)).status_code == 200


def test_an_order_is_shown_with_what_became_of_it(local: ApiClient) -> None:
    found = local.get("/api/v1/downlinks/o1").json()
    assert found["body"] == {"text": "停车", "urgent": False}
    assert found["answer"] == {"result": "done"}
    assert (found["alarm_id"], found["queued_at"], found["answered_at"]) == (
        "a1",
        "2026-03-02T12:00:00+08:00",
        "2026-03-02T12:00:01+08:00",
    )


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("phone=013912345678", ["o1"]),
        ("vehicle_id=V2", []),
        ("kind=position", ["o2"]),
        ("state=confirmed&state=queued&kind=text", ["o1"]),
        ("alarm_id=a1&limit=1", ["o1"]),
        ("from=2026-03-02T12:00:01%2B08:00", []),
        ("to=2026-03-02T12:00:01+08:00&offset=1", ["o2"]),
    ],
)
def test_orders_are_filtered(local: ApiClient, query: str, ids: list[str]) -> None:
    answer = local.get(f"/api/v1/downlinks?{query}")
    assert [row["downlink_id"] for row in answer.json()["downlinks"]] == ids


def test_an_order_goes_to_the_core_with_who_gave_it(
    local: ApiClient, core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "monitor.audit")
    answer = local.post("/api/v1/downlinks", {**WISH, "downlink_id": "mine", "phone": ""})
    assert answer.status_code == 202
    assert answer.json()["downlink_id"] == "mine"
    (command,) = core.commands()
    assert command.by == "local 127.0.0.1"
    assert command.read(DownlinkRequest) == DownlinkRequest(
        DownlinkKind.TEXT, vehicle_id="V1", text="停车", downlink_id="mine"
    )
    (line,) = caplog.messages
    assert line.startswith("local 127.0.0.1: downlinks.add {")
    assert "停车" in line
    assert line.endswith("done")


def test_an_order_is_cancelled_through_the_core_and_its_refusal_comes_back(local: ApiClient, core: Core) -> None:
    assert local.ask("DELETE", "/api/v1/downlinks/new").json()["state"] == "cancelled"
    answer = local.ask("DELETE", "/api/v1/downlinks/o1")
    assert (answer.status_code, answer.json()["error"]) == (409, "not_queued")
    core.down = True
    answer = local.post("/api/v1/downlinks", WISH)
    assert (answer.status_code, answer.json()["error"]) == (503, "core_unavailable")


def test_without_a_way_to_the_core_every_command_is_refused(database: Database) -> None:
    answer = ApiClient(create_api(database)).post("/api/v1/downlinks", WISH)
    assert (answer.status_code, answer.json()["error"]) == (503, "core_unavailable")


WRONG: tuple[tuple[str, object], ...] = (
    ("an unknown field", {**WISH, "colour": "red"}),
    ("an unknown kind", {**WISH, "kind": "reboot"}),
    ("no kind", {"vehicle_id": "V1"}),
    ("a text that is a number", {**WISH, "text": 5}),
    ("a parameter that is no whole number", {"kind": "parameters", "parameters": {"0x0055": 80.5}}),
    ("a parameter as text", {"kind": "parameters", "parameters": {"0x0055": "80"}}),
    ("a phone that is none", {**WISH, "vehicle_id": "", "phone": "12 34"}),
    ("an alarm of one's own choice", {**WISH, "alarm_id": "a1"}),
    ("no object", [1]),
)


@pytest.mark.parametrize("body", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_body_that_is_wrong_never_reaches_the_core(local: ApiClient, core: Core, body: object) -> None:
    answer = local.post("/api/v1/downlinks", body)
    assert (answer.status_code, answer.json()["error"]) == (422, "wrong_parameter")
    assert core.commands() == []


def test_only_json_is_taken(local: ApiClient, core: Core) -> None:
    answer = local.ask("POST", "/api/v1/downlinks", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (415, "json_needed")
    answer = local.ask("POST", "/api/v1/downlinks", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    answer = local.ask(
        "POST", "/api/v1/downlinks", content=b" " * 16_000_000, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "too_long")
    assert core.commands() == []


FOREIGN: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("a page of another site", "http://127.0.0.1:8080", {"Origin": "https://evil.example"}),
    ("a page of another port", "http://127.0.0.1:8080", {"Origin": "http://127.0.0.1:9000"}),
    ("a page without a site", "http://127.0.0.1:8080", {"Origin": "null"}),
    ("a name that leads here", "http://evil.example:8080", {"Origin": "http://evil.example:8080"}),
    ("a name without a page", "http://evil.example:8080", {}),
    ("what the browser calls cross-site", "http://127.0.0.1:8080", {"Sec-Fetch-Site": "cross-site"}),
)


@pytest.mark.parametrize(("base", "headers"), [row[1:] for row in FOREIGN], ids=[row[0] for row in FOREIGN])
def test_a_page_of_another_site_cannot_command_vehicles(
    database: Database, core: Core, base: str, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    client = ApiClient(create_api(database, commands=core), base)
    answer = client.post("/api/v1/downlinks", WISH, headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "foreign_page")
    assert client.ask("DELETE", "/api/v1/downlinks/o1", headers=headers).status_code == 403
    assert STRANGER.phone not in client.get("/api/v1/terminals", headers).text
    assert core.commands() == []
    assert caplog.messages[0] == "local 127.0.0.1: POST '/api/v1/downlinks' refused: 403 foreign_page"


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_our_own_page_can(database: Database, core: Core, host: str) -> None:
    client = ApiClient(create_api(database, commands=core), f"http://{host}")
    headers = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/downlinks", WISH, headers).status_code == 202


TOKENS: tuple[tuple[str, dict[str, str], int, str], ...] = (
    ("none", {}, 401, "token_needed"),
    ("a wrong one", _bearer("wrong"), 401, "token_needed"),
    ("the reader's", _bearer(TOKEN), 403, "administrators_only"),
    ("the administrator's", _bearer(ADMIN), 202, ""),
)


@pytest.mark.parametrize(("headers", "status", "word"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_with_an_administrators_token_commands_need_it(
    guarded: ApiClient, core: Core, headers: dict[str, str], status: int, word: str
) -> None:
    answer = guarded.post("/api/v1/downlinks", WISH, headers)
    assert answer.status_code == status
    if word:
        assert answer.json()["error"] == word
        assert core.commands() == []
    else:
        assert core.commands()[0].by == "administrator 127.0.0.1"


def test_an_administrators_token_alone_leaves_reading_open_and_guards_commands(database: Database, core: Core) -> None:
    client = ApiClient(create_api(database, commands=core, admin_token=ADMIN))
    assert len(_phones(client.get("/api/v1/terminals"))) == 2
    answer = client.post("/api/v1/downlinks", WISH)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert client.post("/api/v1/downlinks", WISH, _bearer(ADMIN)).status_code == 202


def test_beyond_loopback_there_are_no_commands_without_an_administrators_token(database: Database, core: Core) -> None:
    client = ApiClient(create_api(database, TOKEN, core, loopback=False), "http://monitor:8080")
    answer = client.post("/api/v1/downlinks", WISH, _bearer(TOKEN))
    assert (answer.status_code, answer.json()["error"]) == (403, "administrators_only")
    assert core.commands() == []


def test_what_cannot_be_changed_is_read_only_for_everybody(local: ApiClient, core: Core) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert local.ask(method, "/api/v1/terminals").status_code == 405
    assert local.ask("POST", "/nowhere").status_code == 404
    assert core.asked == []


def test_the_document_names_the_commands(local: ApiClient) -> None:
    paths = local.get("/openapi.json").json()["paths"]
    assert {"get", "post"} <= set(paths["/api/v1/downlinks"])
    assert "delete" in paths["/api/v1/downlinks/{downlink_id}"]
    assert "/api/v1/downlinks" in local.get("/docs").text


def test_the_administrators_token_is_kept_like_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HttpSettings().admin_secret("http") is None
    assert HttpSettings.model_validate({"admin_token": "x"}).admin_secret("http") == "x"
    file = tmp_path / "token"
    file.write_text(f"{ADMIN}\n")
    assert HttpSettings(admin_token_file=file).admin_secret("http") == ADMIN
    monkeypatch.setenv("MONITOR_TEST_TOKEN", ADMIN)
    assert HttpSettings(admin_token_env="MONITOR_TEST_TOKEN").admin_secret("http") == ADMIN


SETTINGS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("an empty one", {"admin_token": ""}, "admin_token: is empty"),
    ("the reader's", {"token": TOKEN, "admin_token": TOKEN}, "is the same as token"),
    ("short, beyond loopback", {"host": "0.0.0.0", "token": TOKEN, "admin_token": "x"}, "at least 16 characters"),
    ("no such variable", {"admin_token_env": "MONITOR_TEST_NONE"}, "MONITOR_TEST_NONE is not set"),
)


@pytest.mark.parametrize(("settings", "sentence"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS])
def test_an_administrators_token_that_guards_nothing_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        HttpSettings.model_validate(settings).admin_secret("http")
