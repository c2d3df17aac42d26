"""0x1500 / 0x9500 vehicle supervision 车辆监管: listening, photo, text, driving record, emergency access.

Reference §9; vehicle wrapper in both editions.
"""

from __future__ import annotations

from typing import ClassVar

from monitor.codec.jt809.fields import SOURCE, Clock, Content, Identifier, LengthOf, Octets, Seconds, u8, u16, u32
from monitor.codec.jt809.gnss import AnyPosition, CarriedGnss, PlainGnss
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, both
from monitor.codec.jt809.message import Form, VehicleMessage

_OLD, _NEW = Version.V2011, Version.V2019


class DownMonitorVehicle(VehicleMessage, frozen=True, kw_only=True):
    """0x9501 车辆单向监听请求, down."""

    msg_id: ClassVar[int] = 0x9500
    sub_type: ClassVar[int] = 0x9501
    tel: str = ""


class UpMonitorVehicleReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1501 车辆单向监听应答, up: 0 listening, 1 failed."""

    msg_id: ClassVar[int] = 0x1500
    sub_type: ClassVar[int] = 0x1501
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class DownTakePhoto(VehicleMessage, frozen=True, kw_only=True):
    """0x9502 车辆拍照请求, down. Sizes: 1 320x240, 2 640x480, 3 800x600, 4 1024x768, 5 QCIF, 6 CIF, 7 half D1, 8 D1."""

    msg_id: ClassVar[int] = 0x9500
    sub_type: ClassVar[int] = 0x9502
    lens_id: int = 0
    size: int = 1


class UpTakePhotoReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1502 车辆拍照应答, up. ``flag``: 0 unsupported, 1 done, 2 done and later, 3 offline, 4 lens, 5 other, 9 plate.

    ``image_type``: 1 jpg, 2 gif, 3 tiff, 4 png. ``VARIANT``: a position of 36 bytes in 2019 (test laboratory).
    """

    msg_id: ClassVar[int] = 0x1500
    sub_type: ClassVar[int] = 0x1502
    source_type: int = 0
    source_sn: int = 0
    flag: int = 0
    position: AnyPosition | None = None
    lens_id: int = 0
    size: int = 0
    image_type: int = 0
    photo: bytes = b""


class DownText(VehicleMessage, frozen=True, kw_only=True):
    """0x9503 下发车辆报文请求, down. ``priority``: 0 urgent, 1 normal. ``info_id`` (MSG_SEQUENCE) in 2011."""

    msg_id: ClassVar[int] = 0x9500
    sub_type: ClassVar[int] = 0x9503
    info_id: int = 0
    priority: int = 1
    content: str = ""


class UpTextReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1503 下发车辆报文应答, up: 0 sent, 1 failed."""

    msg_id: ClassVar[int] = 0x1500
    sub_type: ClassVar[int] = 0x1503
    source_type: int = 0
    source_sn: int = 0
    info_id: int = 0
    result: int = 0


class DownTakeTravel(VehicleMessage, frozen=True, kw_only=True):
    """0x9504 上报车辆行驶记录请求, down. 2011: ``command`` alone (supplement) or two times alone (``PLAIN``).

    ``VARIANT`` (SmallChi/JT809): command, two BCD times and how many data blocks at most.
    """

    msg_id: ClassVar[int] = 0x9500
    sub_type: ClassVar[int] = 0x9504
    command: int = 0
    start_ms: int = 0
    end_ms: int = 0
    most_blocks: int = 0


class UpTakeTravelReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1504 上报车辆行驶记录应答, up. ``record`` as the recorder gave it. ``PLAIN`` has no ``command``."""

    msg_id: ClassVar[int] = 0x1500
    sub_type: ClassVar[int] = 0x1504
    source_type: int = 0
    source_sn: int = 0
    command: int = 0
    record: bytes = b""


class DownEmergency(VehicleMessage, frozen=True, kw_only=True):
    """0x9505 车辆应急接入监管平台请求, down: where the terminal has to connect to."""

    msg_id: ClassVar[int] = 0x9500
    sub_type: ClassVar[int] = 0x9505
    auth_code: str = ""
    apn: str = ""
    user: str = ""
    password: str = ""
    server_ip: str = ""
    tcp_port: int = 0
    udp_port: int = 0
    end_ms: int = 0

    def __repr__(self) -> str:
        return f"DownEmergency(plate={self.plate!r}, server_ip={self.server_ip!r}, tcp_port={self.tcp_port})"


class UpEmergencyReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1505 车辆应急接入监管平台应答, up: 0 received, 1 no such vehicle, 2 other."""

    msg_id: ClassVar[int] = 0x1500
    sub_type: ClassVar[int] = 0x1505
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


_SPAN = (Seconds("start_ms"), Seconds("end_ms"))
_PHOTO = (u8("lens_id"), LengthOf("photo"), u8("size"), u8("image_type"), Octets("photo"))
_RECORD = (LengthOf("record"), Octets("record"))

LAYOUTS: tuple[Layout, ...] = (
    *both(DownMonitorVehicle, Identifier("tel", 20)),
    Layout(UpMonitorVehicleReply, _OLD, (u8("result"),)),
    Layout(UpMonitorVehicleReply, _NEW, (*SOURCE, u8("result"))),
    *both(DownTakePhoto, u8("lens_id"), u8("size")),
    Layout(UpTakePhotoReply, _OLD, (u8("flag"), PlainGnss("position"), *_PHOTO)),
    Layout(UpTakePhotoReply, _NEW, (*SOURCE, u8("flag"), CarriedGnss("position"), *_PHOTO)),
    Layout(UpTakePhotoReply, _NEW, (*SOURCE, u8("flag"), PlainGnss("position"), *_PHOTO), Form.VARIANT),
    Layout(DownText, _OLD, (u32("info_id"), u8("priority"), Content("content"))),
    Layout(DownText, _NEW, (u8("priority"), Content("content"))),
    Layout(UpTextReply, _OLD, (u32("info_id"), u8("result"))),
    Layout(UpTextReply, _NEW, (*SOURCE, u8("result"))),
    Layout(DownTakeTravel, _OLD, (u8("command"),)),
    Layout(DownTakeTravel, _OLD, _SPAN, Form.PLAIN),
    Layout(DownTakeTravel, _OLD, (u8("command"), Clock("start_ms"), Clock("end_ms"), u16("most_blocks")), Form.VARIANT),
    Layout(DownTakeTravel, _NEW, (*_SPAN, u8("command"))),
    Layout(UpTakeTravelReply, _OLD, (u8("command"), *_RECORD)),
    Layout(UpTakeTravelReply, _OLD, _RECORD, Form.PLAIN),
    Layout(UpTakeTravelReply, _NEW, (*SOURCE, u8("command"), *_RECORD)),
    *both(
        DownEmergency,
        Identifier("auth_code", 10),
        Identifier("apn", 20),
        Identifier("user", 49),
        Identifier("password", 22),
        Identifier("server_ip", 32),
        u16("tcp_port"),
        u16("udp_port"),
        Seconds("end_ms"),
    ),
    Layout(UpEmergencyReply, _OLD, (u8("result"),)),
    Layout(UpEmergencyReply, _NEW, (*SOURCE, u8("result"))),
)
