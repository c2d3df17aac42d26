"""CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected, over header and body as sent (encrypted).

The standard names only the polynomial; the start is established by captured frames (reference §1).
"""

from __future__ import annotations

from binascii import crc_hqx

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.bigendian import Bytes, byte_at
from monitor.model.compiled import inlined

_START = 0xFFFF
_POLYNOMIAL = 0x1021


def crc16(message: bytes) -> int:
    """CRC of header and body."""
    return crc_hqx(message, _START)


def _tables() -> NDArray[np.int64]:
    """Row k: the CRC of a byte and k zero bytes behind it. Eight rows take eight bytes in one step."""
    tables = np.zeros((8, 256), np.int64)
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = ((value << 1) ^ _POLYNOMIAL if value & 0x8000 else value << 1) & 0xFFFF
        tables[0, byte] = value
    for row in range(1, 8):
        before = tables[row - 1]
        tables[row] = ((before << 8) & 0xFFFF) ^ tables[0, before >> 8]
    return tables


_TABLES = _tables()


@inlined
def crc_of(source: Bytes, at: int, end: int) -> int:
    """CRC of ``source[at:end]``, compiled."""
    crc = 0xFFFF
    while at + 8 <= end:
        crc = int(
            _TABLES[7, byte_at(source, at) ^ (crc >> 8)]
            ^ _TABLES[6, byte_at(source, at + 1) ^ (crc & 0xFF)]
            ^ _TABLES[5, byte_at(source, at + 2)]
            ^ _TABLES[4, byte_at(source, at + 3)]
            ^ _TABLES[3, byte_at(source, at + 4)]
            ^ _TABLES[2, byte_at(source, at + 5)]
            ^ _TABLES[1, byte_at(source, at + 6)]
            ^ _TABLES[0, byte_at(source, at + 7)]
        )
        at += 8
    while at < end:
        crc = ((crc << 8) & 0xFFFF) ^ int(_TABLES[0, (crc >> 8) ^ byte_at(source, at)])
        at += 1
    return crc
