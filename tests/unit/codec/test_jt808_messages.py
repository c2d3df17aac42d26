"""Messages: layouts by edition, and what is read tolerantly."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from monitor.codec.jt808 import (
    RawMessage,
    Version,
    decode_message,
    encode_frames,
    encode_message,
    number_parameter,
    parameter_value,
    text_parameter,
)
from monitor.codec.jt808.described import describe
from monitor.codec.jt808.messages import (
    AttributesReply,
    Authenticate,
    CanData,
    ControlItem,
    DriverCard,
    Location,
    MediaData,
    Message,
    Parameter,
    ParametersReply,
    PlatformReply,
    PositionReply,
    Register,
    RegisterReply,
    RetransmitRequest,
    SetParameters,
    Text,
    TimeReply,
    Track,
    VehicleControl,
)
from monitor.codec.jt808.parameters import PARAMETERS, ParameterType
from monitor.errors import CodecError
from monitor.model.beijing import BEIJING
from tests.unit.codec.samples import BASE, PHONE

NOON = datetime(2026, 3, 2, 12, tzinfo=BEIJING)
TIME = "260302120000"
V2011, V2013, V2019 = Version


def decoded(msg_id: int, body: str, version: Version = V2013) -> Message:
    """The message of a body in hex."""
    return decode_message(msg_id, bytes.fromhex(body), version)


@pytest.mark.parametrize(
    ("message", "version", "body"),
    [
        pytest.param(PlatformReply(1, 0x0200, 4), V2013, "0001020004", id="alarm handled"),
        pytest.param(RegisterReply(9, 0, "abc"), V2013, "000900616263", id="registered"),
        pytest.param(RegisterReply(9, 3, "abc"), V2013, "000903", id="a refusal has no code"),
        pytest.param(RetransmitRequest(7, (1, 3)), V2013, "00070200010003", id="count is a byte in 2013"),
        pytest.param(RetransmitRequest(7, (1, 3)), V2019, "0007000200010003", id="and a word in 2019"),
        pytest.param(Authenticate("ab"), V2013, "6162", id="the code alone"),
        pytest.param(
            Authenticate("ab", "1", "v"), V2019, "026162" + "31".ljust(30, "0") + "76".ljust(40, "0"), id="with IMEI"
        ),
        pytest.param(Text(9, 1, "a"), V2013, "0961", id="no kind before 2019"),
        pytest.param(Text(9, 2, "a"), V2019, "090261", id="kind in 2019"),
        pytest.param(Text(9, 0, "a"), V2019, "090161", id="a text without kind notifies"),
        pytest.param(Track(0, 99), V2013, "0000", id="nothing follows interval 0"),
        pytest.param(TimeReply(NOON), V2019, "260302040000", id="UTC, the only time that is"),
        pytest.param(SetParameters((number_parameter(0x55, 80),)), V2013, "01000000550400000050", id="limit"),
        pytest.param(
            SetParameters((number_parameter(0x55, 80),)), V2011, "0101000000550400000050", id="2011 counts twice"
        ),
        pytest.param(VehicleControl.doors(lock=True, version=V2013), V2013, "01", id="1 locks in 2013"),
        pytest.param(VehicleControl.doors(lock=True, version=V2019), V2019, "0001000100", id="0 locks in 2019"),
    ],
)
def test_a_message_is_laid_out_as_its_edition_says(message: Message, version: Version, body: str) -> None:
    assert encode_message(message, version).hex() == body


@pytest.mark.parametrize(
    ("body", "edition", "plate"),
    [
        pytest.param("0033" + "00" * 22 + "02" + "b4a841", V2011, "川A", id="short bodies are of 2011"),
        pytest.param("0033" + "00" * 22 + "00", V2011, "", id="no plate"),
        pytest.param("0033" + "41" * 34 + "02" + "b4a841", V2013, "川A", id="2013"),
        pytest.param("0033" + "41" * 22 + "02" + "4c" * 17, V2011, "L" * 17, id="2011 with a VIN for plate"),
    ],
)
def test_a_registration_tells_its_edition(body: str, edition: Version, plate: str) -> None:
    message = decoded(0x0100, body)
    assert isinstance(message, Register)
    assert (message.edition, message.plate) == (edition, plate)


def test_parameters_of_2011_are_known_by_their_second_count() -> None:
    message = decoded(0x8103, "0101000000550400000050")
    assert message == SetParameters((number_parameter(0x55, 80),))
    assert decoded(0x8103, "0101000000550400000050", V2019) == message


def test_an_answer_with_a_wrong_count_gives_what_is_there() -> None:
    message = decoded(0x0104, "000109" + "00000055" + "04" + "00000050")
    assert message == ParametersReply(1, (number_parameter(0x55, 80),), 9)


@pytest.mark.parametrize("width", [5, 11])
def test_either_width_of_the_maker_is_read(width: int) -> None:
    sent = AttributesReply(maker="ab", model="m", terminal_id="t", iccid="8986" * 5, firmware="f", maker_width=width)
    assert decode_message(0x0107, encode_message(sent, V2019), V2019) == sent


CARD = "01" + TIME + "00"
NAME = "04c1f5cee5"
NUMBER = "31323334".ljust(40, "0")


@pytest.mark.parametrize(
    ("body", "card"),
    [
        pytest.param("02" + TIME, DriverCard(2, NOON), id="taken out"),
        pytest.param("01" + TIME + "04", DriverCard(1, NOON, 4), id="not read"),
        pytest.param(
            CARD + NAME + NUMBER + "02b4a8" + "20300131",
            DriverCard(1, NOON, 0, "刘五", "1234", "川", date(2030, 1, 31)),
            id="of 2013",
        ),
        pytest.param(
            CARD + "08c1f5cee500000000" + NUMBER + "00" + "2030",
            DriverCard(1, NOON, 0, "刘五", "1234", tail=b"\x20\x30"),
            id="name filled up, expiry cut to two bytes",
        ),
        pytest.param(CARD + "00" + NUMBER, DriverCard(1, NOON, 0, "", "1234"), id="only a number"),
        pytest.param(
            "02" + TIME + "00" + NAME + NUMBER + "00" + "20300131",
            DriverCard(2, NOON, 0, "刘五", "1234", "", date(2030, 1, 31)),
            id="taken out, and all fields there",
        ),
        pytest.param(
            CARD + NAME + NUMBER + "00" + "20300131" + NUMBER,
            DriverCard(1, NOON, 0, "刘五", "1234", "", date(2030, 1, 31), "1234", V2019),
            id="of 2019 under an older header",
        ),
        pytest.param(
            NAME + NUMBER + NUMBER + "00" * 20 + "02b4a8",
            DriverCard(name="刘五", licence="1234", qualification="1234", issuer="川", edition=V2011),
            id="of 2011",
        ),
        pytest.param("0218061b0f362e00" + NAME, DriverCard(2, None, 0, "刘五"), id="a time that is no BCD"),
    ],
)
def test_a_drivers_card_is_read_as_far_as_it_goes(body: str, card: DriverCard) -> None:
    assert decoded(0x0702, body) == card


def test_an_answer_about_a_position_may_lack_its_serial() -> None:
    with_serial, without = decode_message(0x0201, b"\0\7" + BASE, V2013), decode_message(0x0201, BASE, V2013)
    assert isinstance(with_serial, PositionReply)
    assert isinstance(without, PositionReply)
    assert (with_serial.reply_serial, without.reply_serial) == (7, None)
    assert with_serial.location == without.location


def test_media_of_2011_have_no_position() -> None:
    body = "00000001" + "00000001" + "00000002" + "00000001" + "aabb"
    assert decoded(0x0801, body) == MediaData(1, 0, 0, 0, 1, None, b"\xaa\xbb", 2, 1)
    newer = decode_message(0x0801, bytes.fromhex("0000000100000001") + BASE + b"\xaa", V2013)
    assert isinstance(newer, MediaData)
    assert newer.location is not None
    assert (newer.location.time, newer.data) == (NOON, b"\xaa")


def test_control_items_without_their_count() -> None:
    assert decoded(0x8500, "007b00", V2019) == VehicleControl(None, (ControlItem(0x7B, b"\0"),), False)
    assert decoded(0x8500, "0002000100f0010102", V2019) == VehicleControl(
        None, (ControlItem(1, b"\0"), ControlItem(0xF001, b"\1\2"))
    )


def test_a_position_keeps_what_does_not_fit() -> None:
    message = decode_message(0x0200, BASE + b"\x30\x01\x1f\x01\x04\0", V2013)
    assert isinstance(message, Location)
    assert (message.overrun_at, message.tail, message.size) == (31, b"\x01\x04\0", 34)
    padded = decode_message(0x0200, BASE + b"\0\0", V2013)
    assert isinstance(padded, Location)
    assert (padded.overrun_at, padded.padding) == (-1, 2)


def test_can_data_are_read_whatever_their_count_says() -> None:
    message = decoded(0x0705, "0009" + "1200000350" + "00000001" + "0102030405060708" + "aa")
    assert isinstance(message, CanData)
    assert (message.count, message.time, len(message.items), message.tail) == (9, "1200000350", 1, b"\xaa")


def test_a_message_nobody_knows_is_kept() -> None:
    assert decoded(0x0F01, "0102") == RawMessage(0x0F01, b"\1\2")
    assert encode_message(RawMessage(0x0F01, b"\1\2"), V2013) == b"\1\2"


@pytest.mark.parametrize(
    ("msg_id", "body", "field", "offset"),
    [
        pytest.param(0x0001, "0001", "reply_id", 2, id="cut off"),
        pytest.param(0x8103, "0100000055", "length", 5, id="a list that is cut off"),
        pytest.param(0x0200, "00" * 27, "body", 0, id="no whole position"),
        pytest.param(0x0701, "000000ff31", "content", 4, id="a length beyond the end"),
        pytest.param(0x0608, "01", "count", 1, id="no count"),
        pytest.param(0x8608, "01ffffffff", "ids", 5, id="a count beyond the end"),
        pytest.param(0x0702, "", "name_length", 0, id="nothing"),
    ],
)
def test_a_body_that_is_cut_off_names_message_field_and_offset(msg_id: int, body: str, field: str, offset: int) -> None:
    with pytest.raises(CodecError) as caught:
        decoded(msg_id, body)
    assert (caught.value.reason, caught.value.offset) == ("body_too_short", offset)
    assert field in caught.value.field
    assert f"0x{msg_id:04X}" in caught.value.detail


@pytest.mark.parametrize(
    "message",
    [
        Register(maker="abcdef"),
        PlatformReply(65_536, 0, 0),
        Text(0, 0, "超" * 513),
        Location(altitude_m=40_000),
        Location(time=datetime(1999, 1, 1, tzinfo=BEIJING)),
        CanData("12", (), 70_000),
        VehicleControl(None, (ControlItem(1, b"\0"),)),
        AttributesReply(iccid="xyz"),
        SetParameters((Parameter(1, b"a" * 256),)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_does_not_fit_its_field_is_refused(message: Message) -> None:
    with pytest.raises(CodecError) as caught:
        encode_message(message, V2013)
    assert caught.value.reason == "out_of_range"
    assert f"0x{message.msg_id:04X}" in caught.value.detail


def test_every_parameter_has_exactly_its_type() -> None:
    sizes = {ParameterType.BYTE: 1, ParameterType.WORD: 2, ParameterType.DWORD: 4}
    for number, meaning in PARAMETERS.items():
        if meaning.type in sizes:
            made = number_parameter(number, 1)
            assert len(made.value) == sizes[meaning.type]
            assert parameter_value(made) == 1
            assert parameter_value(Parameter(number, b"\0\0\0")) is None
        elif meaning.type is ParameterType.STRING:
            assert parameter_value(text_parameter(number, "川A")) == "川A"
    assert len(number_parameter(0x5B, 50).value) == 2
    assert parameter_value(Parameter(0x0032, b"\x16\x32\x0a\x1e")) is None
    assert parameter_value(Parameter(0xFFFF, b"")) is None


def test_a_parameter_of_another_type_is_not_made() -> None:
    for number, value in ((0x0083, 1), (0xF364, 1), (0x0031, 70_000)):
        with pytest.raises(CodecError):
            number_parameter(number, value)
    for number, text in ((0x0055, "80"), (0x0013, "a" * 300)):
        with pytest.raises(CodecError):
            text_parameter(number, text)


@pytest.mark.parametrize("version", list(Version))
def test_a_frame_has_the_header_of_its_edition(version: Version) -> None:
    wire, used = encode_frames(PlatformReply(1, 2, 0), phone=PHONE, version=version, serial=0x1_0007)
    (frame,) = describe(wire)
    assert (used, frame.serial, len(frame.phone or "")) == (1, 7, 20 if version == V2019 else 12)


def test_a_phone_that_does_not_fit_is_refused() -> None:
    for phone, version in (("1" * 13, V2013), ("1" * 21, V2019), ("xyz", V2019)):
        with pytest.raises(CodecError) as caught:
            encode_frames(PlatformReply(1, 2, 0), phone=phone, version=version, serial=0)
        assert caught.value.reason == "bad_phone"
    wire, _ = encode_frames(PlatformReply(1, 2, 0), phone="4f07788ef87d", version=V2013, serial=0)
    assert next(describe(wire)).phone == "4f07788ef87d"
