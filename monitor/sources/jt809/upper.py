"""A link on which we are the upper platform 上级平台: the lower logs in to us, and we open the sub link back."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from monitor.codec.jt809 import (
    DownApplyEndReply,
    DownApplyHistoryReply,
    DownApplyStartupReply,
    DownCloseLinkInform,
    DownConnectReply,
    DownConnectRequest,
    DownDisconnectInform,
    DownDisconnectReply,
    DownDisconnectRequest,
    DownDriverInfoRequest,
    DownManageSequences,
    DownRegisterReply,
    DownRetransmitRequest,
    DownTotalReceived,
    DownVehicleAdded,
    DownWaybillRequest,
    Frame,
    Message,
    UpApplyEnd,
    UpApplyHistory,
    UpApplyStartup,
    UpCloseLinkInform,
    UpConnectReply,
    UpConnectRequest,
    UpDisconnectInform,
    UpDisconnectReply,
    UpDisconnectRequest,
    UpRealLocation,
    UpRegister,
    UpRetransmitRequest,
    Version,
)
from monitor.model.backoff import Backoff
from monitor.model.exchange import Channel, Inquiry, PlatformText, ReportedAlarm, SupervisionRequest
from monitor.sources.intake import Deliver
from monitor.sources.jt809 import translation
from monitor.sources.jt809.conversation import Conversation
from monitor.sources.jt809.desk import Desk
from monitor.sources.jt809.link import Link
from monitor.sources.jt809.login import Credentials, Refusals, Verdict, judge, result_code, same_password
from monitor.sources.jt809.office import Paper
from monitor.sources.jt809.session import Do, Heard, Side
from monitor.sources.jt809.settings import Jt809LinkSettings
from monitor.sources.jt809.wire import Wire

log = logging.getLogger(__name__)

_CANNOT_CONNECT, _DISCONNECTED = 0, 1
"""Codes of 0x9007."""
_NO_ADDRESS: Final = ("", "0.0.0.0", "::")
_DONE, _NO_DATA, _NEVER_APPLIED, _NOTHING_TO_SEND = 1, 1, 1, 2
"""Results of 0x9201, 0x9207, 0x9208, 0x9209: we exchange no positions of other regions' vehicles by ourselves."""


class UpperLink(Link):
    """Connections come from a ``Jt809Listener``, which also runs the link."""

    def __init__(self, settings: Jt809LinkSettings, deliver: Deliver, desk: Desk, now_ms: Callable[[], int]) -> None:
        super().__init__(settings, deliver, desk, now_ms)
        self._refusals = Refusals()
        self._refusal = Verdict.ACCEPTED  # of the log-in just judged
        self._verify_code = 0
        self._announced = ("", 0)
        self._logged_in = asyncio.Event()  # since the sub link was last tried
        self._told_no_sub_link = False

    # Sending.

    async def inquire(self, inquiry: Inquiry) -> int:
        """查岗 0x9301. An answer names ``inquiry.info_id`` (2011) or the number returned (2019)."""
        return await self._send(translation.inquiry(inquiry, self._form))

    async def order(self, request: SupervisionRequest) -> int:
        """督办 0x9401. An answer names ``supervision_id`` (2011) or the number returned (2019)."""
        return await self._send(translation.supervision_request(request))

    async def send_text(self, text: PlatformText) -> int:
        """0x9302."""
        return await self._send(translation.platform_text(text, self._form))

    async def warn(self, alarm: ReportedAlarm) -> int:
        """报警预警 0x9402, or 实时交换报警 0x9403 if ``alarm.msg_type`` says so."""
        return await self._send(translation.alarm_from_above(alarm))

    async def request_backfill(self, plate: str, color: int, from_ms: int, to_ms: int) -> int:
        """Ask for the positions sent since ``from_ms`` again (0x9303, 2019; it names no vehicle and no end).

        2011 has no such message: raises ``DeliveryError`` with ``retry=False``.
        """
        if self.settings.version is not Version.V2019:
            raise self._unsaid("asking a lower platform for positions again")
        return await self._send(DownRetransmitRequest(data_type=UpRealLocation.sub_type, since_ms=from_ms))

    async def request_static(self, plate: str, color: int) -> int:
        """0x9601."""
        return await self._send(DownVehicleAdded(plate=plate, plate_color=color))

    async def ask_driver(self, plate: str, color: int, *, from_terminal: bool = False) -> int:
        """0x920A. ``from_terminal`` (2019): ask the terminal, not the file."""
        return await self._send(DownDriverInfoRequest(plate=plate, plate_color=color, from_terminal=int(from_terminal)))

    async def ask_waybill(self, plate: str, color: int) -> int:
        """0x920B."""
        return await self._send(DownWaybillRequest(plate=plate, plate_color=color))

    def _request(self, sub_type: int, first_sn: int, last_sn: int) -> Message:
        count = min((last_sn - first_sn) % (1 << 32) + 1, 0xFF)
        return DownRetransmitRequest(data_type=sub_type, count=count, first_sn=first_sn, last_sn=last_sn)

    # Connections of the main link.

    def adopt(self, wire: Wire, data: bytes) -> bool:
        """A connection whose first frame is a log-in to this link, as far as one can tell. False: not running."""
        if self._lifetime is None or self._stopping:
            return False
        conversation = self._conversation(Channel.MAIN, Side.SERVER, wire)
        self._lifetime.create_task(self._converse(conversation, data), name=f"jt809 {self.name} main link")
        return True

    # The session.

    def _word_of(self, conversation: Conversation, message: Message) -> Heard:
        main = conversation.channel is Channel.MAIN
        match message:
            case UpConnectRequest():
                return Heard.LOGIN if main else Heard.NONSENSE
            case UpDisconnectRequest():
                known = message.user_id == self.settings.user_id and same_password(self._secret, message.password)
                return Heard.LOGOUT if main and known else Heard.NONSENSE
            case DownConnectReply():
                if main:
                    return Heard.NONSENSE
                return Heard.ACCEPTED if message.result == 0 else Heard.REFUSED
            case DownDisconnectReply():
                return Heard.NONSENSE if main else Heard.LOGGED_OUT
            case UpConnectReply() | UpDisconnectReply() | DownConnectRequest() | DownDisconnectRequest():
                return Heard.NONSENSE
        return Heard.TRAFFIC

    def _act(self, conversation: Conversation, action: Do, frame: Frame | None) -> None:
        if action is Do.CHECK_LOGIN and frame is not None and isinstance(frame.message, UpConnectRequest):
            verdict = self._judged(frame.message, frame.header.access_code, conversation.wire.peer_host)
            if verdict is Verdict.ACCEPTED:
                self._welcome(frame.message)
                conversation.step(Heard.ACCEPTED, frame)
            else:
                self.count_refusal(conversation.wire.peer_host, verdict)
                self._refusal = verdict
                conversation.step(Heard.REFUSED, frame)
        elif action is Do.REFUSE:
            self.say(conversation, UpConnectReply(result=result_code(self._refusal, self.settings.version)))
        elif action is Do.WELCOME:
            self.say(conversation, UpConnectReply(result=0, verify_code=self._verify_code))
        elif action is Do.SEND_LOGIN:
            self.say(conversation, DownConnectRequest(verify_code=self._verify_code))
        elif action is Do.SEND_LOGOUT:
            self.say(conversation, DownDisconnectRequest(verify_code=self._verify_code))

    def count_refusal(self, address: str, verdict: Verdict) -> None:
        """Counted always, logged once per address and reason, and then now and again."""
        self.counts.refused[verdict] += 1
        times = self._refusals.count(address, verdict)
        if times:
            log.warning("link %s: log-in from %s refused: %s (%d times)", self.name, address, verdict, times)

    def _judged(self, login: UpConnectRequest, access_code: int, address: str) -> Verdict:
        codes = (access_code,) if self.settings.version is Version.V2011 else (access_code, login.access_code)
        stated = Credentials(codes, login.user_id, login.password)
        return judge(self.settings, self._secret, stated, address)

    def _welcome(self, login: UpConnectRequest) -> None:
        """A sub link that is alive goes on with its verification code, unless the lower now waits elsewhere."""
        announced = (login.down_ip.strip(), login.down_port)
        sub = self._up.get(Channel.SUB)
        if sub is not None and announced != self._announced:
            sub.cut("moved")
            sub = None
        self._announced = announced
        if sub is None:
            self._verify_code = secrets.randbits(32) or 1

    def _greet(self, conversation: Conversation) -> None:
        if conversation.channel is Channel.SUB:
            self._told_no_sub_link = False
            return
        self._received.start()
        if self.settings.version is Version.V2019:
            self.say(conversation, DownManageSequences(sequences=self._last_sequences()))
        self._told_no_sub_link = False
        self._logged_in.set()
        sub = self._up.get(Channel.SUB)
        if sub is not None and self._lifetime is not None:
            self._lifetime.create_task(self._probe(sub), name=f"jt809 {self.name} probe")

    def _mourn(self, conversation: Conversation) -> None:
        if conversation.channel is Channel.MAIN:
            self._logged_in.clear()
            if conversation.reason == Heard.LOGOUT and (sub := self._up.get(Channel.SUB)) is not None:
                sub.leave("logout")

    # The sub link.

    def _duties(self) -> dict[str, Coroutine[None, None, None]]:
        duties: dict[str, Coroutine[None, None, None]] = {}
        if self.settings.sub_link:
            duties["sub link"] = self._keep_sub_link()
        if self.settings.version is Version.V2011 and self.settings.count_notice_s:
            duties["count notice"] = self._tell_counts()
        return duties

    async def _keep_sub_link(self) -> None:
        """Open it whenever the main link is up and it is not; never while the main link is down (clause 4)."""
        backoff = Backoff(self.settings.backoff_first_s, self.settings.backoff_most_s)
        while not self._stopping:
            await self._logged_in.wait()
            if Channel.MAIN not in self._up:
                self._logged_in.clear()
                continue
            was_up = await self._hold_sub_link()
            if was_up:
                backoff.reset()
            self._tell_no_sub_link(_DISCONNECTED if was_up else _CANNOT_CONNECT)
            await self._next_try(backoff)

    async def _hold_sub_link(self) -> bool:
        """Connect and stay until it ends. Returns whether it was up."""
        host, port = self._announced
        if host in _NO_ADDRESS or port == 0:
            return False
        try:
            wire = await self._connected(host, port)
        except (OSError, ValueError) as error:
            if not self._told_no_sub_link:
                log.warning("link %s: no sub link to %s:%d: %s", self.name, host, port, str(error) or "time-out")
            return False
        conversation = self._conversation(Channel.SUB, Side.CLIENT, wire)
        ups = self.counts.ups[Channel.SUB]
        reason = await self._converse(conversation)
        was_up = self.counts.ups[Channel.SUB] > ups
        if not was_up and not self._told_no_sub_link:
            log.warning("link %s: sub link to %s:%d: %s", self.name, host, port, reason)
        return was_up

    async def _next_try(self, backoff: Backoff) -> None:
        """Wait; a log-in meanwhile is worth a try at once."""
        self._logged_in.clear()
        try:
            async with asyncio.timeout(backoff.next_s()):
                await self._logged_in.wait()
            backoff.reset()
        except TimeoutError:
            if Channel.MAIN in self._up:
                self._logged_in.set()

    def _tell_no_sub_link(self, code: int) -> None:
        main = self._up.get(Channel.MAIN)
        if main is not None and not self._told_no_sub_link and not self._stopping:
            self._told_no_sub_link = True
            self.say(main, DownDisconnectInform(error_code=code))

    async def _probe(self, sub: Conversation) -> None:
        """After a log-in anew: is the sub link alive, or a leftover of what broke the main link?"""
        before = sub.received_bytes
        if sub.up:
            self.perform(sub, Do.SEND_HEARTBEAT, None)
        await asyncio.sleep(self.settings.login_s)
        if sub.up and sub.received_bytes == before:
            sub.cut(Heard.SILENT)

    async def _goodbye(self) -> None:
        if (main := self._up.get(Channel.MAIN)) is not None:
            self.say(main, DownCloseLinkInform(reason=0))
        await self._part(Channel.SUB)
        await self._part(Channel.MAIN)
        await self._cut_the_rest()

    async def _tell_counts(self) -> None:
        """2011: how many positions came since the last notice (0x9101)."""
        since_ms, before = self._now_ms(), self.counts.positions_in
        while True:
            await asyncio.sleep(self.settings.count_notice_s)
            if not self._up:
                continue
            now_ms, now = self._now_ms(), self.counts.positions_in
            await self._said(DownTotalReceived(count=(now - before) & 0xFFFF_FFFF, start_ms=since_ms, end_ms=now_ms))
            since_ms, before = now_ms, now

    # What arrives.

    def _papers(self, conversation: Conversation, frame: Frame) -> Paper | None:
        if isinstance(frame.message, UpDisconnectInform | UpCloseLinkInform):
            code = frame.message.error_code if isinstance(frame.message, UpDisconnectInform) else frame.message.reason
            log.info("link %s: the lower platform announces %s (%d)", self.name, type(frame.message).__name__, code)
            return Paper()
        event = translation.event_from_below(frame, self._now_ms())
        answer = self._answer(conversation, frame)
        return None if event is None and answer is None else Paper(event, answer)

    def _answer(self, conversation: Conversation, frame: Frame) -> Callable[[], Awaitable[object]] | None:
        message = frame.message
        source_type, source_sn = message.sub_type, frame.header.sn
        match message:
            case UpRetransmitRequest():
                return self._resend(conversation, message)
            case UpRegister():
                if self.settings.version is Version.V2011:
                    return None
                return self._reply(DownRegisterReply(source_type=source_type, source_sn=source_sn, result=_DONE))
            case UpApplyStartup():
                return self._reply(
                    DownApplyStartupReply(
                        plate=message.plate,
                        plate_color=message.plate_color,
                        source_type=source_type,
                        source_sn=source_sn,
                        result=_NO_DATA,
                    )
                )
            case UpApplyEnd():
                return self._reply(
                    DownApplyEndReply(
                        plate=message.plate,
                        plate_color=message.plate_color,
                        source_type=source_type,
                        source_sn=source_sn,
                        result=_NEVER_APPLIED,
                    )
                )
            case UpApplyHistory():
                return self._reply(
                    DownApplyHistoryReply(
                        plate=message.plate,
                        plate_color=message.plate_color,
                        source_type=source_type,
                        source_sn=source_sn,
                        result=_NOTHING_TO_SEND,
                    )
                )
        return None
