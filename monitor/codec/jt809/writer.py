"""Writes a body field by field; a value that its field cannot hold is the one declared error."""

from __future__ import annotations

from monitor.errors import CodecError


class Writer:
    """A body that grows."""

    __slots__ = ("body",)

    def __init__(self) -> None:
        self.body = bytearray()

    def raw(self, value: bytes) -> None:
        self.body += value

    def number(self, value: int, size: int, field: str) -> None:
        """CodecError ``out_of_range``."""
        if not 0 <= value < 1 << 8 * size:
            raise CodecError(
                reason="out_of_range", field=field, offset=len(self.body), detail=f"{value} does not fit {size} bytes"
            )
        self.body += value.to_bytes(size, "big")

    def fixed(self, raw: bytes, size: int, field: str) -> None:
        """Right-padded with NUL; CodecError ``too_long``."""
        if len(raw) > size:
            raise CodecError(
                reason="too_long", field=field, offset=len(self.body), detail=f"{len(raw)} bytes, the field has {size}"
            )
        self.body += raw.ljust(size, b"\0")


def gbk(text: str) -> bytes:
    """GBK (as gb18030, the same for what GBK has, with a code for everything else)."""
    return text.encode("gb18030", "replace")


def cut_gbk(text: str, size: int) -> bytes:
    """GBK of at most ``size`` bytes, ending with a whole character."""
    raw = gbk(text)
    if len(raw) <= size:
        return raw
    kept = bytearray()
    for character in text:
        piece = gbk(character)
        if len(kept) + len(piece) > size:
            break
        kept += piece
    return bytes(kept)
