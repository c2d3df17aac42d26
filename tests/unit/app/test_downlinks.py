"""Orders to terminals, from the wish to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.app.downlinks import Downlinks, DownlinkSettings
from monitor.codec.jt808.messages import PositionQuery, SetParameters, TerminalReply, Text
from monitor.console.downlink_request import DownlinkRequest
from monitor.errors import CodecError, CommandError, OperationError, StoreError
from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.sources.jt808 import Answer, AnswerResult, NotConnected
from monitor.store.database import Database
from monitor.store.downlink_store import DownlinkStore, downlink_by_id
from tests.unit.app.terminal_fixtures import NOW_MS, OTHER, PHONE, STRANGER, Clock, Names, Terminals, new_database

S = DownlinkState
STOP = DownlinkRequest(DownlinkKind.TEXT, vehicle_id="V1", text="停车")
WHERE = DownlinkRequest(DownlinkKind.POSITION, phone=PHONE)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = new_database(tmp_path)
    yield found
    found.close()


class Desk:
    """Downlinks with everything around them."""

    def __init__(self, database: Database, settings: DownlinkSettings | None = None) -> None:
        self.database = database
        self.clock = Clock()
        self.terminals = Terminals()
        self.names = Names()
        self.store = DownlinkStore(database)
        self.settings = settings or DownlinkSettings(terminals_at_once=4)
        self.downlinks = self.restarted()

    def restarted(self) -> Downlinks:
        self.downlinks = Downlinks(self.store, self.terminals, self.names, self.clock, self.settings)
        return self.downlinks

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.downlinks.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def connect(self, phone: str = PHONE) -> None:
        self.terminals.connected.add(phone)
        self.downlinks.terminal_online(phone)

    async def add(self, request: DownlinkRequest = STOP) -> Downlink:
        return await self.downlinks.add(request, "administrator 127.0.0.1")

    async def becomes(self, order: Downlink, state: DownlinkState) -> Downlink:
        async with asyncio.timeout(10):
            while True:
                found = downlink_by_id(self.database, order.downlink_id)
                assert found is not None
                if found.state is state:
                    return found
                assert not found.state.final, found
                await asyncio.sleep(0.001)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  the thing waited for is not ours to signal
            await asyncio.sleep(0.001)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def refused(wish: Awaitable[Downlink]) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        await wish
    return caught.value.status, caught.value.reason


async def test_an_order_waits_for_its_terminal_and_is_confirmed_by_its_answer(desk: Desk) -> None:
    async with desk.running():
        order = await desk.add()
        assert (order.state, order.phone, order.vehicle_id) == (S.QUEUED, PHONE, "V1")
        assert (order.queued_ms, order.expires_ms) == (NOW_MS, NOW_MS + 3_600_000)
        assert order.requested_by == "administrator 127.0.0.1"
        desk.clock.pass_s(60)
        desk.connect()
        done = await desk.becomes(order, S.CONFIRMED)
        await until(lambda: desk.downlinks.waiting == 0)
    assert (done.sent_ms, done.answered_ms, done.answer) == (NOW_MS + 60_000, NOW_MS + 60_000, '{"result":"done"}')
    ((phone, message),) = desk.terminals.sent
    assert phone == PHONE
    assert isinstance(message, Text)
    assert message.text == "停车"
    assert desk.downlinks.counts == {"ordered_text": 1, S.CONFIRMED: 1}


async def test_a_connected_terminal_gets_it_at_once(desk: Desk) -> None:
    desk.connect()
    async with desk.running():
        await desk.becomes(await desk.add(), S.CONFIRMED)


ANSWERS = (
    (Answer(AnswerResult.FAILED, TerminalReply(1, 0x8300, 1)), S.REFUSED, '{"result":"failed"}'),
    (Answer(AnswerResult.BAD_MESSAGE), S.REFUSED, '{"result":"bad_message"}'),
    (Answer(AnswerResult.UNSUPPORTED), S.REFUSED, '{"result":"unsupported"}'),
    (Answer(AnswerResult.UNANSWERED), S.UNANSWERED, ""),
    (CodecError(reason="out_of_range"), S.REFUSED, '{"result":"not_sendable"}'),
    (OperationError("something"), S.UNANSWERED, ""),
)


@pytest.mark.parametrize(("answer", "state", "text"), ANSWERS, ids=[str(row[0])[:40] for row in ANSWERS])
async def test_every_end_has_its_state(desk: Desk, answer: Answer | Exception, state: S, text: str) -> None:
    desk.connect()
    desk.terminals.answers[PHONE].append(answer)
    async with desk.running():
        done = await desk.becomes(await desk.add(), state)
    assert done.answer == text


async def test_a_terminal_gets_one_order_at_a_time_in_their_order(desk: Desk) -> None:
    desk.connect()
    desk.terminals.held.clear()
    async with desk.running():
        orders = []
        for number in range(3):
            orders.append(await desk.add(DownlinkRequest(DownlinkKind.TEXT, vehicle_id="V1", text=f"文{number}")))
            desk.clock.pass_s(1)
        await until(lambda: len(desk.terminals.sent) == 1)
        desk.terminals.held.set()
        for order in orders:
            await desk.becomes(order, S.CONFIRMED)
    assert desk.terminals.most_at_once == 1
    assert [message.text for _, message in desk.terminals.sent if isinstance(message, Text)] == ["文0", "文1", "文2"]


async def test_so_many_terminals_at_a_time(database: Database) -> None:
    desk = Desk(database, DownlinkSettings(terminals_at_once=3))
    desk.terminals.held.clear()
    desk.names.versions |= {f"1390000000{number}": 2013 for number in range(8)}
    async with desk.running():
        orders = []
        for number in range(8):
            desk.connect(f"1390000000{number}")
            orders.append(await desk.add(DownlinkRequest(DownlinkKind.POSITION, phone=f"1390000000{number}")))
        await until(lambda: len(desk.terminals.sent) == 3)
        desk.terminals.held.set()
        for order in orders:
            await desk.becomes(order, S.CONFIRMED)
    assert desk.terminals.most_at_once == 3


async def test_a_terminal_that_goes_as_it_is_sent_to_keeps_its_order_for_later(desk: Desk) -> None:
    desk.connect()
    desk.terminals.answers[PHONE].append(NotConnected(phone=PHONE))
    async with desk.running():
        order = await desk.add()
        await until(lambda: desk.terminals.sent != [])
        waiting = await desk.becomes(order, S.QUEUED)
        assert waiting.sent_ms is None
        await until(lambda: not desk.downlinks._busy)
        await desk.downlinks.sweep()
        await desk.becomes(order, S.CONFIRMED)
    assert len(desk.terminals.sent) == 2


async def test_an_order_nobody_fetched_in_time_expires(desk: Desk) -> None:
    order = await desk.add(DownlinkRequest(DownlinkKind.TEXT, vehicle_id="V1", text="停车", valid_s=60))
    desk.clock.pass_s(59)
    await desk.downlinks.sweep()
    assert (await desk.becomes(order, S.QUEUED)).state is S.QUEUED
    desk.clock.pass_s(1)
    await desk.downlinks.sweep()
    await desk.becomes(order, S.EXPIRED)
    assert desk.downlinks.waiting == 0
    async with desk.running():
        desk.connect()
        await asyncio.sleep(0.01)
    assert desk.terminals.sent == []


async def test_an_order_that_ran_out_before_the_sweep_is_not_sent(desk: Desk) -> None:
    order = await desk.add(DownlinkRequest(DownlinkKind.TEXT, vehicle_id="V1", text="停车", valid_s=60))
    desk.clock.pass_s(60)
    async with desk.running():
        desk.connect()
        await desk.becomes(order, S.EXPIRED)
        await until(lambda: desk.downlinks.counts[S.EXPIRED] == 1)
    assert desk.terminals.sent == []


async def test_the_same_id_is_the_same_order(desk: Desk) -> None:
    wish = DownlinkRequest(DownlinkKind.TEXT, vehicle_id="V1", text="停车", downlink_id="mine:1")
    order = await desk.add(wish)
    desk.clock.pass_s(5)
    assert await desk.add(wish) == order
    assert desk.downlinks.counts["ordered_text"] == 1
    other = DownlinkRequest(DownlinkKind.TEXT, vehicle_id="V1", text="慢行", downlink_id="mine:1")
    assert await refused(desk.add(other)) == (409, "id_taken")


async def test_what_waits_can_be_cancelled_and_what_was_sent_cannot(desk: Desk) -> None:
    order = await desk.add()
    assert (await desk.downlinks.cancel(order.downlink_id)).state is S.CANCELLED
    assert await refused(desk.downlinks.cancel(order.downlink_id)) == (409, "not_queued")
    assert await refused(desk.downlinks.cancel("none")) == (404, "not_found")
    desk.terminals.held.clear()
    async with desk.running():
        desk.connect()
        sent = await desk.becomes(await desk.add(), S.SENT)
        assert await refused(desk.downlinks.cancel(sent.downlink_id)) == (409, "not_queued")
        desk.terminals.held.set()
        await desk.becomes(sent, S.CONFIRMED)
    assert len(desk.terminals.sent) == 1


WISHES: tuple[tuple[str, DownlinkRequest, tuple[int, str]], ...] = (
    ("nobody named", DownlinkRequest(DownlinkKind.POSITION), (422, "wrong_parameter")),
    ("both named", DownlinkRequest(DownlinkKind.POSITION, "V1", PHONE), (422, "wrong_parameter")),
    ("a vehicle of nobody", DownlinkRequest(DownlinkKind.POSITION, "V9"), (404, "no_such_vehicle")),
    ("a vehicle without terminal", DownlinkRequest(DownlinkKind.POSITION, "V3"), (404, "no_such_vehicle")),
    ("a terminal never heard of", DownlinkRequest(DownlinkKind.POSITION, phone="1"), (404, "no_such_terminal")),
    ("no time", DownlinkRequest(DownlinkKind.POSITION, "V1", valid_s=0), (422, "wrong_parameter")),
    ("a month", DownlinkRequest(DownlinkKind.POSITION, "V1", valid_s=30 * 86_400), (422, "wrong_parameter")),
    ("an odd id", DownlinkRequest(DownlinkKind.POSITION, "V1", downlink_id="a b"), (422, "wrong_parameter")),
    ("no text", DownlinkRequest(DownlinkKind.TEXT, "V1"), (422, "wrong_parameter")),
)


@pytest.mark.parametrize(("wish", "expected"), [row[1:] for row in WISHES], ids=[row[0] for row in WISHES])
async def test_a_wish_that_cannot_be_met_is_refused(
    desk: Desk, wish: DownlinkRequest, expected: tuple[int, str]
) -> None:
    assert await refused(desk.add(wish)) == expected
    assert desk.store.waiting_phones() == ()


async def test_a_stranger_can_be_asked_too(desk: Desk) -> None:
    order = await desk.add(DownlinkRequest(DownlinkKind.POSITION, phone=STRANGER))
    assert order.vehicle_id == f"terminal:{STRANGER}"


async def test_too_many_orders_of_one_terminal_are_refused(database: Database) -> None:
    desk = Desk(database, DownlinkSettings(waiting_per_terminal=2))
    for _ in range(2):
        await desk.add()
    assert await refused(desk.add()) == (409, "too_many_orders")
    assert (await desk.add(DownlinkRequest(DownlinkKind.POSITION, "V2"))).phone == OTHER


async def test_after_a_restart_questions_are_sent_again_and_texts_are_not(desk: Desk) -> None:
    desk.connect(PHONE)
    desk.connect(OTHER)
    desk.terminals.held.clear()
    set_speed = DownlinkRequest(DownlinkKind.PARAMETERS, "V2", parameters={"0x0055": 80})
    async with desk.running():
        text = await desk.becomes(await desk.add(), S.SENT)
        parameters = await desk.becomes(await desk.add(set_speed), S.SENT)
        where = await desk.add(WHERE)
    desk.terminals.sent.clear()
    desk.terminals.held.set()
    desk.terminals.connected.clear()
    desk.restarted()
    await desk.downlinks.open()
    await desk.becomes(text, S.UNANSWERED)
    async with desk.running():
        desk.connect(PHONE)
        desk.connect(OTHER)
        await desk.becomes(parameters, S.CONFIRMED)
        await desk.becomes(where, S.CONFIRMED)
    assert sorted(type(message).__name__ for _, message in desk.terminals.sent) == [
        PositionQuery.__name__,
        SetParameters.__name__,
    ]


async def test_an_answer_is_kept_as_soon_as_the_store_takes_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([True])
    move = desk.store.move

    def failing(order: Downlink, state: S, **how: object) -> Downlink | None:
        if state is S.CONFIRMED and next(failures, False):
            raise StoreError(reason="disk full")
        return move(order, state, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.store, "move", failing)
    desk.connect()
    async with desk.running():
        await desk.becomes(await desk.add(), S.CONFIRMED)
    assert len(desk.terminals.sent) == 1


async def test_closed_orders_are_forgotten_in_the_end(desk: Desk) -> None:
    order = await desk.add()
    await desk.downlinks.cancel(order.downlink_id)
    desk.clock.pass_s(399 * 86_400)
    await desk.downlinks.tidy()
    assert desk.store.get(order.downlink_id) is not None
    desk.clock.pass_s(2 * 86_400)
    await desk.downlinks.tidy()
    assert desk.store.get(order.downlink_id) is None
