"""One frame that is looked at: where it came from, and its body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808 import FrameOutcome, Header, Message, Version, decode_message
from monitor.codec.jt808.framing import MAX_SEGMENT, unescape
from monitor.codec.jt808.header import decode_header
from monitor.errors import CodecError
from monitor.model.bad_bytes import BadBytes
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.round import Round, When
from monitor.sources.jt808.switchboard import Session, phone_of, wire_phone


@dataclass(slots=True)
class Heard:
    """Frame ``number`` of a round. ``field`` is its phone as in ``FRAME``; ``session`` that of its terminal here."""

    round_: Round
    number: int
    connection: Connection
    field: bytes
    msg_id: int
    serial: int
    outcome: FrameOutcome
    newer: bool
    session: Session | None

    @classmethod
    def of(cls, round_: Round, number: int) -> Heard:
        frame = round_.frames[number]
        connection = round_.connection(number)
        field = frame["phone"].tobytes()
        return cls(
            round_,
            number,
            connection,
            field,
            int(frame["msg_id"]),
            int(frame["serial"]),
            FrameOutcome(int(frame["outcome"])),
            bool(frame["version_bit"]),
            connection.sessions.get(field),
        )

    @property
    def phone(self) -> str:
        return phone_of(self.field)

    @property
    def version(self) -> Version:
        """By the header; which of the older two it is, is known from the registration."""
        if self.newer:
            return Version.V2019
        if self.session is not None and self.session.version is not Version.V2019:
            return self.session.version
        return Version.V2013

    @property
    def wire_phone(self) -> str:
        """As this frame's header has it."""
        return wire_phone(self.field, self.version)

    @property
    def line(self) -> int:
        return self.connection.line if self.session is None else self.session.line

    @property
    def row(self) -> NDArray[np.void]:
        """Its row of dtype ``FRAME``, shape (1,)."""
        return self.round_.frames[self.number : self.number + 1].copy()

    def answer(self, result: int, when: When) -> None:
        """The general reply to it."""
        self.round_.answer(self.number, result, when)

    def opened(self) -> tuple[Header, bytes]:
        """Header and body."""
        message = unescape(self.round_.segment(self.number))
        header = decode_header(message)
        return header, message[header.size : -1]

    def decoded(self, body: bytes) -> Message | None:
        """The message in ``body``; None for one that does not read, which is quarantined."""
        try:
            return decode_message(self.msg_id, body, self.version)
        except CodecError as error:
            self.reject(error.reason, str(error))
            return None

    def reject(self, reason: str, detail: str) -> None:
        """Into the quarantine."""
        data = self.round_.segment(self.number)[:MAX_SEGMENT]
        self.round_.outcomes[reason] += 1
        where = f"from {self.connection.peer}, message 0x{self.msg_id:04X} of {self.phone}: {detail}"
        self.round_.rejects.append(BadBytes(self.round_.source, reason, self.round_.now_ms, data, where))
