"""0x1200 / 0x9200 dynamic information 动态信息交换, apart from the positions themselves.

Reference §6; vehicle wrapper in both editions (0x9201 has none).
"""

from __future__ import annotations

from typing import ClassVar

from monitor.codec.jt809.fields import (
    SOURCE,
    Content,
    Fixed,
    Identifier,
    Octets,
    Phone,
    Platform,
    RestText,
    Seconds,
    Text,
    u8,
    u32,
)
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, both
from monitor.codec.jt809.message import Form, VehicleMessage

_OLD, _NEW = Version.V2011, Version.V2019


class UpRegister(VehicleMessage, frozen=True, kw_only=True):
    """0x1201 上传车辆注册信息, up. Model of 20 bytes, of 8 in ``PLAIN``; ``imei`` in 2019."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1201
    platform_id: str = ""
    producer_id: str = ""
    model: str = ""
    imei: str = ""
    terminal_id: str = ""
    phone: str = ""


class UpReturnStartupReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1205 启动车辆定位信息交换应答, up. ``VARIANT``: source fields behind the length instead of before it."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1205
    source_type: int = 0
    source_sn: int = 0


class UpReturnEndReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1206 结束车辆定位信息交换应答, up. Like 0x1205."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1206
    source_type: int = 0
    source_sn: int = 0


class UpApplyStartup(VehicleMessage, frozen=True, kw_only=True):
    """0x1207 申请交换指定车辆定位信息, up."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1207
    start_ms: int = 0
    end_ms: int = 0


class UpApplyEnd(VehicleMessage, frozen=True, kw_only=True):
    """0x1208 取消交换指定车辆定位信息, up: empty."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1208


class UpApplyHistory(VehicleMessage, frozen=True, kw_only=True):
    """0x1209 补发车辆定位信息请求, up."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1209
    start_ms: int = 0
    end_ms: int = 0


class UpDriverInfoReply(VehicleMessage, frozen=True, kw_only=True):
    """0x120A 上报驾驶员身份识别信息应答, up. ``valid_ms`` in 2019."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x120A
    source_type: int = 0
    source_sn: int = 0
    name: str = ""
    driver_id: str = ""
    licence: str = ""
    issuer: str = ""
    valid_ms: int = 0


class UpWaybillReply(VehicleMessage, frozen=True, kw_only=True):
    """0x120B 上报车辆电子运单应答, up."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x120B
    source_type: int = 0
    source_sn: int = 0
    content: str = ""


class UpDriverInfo(VehicleMessage, frozen=True, kw_only=True):
    """0x120C 主动上报驾驶员身份信息, up. Licence of 20 bytes in 2019 as printed, of 40 in ``VARIANT``."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x120C
    name: str = ""
    driver_id: str = ""
    licence: str = ""
    issuer: str = ""
    valid_ms: int = 0


class UpWaybill(VehicleMessage, frozen=True, kw_only=True):
    """0x120D 主动上报车辆电子运单, up."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x120D
    content: str = ""


class UpRouteInfo(VehicleMessage, frozen=True, kw_only=True):
    """0x120E 主动上报车辆行驶路线 (2019), up: a JT/T 808-2019 0x8606 body."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x120E
    route: bytes = b""


class DownRegisterReply(VehicleMessage, frozen=True, kw_only=True):
    """0x9201 车辆注册应答 (2019), down: 0 noted, 1 done, 2 wrong, 3 rejected. No plate in front if ``plate`` is empty,
    which is how the standard prints it."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9201
    source_type: int = 0
    source_sn: int = 0
    result: int = 1


class DownCarInfo(VehicleMessage, frozen=True, kw_only=True):
    """0x9204 交换车辆静态信息, down: text ``KEY:=VALUE;``."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9204
    car_info: str = ""


class DownReturnStartup(VehicleMessage, frozen=True, kw_only=True):
    """0x9205 启动车辆定位信息交换请求, down: 0 entered the region, 1 manual, 2 emergency, 3 (2019: 0xFF) other."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9205
    reason: int = 0


class DownReturnEnd(VehicleMessage, frozen=True, kw_only=True):
    """0x9206 结束车辆定位信息交换请求, down: 0 left the region, 1 manual, 2 emergency over, 3 offline (2019)."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9206
    reason: int = 0


class DownApplyStartupReply(VehicleMessage, frozen=True, kw_only=True):
    """0x9207 申请交换应答, down: 0 ok, 1 no data, 2 bad period, 3 (2019: 0xFF) other."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9207
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class DownApplyEndReply(VehicleMessage, frozen=True, kw_only=True):
    """0x9208 取消交换应答, down: 0 ok, 1 never applied for, 2 (2019: 0xFF) other."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9208
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class DownApplyHistoryReply(VehicleMessage, frozen=True, kw_only=True):
    """0x9209 补发应答, down: 0 now, 1 later, 2 no data, 3 bad request, 4 (2019: 0xFF) other."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9209
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class DownDriverInfoRequest(VehicleMessage, frozen=True, kw_only=True):
    """0x920A 上报驾驶员身份识别信息请求, down. ``from_terminal`` (2019): 0 the latest received, 1 ask the terminal."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x920A
    from_terminal: int = 0


class DownWaybillRequest(VehicleMessage, frozen=True, kw_only=True):
    """0x920B 上报车辆电子运单请求, down: empty."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x920B


class DownRouteRequest(VehicleMessage, frozen=True, kw_only=True):
    """0x920C 上报车辆行驶路线请求 (2019), down: empty."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x920C


class DownRouteReply(VehicleMessage, frozen=True, kw_only=True):
    """0x920D 车辆行驶路线应答 (2019), down."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x920D
    line_id: int = 0
    result: int = 0
    reason: str = ""


_MAKER = (Platform("platform_id"), Platform("producer_id"))
_SPAN = (Seconds("start_ms"), Seconds("end_ms"))


def _register(model: int) -> tuple[Platform | Identifier | Phone, ...]:
    return (*_MAKER, Identifier("model", model), Identifier("terminal_id", 7), Phone("phone", 12))


def _driver(licence: int) -> tuple[Text | Identifier, ...]:
    return (Text("name", 16), Identifier("driver_id", 20), Identifier("licence", licence), Text("issuer", 200))


_NO_DATA = Fixed(0, 4)
_SOURCE_DATA = Fixed(6, 4)

LAYOUTS: tuple[Layout, ...] = (
    Layout(UpRegister, _OLD, _register(20)),
    Layout(UpRegister, _OLD, _register(8), Form.PLAIN),
    Layout(
        UpRegister,
        _NEW,
        (*_MAKER, Identifier("model", 30), Identifier("imei", 15), Identifier("terminal_id", 30), Phone("phone", 13)),
    ),
    Layout(UpReturnStartupReply, _OLD, (_NO_DATA,)),
    Layout(UpReturnStartupReply, _NEW, (_SOURCE_DATA, *SOURCE), Form.VARIANT),
    Layout(UpReturnStartupReply, _NEW, (*SOURCE, _NO_DATA)),
    Layout(UpReturnEndReply, _OLD, (_NO_DATA,)),
    Layout(UpReturnEndReply, _NEW, (_SOURCE_DATA, *SOURCE), Form.VARIANT),
    Layout(UpReturnEndReply, _NEW, (*SOURCE, _NO_DATA)),
    *both(UpApplyStartup, *_SPAN),
    *both(UpApplyEnd),
    *both(UpApplyHistory, *_SPAN),
    Layout(UpDriverInfoReply, _OLD, _driver(40)),
    Layout(UpDriverInfoReply, _NEW, (*SOURCE, *_driver(40), Seconds("valid_ms"))),
    Layout(UpWaybillReply, _OLD, (Content("content", 4, 0xFFFF),)),
    Layout(UpWaybillReply, _NEW, (*SOURCE, Content("content", 4, 0xFFFF))),
    Layout(UpDriverInfo, _OLD, _driver(40)),
    Layout(UpDriverInfo, _NEW, (*_driver(20), Seconds("valid_ms"))),
    Layout(UpDriverInfo, _NEW, (*_driver(40), Seconds("valid_ms")), Form.VARIANT),
    *both(UpWaybill, Content("content", 4, 0xFFFF)),
    *both(UpRouteInfo, Octets("route")),
    *both(DownRegisterReply, *SOURCE, u8("result")),
    *both(DownCarInfo, RestText("car_info")),
    *both(DownReturnStartup, u8("reason")),
    *both(DownReturnEnd, u8("reason")),
    *(
        layout
        for kind in (DownApplyStartupReply, DownApplyEndReply, DownApplyHistoryReply)
        for layout in (Layout(kind, _OLD, (u8("result"),)), Layout(kind, _NEW, (*SOURCE, u8("result"))))
    ),
    Layout(DownDriverInfoRequest, _OLD, ()),
    Layout(DownDriverInfoRequest, _NEW, (u8("from_terminal"),)),
    *both(DownWaybillRequest),
    *both(DownRouteRequest),
    *both(DownRouteReply, u32("line_id"), u8("result"), Content("reason", 2, 0xFFFF)),
)

# The variant of 0x1205 and 0x1206 goes first: a source type of 0 it could be mistaken for does not exist.

LENGTHLESS = (UpReturnStartupReply.sub_type, UpReturnEndReply.sub_type)
"""Their DATA_LENGTH belongs to the layouts: in 2019 the source fields stand before it."""
