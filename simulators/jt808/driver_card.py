"""0x0702: a driver's card goes in or out."""

from __future__ import annotations

from datetime import datetime

from monitor.codec.jt808.header import Version
from monitor.model.beijing import BEIJING

IN, OUT = 1, 2
_ISSUER = "虚构县道路运输管理局"


def card_body(version: Version, driver_id: str, at_ms: int, *, status: int = IN) -> bytes:
    """The card of a driver, whose id stands for name and qualification; 2011 knows neither status nor time."""
    name, issuer = driver_id.encode("gb18030"), _ISSUER.encode("gb18030")
    number = driver_id.encode("ascii", "replace")[:20]
    if version is Version.V2011:
        return (
            bytes([len(name)])
            + name
            + number.ljust(20, b"\0")
            + number.ljust(40, b"\0")
            + bytes([len(issuer)])
            + issuer
        )
    head = bytes([status]) + bytes.fromhex(datetime.fromtimestamp(at_ms / 1000, BEIJING).strftime("%y%m%d%H%M%S"))
    if status != IN:
        return head
    return (
        head
        + b"\0"
        + bytes([len(name)])
        + name
        + number.ljust(20, b"\0")
        + bytes([len(issuer)])
        + issuer
        + bytes.fromhex("20301231")
        + (number.ljust(20, b"\0") if version is Version.V2019 else b"")
    )
