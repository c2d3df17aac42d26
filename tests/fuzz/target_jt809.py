"""What every byte string has to hold for JT/T 809: it decodes or gives the declared error, both decoders agree, and
what was decoded can be encoded again.

The first byte chooses edition, cipher and whether the rest is a stream, a body to be framed, or the data of one
message: most random frames die at their CRC, and nothing behind it would be reached.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.encode import encode_positions
from monitor.codec.jt809.frame import encode_frame
from monitor.codec.jt809.framing import frame
from monitor.codec.jt809.header import HEADER_SIZE, Version
from monitor.codec.jt809.links import UpConnectRequest
from monitor.codec.jt809.platforms import DownPostQuery
from monitor.codec.jt809.registry import REGISTRY, decode_message, encode_message
from monitor.codec.jt809.wrappers import has_plate
from monitor.errors import CodecError
from monitor.model.report import empty_rows
from tests.unit.codec.oracle_jt809 import assert_same_as_plain

_CIPHER = Cipher(56_107_078, 37_382_110, 50_361_430)
_IDS = sorted(REGISTRY)
_REASONS = {"body_too_short"}
_UNWRITABLE = {"too_long", "out_of_range"}
"""A text with bytes that are none grows when it is replaced by U+FFFD."""


def check(data: bytes) -> None:
    """Raises if a law is broken."""
    if not data:
        return
    choice, rest = data[0], data[1:]
    version = Version.V2019 if choice & 1 else Version.V2011
    cipher = _CIPHER if choice & 2 else None
    if choice & 4:
        _check_message(rest, version)
    elif choice & 8:
        head = bytes(HEADER_SIZE[version])
        msg_id = rest[:2]
        flag = b"\x01" if cipher is not None else b"\0"
        head = head[:8] + msg_id.ljust(2, b"\0") + head[10:17] + flag + head[18:]
        body = rest[2:] if cipher is None else cipher.apply(0, rest[2:])
        assert_same_as_plain(frame(head + body), version, cipher)
    else:
        assert_same_as_plain(rest, version, cipher)


def _check_message(rest: bytes, version: Version) -> None:
    if not rest:
        return
    msg_id, sub_type = _IDS[rest[0] % len(_IDS)]
    data = rest[1:]
    body = data
    if sub_type:
        plate = bytes(22) if has_plate(msg_id, version) else b""
        body = plate + sub_type.to_bytes(2, "big") + len(data).to_bytes(4, "big") + data
    try:
        message = decode_message(msg_id, body, version)
    except CodecError as error:
        if error.reason not in _REASONS:
            raise
        return
    try:
        encode_message(message, version)
    except CodecError as error:
        if error.reason not in _UNWRITABLE:
            raise


def seeds() -> Iterator[bytes]:
    """A sound input of each kind."""
    rows = empty_rows(3)
    rows["fix_ms"] = 1_772_424_000_000
    rows["status"] = 3
    for version in Version:
        edition = 1 if version is Version.V2019 else 0
        for backfill in (False, True):
            for cipher in (None, _CIPHER):
                wire = encode_positions(
                    rows,
                    ("甘A12345",),
                    (2,),
                    version=version,
                    access_code=1,
                    first_sn=0,
                    cipher=cipher,
                    backfill=backfill,
                )
                yield bytes([edition | (2 if cipher else 0)]) + wire
        for message in (UpConnectRequest(user_id=1, password="12345678"), DownPostQuery(content="查岗")):
            yield bytes([edition]) + encode_frame(message, version=version, access_code=1, sn=0)
            yield bytes([edition | 8]) + message.msg_id.to_bytes(2, "big") + encode_message(message, version)
        for number in range(len(_IDS)):
            yield bytes([edition | 4, number]) + bytes(120)
