"""What platforms say, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model.beijing import MINUTE_MS
from monitor.model.exchange import (
    AlarmResult,
    Channel,
    Direction,
    Inquiry,
    InquiryAnswer,
    LinkEvent,
    LinkRole,
    PlatformText,
    ReportedAlarm,
    SupervisionAnswer,
    SupervisionRequest,
    TextReceipt,
)
from monitor.model.waybill import Load, Waybill
from monitor.store.conflict_store import VehicleConflict, find_conflicts, keep_conflict
from monitor.store.database import Database
from monitor.store.forward_store import ForwardCursor, forward_cursor, put_forward_cursor
from monitor.store.inquiry_store import (
    InquiryState,
    add_inquiry,
    add_text,
    drop_inquiry,
    drop_text,
    find_inquiries,
    find_texts,
    inquiry_by_id,
    mark_inquiries_overdue,
    number_inquiry,
    number_text,
    pressing_inquiries,
    take_inquiry_answer,
    take_text_receipt,
)
from monitor.store.link_store import (
    announce_outage,
    events_reaching,
    find_link_events,
    link_states,
    outages_reaching,
    platforms_of_links,
    record_link_event,
)
from monitor.store.order_store import (
    OrderState,
    add_order,
    drop_order,
    find_orders,
    mark_orders_overdue,
    number_order,
    order_by_id,
    take_order_answer,
)
from monitor.store.platform_alarm_store import add_platform_alarm, find_platform_alarms, take_alarm_result
from monitor.store.reference_store import (
    SentReference,
    add_reference,
    forget_references,
    reference_by_message,
    reference_by_vehicle,
    reference_of_alarm,
)
from monitor.store.waybill_store import NamedDriver, driver_of_plate, find_waybills, keep_driver, upsert_waybills
from monitor.supervision.connectivity import Outage, OutageCause

pytestmark = pytest.mark.integration

NOON_MS = 1_772_424_000_000
QUESTION = Inquiry(7, "值班？\x00", NOON_MS)
ORDER = SupervisionRequest(NOON_MS, NOON_MS + MINUTE_MS, 0, "张科长", NOON_MS, plate="甘G1", warn_type=1)
REPORT = ReportedAlarm(1, NOON_MS, NOON_MS, 0x1402, "超速" * 3_000, "甘G1", 2, info_id=4_294_967_295, sn=8)


def test_inquiries_and_texts(database: Database) -> None:
    sent = {"direction": Direction.SENT, "link": "a", "platform": "p"}
    with database.write() as connection:
        first, _ = add_inquiry(
            connection, QUESTION, direction=Direction.SENT, link="a", platform="p", deadline_ms=NOON_MS + 5
        )
        second, _ = add_inquiry(
            connection, QUESTION, direction=Direction.RECEIVED, link="b", platform="q", deadline_ms=NOON_MS + 5
        )
        number_inquiry(connection, first, first, 4_294_967_295)
        assert pressing_inquiries(connection, NOON_MS + 6) == (second,)
        assert mark_inquiries_overdue(connection, NOON_MS + 6) == 2
        assert take_inquiry_answer(connection, "a", InquiryAnswer("在", NOON_MS + 9, sn=4_294_967_295)) == first
        text_id, _ = add_text(connection, PlatformText(0, "通知", NOON_MS), **sent)  # type: ignore[arg-type]
        number_text(connection, text_id, text_id, 3)
        assert take_text_receipt(connection, "a", TextReceipt(NOON_MS + 1, info_id=text_id)) == text_id
    found = inquiry_by_id(database, first)
    (text,) = find_texts(database).rows
    assert found is not None
    assert (found.state, found.question, found.in_time) == (InquiryState.ANSWERED, "值班？", False)
    assert text.received_ms == NOON_MS + 1
    assert find_inquiries(database, states=(InquiryState.OVERDUE,)).rows[0].inquiry_id == second
    with database.write() as connection:
        drop_inquiry(connection, first)
        drop_text(connection, text_id)
    assert (find_inquiries(database).total, find_texts(database).total) == (1, 0)


def test_orders(database: Database) -> None:
    with database.write() as connection:
        order_id, _ = add_order(connection, ORDER, direction=Direction.SENT, link="a", alarm_id="x")
        number_order(connection, order_id, order_id, 5)
        assert take_order_answer(connection, "a", SupervisionAnswer(0, NOON_MS, sn=5)) == order_id
        assert mark_orders_overdue(connection, NOON_MS + 2 * MINUTE_MS) == 1
        assert take_order_answer(connection, "a", SupervisionAnswer(1, NOON_MS, supervision_id=order_id)) == order_id
        assert take_order_answer(connection, "a", SupervisionAnswer(1, NOON_MS, supervision_id=99)) is None
        dropped, _ = add_order(connection, ORDER, direction=Direction.SENT, link="a")
        drop_order(connection, dropped)
    found = order_by_id(database, order_id)
    assert found is not None
    assert (found.state, found.result, find_orders(database, alarm_id="x").total) == (OrderState.ANSWERED, 1, 1)


def test_alarms_of_other_platforms(database: Database) -> None:
    with database.write() as connection:
        assert add_platform_alarm(connection, "a", REPORT, "V1")
        assert not add_platform_alarm(connection, "a", replace(REPORT, sn=9, at_ms=NOON_MS + 1), "V1")
        assert take_alarm_result(connection, "a", AlarmResult(1, NOON_MS, info_id=REPORT.info_id), "")
        assert take_alarm_result(connection, "a", AlarmResult(1, NOON_MS, info_id=3), "")
    assert find_platform_alarms(database, from_ms=NOON_MS, to_ms=NOON_MS + 1).total == 2
    (found,) = find_platform_alarms(database, vehicle_id="V1").rows
    assert (found.result, len(found.content)) == (1, 4_096)


def test_references(database: Database) -> None:
    reference = SentReference("a", 0x1402, 5, 1, "x", 1, "甘G1", 2, 1, NOON_MS, NOON_MS)
    for number, (sn, alarm_id) in enumerate(((5, "x"), (6, "x"), (5, "y"))):
        add_reference(database, replace(reference, sn=sn, alarm_id=alarm_id, sent_ms=NOON_MS + number))
    with database.read() as connection:
        by_message = reference_by_message(connection, "a", 0x1402, 5)
        by_vehicle = reference_by_vehicle(connection, "a", "甘G1", 1, NOON_MS + 999)
    last = reference_of_alarm(database, "a", "x")
    assert by_message is not None
    assert by_vehicle is not None
    assert last is not None
    assert (by_message.alarm_id, by_vehicle.alarm_id, last.sn) == ("y", "y", 6)
    assert (forget_references(database, NOON_MS + 1), reference_of_alarm(database, "b", "x")) == (1, None)


def test_links(database: Database) -> None:
    event = LinkEvent("a", Channel.MAIN, True, NOON_MS, "x" * 900)
    with database.write() as connection:
        assert record_link_event(database, connection, LinkRole.UPPER, "p", event)
        assert not record_link_event(database, connection, LinkRole.UPPER, "p", event)
        assert record_link_event(database, connection, LinkRole.UPPER, "p", replace(event, up=False, at_ms=NOON_MS + 9))
    assert find_link_events(database, "a").total == 2
    assert [one.up for one in events_reaching(database, NOON_MS + 100, NOON_MS + 200)] == [False]
    assert [(one.up, one.since_ms) for one in link_states(database)] == [(False, NOON_MS + 9)]
    assert platforms_of_links(database) == {"a": "p"}
    outage = Outage("a", NOON_MS, NOON_MS + 9, OutageCause.CARRIER, "", "", NOON_MS - 1)
    assert announce_outage(database, outage) == announce_outage(database, replace(outage, announced_ms=NOON_MS))
    assert [one.outage for one in outages_reaching(database, 0, NOON_MS + 1)] == [outage]


def test_waybills_drivers_conflicts_and_cursors(database: Database) -> None:
    bill = Waybill("V1", NOON_MS, "CARGO_NAME:=汽油", "汽油", Load.LOADED)
    driver = NamedDriver("yellow", "甘G1", "V1", "a", "王五", "6207", "", "", 0, NOON_MS)
    conflict = VehicleConflict("a", "yellow", "甘G1", "region", "V1", "甲", "乙", NOON_MS)
    with database.write() as connection:
        upsert_waybills(database, connection, [bill, replace(bill, cargo="柴油")])
        keep_driver(database, connection, driver)
        keep_driver(database, connection, replace(driver, name="赵六", at_ms=NOON_MS - 1))
        assert keep_conflict(database, connection, conflict)
        assert not keep_conflict(database, connection, replace(conflict, at_ms=NOON_MS + 1))
    assert find_waybills(database, key="V1", from_ms=NOON_MS).rows == (replace(bill, cargo="柴油"),)
    assert driver_of_plate(database, "甘G1", 2) == driver
    assert find_conflicts(database, link="a").rows == (conflict,)
    cursor = ForwardCursor("a", 9, NOON_MS, NOON_MS)
    put_forward_cursor(database, cursor)
    put_forward_cursor(database, replace(cursor, journal_offset=4))
    assert forward_cursor(database, "a") == replace(cursor, journal_offset=4)
