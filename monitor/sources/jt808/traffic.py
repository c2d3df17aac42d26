"""What terminals send once they are heard: everything that is not plain positions and heartbeats of a known one."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from monitor.codec.jt808 import FrameOutcome, RawMessage, Reassembler, Version, decode_location_stream
from monitor.codec.jt808.framing import unescape
from monitor.codec.jt808.header import LOCATION, LOCATION_BATCH, decode_header
from monitor.codec.jt808.messages.documents import Waybill
from monitor.codec.jt808.messages.driver_card import CardResult, CardStatus, DriverCard
from monitor.codec.jt808.messages.frames import encode_body_frames
from monitor.codec.jt808.messages.general_reply import TerminalReply
from monitor.codec.jt808.messages.media import MediaData, MediaEvent
from monitor.codec.jt808.messages.position import PositionReply, VehicleControlReply
from monitor.codec.jt808.messages.retransmission import TerminalRetransmitRequest
from monitor.codec.jt808.messages.session import TimeQuery, TimeReply
from monitor.codec.jt808.replies import BAD_MESSAGE, FAILED, OK, UNSUPPORTED
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import terminal_key
from monitor.model.waybill import waybill_payload
from monitor.sources.jt808 import log_in
from monitor.sources.jt808.answering import answer_packets
from monitor.sources.jt808.heard import Heard
from monitor.sources.jt808.log_in import LogIn
from monitor.sources.jt808.orders import DEDICATED_ANSWERS, Orders
from monitor.sources.jt808.packets import Addition, PacketSet, PacketSets
from monitor.sources.jt808.record_keeping import RecordKeeping
from monitor.sources.jt808.round import Round, When
from monitor.sources.jt808.session import SessionState
from monitor.sources.jt808.sifting import HEARTBEAT
from monitor.sources.jt808.switchboard import Session, Switchboard

log = logging.getLogger(__name__)

_GENERAL_ANSWERS = (0x0001, 0x8001)
"""Never answered themselves."""


class Traffic:
    """Hears frames one by one, in the order of their connection."""

    def __init__(
        self,
        switchboard: Switchboard,
        keeping: RecordKeeping,
        log_in_: LogIn,
        orders: Orders,
        packets: PacketSets,
    ) -> None:
        self._switchboard = switchboard
        self._keeping = keeping
        self._log_in = log_in_
        self._orders = orders
        self._packets = packets

    def hear(self, round_: Round, number: int) -> None:
        """Settle one frame with a readable header."""
        heard = Heard.of(round_, number)
        session = heard.session
        if session is not None:
            round_.lines[number] = session.line
            if heard.newer != (session.version is Version.V2019):
                self._change_version(heard, session)
        if heard.msg_id in log_in.IDS:
            self._log_in.hear(heard)
            return
        session = self._speaker(heard)
        if session is None:
            return
        if heard.msg_id in (LOCATION, LOCATION_BATCH):
            self._position(heard)
        elif heard.msg_id == HEARTBEAT:
            heard.answer(OK, When.NOW)
        else:
            header, body = heard.opened()
            if header.encrypted:
                self._refuse(heard, FrameOutcome.ENCRYPTED, UNSUPPORTED)
            elif header.total > 1 and header.subpackaged:
                self._packet(heard, header.total, header.index)
            else:
                if heard.outcome is not FrameOutcome.OTHER_MESSAGE:
                    round_.outcomes[heard.outcome.reason] += 1
                self._message(heard, session, body)

    def _speaker(self, heard: Heard) -> Session | None:
        """The session whose traffic this is; None where it may not send any, and was told so."""
        session = heard.session
        if session is not None and self._switchboard.lines.rows["taking"][session.line]:
            return session
        admitted = self._log_in.admits(heard.phone)
        barred = self._switchboard.barred(heard.field, heard.connection)
        if admitted and not barred and not self._switchboard.code_required:
            terminal = self._log_in.terminal(heard)
            known = terminal.version in (Version.V2011, Version.V2013) and not heard.newer
            session = self._log_in.attach(heard, Version(terminal.version) if known else heard.version, terminal)
            if session is not None:
                self._switchboard.enter(session, SessionState.CONNECTED)
                heard.round_.authenticated.append(session.phone)
                return session
        self._switchboard.counts.unauthenticated += 1
        if heard.msg_id not in _GENERAL_ANSWERS:
            heard.answer(FAILED, When.NOW)
        if not admitted:
            heard.round_.closing.append((heard.connection, "not_registered"))
        return None

    def _position(self, heard: Heard) -> None:
        outcome = heard.outcome
        if outcome is FrameOutcome.PART:
            header, _ = heard.opened()
            self._packet(heard, header.total, header.index)
        elif outcome is FrameOutcome.ENCRYPTED:
            self._refuse(heard, outcome, UNSUPPORTED)
        elif outcome.rejected:
            self._refuse(heard, outcome, BAD_MESSAGE)
        else:
            heard.round_.taken[heard.number] = True
            heard.answer(OK, When.JOURNALLED)

    def _refuse(self, heard: Heard, outcome: FrameOutcome, result: int) -> None:
        """Answered all the same, when it is in the quarantine: else the terminal sends nothing but this."""
        at = int(heard.round_.frames["offset"][heard.number])
        heard.reject(outcome.reason, f"{outcome.reason} in field {outcome.field} at byte {at}")
        heard.answer(result, When.JOURNALLED)

    def _message(self, heard: Heard, session: Session, body: bytes) -> None:
        message = heard.decoded(body)
        if message is None:
            heard.answer(BAD_MESSAGE, When.JOURNALLED)
            return
        if heard.msg_id in DEDICATED_ANSWERS:
            self._orders.take(session, message)
        match message:
            case TerminalReply():
                if heard.msg_id == TerminalReply.msg_id:
                    self._orders.take(session, message)
            case TerminalRetransmitRequest():
                self._orders.repeat(session, message.first_serial, message.indexes)
                heard.answer(OK, When.NOW)
            case TimeQuery():
                time = datetime.fromtimestamp(heard.round_.now_ms / 1000, UTC)
                self._switchboard.say(
                    heard.connection, heard.line, heard.wire_phone, heard.version, TimeReply(time=time)
                )
            case PositionReply():
                self._answered_position(heard, session, body[0 if message.reply_serial is None else 2 :])
            case VehicleControlReply():
                self._answered_position(heard, session, body[2:])
            case DriverCard():
                self._card(heard, session, message)
            case Waybill():
                at_ms = heard.round_.now_ms
                payload = waybill_payload(terminal_key(session.phone), at_ms, message.content)
                heard.round_.records.append(JournalRecord(0, RecordType.WAYBILL, at_ms, payload=payload))
                heard.answer(OK, When.JOURNALLED)
            case RawMessage() | MediaEvent() | MediaData():
                heard.answer(UNSUPPORTED, When.NOW)  # nothing here keeps it, so the terminal is not told that it is
            case _:
                heard.answer(OK, When.NOW)

    def _answered_position(self, heard: Heard, session: Session, body: bytes) -> None:
        """The position in 0x0201 and 0x0500 is a report like any other."""
        frame, _ = encode_body_frames(
            LOCATION, body, phone=session.wire_phone, version=session.version, serial=heard.serial
        )
        self._add_reports(heard, frame)
        heard.answer(OK, When.JOURNALLED)

    def _add_reports(self, heard: Heard, frames: bytes, received: bytes = b"") -> FrameOutcome:
        """``received``: what they came in, where that is more than the frame that is heard."""
        round_ = heard.round_
        decode = decode_location_stream(
            frames, recv_ms=round_.now_ms, final=True, reassembler=Reassembler(), now_ms=round_.now_ms
        )
        if len(decode.batch):
            round_.also.append((decode.batch, heard.number, received))
        outcome = FrameOutcome(int(decode.frames["outcome"][-1]))
        if outcome.remarked:
            round_.outcomes[outcome.reason] += 1
        return outcome

    def _card(self, heard: Heard, session: Session, card: DriverCard) -> None:
        """In: every later report carries the driver. Out, or not readable: none does."""
        now_ms = heard.round_.now_ms
        row = self._switchboard.lines.rows[session.line]
        inside = card.status in (None, CardStatus.IN) and card.result in (None, CardResult.READ)
        driver_id = (card.qualification or card.licence) if inside else ""
        if card.time is not None:
            card_ms = min(int(card.time.timestamp() * 1000), now_ms)
        else:
            card_ms = int(row["fix_ms"]) or now_ms
        if driver_id != session.terminal.driver_id:
            self._switchboard.drivers.forget(self._switchboard.lines.rows)
            row["driver_before"] = row["driver"]
            row["driver"] = self._switchboard.drivers.number(driver_id)
            row["card_ms"] = card_ms
            session.terminal = replace(session.terminal, card_ms=card_ms)
        session.terminal = replace(
            session.terminal,
            driver_id=driver_id,
            driver_name=card.name if inside else "",
            driver_licence=card.licence if inside else "",
        )
        self._keeping.keep(session.terminal)
        heard.answer(OK, When.KEPT)

    def _packet(self, heard: Heard, total: int, index: int) -> None:
        round_, counts = heard.round_, self._switchboard.counts
        if not 1 <= index <= total:
            self._refuse(heard, FrameOutcome.BAD_PART, BAD_MESSAGE)
            return
        addition, packets, given_up = self._packets.add(
            heard.connection,
            heard.row,
            total=total,
            index=index,
            segment=round_.segment(heard.number),
            now_s=round_.now_s,
        )
        for other in given_up:
            counts.packet_sets["no_room"] += 1
            answer_packets(self._switchboard, other, FAILED)
        if addition is Addition.SAFE:
            heard.answer(self._packets.result(heard.connection, heard.row, index), When.NOW)
        elif addition is Addition.TOO_MANY:
            counts.packet_sets["too_many"] += 1
            heard.reject(addition.value, f"{total} packets")
            heard.answer(FAILED, When.NOW)
        elif packets is not None and heard.session is not None:
            counts.packet_sets["complete"] += 1
            self._whole(heard, heard.session, packets)

    def _whole(self, heard: Heard, session: Session, packets: PacketSet) -> None:
        """A message whose packets are all there: read as one, answered packet by packet."""
        round_ = heard.round_
        parts = [packets.segments[index] for index in range(1, packets.total + 1)]
        if heard.msg_id in (LOCATION, LOCATION_BATCH):
            frames = b"\x7e".join([b"", *parts, b""])
            outcome = self._add_reports(heard, frames, frames)
            if outcome.rejected:
                self._refuse(heard, outcome, BAD_MESSAGE)
            else:
                heard.answer(OK, When.JOURNALLED)
        else:
            messages = [unescape(part) for part in parts]
            body = b"".join(message[decode_header(message).size : -1] for message in messages)
            self._message(heard, session, body)
        when = When(int(round_.when[heard.number]))
        round_.when[heard.number] = When.NEVER
        if when is not When.NEVER:
            packets.result = int(round_.results[heard.number])
            round_.whole.append((packets, when))

    def _change_version(self, heard: Heard, session: Session) -> None:
        if not session.version_told:
            session.version_told = True
            log.warning(
                "%s: terminal %s changes its header from %d to %d on one connection",
                self._switchboard.settings.name,
                session.phone,
                session.version,
                Version.V2019 if heard.newer else Version.V2013,
            )
        session.version = Version.V2019 if heard.newer else Version.V2013
        self._switchboard.lines.rows["newer"][session.line] = heard.newer
