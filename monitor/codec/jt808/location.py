"""0x0200 position report 位置信息汇报: 28 base bytes, then additional items.

====== ============ ===== =========================================================
offset field        type  meaning
====== ============ ===== =========================================================
0      报警标志     DWORD alarm word
4      状态         DWORD status word: bit 0 ACC on, 1 positioned, 2 south, 3 west
8      纬度         DWORD degrees x 10^6, magnitude
12     经度         DWORD degrees x 10^6, magnitude
16     高程         WORD  metres; read as signed, below sea level in practice
18     速度         WORD  0.1 km/h
20     方向         WORD  degrees clockwise from north
22     时间         BCD6  YYMMDDhhmmss, GMT+8 (the printed offset 21 is a slip)
====== ============ ===== =========================================================
"""

from __future__ import annotations

from monitor.codec.jt808.bcd import read_time_ms
from monitor.codec.jt808.bigendian import Bytes, read_u16, read_u32
from monitor.codec.jt808.items import read_items
from monitor.model.compiled import inlined
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import ReportRows

BASE_SIZE = 28

STATUS_ACC = 1 << 0
STATUS_POSITIONED = 1 << 1
STATUS_SOUTH = 1 << 2
STATUS_WEST = 1 << 3

_TIME = int(Flaw.TIME)
_LENGTH = int(Flaw.LENGTH)
_ACC_KNOWN = int(ReportFlag.ACC_KNOWN)
_ACC_ON = int(ReportFlag.ACC_ON)
_POSITIONED = int(ReportFlag.POSITIONED)


@inlined
def read_location(
    source: Bytes, at: int, end: int, rows: ReportRows, row: int, key: int, recv_ms: int, flags: int, flaws: int
) -> int:
    """Write one report (at least 28 bytes at ``at``) to ``rows[row]``.

    Returns the position of an additional item that overruns ``end``, else -1.
    """
    status = read_u32(source, at + 4)
    lat_deg = read_u32(source, at + 8) / 1e6
    lon_deg = read_u32(source, at + 12) / 1e6
    altitude_m = read_u16(source, at + 16)
    fix_ms = read_time_ms(source, at + 22)
    mileage_m, recorder_speed_dkmh, overrun_at = read_items(source, at + 28, end)
    flags |= _ACC_KNOWN
    if status & 1:
        flags |= _ACC_ON
    if status & 2:
        flags |= _POSITIONED
    if status & 4:
        lat_deg = -lat_deg
    if status & 8:
        lon_deg = -lon_deg
    if altitude_m >= 0x8000:
        altitude_m -= 0x10000
    if fix_ms == 0:
        flaws |= _TIME
    if overrun_at >= 0:
        flaws |= _LENGTH
    report = rows[row]
    report["fix_ms"] = fix_ms
    report["recv_ms"] = recv_ms
    report["lon_deg"] = lon_deg
    report["lat_deg"] = lat_deg
    report["mileage_m"] = mileage_m
    report["status"] = status
    report["alarm_flags"] = read_u32(source, at)
    report["key"] = key
    report["driver"] = -1
    report["source"] = -1
    report["speed_dkmh"] = read_u16(source, at + 18)
    report["recorder_speed_dkmh"] = recorder_speed_dkmh
    report["heading_deg"] = read_u16(source, at + 20)
    report["altitude_m"] = altitude_m
    report["flags"] = flags
    report["flaws"] = flaws
    return overrun_at
