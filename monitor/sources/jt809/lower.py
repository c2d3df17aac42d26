"""A link on which we are the lower platform 下级平台: we log in to the upper, and it opens the sub link back to us."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from monitor.codec.jt809 import (
    DownCloseLinkInform,
    DownDisconnectInform,
    DownManageRequest,
    DownPostQuery,
    DownRetransmitRequest,
    DownUrgeTodo,
    Form,
    Frame,
    Message,
    UpHistoryLocation,
    UpManageReply,
    UpRealLocation,
    UpRetransmitRequest,
    encode_positions,
)
from monitor.model.exchange import (
    AlarmResult,
    InquiryAnswer,
    RegisteredVehicle,
    ReportedAlarm,
    StaticVehicle,
    SupervisionAnswer,
    VehicleDriver,
    VehicleWaybill,
)
from monitor.model.report import ReportRows
from monitor.sources.intake import Deliver
from monitor.sources.jt809 import translation
from monitor.sources.jt809.answers import Answers
from monitor.sources.jt809.conversation import Conversation
from monitor.sources.jt809.desk import Desk, VehicleFiles
from monitor.sources.jt809.link import END
from monitor.sources.jt809.lower_channels import LowerChannels
from monitor.sources.jt809.office import Paper
from monitor.sources.jt809.remembered import Remembered
from monitor.sources.jt809.settings import Jt809LinkSettings

log = logging.getLogger(__name__)

_ROWS_AT_ONCE: Final = 1_000
"""Positions written before waiting for the socket (guess): about a tenth of a megabyte."""


class LowerLink(LowerChannels):
    """``files`` tells what the upper may ask about vehicles; without them every such answer is empty."""

    def __init__(
        self,
        settings: Jt809LinkSettings,
        deliver: Deliver,
        desk: Desk,
        now_ms: Callable[[], int],
        files: VehicleFiles | None = None,
    ) -> None:
        super().__init__(settings, deliver, desk, now_ms)
        self._answers = Answers(files)
        self._forms: Remembered[int, Form] = Remembered()  # of inquiries, by INFO_ID
        self._urged: Remembered[int, tuple[int, int]] = Remembered()  # sources of supervision requests, by number

    # Sending.

    async def answer_inquiry(self, answer: InquiryAnswer) -> int:
        """0x1301, in the form of the question where that is remembered."""
        form = self._forms.get(answer.info_id, self._form)
        return await self._send(translation.inquiry_answer(answer, form))

    async def answer_order(self, answer: SupervisionAnswer) -> int:
        """0x1401. A ``source_type`` of 0 is filled in from the request, as long as that is remembered (2019)."""
        return await self._send(translation.supervision_answer(answer, self._urged.get(answer.sn, (0, 0))))

    async def report_alarm(self, alarm: ReportedAlarm) -> int:
        """0x1402, or 0x1403 if ``alarm.msg_type`` says so (2019). In 2019 orders and results name the number."""
        return await self._send(translation.alarm_from_below(alarm, self.settings.platform_id, self.settings.version))

    async def report_result(self, result: AlarmResult) -> int:
        """0x1412 (2019), 0x1403 (2011 with the supplement). Plain 2011 has none: ``DeliveryError``."""
        if self._form is Form.PLAIN:
            raise self._unsaid("the result of an alarm (set supplement if the upper platform has it)")
        return await self._send(translation.alarm_result(result, self.settings.version))

    async def send_positions(
        self, rows: ReportRows, plates: Sequence[str], colors: Sequence[int], *, backfill: bool = False
    ) -> int:
        """0x1202, one per row; as ``backfill`` 0x1203, up to five of one vehicle each. The vehicle of a row is
        ``plates[row["key"]]`` and ``colors[row["key"]]`` (JT/T code); plates longer than 21 bytes: ``CodecError``.

        Returns the last sequence number used, -1 for no rows; waits while the peer reads slowly.
        """
        last = -1
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            conversation = self._speaking()
            last = self._write_positions(conversation, rows[at : at + _ROWS_AT_ONCE], plates, colors, backfill)
            await self._sent_off(conversation)
        return last

    def _write_positions(
        self,
        conversation: Conversation,
        rows: ReportRows,
        plates: Sequence[str],
        colors: Sequence[int],
        backfill: bool,
    ) -> int:
        sub_type = UpHistoryLocation.sub_type if backfill else UpRealLocation.sub_type
        now_ms = self._now_ms()
        first = self._numbers.next(sub_type)
        encrypted = self.settings.encrypt
        data = encode_positions(
            rows,
            plates,
            colors,
            version=self.settings.version,
            access_code=self.settings.access_code,
            first_sn=first,
            cipher=self.cipher if encrypted else None,
            key=secrets.randbits(32) if encrypted else 0,
            version_flag=bytes(self.settings.version_flag),
            time_s=now_ms // 1_000,
            backfill=backfill,
            platform_id=self.settings.platform_id,
        )
        n_frames = data.count(END)
        self._numbers.used(sub_type, n_frames, now_ms)
        self._sent.keep(sub_type, first, n_frames, now_ms // 1_000, data)
        self._written(conversation, data, n_frames)
        self.counts.positions_out += len(rows)
        return (first + n_frames - 1) & 0xFFFF_FFFF

    async def register_vehicle(self, vehicle: RegisteredVehicle) -> int:
        """0x1201."""
        return await self._send(translation.registered_vehicle(vehicle, self.settings.platform_id, self._form))

    async def send_static(self, vehicle: StaticVehicle) -> int:
        """0x1601 unasked; ``VehicleFiles`` answers what is asked."""
        return await self._send(translation.static_vehicle(vehicle))

    async def send_driver(self, driver: VehicleDriver) -> int:
        """0x120C."""
        return await self._send(translation.driver(driver))

    async def send_waybill(self, waybill: VehicleWaybill) -> int:
        """0x120D."""
        return await self._send(translation.waybill(waybill))

    # What arrives.

    def _papers(self, conversation: Conversation, frame: Frame) -> Paper | None:
        message = frame.message
        match message:
            case DownDisconnectInform() | DownCloseLinkInform():
                code = message.error_code if isinstance(message, DownDisconnectInform) else message.reason
                log.info("link %s: the upper platform announces %s (%d)", self.name, type(message).__name__, code)
                return Paper()
            case DownPostQuery():
                self._forms.keep(message.info_id, message.form)
            case DownUrgeTodo():
                self._urged.keep(frame.header.sn, (message.source_type, message.source_sn))
        event = translation.event_from_above(frame, self._now_ms())
        answer = self._answer(conversation, frame)
        return None if event is None and answer is None else Paper(event, answer)

    def _answer(self, conversation: Conversation, frame: Frame) -> Callable[[], Awaitable[object]] | None:
        message = frame.message
        if isinstance(message, DownRetransmitRequest):
            return self._resend(conversation, message)
        if isinstance(message, DownManageRequest):
            return self._reply(self._traffic_report(message))
        reply = self._answers.to(message, frame.header.sn)
        if reply is None:
            return None

        async def answer() -> None:
            await self._send(await reply())

        return answer

    def _traffic_report(self, request: DownManageRequest) -> UpManageReply:
        """No position is lost on purpose: what the link could not take is sent again as backfill."""
        breaks, down_s = self._downtime.between(request.start_ms, request.end_ms)
        return UpManageReply(
            platform_id=self.settings.platform_id or request.platform_id,
            start_ms=request.start_ms,
            end_ms=request.end_ms,
            disconnections=min(breaks, 0xFF),
            disconnected_s=down_s,
        )

    def _request(self, sub_type: int, first_sn: int, last_sn: int) -> Message:
        count = min((last_sn - first_sn) % (1 << 32) + 1, 0xFF)
        return UpRetransmitRequest(data_type=sub_type, count=count, first_sn=first_sn, last_sn=last_sn)
