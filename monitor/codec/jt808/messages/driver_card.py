"""Driver's card 驾驶员身份信息: 0x0702, on its own when a card goes in or out, or in answer to 0x8702.

======== ================== ========== ==================================================
offset   2013 and 2019      type       note
======== ================== ========== ==================================================
0        状态               BYTE       1 card in (on duty), 2 card out (off duty)
1        时间               BCD[6]
7        IC 卡读取结果       BYTE       only with status 1
8        姓名长度 n, 姓名    BYTE, n    from here on only with result 0
9+n      从业资格证编码      20 bytes
29+n     发证机构名称长度 m   BYTE, m
30+n+m   证件有效期          BCD[4]
34+n+m   驾驶员身份证号      20 bytes   2019
======== ================== ========== ==================================================

2011: name (length BYTE), identity card 20 bytes, qualification 40 bytes, issuer (length BYTE). In practice later fields
are cut off, or there although the card is out: fields are read as long as there are bytes.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import IntEnum
from typing import ClassVar, Final, Self

from monitor.codec.jt808.bcd import plain_time
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer
from monitor.errors import CodecError


class CardStatus(IntEnum):
    IN = 1
    OUT = 2


class CardResult(IntEnum):
    """IC 卡读取结果."""

    READ = 0
    KEY_REFUSED = 1
    CARD_LOCKED = 2
    CARD_PULLED = 3
    DATA_CHECK_FAILED = 4


_STATUSES: Final = (bytes([CardStatus.IN]), bytes([CardStatus.OUT]))
_NUMBER_SIZE: Final = 20
_OLD_QUALIFICATION_SIZE: Final = 40


def _dated(body: Reader) -> bool:
    """Whether a status and a time, or the zeros of a terminal without one, stand where 2013 and 2019 have them."""
    here = body.body[body.at :]
    time = here[1:7]
    return here[:1] in _STATUSES and (time == bytes(6) or plain_time(time) is not None)


class QueryDriverCard(Message, frozen=True):
    """0x8702 上报驾驶员身份信息请求: empty, answered by 0x0702."""

    msg_id: ClassVar[int] = 0x8702


class DriverCard(Message, frozen=True):
    """0x0702. ``status`` and ``time`` are None in a body of 2011, ``result`` where it is not sent.

    ``qualification`` is the 从业资格证 number, ``licence`` the identity card's (2011 and 2019). ``edition`` is the
    layout the body turned out to have.
    """

    msg_id: ClassVar[int] = 0x0702
    status: int | None = None
    time: datetime | None = None
    result: int | None = None
    name: str = ""
    qualification: str = ""
    issuer: str = ""
    valid_to: date | None = None
    licence: str = ""
    edition: Version = Version.V2013

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        if version != Version.V2019 and not _dated(body):
            begin = body.at
            newer = body.body[begin : begin + 1] in _STATUSES
            try:
                card = cls._read_2011(body)
            except CodecError:
                if not newer:
                    raise
            else:
                if not (newer and body.left):
                    return card
            # A time that is no BCD, as some terminals send it.
            body.at = begin
        status, time = body.u8("status"), body.time("time")
        result = body.u8("result") if body.left else None
        if result not in (None, CardResult.READ) or not body.left:
            return cls(status, time, result, edition=version)
        name = body.text(min(body.u8("name_length"), body.left), "name")
        qualification = body.padded(min(_NUMBER_SIZE, body.left), "qualification")
        issuer = body.text(min(body.u8("issuer_length"), body.left), "issuer") if body.left else ""
        valid_to = body.day("valid_to") if body.left >= 4 else None
        licence = ""
        edition = Version.V2019 if version == Version.V2019 else Version.V2013
        if body.left and (version == Version.V2019 or body.left == _NUMBER_SIZE):
            licence = body.padded(min(_NUMBER_SIZE, body.left), "licence")
            edition = Version.V2019
        return cls(status, time, result, name, qualification, issuer, valid_to, licence, edition)

    @classmethod
    def _read_2011(cls, body: Reader) -> Self:
        name = body.counted_text("name")
        licence = body.padded(_NUMBER_SIZE, "licence")
        qualification = body.padded(_OLD_QUALIFICATION_SIZE, "qualification")
        return cls(
            name=name,
            qualification=qualification,
            issuer=body.counted_text("issuer"),
            licence=licence,
            edition=Version.V2011,
        )

    def write(self, out: Writer, version: Version) -> None:
        """A card that is out, or was not read, ends before the name; one without status is written as 2011 has it."""
        if self.status is None:
            out.counted_text(self.name, "name")
            out.padded(self.licence, _NUMBER_SIZE, "licence")
            out.padded(self.qualification, _OLD_QUALIFICATION_SIZE, "qualification")
            out.counted_text(self.issuer, "issuer")
            return
        out.u8(self.status, "status")
        out.time(self.time, "time")
        if self.result is None:
            return
        out.u8(self.result, "result")
        if self.result != CardResult.READ:
            return
        out.counted_text(self.name, "name")
        out.padded(self.qualification, _NUMBER_SIZE, "qualification")
        out.counted_text(self.issuer, "issuer")
        out.day(self.valid_to)
        if version == Version.V2019:
            out.padded(self.licence, _NUMBER_SIZE, "licence")
