"""Silences and dead letters over REST, with the desk of the core behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from monitor.app.delivery_desk import DeliveryDesk
from monitor.app.silence_book import SilenceBook
from monitor.console.api import create_api
from monitor.console.commands import Command, Reply
from monitor.model.beijing import iso
from monitor.model.outbox import Cause
from monitor.model.push import PushKind, PushMessage
from monitor.store.database import Database, open_database
from monitor.store.outbox import Outbox
from monitor.store.outbox_writer import OutboxRow, append_outbox
from monitor.store.schema import upgrade
from tests.unit.console.api_client import ApiClient

NOW_MS = 1_772_424_000_000
UNTIL = iso(NOW_MS + 3_600_000)
WHO = {"author": "队长"}


class DeskCommands:
    """The desk as the web process sees it."""

    def __init__(self, desk: DeliveryDesk) -> None:
        self._desk = desk

    async def send(self, command: Command) -> Reply:
        return await self._desk.handlers()[command.name](command)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    upgrade(url)
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def woken() -> list[int]:
    return []


@pytest.fixture
def api(database: Database, woken: list[int]) -> ApiClient:
    book = SilenceBook(database, lambda: NOW_MS)
    desk = DeliveryDesk(database, book, ("desk", "bureau"), ("speeding",), lambda: NOW_MS, lambda: woken.append(1))
    return ApiClient(create_api(database, commands=DeskCommands(desk)))


@pytest.fixture
def letters(database: Database) -> tuple[int, ...]:
    """Three dead letters: two of the desk, one of a receiver that is no more."""
    outbox = Outbox(database)
    with database.write() as connection:
        message = PushMessage(PushKind.ALARM, "a", "alarms/E1/V1", '{"rule":"speeding"}', 3)
        append_outbox(database, connection, [OutboxRow(message, 1, NOW_MS)] * 2)
    for sink, n in (("desk", 2), ("gone", 1)):
        for row in outbox.read(sink)[:n]:
            outbox.bury(sink, row, Cause.REFUSED, "answered 410 Gone", NOW_MS)
    return (1, 2, 3)


def test_a_silence_is_added_listed_and_ended(api: ApiClient, woken: list[int]) -> None:
    new = {**WHO, "reason": "检修", "until": UNTIL, "vehicle_id": "V1", "grade": "major"}
    assert api.post("/api/v1/silences", new).json() == {"silence_id": 1}
    (one,) = api.get("/api/v1/silences").json()["silences"]
    assert (one["author"], one["reason"], one["ends_at"], one["grade"]) == ("队长", "检修", UNTIL, "major")
    assert (one["vehicle_id"], one["rule"], one["expired_by"]) == ("V1", None, None)
    assert api.get(f"/api/v1/silences?ends_after={iso(NOW_MS)}").json()["total"] == 1
    assert api.post("/api/v1/silences/1/expire", {"author": "值班员"}).status_code == 200
    assert woken == [1]
    assert api.post("/api/v1/silences/1/expire", {"author": "值班员"}).status_code == 404
    assert api.get("/api/v1/silences").json()["silences"][0]["expired_by"] == "值班员"
    assert api.get(f"/api/v1/silences?ends_after={iso(NOW_MS)}").json()["total"] == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        pytest.param({"author": " "}, "author", id="nobody"),
        pytest.param({"reason": ""}, "reason", id="no reason"),
        pytest.param({"until": iso(NOW_MS)}, "until has to be in the future", id="over already"),
        pytest.param({"until": iso(NOW_MS + 93 * 86_400_000)}, "at most 92 days", id="a silence for good"),
        pytest.param({"until": "tomorrow"}, "is no time like", id="no time"),
        pytest.param({"rule": ""}, "would silence everything", id="everything"),
        pytest.param({"rule": "overspeed"}, "is none of speeding", id="no such rule"),
        pytest.param({"sink": "x"}, "is none of bureau, desk", id="no such receiver"),
        pytest.param({"grade": "high"}, "is none of notice", id="no such grade"),
        pytest.param({"vehicle_class": "lorry"}, "is none of tour_coach", id="no such class"),
        pytest.param({"plate": "甘A"}, "plate", id="no such matcher"),
    ],
)
def test_a_silence_that_says_too_little_or_too_much_is_refused(
    api: ApiClient, changed: dict[str, str], sentence: str
) -> None:
    new = {**WHO, "reason": "检修", "until": UNTIL, "rule": "speeding", **changed}
    answer = api.post("/api/v1/silences", new)
    assert (answer.status_code, answer.json()["error"]) == (422, "wrong_parameter")
    assert sentence in answer.json()["message"]
    assert api.get("/api/v1/silences").json()["total"] == 0


def test_dead_letters_are_listed_read_sent_again_and_discarded(
    api: ApiClient, database: Database, letters: tuple[int, ...], woken: list[int]
) -> None:
    listed = api.get("/api/v1/deadletters?sink=desk&state=waiting").json()
    assert (listed["total"], [one["letter_id"] for one in listed["letters"]]) == (2, [2, 1])
    whole = api.get("/api/v1/deadletters/1").json()
    assert (whole["type"], whole["id"], whole["sequence"], whole["data"]) == ("alarm", "a", 3, {"rule": "speeding"})
    assert (whole["reason"], whole["attempts"], whole["state"]) == ("answered 410 Gone", 1, "waiting")
    assert api.post("/api/v1/deadletters/resend", {**WHO, "ids": [1]}).json() == {"letters": 1}
    assert woken == [1]
    (row,) = Outbox(database).read("desk")
    assert (row.message.idempotency_key, row.direct) == ("a/3", True)
    assert api.post("/api/v1/deadletters/discard", {**WHO, "sink": "desk", "note": "过时"}).json() == {"letters": 1}
    done = api.get("/api/v1/deadletters/2").json()
    assert (done["state"], done["decided_by"], done["note"]) == ("discarded", "队长", "过时")


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        pytest.param("resend", {"ids": [9]}, 404, "There is no dead letter 9", id="no such letter"),
        pytest.param("resend", {"ids": [3]}, 409, "There is no sink gone", id="a receiver that is no more"),
        pytest.param("resend", {"ids": [1], "sink": "desk"}, 422, "either", id="two ways to choose"),
        pytest.param("resend", {}, 422, "either", id="nothing chosen"),
        pytest.param("resend", {"sink": "x"}, 404, "There is no sink x", id="no such receiver"),
        pytest.param("discard", {"ids": [1]}, 422, "note has to be a text", id="discarded without a reason"),
    ],
)
def test_a_decision_that_cannot_be_carried_out_says_why(
    api: ApiClient, letters: tuple[int, ...], path: str, body: dict[str, object], status: int, sentence: str
) -> None:
    answer = api.post(f"/api/v1/deadletters/{path}", {**WHO, **body})
    assert answer.status_code == status
    assert sentence in answer.json()["message"]
    assert api.get("/api/v1/deadletters?state=waiting").json()["total"] == 3


def test_what_has_been_decided_is_not_decided_again(api: ApiClient, letters: tuple[int, ...]) -> None:
    api.post("/api/v1/deadletters/resend", {**WHO, "ids": [1]})
    answer = api.post("/api/v1/deadletters/resend", {**WHO, "ids": [1]})
    assert (answer.status_code, answer.json()["error"]) == (409, "decided")
    assert api.get("/api/v1/deadletters/77").status_code == 404


async def test_commands_of_two_people_do_not_mix(database: Database) -> None:
    book = SilenceBook(database, lambda: NOW_MS)
    desk = DeliveryDesk(database, book, ("desk",), ("speeding",), lambda: NOW_MS, lambda: None)
    body = b'{"author":"a","reason":"r","ends_ms":%d,"rule":"speeding"}' % (NOW_MS + 1)
    add = desk.handlers()["silences.add"]
    await asyncio.gather(*(add(Command("silences.add", msgspec.Raw(body))) for _ in range(10)))
    assert [one.silence_id for one in book.lasting(NOW_MS)] == list(range(1, 11))
