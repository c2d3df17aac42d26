"""0x1600 / 0x9600 static vehicle information 静态信息: text ``KEY:=VALUE;KEY:=VALUE``.

Reference §10; vehicle wrapper. Keys: VIN (which is the plate), VEHICLE_COLOR, VEHICLE_TYPE, TRANS_TYPE,
VEHICLE_NATIONALITY, BUSINESSSCOPECODE, OWERS_ID, OWERS_NAME, OWERS_TEL (spelling as printed), and those of freight.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from monitor.codec.jt809.fields import SOURCE, Octets, RestText
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, both
from monitor.codec.jt809.message import VehicleMessage

_ASSIGN, _END = ":=", ";"


class DownVehicleAdded(VehicleMessage, frozen=True, kw_only=True):
    """0x9601 补报车辆静态信息请求, down: empty."""

    msg_id: ClassVar[int] = 0x9600
    sub_type: ClassVar[int] = 0x9601


class UpVehicleAddedReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1601 补报车辆静态信息应答, up. ``car_pairs`` reads ``car_info``."""

    msg_id: ClassVar[int] = 0x1600
    sub_type: ClassVar[int] = 0x1601
    source_type: int = 0
    source_sn: int = 0
    car_info: str = ""


class UpVehicleRoute(VehicleMessage, frozen=True, kw_only=True):
    """0x1602 补报车辆行驶路线 (2019), up: a JT/T 808-2019 0x8606 body."""

    msg_id: ClassVar[int] = 0x1600
    sub_type: ClassVar[int] = 0x1602
    route: bytes = b""


def car_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs of ``KEY:=VALUE;`` in order; empty values stay, pieces without ``:=`` are left out."""
    pieces = (piece.partition(_ASSIGN) for piece in text.replace("：＝", _ASSIGN).replace("；", _END).split(_END))
    return tuple((key.strip(), value.strip()) for key, sign, value in pieces if sign and key.strip())


def car_text(pairs: Iterable[tuple[str, str]]) -> str:
    """The reverse; a semicolon in a value would end it and becomes a comma."""
    return _END.join(f"{key}{_ASSIGN}{value.replace(_END, ',')}" for key, value in pairs)


LAYOUTS: tuple[Layout, ...] = (
    *both(DownVehicleAdded),
    Layout(UpVehicleAddedReply, Version.V2011, (RestText("car_info"),)),
    Layout(UpVehicleAddedReply, Version.V2019, (*SOURCE, RestText("car_info"))),
    *both(UpVehicleRoute, Octets("route")),
)
