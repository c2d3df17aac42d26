"""Compiled code is loaded, or compiled, before the first platform waits for it."""

from __future__ import annotations

from monitor.codec.jt809 import Cipher, Version, decode_position_stream, encode_positions
from monitor.model.beijing import EARLIEST_MS
from monitor.model.report import empty_rows


def warm_up() -> None:
    """Encode and decode one position in both editions, live and as backfill, encrypted and not."""
    cipher = Cipher(1, 2, 3)
    rows = empty_rows(1)
    rows["key"], rows["fix_ms"], rows["lon_deg"], rows["lat_deg"] = 0, EARLIEST_MS, 100.0, 39.0
    for version in Version:
        for backfill, used in ((False, None), (True, cipher)):
            frames = encode_positions(
                rows, ("A",), (2,), version=version, access_code=0, first_sn=0, cipher=used, key=1, backfill=backfill
            )
            decode_position_stream(frames, version=version, cipher=used, final=True)
