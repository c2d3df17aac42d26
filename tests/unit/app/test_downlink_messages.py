"""Orders as JT/T 808 messages: what may be ordered, and how it travels."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from monitor.app.downlink_messages import SETTABLE, answer_json, message_of, order_body
from monitor.codec.jt808 import Location, Version, encode_message
from monitor.codec.jt808.messages import Parameter, ParametersReply, PositionReply, TerminalReply
from monitor.console.downlink_request import DownlinkRequest
from monitor.errors import CommandError
from monitor.model.beijing import BEIJING
from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.quality.crs import Crs

TEXT, PARAMETERS = DownlinkKind.TEXT, DownlinkKind.PARAMETERS
POSITION, QUERY = DownlinkKind.POSITION, DownlinkKind.QUERY_PARAMETERS


def _order(request: DownlinkRequest) -> Downlink:
    return Downlink("1", "13912345678", "V1", request.kind, order_body(request), DownlinkState.QUEUED, "local", 0, 1)


def _bytes(request: DownlinkRequest, version: Version) -> str:
    return encode_message(message_of(_order(request), int(version)), version).hex()


STOP = "停车".encode("gbk").hex()
ON_THE_WIRE: tuple[tuple[str, DownlinkRequest, Version, str], ...] = (
    ("a text, 2013", DownlinkRequest(TEXT, text="停车"), Version.V2013, f"0c{STOP}"),
    ("an urgent text, 2013", DownlinkRequest(TEXT, text="停车", urgent=True), Version.V2013, f"0d{STOP}"),
    ("a text to read, 2011", DownlinkRequest(TEXT, text="停车", speak=False), Version.V2011, f"04{STOP}"),
    ("a text, 2019", DownlinkRequest(TEXT, text="停车"), Version.V2019, f"0f01{STOP}"),
    ("an urgent text, 2019", DownlinkRequest(TEXT, text="停车", urgent=True), Version.V2019, f"0e01{STOP}"),
    (
        "a spoken urgent text, 2019",
        DownlinkRequest(TEXT, text="停车", urgent=True, display=False),
        Version.V2019,
        f"0a01{STOP}",
    ),
    (
        "highest speed is a DWORD, the difference a WORD",
        DownlinkRequest(PARAMETERS, parameters={"0x55": 80, "91": 50}),
        Version.V2013,
        "02" + "00000055" + "04" + "00000050" + "0000005b" + "02" + "0032",
    ),
    (
        "2011 counts twice",
        DownlinkRequest(PARAMETERS, parameters={"0x0057": 14_400}),
        Version.V2011,
        "0101" + "00000057" + "04" + "00003840",
    ),
    ("where are you", DownlinkRequest(POSITION), Version.V2013, ""),
    ("all parameters", DownlinkRequest(QUERY), Version.V2013, ""),
    ("some parameters", DownlinkRequest(QUERY, ids=("0x0055", "85", "0x0057")), Version.V2019, "020000005500000057"),
)


@pytest.mark.parametrize(
    ("request_", "version", "expected"), [row[1:] for row in ON_THE_WIRE], ids=[row[0] for row in ON_THE_WIRE]
)
def test_an_order_travels_in_the_edition_of_the_terminal(
    request_: DownlinkRequest, version: Version, expected: str
) -> None:
    assert _bytes(request_, version) == expected


def test_a_terminal_of_no_known_edition_is_taken_for_2013() -> None:
    order = _order(DownlinkRequest(TEXT, text="停车"))
    assert encode_message(message_of(order, 0), Version.V2013).hex() == f"0c{STOP}"


@pytest.mark.parametrize("number", SETTABLE, ids=hex)
def test_every_settable_parameter_can_be_written_at_both_ends_of_its_range(number: int) -> None:
    for value in (SETTABLE[number].low, SETTABLE[number].high):
        assert _bytes(DownlinkRequest(PARAMETERS, parameters={hex(number): value}), Version.V2019)


REFUSED: tuple[tuple[str, DownlinkRequest, str], ...] = (
    ("no text", DownlinkRequest(TEXT), "needs a text"),
    ("an empty text", DownlinkRequest(TEXT, text="  "), "needs a text"),
    ("a text too long", DownlinkRequest(TEXT, text="字" * 513), "has 1026 bytes in GBK"),
    ("a sign that terminals do not know", DownlinkRequest(TEXT, text="慢😀"), "cannot show '😀'"),
    ("a control character", DownlinkRequest(TEXT, text="a\x00b"), "control characters"),
    ("a text for nobody", DownlinkRequest(TEXT, text="停", speak=False, display=False), "reaches nobody"),
    ("no parameters", DownlinkRequest(PARAMETERS), "needs parameters"),
    ("the server's address", DownlinkRequest(PARAMETERS, parameters={"0x0013": 1}), "0x0013 is not set from here"),
    (
        "a speed too high",
        DownlinkRequest(PARAMETERS, parameters={"0x0055": 201}),
        "cannot be 201; it is from 10 to 200",
    ),
    ("a negative value", DownlinkRequest(PARAMETERS, parameters={"0x0056": -1}), "cannot be -1"),
    ("one parameter twice", DownlinkRequest(PARAMETERS, parameters={"0x55": 80, "85": 90}), "stands twice"),
    ("no parameter", DownlinkRequest(PARAMETERS, parameters={"speed": 80}), "'speed' is no parameter like 0x0055"),
    ("an id too large", DownlinkRequest(QUERY, ids=("0x100000000",)), "is no parameter like"),
    ("too many ids", DownlinkRequest(QUERY, ids=("0x0055",) * 256), "at most 255"),
    ("a text with a question", DownlinkRequest(POSITION, text="停车"), "text does not belong"),
    ("ids with a text", DownlinkRequest(TEXT, text="停车", ids=()), "ids does not belong"),
)


@pytest.mark.parametrize(("request_", "sentence"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_ordered_is_refused_with_a_sentence(request_: DownlinkRequest, sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        order_body(request_)
    assert sentence in caught.value.message
    assert (caught.value.status, caught.value.reason) == (422, "wrong_parameter")


LOCATION = Location(0, 3, 39.9, 116.4, 50, 61.5, 90, datetime(2026, 3, 2, 12, 0, tzinfo=BEIJING))


def test_a_position_comes_back_as_a_report() -> None:
    found = msgspec.json.decode(answer_json("done", PositionReply(7, LOCATION)))
    assert found["result"] == "done"
    assert found["report"]["fix_time"] == "2026-03-02T12:00:00+08:00"
    assert (found["report"]["lon"], found["report"]["lat"], found["report"]["speed_kmh"]) == (116.4, 39.9, 61.5)
    assert found["report"]["acc_on"] is True


def test_a_position_of_shifted_coordinates_is_shifted_back_and_none_has_none() -> None:
    shifted = msgspec.json.decode(answer_json("done", PositionReply(7, LOCATION), Crs.GCJ02))["report"]
    assert 0.001 < abs(shifted["lon"] - 116.4) < 0.01
    nowhere = msgspec.structs.replace(LOCATION, status=1, time=None)
    found = msgspec.json.decode(answer_json("done", PositionReply(None, nowhere)))["report"]
    assert (found["lon"], found["lat"], found["fix_time"], found["positioned"]) == (None, None, None, False)


def test_parameters_come_back_as_numbers_and_texts_without_passwords() -> None:
    parameters = (
        Parameter(0x0055, (80).to_bytes(4, "big")),
        Parameter(0x0013, "主机.example".encode("gbk")),
        Parameter(0x0012, b"hunter2"),
        Parameter(0x0055 + 0x10000, b"\x01\x02"),
    )
    text = answer_json("done", ParametersReply(1, parameters))
    assert msgspec.json.decode(text)["parameters"] == {
        "0x0055": 80,
        "0x0013": "主机.example",
        "0x0012": "***",
        "0x10055": "0102",
    }
    assert "hunter2" not in text


def test_a_general_answer_has_its_result_only() -> None:
    assert answer_json("unsupported", TerminalReply(1, 0x8300, 3)) == '{"result":"unsupported"}'
