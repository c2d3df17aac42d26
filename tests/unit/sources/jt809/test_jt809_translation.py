"""Words of the exchange over the wire and back, in each edition: what is said is what is heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.codec.jt809 import Form, Frame, Message, Version, decode_frame, encode_frame
from monitor.model.exchange import (
    AlarmResult,
    ExchangeEvent,
    Inquiry,
    InquiryAnswer,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    StaticVehicle,
    SupervisionAnswer,
    SupervisionRequest,
    VehicleDriver,
    VehicleWaybill,
)
from monitor.sources.jt809 import translation
from monitor.sources.jt809.translation import event_from_above, event_from_below

AT_MS = 1_700_000_000_000
SN = 42
PLATE, YELLOW = "浙A·F1234", 2
OLD, NEW = Version.V2011, Version.V2019

ALARM = ReportedAlarm(
    0x0002, AT_MS - 5_000, AT_MS, 0x1402, "疲劳驾驶", PLATE, YELLOW, start_ms=AT_MS - 5_000, sn=SN,
    platform_id="33010000001",
)  # fmt: skip
REQUEST = SupervisionRequest(
    warn_ms=AT_MS - 60_000, deadline_ms=AT_MS + 60_000, level=0, supervisor="王五", at_ms=AT_MS, supervisor_tel="0571",
    supervisor_email="w@example.com", sn=SN,
)  # fmt: skip


def over(message: Message, version: Version) -> Frame:
    data = encode_frame(message, version=version, access_code=1, sn=SN, time_s=AT_MS // 1_000)
    return decode_frame(data, version)


CASES: list[tuple[str, Version, Message, ExchangeEvent]] = [
    (
        "an inquiry of plain 2011 names no object",
        OLD,
        translation.inquiry(Inquiry(7, "在岗?", AT_MS, 2, "x", 10), Form.PLAIN),
        Inquiry(7, "在岗?", AT_MS, sn=SN),
    ),
    (
        "an inquiry with the supplement names one, but no time",
        OLD,
        translation.inquiry(Inquiry(7, "在岗?", AT_MS, 2, "330100", 10), Form.STANDARD),
        Inquiry(7, "在岗?", AT_MS, 2, "330100", sn=SN),
    ),
    (
        "an inquiry of 2019 has everything",
        NEW,
        translation.inquiry(Inquiry(7, "在岗?", AT_MS, 2, "330100", 10), Form.STANDARD),
        Inquiry(7, "在岗?", AT_MS, 2, "330100", 10, sn=SN),
    ),
    (
        "an answer of 2011 goes by the number of the question",
        OLD,
        translation.inquiry_answer(InquiryAnswer("在", AT_MS, 7, 9), Form.PLAIN),
        InquiryAnswer("在", AT_MS, info_id=7),
    ),
    (
        "an answer of 2019 goes by the header's number, and says who",
        NEW,
        translation.inquiry_answer(InquiryAnswer("在", AT_MS, 7, 9, 1, "330100", "李四", "0571"), Form.STANDARD),
        InquiryAnswer("在", AT_MS, 0, 9, 1, "330100", "李四", "0571"),
    ),
    (
        "a text",
        NEW,
        translation.platform_text(PlatformText(3, "通知", AT_MS, 1, "330100"), Form.STANDARD),
        PlatformText(3, "通知", AT_MS, 1, "330100", sn=SN),
    ),
    (
        "a supervision request of 2011 names the vehicle",
        OLD,
        translation.supervision_request(
            replace(REQUEST, plate=PLATE, plate_color=YELLOW, warn_type=2, supervision_id=5)
        ),
        replace(REQUEST, plate=PLATE, plate_color=YELLOW, warn_type=2, supervision_id=5),
    ),
    (
        "a supervision request of 2019 names the message",
        NEW,
        translation.supervision_request(replace(REQUEST, platform_id="33010000001", source_type=0x1402, source_sn=8)),
        replace(REQUEST, platform_id="33010000001", source_type=0x1402, source_sn=8),
    ),
    (
        "its answer of 2011",
        OLD,
        translation.supervision_answer(SupervisionAnswer(1, AT_MS, 5, plate=PLATE, plate_color=YELLOW), (0, 0)),
        SupervisionAnswer(1, AT_MS, 5, plate=PLATE, plate_color=YELLOW),
    ),
    (
        "its answer of 2019, with the source remembered",
        NEW,
        translation.supervision_answer(SupervisionAnswer(1, AT_MS, sn=9), (0x1402, 8)),
        SupervisionAnswer(1, AT_MS, sn=9, source_type=0x1402, source_sn=8),
    ),
    (
        "its answer of 2019, with the source said",
        NEW,
        translation.supervision_answer(SupervisionAnswer(1, AT_MS, sn=9, source_type=0x1202, source_sn=3), (0x1402, 8)),
        SupervisionAnswer(1, AT_MS, sn=9, source_type=0x1202, source_sn=3),
    ),
    (
        "an alarm of 2011 has a number and no span",
        OLD,
        translation.alarm_from_below(replace(ALARM, info_id=6, warn_source=2), "", OLD),
        replace(ALARM, info_id=6, warn_source=2, start_ms=0, platform_id=""),
    ),
    (
        "an alarm of 2019 has a span and a platform",
        NEW,
        translation.alarm_from_below(replace(ALARM, platform_id=""), "33010000001", NEW),
        replace(ALARM, warn_source=2),
    ),
    (
        "a pre-warning from below exists in 2019",
        NEW,
        translation.alarm_from_below(replace(ALARM, msg_type=0x1403), "", NEW),
        replace(ALARM, msg_type=0x1403, warn_source=2),
    ),
    (
        "in 2011 it goes as an alarm",
        OLD,
        translation.alarm_from_below(replace(ALARM, msg_type=0x1403), "", OLD),
        replace(ALARM, start_ms=0, platform_id="", warn_source=9),
    ),
    (
        "a warning from above",
        OLD,
        translation.alarm_from_above(replace(ALARM, msg_type=0x9402)),
        replace(ALARM, msg_type=0x9402, start_ms=0, platform_id="", warn_source=9),
    ),
    (
        "an exchanged alarm from above",
        NEW,
        translation.alarm_from_above(replace(ALARM, msg_type=0x9403)),
        replace(ALARM, msg_type=0x9403, warn_source=2),
    ),
    (
        "a result of 2011 goes by the alarm's number",
        OLD,
        translation.alarm_result(AlarmResult(1, AT_MS, info_id=6, plate=PLATE, plate_color=YELLOW), OLD),
        AlarmResult(1, AT_MS, info_id=6, plate=PLATE, plate_color=YELLOW),
    ),
    (
        "a result of 2019 goes by the alarm's message",
        NEW,
        translation.alarm_result(AlarmResult(1, AT_MS, source_type=0x1402, source_sn=8), NEW),
        AlarmResult(1, AT_MS, source_type=0x1402, source_sn=8),
    ),
    (
        "a registration of plain 2011",
        OLD,
        translation.registered_vehicle(
            RegisteredVehicle(PLATE, YELLOW, 0, "", "70111", "M8", "T1", "13800138000"), "33010000001", Form.PLAIN
        ),
        RegisteredVehicle(PLATE, YELLOW, AT_MS, "33010000001", "70111", "M8", "T1", "13800138000"),
    ),
    (
        "a registration of 2019",
        NEW,
        translation.registered_vehicle(
            RegisteredVehicle(
                PLATE, YELLOW, 0, "", "70111", "a model of thirty", "T1", "13800138000", "490154203237518"
            ),
            "33010000001",
            Form.STANDARD,
        ),
        RegisteredVehicle(
            PLATE, YELLOW, AT_MS, "33010000001", "70111", "a model of thirty", "T1", "13800138000", "490154203237518"
        ),
    ),
    (
        "static information",
        NEW,
        translation.static_vehicle(
            StaticVehicle(PLATE, YELLOW, 0, (("VIN", "浙AF1234"), ("OWERS_TEL", ""))), (0x9601, 1)
        ),
        StaticVehicle(PLATE, YELLOW, AT_MS, (("VIN", "浙AF1234"), ("OWERS_TEL", ""))),
    ),
    (
        "a driver, unasked",
        NEW,
        translation.driver(VehicleDriver(PLATE, YELLOW, 0, "张三", "330", "330X", "局", AT_MS)),
        VehicleDriver(PLATE, YELLOW, AT_MS, "张三", "330", "330X", "局", AT_MS),
    ),
    (
        "a driver, asked for",
        OLD,
        translation.driver_answer(VehicleDriver(PLATE, YELLOW, 0, "张三", "330", "330X", "局"), (0x920A, 1)),
        VehicleDriver(PLATE, YELLOW, AT_MS, "张三", "330", "330X", "局"),
    ),
    (
        "a waybill",
        OLD,
        translation.waybill(VehicleWaybill(PLATE, YELLOW, 0, "汽油 30 吨")),
        VehicleWaybill(PLATE, YELLOW, AT_MS, "汽油 30 吨"),
    ),
    (
        "a waybill, asked for",
        NEW,
        translation.waybill_answer(VehicleWaybill(PLATE, YELLOW, 0, "空车"), (0x920B, 4)),
        VehicleWaybill(PLATE, YELLOW, AT_MS, "空车"),
    ),
]


@pytest.mark.parametrize(("version", "message", "heard"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_said_is_heard(version: Version, message: Message, heard: ExchangeEvent) -> None:
    frame = over(message, version)
    said_from_above = type(message).__name__.startswith("Down")
    assert (event_from_above if said_from_above else event_from_below)(frame, AT_MS) == heard


@pytest.mark.parametrize(("version", "message", "heard"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_the_other_side_alone_may_say_is_no_event(
    version: Version, message: Message, heard: ExchangeEvent
) -> None:
    """A lower platform gives no orders to its upper one, and no platform answers its own questions."""
    frame = over(message, version)
    said_from_above = type(message).__name__.startswith("Down")
    assert (event_from_below if said_from_above else event_from_above)(frame, AT_MS) is None
