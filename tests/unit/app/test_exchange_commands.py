"""What people tell the desk to do: stored, sent under its numbers, and taken back where the link does not take it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.console.commands import command
from monitor.console.exchange_words import (
    AnswerInquiryBody,
    AnswerOrderBody,
    AskBody,
    ExchangeCommand,
    LevelWord,
    Made,
    OrderBody,
    OutageBody,
    ResultWord,
    SendTextBody,
)
from monitor.errors import CommandError, DeliveryError
from monitor.model.beijing import MINUTE_MS, iso
from monitor.model.exchange import (
    Direction,
    Inquiry,
    InquiryAnswer,
    PlatformText,
    ReportedAlarm,
    SupervisionAnswer,
    SupervisionRequest,
)
from monitor.model.report import ReportBatch, empty_rows
from monitor.sources.intake import Decoded, Feed, Intake
from monitor.store.inquiry_store import InquiryState, find_inquiries, find_texts
from monitor.store.link_store import outages_reaching
from monitor.store.order_store import OrderState, find_orders
from tests.unit.app.exchange_kit import COACH, NOON_MS, Kit, exchange_kit

SOON = iso(NOON_MS + 60 * MINUTE_MS)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with exchange_kit(tmp_path) as made:
        yield made


async def _do(kit: Kit, name: ExchangeCommand, body: object) -> int:
    reply = await kit.commands.handlers()[name.value](command(name.value, body, by="administrator 127.0.0.1"))
    return reply.read(Made).id


async def test_asking_stores_the_question_and_sends_it_under_its_number(kit: Kit) -> None:
    inquiry_id = await _do(kit, ExchangeCommand.ASK, AskBody("gaotai", "值班负责人是谁？", 5))
    (sent,) = kit.links["gaotai"].said
    assert isinstance(sent, Inquiry)
    assert (sent.info_id, sent.question, sent.answer_minutes, sent.object_id) == (
        inquiry_id,
        "值班负责人是谁？",
        5,
        "620724",
    )
    (stored,) = find_inquiries(kit.database).rows
    assert (stored.info_id, stored.sn, stored.direction) == (inquiry_id, 101, Direction.SENT)
    assert (stored.deadline_ms, stored.asked_by) == (NOON_MS + 5 * MINUTE_MS, "administrator 127.0.0.1")


UNSENT = [
    (ExchangeCommand.ASK, AskBody("gaotai", "在吗？")),
    (ExchangeCommand.SEND_TEXT, SendTextBody("gaotai", "通知")),
]


@pytest.mark.parametrize(("name", "body"), UNSENT, ids=["question", "text"])
async def test_what_the_link_does_not_take_is_taken_back(kit: Kit, name: ExchangeCommand, body: object) -> None:
    kit.links["gaotai"].up = False
    with pytest.raises(CommandError) as caught:
        await _do(kit, name, body)
    assert (caught.value.status, caught.value.reason) == (503, "link_down")
    assert (find_inquiries(kit.database).total, find_texts(kit.database).total) == (0, 0)


async def test_what_the_edition_cannot_say_is_refused_for_good(kit: Kit) -> None:
    kit.links["gaotai"].refusal = DeliveryError(sink="gaotai", reason="2011 has no such message", retry=False)
    with pytest.raises(CommandError) as caught:
        await _do(kit, ExchangeCommand.ASK, AskBody("gaotai", "在吗？"))
    assert caught.value.status == 422


async def test_an_answer_goes_out_under_the_numbers_of_the_question(kit: Kit) -> None:
    await kit.desk.take("province", [Inquiry(77, "值班？", NOON_MS, 1, "62", 10, 5)])
    kit.links["province"].up = False
    body = AnswerInquiryBody(1, "张三在岗", "张三", "0936-123")
    with pytest.raises(CommandError):
        await _do(kit, ExchangeCommand.ANSWER_INQUIRY, body)
    assert find_inquiries(kit.database).rows[0].state is InquiryState.OPEN
    kit.links["province"].up = True
    await _do(kit, ExchangeCommand.ANSWER_INQUIRY, body)
    (sent,) = kit.links["province"].said
    assert sent == InquiryAnswer("张三在岗", NOON_MS, 77, 5, 1, "62", "张三", "0936-123")
    (stored,) = find_inquiries(kit.database).rows
    assert (stored.state, stored.answered_by) == (InquiryState.ANSWERED, "administrator 127.0.0.1")
    with pytest.raises(CommandError) as caught:
        await _do(kit, ExchangeCommand.ANSWER_INQUIRY, body)
    assert caught.value.status == 409


async def test_a_text_goes_out_under_its_number(kit: Kit) -> None:
    text_id = await _do(kit, ExchangeCommand.SEND_TEXT, SendTextBody("linze", "请核对档案"))
    assert kit.links["linze"].said == [PlatformText(text_id, "请核对档案", NOON_MS, 1, "620723")]
    assert find_texts(kit.database).rows[0].sn == 101


def _order(alarm_id: str, link: str = "") -> OrderBody:
    return OrderBody(alarm_id, SOON, "张科长", LevelWord.URGENT, "0936-6621", "z@example.cn", link)


async def test_an_order_goes_to_the_platform_of_the_vehicle(kit: Kit) -> None:
    alarm = kit.raise_alarm()
    order_id = await _do(kit, ExchangeCommand.ORDER, _order(alarm.alarm_id))
    (sent,) = kit.links["gaotai"].said
    assert isinstance(sent, SupervisionRequest)
    assert (sent.supervision_id, sent.plate, sent.plate_color, sent.warn_type) == (order_id, "甘G20002", 2, 1)
    assert (sent.level, sent.warn_ms, sent.deadline_ms) == (0, alarm.onset_ms, NOON_MS + 60 * MINUTE_MS)
    (stored,) = find_orders(kit.database).rows
    assert (stored.alarm_id, stored.vehicle_id, stored.sn, stored.state) == (alarm.alarm_id, "T1", 101, OrderState.OPEN)
    await kit.desk.take("gaotai", [SupervisionAnswer(1, NOON_MS + 1, supervision_id=order_id)])
    assert find_orders(kit.database).rows[0].state is OrderState.ANSWERED


async def test_an_order_of_2019_refers_to_the_report_of_the_alarm(kit: Kit) -> None:
    alarm = kit.raise_alarm()
    report = ReportedAlarm(1, alarm.onset_ms + 2_000, NOON_MS, 0x1402, "超速", "甘G20002", 2, sn=55)
    await kit.desk.take("linze", [report])
    await _do(kit, ExchangeCommand.ORDER, _order(alarm.alarm_id, "linze"))
    (sent,) = kit.links["linze"].said
    assert isinstance(sent, SupervisionRequest)
    assert (sent.source_type, sent.source_sn) == (0x1402, 55)


async def test_an_order_of_2019_about_an_alarm_of_ours_tells_of_the_alarm_first(kit: Kit) -> None:
    alarm = kit.raise_alarm()
    await _do(kit, ExchangeCommand.ORDER, _order(alarm.alarm_id, "linze"))
    warning, order = kit.links["linze"].said
    assert isinstance(warning, ReportedAlarm)
    assert isinstance(order, SupervisionRequest)
    assert (warning.msg_type, warning.plate) == (0x9402, "甘G20002")
    assert warning.content.startswith("甘G20002 超速（较重）")
    assert (order.source_type, order.source_sn) == (0x9402, 101)
    assert find_orders(kit.database).rows[0].sn == 102


async def test_an_order_goes_over_the_link_that_brought_the_reports(kit: Kit) -> None:
    alarm = kit.raise_alarm(COACH)
    with pytest.raises(CommandError, match="link"):
        await _do(kit, ExchangeCommand.ORDER, _order(alarm.alarm_id))

    async def deliver(_: Intake, /) -> None: ...

    batch = ReportBatch(("plate:yellow:甘G12345",), empty_rows(1))
    intake = Intake(Feed("gaotai", "gaotai"), [], lambda: None, decoded=Decoded(batch), n_frames=1)
    await kit.sources.watched("gaotai", deliver)(intake)
    await _do(kit, ExchangeCommand.ORDER, _order(alarm.alarm_id))
    assert len(kit.links["gaotai"].said) == 1


async def test_an_order_to_us_is_answered_step_by_step(kit: Kit) -> None:
    request = SupervisionRequest(NOON_MS, NOON_MS + MINUTE_MS, 1, "李科长", NOON_MS, plate="甘G20002", plate_color=2)
    await kit.desk.take("city", [replace(request, supervision_id=9, warn_type=1)])
    await _do(kit, ExchangeCommand.ANSWER_ORDER, AnswerOrderBody(1, ResultWord.IN_PROGRESS, "已通知驾驶员"))
    assert find_orders(kit.database).rows[0].state is OrderState.OPEN
    await _do(kit, ExchangeCommand.ANSWER_ORDER, AnswerOrderBody(1, ResultWord.DONE, "已处理"))
    (stored,) = find_orders(kit.database).rows
    assert (stored.state, stored.result, stored.content) == (OrderState.ANSWERED, 1, "已处理")
    first, last = kit.links["city"].said
    assert (first, last) == (
        SupervisionAnswer(0, NOON_MS, 9, 0, "甘G20002", 2),
        SupervisionAnswer(1, NOON_MS, 9, 0, "甘G20002", 2),
    )


async def test_an_outage_is_announced_once(kit: Kit) -> None:
    body = OutageBody("gaotai", iso(NOON_MS + MINUTE_MS), SOON, "carrier", "割接")
    assert await _do(kit, ExchangeCommand.ANNOUNCE_OUTAGE, body) == await _do(
        kit, ExchangeCommand.ANNOUNCE_OUTAGE, body
    )
    (stored,) = outages_reaching(kit.database, NOON_MS, NOON_MS + 61 * MINUTE_MS, "gaotai")
    assert (stored.outage.reason, stored.outage.announced_ms) == ("割接", NOON_MS)


REFUSED = [
    pytest.param(ExchangeCommand.ASK, AskBody("nowhere", "?"), 404, id="asking over no link"),
    pytest.param(ExchangeCommand.ASK, AskBody("city", "?"), 422, id="asking an upper platform"),
    pytest.param(ExchangeCommand.ANSWER_INQUIRY, AnswerInquiryBody(9, "!"), 404, id="answering nothing"),
    pytest.param(ExchangeCommand.ANSWER_ORDER, AnswerOrderBody(9, ResultWord.DONE), 404, id="answering no order"),
    pytest.param(ExchangeCommand.ORDER, _order("0" * 36), 404, id="an order about no alarm"),
    pytest.param(
        ExchangeCommand.ANNOUNCE_OUTAGE, OutageBody("gaotai", SOON, SOON, "upper"), 422, id="an outage of no length"
    ),
    pytest.param(
        ExchangeCommand.ANNOUNCE_OUTAGE, OutageBody("gaotai", "2026-01-01", "2026-01-02", "upper"), 422, id="too late"
    ),
    pytest.param(ExchangeCommand.ANNOUNCE_OUTAGE, OutageBody("gaotai", "soon", SOON, "upper"), 422, id="no time"),
    pytest.param(
        ExchangeCommand.ANNOUNCE_OUTAGE, OutageBody("gaotai", iso(NOON_MS), SOON, "weather"), 422, id="no cause"
    ),
    pytest.param(ExchangeCommand.ANNOUNCE_OUTAGE, OutageBody("x", iso(NOON_MS), SOON, "own"), 404, id="of no link"),
]


@pytest.mark.parametrize(("name", "body", "status"), REFUSED)
async def test_what_cannot_be_done_is_refused(kit: Kit, name: ExchangeCommand, body: object, status: int) -> None:
    with pytest.raises(CommandError) as caught:
        await _do(kit, name, body)
    assert caught.value.status == status


async def test_a_deadline_in_the_past_is_refused(kit: Kit) -> None:
    alarm = kit.raise_alarm()
    body = OrderBody(alarm.alarm_id, iso(NOON_MS - 1), "张科长")
    with pytest.raises(CommandError, match="deadline"):
        await _do(kit, ExchangeCommand.ORDER, body)
