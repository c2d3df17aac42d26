"""The desk: what other platforms say is stored once, and joined to what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.app.exchange_events import LATEST_MS
from monitor.app.waybills import waybill_of
from monitor.model.beijing import MINUTE_MS, iso
from monitor.model.exchange import (
    AlarmResult,
    Channel,
    Direction,
    ExchangeEvent,
    Inquiry,
    InquiryAnswer,
    LinkEvent,
    PlatformText,
    ReportedAlarm,
    SupervisionAnswer,
    SupervisionRequest,
    TextReceipt,
    VehicleDriver,
    VehicleWaybill,
)
from monitor.model.journal import RecordType
from monitor.store.inquiry_store import (
    InquiryState,
    add_inquiry,
    add_text,
    find_inquiries,
    find_texts,
    inquiry_counts,
    number_inquiry,
    number_text,
)
from monitor.store.link_store import find_link_events, link_states
from monitor.store.order_store import OrderState, add_order, find_orders, number_order
from monitor.store.platform_alarm_store import find_platform_alarms
from monitor.store.reference_store import SentReference, add_reference
from monitor.store.waybill_store import driver_of_plate
from tests.unit.app.exchange_kit import NOON_MS, TANKER, Kit, exchange_kit

QUESTION = Inquiry(77, "今日值班负责人是谁？", NOON_MS, object_id="620724", answer_minutes=5, sn=3)
ORDER = SupervisionRequest(
    NOON_MS - 600_500,
    NOON_MS + 30 * MINUTE_MS,
    0,
    "张科长",
    NOON_MS,
    plate="甘G·20002",
    plate_color=2,
    warn_type=1,
    supervision_id=9,
)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with exchange_kit(tmp_path) as made:
        yield made


async def test_an_inquiry_is_kept_with_the_deadline_that_it_states(kit: Kit) -> None:
    await kit.desk.take("city", [QUESTION, replace(QUESTION, info_id=78, answer_minutes=0)])
    unsaid, stated = find_inquiries(kit.database).rows
    assert (stated.info_id, stated.deadline_ms, stated.state) == (77, NOON_MS + 5 * MINUTE_MS, InquiryState.OPEN)
    assert (stated.direction, stated.platform) == (Direction.RECEIVED, "city-bureau")
    assert unsaid.deadline_ms == NOON_MS + 10 * MINUTE_MS


REPEATS: list[ExchangeEvent] = [
    QUESTION,
    PlatformText(5, "请核对车辆档案", NOON_MS),
    ORDER,
    ReportedAlarm(1, NOON_MS, NOON_MS, 0x1402, "超速", "甘G20002", 2, info_id=4, sn=8),
    AlarmResult(1, NOON_MS, info_id=99),
    LinkEvent("city", Channel.MAIN, True, NOON_MS),
]


@pytest.mark.parametrize("event", REPEATS, ids=lambda event: type(event).__name__)
async def test_a_message_that_comes_again_changes_nothing(kit: Kit, event: ExchangeEvent) -> None:
    await kit.desk.take("city", [event])
    before = _everything(kit)
    later = event if isinstance(event, LinkEvent) else _later(event)
    await kit.desk.take("city", [later, later])
    assert _everything(kit) == before
    assert sum(kit.desk.counts.values()) == 3


def _later(event: ExchangeEvent) -> ExchangeEvent:
    """The same message a minute later, as a peer sends it that missed the answer."""
    stamp = {"asked_ms": NOON_MS + MINUTE_MS} if isinstance(event, Inquiry) else {"at_ms": NOON_MS + MINUTE_MS}
    return replace(event, **stamp)  # type: ignore[arg-type]


def _everything(kit: Kit) -> object:
    return (
        find_inquiries(kit.database),
        find_texts(kit.database),
        find_orders(kit.database),
        find_platform_alarms(kit.database),
        find_link_events(kit.database, "city"),
    )


async def test_the_same_number_a_day_later_is_another_question(kit: Kit) -> None:
    await kit.desk.take("city", [QUESTION, replace(QUESTION, asked_ms=NOON_MS + 25 * 60 * MINUTE_MS)])
    assert find_inquiries(kit.database).total == 2


async def test_other_words_under_the_same_number_are_another_question(kit: Kit) -> None:
    await kit.desk.take("city", [QUESTION, replace(QUESTION, question="平台在线车辆数？")])
    assert find_inquiries(kit.database).total == 2


@pytest.mark.parametrize("by_number", [True, False], ids=["2011 by its number", "2019 by the header's number"])
async def test_an_answer_finds_the_question_that_we_asked(kit: Kit, by_number: bool) -> None:
    with kit.database.write() as connection:
        asked = replace(QUESTION, info_id=0, sn=0)
        inquiry_id, _ = add_inquiry(
            connection,
            asked,
            direction=Direction.SENT,
            link="gaotai",
            platform="gaotai",
            deadline_ms=NOON_MS + 5 * MINUTE_MS,
        )
        number_inquiry(connection, inquiry_id, inquiry_id, 41)
    info_id, sn = (inquiry_id, 0) if by_number else (0, 41)
    answer = InquiryAnswer("李四", NOON_MS + MINUTE_MS, info_id, sn, responder="李四")
    await kit.desk.take("gaotai", [answer, replace(answer, answer="another")])
    (found,) = find_inquiries(kit.database).rows
    assert (found.state, found.answer, found.responder, found.in_time) == (InquiryState.ANSWERED, "李四", "李四", True)
    assert kit.desk.counts == {"inquiry_answer": 1, "inquiry_answer_unmatched": 1}
    day = NOON_MS // 86_400_000
    assert inquiry_counts(kit.database, day, day) == {("gaotai", day): (1, 1)}


async def test_a_late_answer_is_kept_and_does_not_count(kit: Kit) -> None:
    with kit.database.write() as connection:
        inquiry_id, _ = add_inquiry(
            connection, QUESTION, direction=Direction.SENT, link="gaotai", platform="gaotai", deadline_ms=NOON_MS + 1
        )
    kit.now_ms = NOON_MS + MINUTE_MS
    kit.desk._look_at_deadlines()
    assert find_inquiries(kit.database).rows[0].state is InquiryState.OVERDUE
    await kit.desk.take("gaotai", [InquiryAnswer("李四", kit.now_ms, info_id=QUESTION.info_id)])
    assert find_inquiries(kit.database).rows[0].state is InquiryState.ANSWERED
    day = NOON_MS // 86_400_000
    assert inquiry_counts(kit.database, day, day) == {("gaotai", day): (1, 0)}
    assert inquiry_id == 1


async def test_an_inquiry_is_pressing_before_its_deadline_and_overdue_after(kit: Kit) -> None:
    await kit.desk.take("city", [QUESTION])
    seen = []
    for minutes in (0, 4, 6):
        kit.now_ms = NOON_MS + minutes * MINUTE_MS
        kit.desk._look_at_deadlines()
        seen.append((kit.desk.pressing, find_inquiries(kit.database).rows[0].state.value))
    assert seen == [(0, "open"), (1, "open"), (0, "overdue")]


async def test_a_receipt_finds_the_text_that_we_sent(kit: Kit) -> None:
    with kit.database.write() as connection:
        text = PlatformText(0, "请核对车辆档案", NOON_MS)
        text_id, _ = add_text(connection, text, direction=Direction.SENT, link="linze", platform="linze")
        number_text(connection, text_id, text_id, 12)
    await kit.desk.take("linze", [TextReceipt(NOON_MS + 5, sn=12), TextReceipt(NOON_MS + 9, sn=12)])
    assert find_texts(kit.database).rows[0].received_ms == NOON_MS + 5


def _reference(kit: Kit, link: str, sn: int, alarm_id: str) -> None:
    reference = SentReference(link, 0x1402, sn, 5, alarm_id, 1, "甘G20002", 2, 1, NOON_MS - 600_000, NOON_MS)
    add_reference(kit.database, reference)


async def test_an_order_of_2011_finds_our_alarm_by_vehicle_type_and_second(kit: Kit) -> None:
    alarm = kit.raise_alarm()
    _reference(kit, "city", 41, alarm.alarm_id)
    await kit.desk.take("city", [replace(ORDER, warn_ms=NOON_MS - 600_000)])
    (order,) = find_orders(kit.database).rows
    assert (order.alarm_id, order.vehicle_id, order.plate) == (alarm.alarm_id, "T1", "甘G·20002")
    assert (order.state, order.direction) == (OrderState.OPEN, Direction.RECEIVED)


async def test_an_order_of_2019_finds_our_alarm_by_the_message_that_carried_it(kit: Kit) -> None:
    alarm = kit.raise_alarm()
    _reference(kit, "province", 41, alarm.alarm_id)
    bare = replace(
        ORDER, plate="", plate_color=0, warn_type=0, supervision_id=0, source_type=0x1402, source_sn=41, sn=6
    )
    await kit.desk.take("province", [bare])
    (order,) = find_orders(kit.database).rows
    assert (order.alarm_id, order.plate, order.plate_color, order.warn_type) == (alarm.alarm_id, "甘G20002", 2, 1)


async def test_numbers_that_begin_anew_mean_the_newest_alarm(kit: Kit) -> None:
    _reference(kit, "province", 41, "old")
    _reference(kit, "province", 42, "older")
    _reference(kit, "province", 41, "new")
    bare = replace(ORDER, plate="", supervision_id=0, source_type=0x1402, source_sn=41, sn=6)
    await kit.desk.take("province", [bare])
    assert find_orders(kit.database).rows[0].alarm_id == "new"


async def test_an_order_about_a_position_knows_its_vehicle(kit: Kit) -> None:
    bare = replace(ORDER, plate="", plate_color=0, supervision_id=0, source_type=0x1202, source_sn=7, sn=6)
    await kit.desk.take("province", [bare])
    (order,) = find_orders(kit.database).rows
    assert (order.vehicle_id, order.plate) == ("T1", "甘G20002")


async def test_an_order_about_a_warning_from_above_knows_its_vehicle(kit: Kit) -> None:
    warning = ReportedAlarm(2, NOON_MS, NOON_MS, 0x9402, "疲劳驾驶", "甘G12345", 2, sn=31)
    bare = replace(ORDER, plate="", plate_color=0, supervision_id=0, source_type=0x9402, source_sn=31, sn=6)
    await kit.desk.take("province", [warning, bare])
    (order,) = find_orders(kit.database).rows
    assert (order.vehicle_id, order.warn_type) == ("C1", 2)


async def test_answers_close_an_order_but_in_progress_does_not(kit: Kit) -> None:
    with kit.database.write() as connection:
        order_id, _ = add_order(connection, ORDER, direction=Direction.SENT, link="gaotai")
        number_order(connection, order_id, order_id, 17)
    answers = []
    for result in (0, 0, 1, 0):
        await kit.desk.take("gaotai", [SupervisionAnswer(result, NOON_MS + result, supervision_id=order_id)])
        (order,) = find_orders(kit.database).rows
        answers.append((order.state.value, order.result))
    assert answers == [("open", 0), ("open", 0), ("answered", 1), ("answered", 1)]


async def test_an_order_without_a_final_answer_becomes_overdue(kit: Kit) -> None:
    with kit.database.write() as connection:
        order_id, _ = add_order(connection, ORDER, direction=Direction.SENT, link="linze")
        number_order(connection, order_id, order_id, 17)
    await kit.desk.take("linze", [SupervisionAnswer(0, NOON_MS, sn=17)])
    kit.now_ms = NOON_MS + 31 * MINUTE_MS
    kit.desk._look_at_deadlines()
    assert find_orders(kit.database).rows[0].state is OrderState.OVERDUE


async def test_a_result_belongs_to_the_alarm_that_was_reported(kit: Kit) -> None:
    old = ReportedAlarm(1, NOON_MS, NOON_MS, 0x1402, "超速", "甘G20002", 2, info_id=4, sn=8)
    new = replace(old, info_id=0, sn=9, plate="甘G99999")
    await kit.desk.take("gaotai", [old, AlarmResult(1, NOON_MS + 1, info_id=4)])
    await kit.desk.take("linze", [new, AlarmResult(2, NOON_MS + 2, source_type=0x1402, source_sn=9)])
    found = {one.link: one for one in find_platform_alarms(kit.database).rows}
    assert (found["gaotai"].vehicle_id, found["gaotai"].result) == ("T1", 1)
    assert (found["linze"].vehicle_id, found["linze"].result) == ("plate:yellow:甘G99999", 2)


async def test_a_result_of_an_alarm_that_nobody_reported_is_kept(kit: Kit) -> None:
    await kit.desk.take("linze", [AlarmResult(2, NOON_MS, source_type=0x1202, source_sn=9)])
    (found,) = find_platform_alarms(kit.database).rows
    assert (found.msg_type, found.source_type, found.source_sn, found.result) == (0x1412, 0x1202, 9, 2)


async def test_a_waybill_goes_into_the_journal(kit: Kit) -> None:
    await kit.desk.take("gaotai", [VehicleWaybill("甘G-20002", 2, NOON_MS, "CARGO_NAME:=汽油")])
    (record,) = kit.journal
    waybill = waybill_of(record.payload)
    assert (record.type, waybill.key, waybill.cargo) == (RecordType.WAYBILL, "plate:yellow:甘G20002", "汽油")


async def test_a_channel_that_comes_and_goes_is_journalled_and_stands_as_the_last_event_says(kit: Kit) -> None:
    up, down = (
        LinkEvent("city", Channel.MAIN, True, NOON_MS),
        LinkEvent("city", Channel.MAIN, False, NOON_MS + 9, "silent"),
    )
    await kit.desk.take("city", [up, down])
    await kit.desk.take("city", [up])
    (state,) = link_states(kit.database)
    assert (state.up, state.since_ms, state.reason) == (False, NOON_MS + 9, "silent")
    assert [event.up for event in find_link_events(kit.database, "city").rows] == [False, True]
    assert [record.type for record in kit.journal] == [RecordType.LINK] * 3


async def test_links_were_down_while_we_were_away(kit: Kit) -> None:
    await kit.desk.take("city", [LinkEvent("city", Channel.MAIN, True, NOON_MS)])
    kit.now_ms = NOON_MS + 60 * MINUTE_MS
    kit.desk.begin(NOON_MS + 10 * MINUTE_MS)
    states = {state.link: (state.up, state.since_ms) for state in link_states(kit.database)}
    assert states["city"] == (False, NOON_MS + 10 * MINUTE_MS)
    assert states["gaotai"] == (False, kit.now_ms)
    kit.desk.begin(NOON_MS + 20 * MINUTE_MS)
    assert find_link_events(kit.database, "city").total == 2


async def test_a_driver_is_kept_until_a_later_one_is_named(kit: Kit) -> None:
    first = VehicleDriver("甘G20002", 2, NOON_MS, "王五", "620724X", "道路危险货物", "高台运管", 0)
    await kit.desk.take("gaotai", [first, replace(first, name="赵六", at_ms=NOON_MS - 1)])
    found = driver_of_plate(kit.database, TANKER.plate, 2)
    assert found is not None
    assert (found.name, found.vehicle_id) == ("王五", "T1")


async def test_texts_longer_than_their_column_are_cut(kit: Kit) -> None:
    await kit.desk.take("city", [replace(QUESTION, question="问" * 9_000, object_id="x" * 500)])
    (found,) = find_inquiries(kit.database).rows
    assert (len(found.question), len(found.object_id)) == (4_096, 64)


async def test_times_and_texts_that_nothing_can_hold_are_bounded(kit: Kit) -> None:
    wild = ReportedAlarm(
        1, (2**64 - 1) * 1000, NOON_MS, 0x1402, "\ud800", "甘G20002", 2, start_ms=(2**64 - 1) * 1000, info_id=2**32 - 1
    )
    await kit.desk.take("city", [replace(ORDER, warn_ms=(2**64 - 1) * 1000, deadline_ms=2**80), wild, QUESTION])
    (order,), (alarm,) = find_orders(kit.database).rows, find_platform_alarms(kit.database).rows
    assert iso(order.warn_ms) == iso(alarm.start_ms) == iso(LATEST_MS)
    assert (alarm.content, find_inquiries(kit.database).total) == ("?", 1)


async def test_a_message_that_breaks_us_is_counted_and_its_neighbours_are_kept(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise ArithmeticError

    monkeypatch.setattr("monitor.app.exchange_desk.add_platform_alarm", broken)
    await kit.desk.take("city", [QUESTION, ReportedAlarm(1, NOON_MS, NOON_MS, 0x1402), ORDER])
    assert (find_inquiries(kit.database).total, find_orders(kit.database).total) == (1, 1)
    assert kit.desk.counts == {"inquiry": 1, "order": 1, "lost": 1}
