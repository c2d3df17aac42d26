"""809 messages: the traps of the reference, each as a law."""

from __future__ import annotations

import msgspec
import pytest

from monitor.codec.jt809 import (
    Cipher,
    DownConnectRequest,
    DownPostQuery,
    DownRegisterReply,
    DownUrgeTodo,
    Form,
    Header,
    RawMessage,
    UpConnectRequest,
    UpPostQueryReply,
    UpRegister,
    UpReturnStartupReply,
    UpUrgeTodoReply,
    UpVehicleAddedReply,
    UpWarnHandled,
    UpWarnInfo,
    UpWarnTips,
    Version,
    car_pairs,
    car_text,
    decode_frame,
    decode_message,
    encode_frame,
    encode_message,
    guessed_version,
)
from monitor.codec.jt809 import __all__ as public
from monitor.codec.jt809.framing import frame, message_of
from monitor.codec.jt809.header import encode_header
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.registry import KINDS, LAYOUTS
from monitor.errors import CodecError

OLD, NEW = Version.V2011, Version.V2019
PLATE = "甘A12345".encode("gb18030").ljust(21, b"\0") + b"\x02"


def vehicle(sub_type: int, data: bytes, length: int | None = None) -> bytes:
    return PLATE + platform(sub_type, data, length)


def platform(sub_type: int, data: bytes, length: int | None = None) -> bytes:
    return sub_type.to_bytes(2, "big") + (len(data) if length is None else length).to_bytes(4, "big") + data


def seconds(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "big") for value in values)


def test_every_message_of_the_package_is_public_and_told_by_its_clause() -> None:
    kinds = {kind for kinds in KINDS.values() for kind in kinds}
    assert {kind.__name__ for kind in kinds} <= set(public)
    for kind in kinds:
        number = kind.sub_type or kind.msg_id
        assert (kind.__doc__ or "").startswith(f"0x{number:04X} "), kind
        assert kind.sub_type == 0 or kind.sub_type & 0xFF00 == kind.msg_id


@pytest.mark.parametrize(("version", "size"), [pytest.param(OLD, 46, id="2011"), pytest.param(NEW, 50, id="2019")])
def test_a_log_in_tells_its_edition_by_its_length(version: Version, size: int) -> None:
    login = UpConnectRequest(user_id=1, password="12345678", access_code=9, down_ip="127.0.0.1", down_port=809)
    assert len(encode_message(login, version)) == size
    wire = encode_frame(login, version=version, access_code=9, sn=0)
    assert guessed_version(message_of(wire)[0]) is version
    again = decode_frame(wire, version).message
    assert again == (login if version is NEW else msgspec.structs.replace(login, access_code=0))


def test_secrets_stay_out_of_what_is_logged() -> None:
    for message in (
        UpConnectRequest(user_id=1, password="secret00", down_ip="10.0.0.1"),
        DownConnectRequest(verify_code=77_889_900),
    ):
        assert "secret" not in repr(message)
        assert "77889900" not in repr(message)
    assert "4711" not in repr(Cipher(4711, 4711, 4711))


@pytest.mark.parametrize(
    ("version", "form", "size"),
    [
        pytest.param(OLD, Form.PLAIN, 49, id="2011"),
        pytest.param(OLD, Form.STANDARD, 61, id="2011 with the supplement"),
        pytest.param(NEW, Form.STANDARD, 110, id="2019"),
    ],
)
def test_a_registration_is_told_by_its_length(version: Version, form: Form, size: int) -> None:
    message = UpRegister(form=form, plate="甘A12345", plate_color=2, model="M", terminal_id="T", phone="013912345678")
    body = encode_message(message, version)
    assert len(body) == 28 + size
    # Whatever DATA_LENGTH says: one sender is known that writes 41 for 49.
    for length in (size, 41, 9_999):
        again = decode_message(0x1200, body[:24] + length.to_bytes(4, "big") + body[28:], version)
        assert isinstance(again, UpRegister)
        assert (again.form, again.model, again.terminal_id, again.phone[-12:]) == (form, "M", "T", "013912345678")


def test_an_inquiry_is_told_from_its_older_forms_and_answered_in_kind() -> None:
    text = "在岗".encode("gb18030")
    plain = platform(0x9301, (5).to_bytes(4, "big") + (4).to_bytes(4, "big") + text)
    named = platform(
        0x9301, b"\x01" + b"620000".ljust(12, b"\0") + (5).to_bytes(4, "big") + (4).to_bytes(4, "big") + text
    )
    newer = platform(
        0x9301, b"\x01" + b"620000".ljust(20, b"\0") + b"\x0a" + (5).to_bytes(4, "big") + (4).to_bytes(4, "big") + text
    )
    for version, body, form, object_id in (
        (OLD, plain, Form.PLAIN, ""),
        (OLD, named, Form.STANDARD, "620000"),
        (NEW, newer, Form.STANDARD, "620000"),
        (OLD, newer, Form.OTHER_EDITION, "620000"),
        (NEW, plain, Form.OTHER_EDITION_PLAIN, ""),
    ):
        question = decode_message(0x9300, body, version)
        assert isinstance(question, DownPostQuery)
        assert (question.form, question.object_id, question.info_id) == (form, object_id, 5)
        assert question.content == "在岗"
        assert encode_message(question, version) == body
        answer = UpPostQueryReply(form=question.form, info_id=5, source_type=0x9301, source_sn=9, content="在")
        again = decode_message(0x1300, encode_message(answer, version), version)
        assert isinstance(again, UpPostQueryReply)
        assert (again.form, again.content) == (form, "在")


def test_1403_is_a_result_in_2011_and_a_warning_in_2019() -> None:
    result = decode_message(0x1400, vehicle(0x1403, b"\0\0\0\x07\x01"), OLD)
    assert isinstance(result, UpWarnHandled)
    assert (result.plate, result.info_id, result.result) == ("甘A12345", 7, 1)
    tips = decode_message(0x1400, encode_message(UpWarnTips(warn_type=1, content="x"), NEW), NEW)
    assert isinstance(tips, UpWarnTips)
    with pytest.raises(CodecError, match="does not exist in 2019"):
        encode_message(UpWarnHandled(), NEW)


def test_the_laboratory_sends_two_times_in_ms() -> None:
    data = b"JC2025PT047" + b"\x00\x03" + seconds(1_755_226_863_502, 1_755_230_463_502) + PLATE + bytes(11)
    data += (1_001).to_bytes(4, "big") + (4).to_bytes(4, "big") + "超速".encode("gb18030")
    body = platform(0x1402, data)
    message = decode_message(0x1400, body, NEW)
    assert isinstance(message, UpWarnInfo)
    assert (message.form, message.warn_ms, message.start_ms) == (Form.VARIANT, 0, 1_755_226_863_502)
    assert (message.plate, message.line_id, message.content) == ("甘A12345", 1_001, "超速")
    assert encode_message(message, NEW) == body


def test_a_length_in_utf8_is_clamped() -> None:
    whole = encode_message(UpWarnInfo(warn_ms=1_000, plate="甘A1", content="超速报警"), NEW)
    assert whole[6 + 74 : 6 + 78] == (8).to_bytes(4, "big")
    wrong = whole[: 6 + 74] + (12).to_bytes(4, "big") + whole[6 + 78 :]
    head = encode_header(Header(len(wrong) + 34, 0, 0x1400, 0, b"", 0, 0, 1_772_424_000, NEW))
    decoded = decode_frame(frame(head + wrong), NEW)
    assert isinstance(decoded.message, UpWarnInfo)
    assert (decoded.message.content, decoded.message.plate) == ("超速报警", "甘A1")
    assert (decoded.outcome, decoded.offset) == (FrameOutcome.CONTENT_CUT, 1 + 30 + 6 + 78)


def test_contents_are_cut_at_a_character_and_plates_are_refused() -> None:
    message = decode_message(0x1400, encode_message(UpWarnInfo(content="a" + "超" * 600), NEW), NEW)
    assert isinstance(message, UpWarnInfo)
    assert message.content == "a" + "超" * 511
    for refused in (UpWarnInfo(plate="车" * 11), UpRegister(plate="车" * 11), UpRegister(terminal_id="12345678")):
        with pytest.raises(CodecError) as error:
            encode_message(refused, OLD)
        assert error.value.reason == "too_long"
    urged = DownUrgeTodo(supervisor="督办人姓名特别特别长")
    again = decode_message(0x9400, encode_message(urged, OLD), OLD)
    assert isinstance(again, DownUrgeTodo)
    assert again.supervisor == "督办人姓名特别特"


def test_supervision_requests_of_either_edition_on_a_link_of_2019() -> None:
    older = DownUrgeTodo(form=Form.OTHER_EDITION, supervision_id=7, warn_type=1, deadline_ms=9_000, level=3)
    newer = DownUrgeTodo(source_type=0x1402, source_sn=4, deadline_ms=9_000, level=0, platform_id="62000000001")
    for request, size in ((older, 92), (newer, 102)):
        body = encode_message(request, NEW)
        assert len(body) == 6 + size
        again = decode_message(0x9400, body, NEW)
        assert isinstance(again, DownUrgeTodo)
        assert (again.form, again.supervision_id, again.source_sn) == (
            request.form,
            request.supervision_id,
            request.source_sn,
        )
        assert again.level == request.level
    # An answer of the laboratory, as published.
    lab = bytes.fromhex("14010000000b0d6f196e14020000000401")
    answer = decode_message(0x1400, lab, NEW)
    assert answer == UpUrgeTodoReply(sn=0x0D6F196E, source_type=0x1402, source_sn=4, result=1)
    assert encode_message(answer, NEW) == lab


def test_alarms_are_read_with_the_wrapper_of_the_other_edition() -> None:
    data = b"\x01" + (2).to_bytes(2, "big") + seconds(1_538_015_040) + (9).to_bytes(4, "big") + bytes(4)
    for body, plate in ((vehicle(0x1402, data), "甘A12345"), (platform(0x1402, data), "")):
        message = decode_message(0x1400, body, OLD)
        assert isinstance(message, UpWarnInfo)
        assert (message.plate, message.warn_type, message.info_id) == (plate, 2, 9)
    newer = encode_message(UpWarnInfo(plate="甘A1", plate_color=2, warn_type=1), NEW)
    inside = decode_message(0x1400, PLATE + newer, NEW)
    assert isinstance(inside, UpWarnInfo)
    assert inside.plate == "甘A1"


def test_source_fields_stand_before_the_length_where_the_table_says_so() -> None:
    standard = PLATE + bytes.fromhex("1205 0400 00000400 00000000")
    variant = PLATE + bytes.fromhex("1205 00000006 0400 00000400")
    for body, form in ((standard, Form.STANDARD), (variant, Form.VARIANT)):
        assert len(body) == 34
        message = decode_message(0x1200, body, NEW)
        assert message == UpReturnStartupReply(
            form=form, plate="甘A12345", plate_color=2, source_type=0x0400, source_sn=0x0400
        )
        assert encode_message(message, NEW) == body
    assert len(encode_message(UpReturnStartupReply(plate="甘A12345"), OLD)) == 28


def test_9201_has_a_plate_only_if_it_is_given_one() -> None:
    for reply, size in ((DownRegisterReply(result=1), 13), (DownRegisterReply(plate="甘A1", result=1), 35)):
        body = encode_message(reply, NEW)
        assert len(body) == size
        assert decode_message(0x9200, body, NEW) == reply


def test_platform_ids_are_read_as_text_or_number() -> None:
    for raw, text in (
        (b"62000000001", "62000000001"),
        (b"620000".ljust(11, b"\0"), "620000"),
        (b"620000".rjust(11, b"\0"), "620000"),
        ((12_345_678_901).to_bytes(11, "big"), "12345678901"),
        (b"\x01" * 11, "\x01" * 11),
        (bytes(11), ""),
    ):
        message = decode_message(0x9400, platform(0x9402, raw + bytes(59) + bytes(8)), NEW)
        assert getattr(message, "platform_id") == text  # noqa: B009  the type is of several


def test_static_information_is_pairs_of_text() -> None:
    text = "VIN:=甘A12345;VEHICLE_COLOR:=2;OWERS_TEL:=;junk;:=x;OWERS_NAME：＝兰州客运；"
    pairs = (("VIN", "甘A12345"), ("VEHICLE_COLOR", "2"), ("OWERS_TEL", ""), ("OWERS_NAME", "兰州客运"))
    assert car_pairs(text) == pairs
    assert car_pairs(car_text(pairs)) == pairs
    assert car_text([("A", "x;y")]) == "A:=x,y"
    reply = UpVehicleAddedReply(plate="甘A12345", plate_color=2, car_info=car_text(pairs), source_type=0x9601)
    assert decode_message(0x1600, encode_message(reply, NEW), NEW) == reply


def test_times_beyond_all_reason_are_none() -> None:
    for value, ms in ((0, 0), (1_538_015_040, 1_538_015_040_000), (1_755_226_863_502, 1_755_226_863_502), (1 << 63, 0)):
        message = decode_message(0x9100 + 1, (3).to_bytes(4, "big") + seconds(value, 0), OLD)
        assert getattr(message, "start_ms") == ms  # noqa: B009  the type is of several


def test_what_is_unknown_keeps_its_bytes() -> None:
    for msg_id, body, sub_type in (
        (0x1700, vehicle(0x1701, b"abc"), 0x1701),
        (0x7777, b"abc", 0),
        (0x1200, vehicle(0x12EE, b"z"), 0x12EE),
    ):
        message = decode_message(msg_id, body, OLD)
        assert message == RawMessage(msg_id=msg_id, sub_type=sub_type, raw=body)
        assert encode_message(message, OLD) == body


def test_errors_name_the_field_and_its_place_in_the_frame() -> None:
    head = encode_header(Header(60, 0, 0x1002, 0, b"", 0, 0, 0, OLD))
    with pytest.raises(CodecError) as error:
        decode_frame(frame(head + b"\x00\x01"), OLD)
    assert (error.value.reason, error.value.field, error.value.offset) == ("body_too_short", "verify_code", 1 + 22 + 1)
    with pytest.raises(CodecError) as error:
        decode_message(0x9300, b"\x93", OLD)
    assert (error.value.reason, error.value.field) == ("body_too_short", "data_type")
    for bad, reason in ((b"", "no_start"), (b"5b5d", "no_start"), (b"\x5b00", "truncated"), (b"\x5b\x5d", "too_short")):
        with pytest.raises(CodecError) as error:
            decode_frame(bad, OLD)
        assert error.value.reason == reason
    logged = b"\x5b" + head + b"\x5b" + b"\x5d"
    with pytest.raises(CodecError, match="logged after unescaping"):
        decode_frame(logged, OLD)
    with pytest.raises(CodecError, match="does not fit"):
        encode_message(UpUrgeTodoReply(result=256), OLD)
    with pytest.raises(CodecError) as error:
        encode_frame(DownConnectRequest(verify_code=1), version=OLD, access_code=1 << 32, sn=0)
    assert error.value.reason == "out_of_range"


def test_layouts_name_only_fields_that_exist() -> None:
    for layout in LAYOUTS:
        names = {getattr(field, "name", "") for field in layout.fields} - {""}
        assert names <= set(layout.kind.__struct_fields__), layout.kind
