"""Terminal attributes 终端属性: query 0x8107, answer 0x0107 (2013 on); result of an upgrade 0x0108.

0x0107: kind WORD, maker BYTE[5], model BYTE[20] (2019: 30), terminal id BYTE[7] (2019: 30), ICCID BCD[10],
hardware and firmware version (length BYTE, STRING each), GNSS BYTE, communication BYTE.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer
from monitor.errors import CodecError

_OLD_WIDTHS: Final = ((5, 20, 7),)
_NEW_WIDTHS: Final = ((5, 30, 30), (11, 30, 30))
"""Maker, model, terminal id. The text of 2019 says 5 for the maker here and 11 in 0x0100, and terminals do either."""


class QueryAttributes(Message, frozen=True):
    """0x8107 查询终端属性: empty."""

    msg_id: ClassVar[int] = 0x8107


class AttributesReply(Message, frozen=True):
    """0x0107 查询终端属性应答. ``iccid`` is hex digits; ``maker_width`` is 5 or (2019 only) 11."""

    msg_id: ClassVar[int] = 0x0107
    kind: int = 0
    maker: str = ""
    model: str = ""
    terminal_id: str = ""
    iccid: str = "0" * 20
    hardware: str = ""
    firmware: str = ""
    gnss: int = 0
    communication: int = 0
    maker_width: int = 5

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        """The reading whose length bytes add up exactly, else the first that fits."""
        newer = version == Version.V2019
        begin = body.at
        answer: Self | None = None
        refusal: CodecError | None = None
        for widths in (*_NEW_WIDTHS, *_OLD_WIDTHS) if newer else (*_OLD_WIDTHS, *_NEW_WIDTHS):
            attempt = Reader(body.body, body.msg_id, begin)
            try:
                found = cls._read(attempt, widths)
            except CodecError as error:
                refusal = refusal or error
                continue
            if answer is None or not attempt.left:
                answer, body.at = found, attempt.at
            if not attempt.left:
                break
        if answer is None:
            raise refusal or body.error("body_too_short", "kind", "no layout fits")
        return answer

    @classmethod
    def _read(cls, body: Reader, widths: tuple[int, int, int]) -> Self:
        maker, model, terminal_id = widths
        return cls(
            kind=body.u16("kind"),
            maker=body.padded(maker, "maker"),
            model=body.padded(model, "model"),
            terminal_id=body.padded(terminal_id, "terminal_id"),
            iccid=body.take(10, "iccid").hex(),
            hardware=body.counted_text("hardware"),
            firmware=body.counted_text("firmware"),
            gnss=body.u8("gnss"),
            communication=body.u8("communication"),
            maker_width=maker,
        )

    def write(self, out: Writer, version: Version) -> None:
        newer = version == Version.V2019
        out.u16(self.kind, "kind")
        out.padded(self.maker, self.maker_width if newer else 5, "maker")
        out.padded(self.model, 30 if newer else 20, "model")
        out.padded(self.terminal_id, 30 if newer else 7, "terminal_id")
        out.digits(self.iccid, 10, "iccid")
        out.counted_text(self.hardware, "hardware")
        out.counted_text(self.firmware, "firmware")
        out.u8(self.gnss, "gnss")
        out.u8(self.communication, "communication")


class UpgradeResult(Message, frozen=True):
    """0x0108 终端升级结果通知: kind BYTE, result BYTE (0 done, 1 failed, 2 cancelled)."""

    msg_id: ClassVar[int] = 0x0108
    kind: int
    result: int

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u8("kind"), body.u8("result"))

    def write(self, out: Writer, version: Version) -> None:
        out.u8(self.kind, "kind")
        out.u8(self.result, "result")
