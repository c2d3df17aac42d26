"""Rows and frames that several tests use."""

from __future__ import annotations

from monitor.codec.jt808.framing import frame
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows, empty_rows

NOON_MS = 1_772_424_000_000  # 2026-03-02T12:00:00+08:00
PHONE = "013912345678"
PHONE_FIELD = bytes.fromhex(PHONE)

BASE = bytes.fromhex("00000000 00000003 025a1ca0 05f5e100 0578 0258 005a 260302120000")
"""0x0200 body: ACC on, positioned, 39.46 N 100.0 E, 1400 m, 60 km/h, heading 90, noon."""


def location_row(fix_ms: int = NOON_MS, n: int = 1) -> ReportRows:
    """Rows whose every column the wire can carry."""
    rows = empty_rows(n)
    rows["fix_ms"] = fix_ms
    rows["lon_deg"] = 100.0
    rows["lat_deg"] = 39.46
    rows["mileage_m"] = 1_234_500
    rows["status"] = 3
    rows["alarm_flags"] = 0
    rows["speed_dkmh"] = 600
    rows["recorder_speed_dkmh"] = 598
    rows["heading_deg"] = 90
    rows["altitude_m"] = 1_400
    rows["flags"] = int(ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON | ReportFlag.POSITIONED)
    return rows


def message(
    msg_id: int,
    body: bytes,
    *,
    serial: int = 1,
    phone: bytes = PHONE_FIELD,
    length: int | None = None,
    part: tuple[int, int] | None = None,
    bits: int = 0,
) -> bytes:
    """A framed message; ``length`` overrides the declared one, ``part`` is (total, index), ``bits`` more properties."""
    properties = (len(body) if length is None else length) | bits | (0x2000 if part else 0)
    newer = len(phone) == 10
    head = msg_id.to_bytes(2, "big") + (properties | (0x4000 if newer else 0)).to_bytes(2, "big")
    head += (b"\x01" if newer else b"") + phone + serial.to_bytes(2, "big")
    if part:
        head += part[0].to_bytes(2, "big") + part[1].to_bytes(2, "big")
    return frame(head + body)


def batch_body(*items: bytes, count: int | None = None, kind: int = 0) -> bytes:
    """A 0x0704 body of 0x0200 bodies."""
    head = (len(items) if count is None else count).to_bytes(2, "big") + bytes([kind])
    return head + b"".join(len(item).to_bytes(2, "big") + item for item in items)


def at_minute(minute: int) -> bytes:
    """The sample position at 12:``minute``."""
    return BASE[:26] + bytes([minute // 10 * 16 + minute % 10]) + BASE[27:]
