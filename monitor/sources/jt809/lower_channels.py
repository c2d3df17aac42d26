"""The two channels of a link on which we are the lower platform: the main link is ours to open, the sub link ours to
wait for."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Coroutine
from typing import Final

from monitor.codec.jt809 import (
    DownConnectReply,
    DownConnectRequest,
    DownDisconnectReply,
    DownDisconnectRequest,
    DownTotalReceived,
    Frame,
    Message,
    SubLinkResult,
    UpCloseLinkInform,
    UpConnectReply,
    UpConnectRequest,
    UpDisconnectInform,
    UpDisconnectReply,
    UpDisconnectRequest,
    UpManageSequences,
    Version,
)
from monitor.model.backoff import Backoff
from monitor.model.exchange import Channel
from monitor.sources.intake import Deliver
from monitor.sources.jt809.conversation import Conversation
from monitor.sources.jt809.desk import Desk
from monitor.sources.jt809.downtime import Downtime
from monitor.sources.jt809.link import Link
from monitor.sources.jt809.login import Refusals, refused_because
from monitor.sources.jt809.session import Do, Heard, Side, State
from monitor.sources.jt809.settings import Jt809LinkSettings
from monitor.sources.jt809.wire import Wire

log = logging.getLogger(__name__)

_MOST_STRANGERS: Final = 16
"""Connections to the sub link's port that have not said yet who they are."""
_CONNECTION_LOST, _RESTART, _OTHER = 0, 0, 1
"""Codes of 0x1007 and 0x1008; a restart has no code in 2019."""
_OTHER_RESULT: Final = {Version.V2011: SubLinkResult.OTHER_2011, Version.V2019: SubLinkResult.OTHER_2019}


class LowerChannels(Link):
    """What ``LowerLink`` says and answers goes over these."""

    def __init__(self, settings: Jt809LinkSettings, deliver: Deliver, desk: Desk, now_ms: Callable[[], int]) -> None:
        super().__init__(settings, deliver, desk, now_ms)
        self.down_link_port = settings.down_link_port
        """Where the sub link is waited for, once it is."""
        self._downtime = Downtime()
        self._refusals = Refusals()
        self._verify_code: int | None = None
        self._upper_host = ""
        self._main: Conversation | None = None
        self._early: list[tuple[Conversation, Frame]] = []  # sub links that came before our log-in was answered
        self._sub_result = int(SubLinkResult.OK)
        self._listening = asyncio.Event()

    # The session.

    def _word_of(self, conversation: Conversation, message: Message) -> Heard:
        main = conversation.channel is Channel.MAIN
        match message:
            case UpConnectReply():
                if not main:
                    return Heard.NONSENSE
                if message.result == 0:
                    self._verify_code = message.verify_code
                    return Heard.ACCEPTED
                self._refused(message.result)
                return Heard.REFUSED
            case UpDisconnectReply():
                return Heard.LOGGED_OUT if main else Heard.NONSENSE
            case DownConnectRequest():
                return Heard.NONSENSE if main else Heard.LOGIN
            case DownDisconnectRequest():
                known = self._verifies(message.verify_code)
                return Heard.LOGOUT if known and not main else Heard.NONSENSE
            case UpConnectRequest() | UpDisconnectRequest() | DownConnectReply() | DownDisconnectReply():
                return Heard.NONSENSE
        return Heard.TRAFFIC

    def _act(self, conversation: Conversation, action: Do, frame: Frame | None) -> None:
        if action is Do.SEND_LOGIN:
            self.say(
                conversation,
                UpConnectRequest(
                    user_id=self.settings.user_id,
                    password=self._secret,
                    access_code=self.settings.access_code,
                    down_ip=self.settings.down_link_host,
                    down_port=self.down_link_port,
                ),
            )
        elif action is Do.SEND_LOGOUT:
            self.say(conversation, UpDisconnectRequest(user_id=self.settings.user_id, password=self._secret))
        elif action is Do.CHECK_LOGIN and frame is not None:
            if self._main is not None and self._main.session.state is State.LOGIN:
                self._early.append((conversation, frame))
            else:
                self._check(conversation, frame)
        elif action in (Do.WELCOME, Do.REFUSE):
            self.say(conversation, DownConnectReply(result=self._sub_result))

    def _check(self, conversation: Conversation, frame: Frame) -> None:
        """The sub link's log-in: the code of our own log-in, from an address that may have it."""
        host = conversation.wire.peer_host
        verified = isinstance(frame.message, DownConnectRequest) and self._verifies(frame.message.verify_code)
        if verified and self._may_open(host):
            self._sub_result = int(SubLinkResult.OK)
            conversation.step(Heard.ACCEPTED, frame)
            return
        reason = "address" if verified else "verify_code"
        self._sub_result = int(_OTHER_RESULT[self.settings.version] if verified else SubLinkResult.BAD_VERIFY_CODE)
        self.counts.refused[reason] += 1
        if times := self._refusals.count(host, reason):
            log.warning("link %s: sub link from %s refused: %s (%d times)", self.name, host, reason, times)
        conversation.step(Heard.REFUSED, frame)

    def _verifies(self, verify_code: int) -> bool:
        if self._verify_code is None:
            return False
        return hmac.compare_digest(verify_code.to_bytes(4, "big"), self._verify_code.to_bytes(4, "big"))

    def _may_open(self, host: str) -> bool:
        if self.settings.allowed_addresses:
            return self.settings.allows(host)
        return host == self._upper_host

    def _refused(self, result: int) -> None:
        reason = refused_because(result)
        self.counts.refused[reason] += 1
        if times := self._refusals.count(self.settings.address, reason):
            log.error("link %s: the upper platform refuses our log-in: %s (%d times)", self.name, reason, times)

    def _greet(self, conversation: Conversation) -> None:
        if conversation.channel is Channel.SUB:
            return
        self._received.start()
        self._downtime.up(self._now_ms())
        if self.settings.version is Version.V2019:
            self.say(conversation, UpManageSequences(sequences=self._last_sequences()))
        self._settle_early()

    def _mourn(self, conversation: Conversation) -> None:
        if conversation.channel is Channel.SUB:
            return
        self._downtime.down(self._now_ms())
        sub = self._up.get(Channel.SUB)
        if sub is not None and not self._stopping:
            self.say(sub, UpDisconnectInform(error_code=_CONNECTION_LOST))

    # The main link.

    def _duties(self) -> dict[str, Coroutine[None, None, None]]:
        duties: dict[str, Coroutine[None, None, None]] = {"main link": self._keep_main_link()}
        if self.settings.sub_link:
            duties["sub link"] = self._serve_sub_link()
        if self.settings.version is Version.V2019 and self.settings.count_notice_s:
            duties["count notice"] = self._tell_counts()
        return duties

    async def _keep_main_link(self) -> None:
        backoff = Backoff(self.settings.backoff_first_s, self.settings.backoff_most_s)
        told = False
        self._downtime.down(self._now_ms())
        if self.settings.sub_link:
            await self._listening.wait()
        while not self._stopping:
            ups = self.counts.ups[Channel.MAIN]
            try:
                wire = await self._connected(self.settings.host, self.settings.port)
            except OSError as error:
                if not told:
                    log.warning("link %s: %s: %s", self.name, self.settings.address, str(error) or "time-out")
                    told = True
            else:
                self._upper_host = wire.peer_host
                self._main = self._conversation(Channel.MAIN, Side.CLIENT, wire)
                await self._converse(self._main)
                self._main = None
                self._settle_early()
            if self.counts.ups[Channel.MAIN] > ups:
                backoff.reset()
                told = False
            await asyncio.sleep(backoff.next_s())

    def _settle_early(self) -> None:
        """Sub links that were opened before we had read the answer to our log-in."""
        early, self._early = self._early, []
        for conversation, frame in early:
            if conversation.session.state is State.LOGIN:
                self._check(conversation, frame)

    async def _tell_counts(self) -> None:
        """2019: how many positions were sent since the last notice (0x9101)."""
        since_ms, before = self._now_ms(), self.counts.positions_out
        while True:
            await asyncio.sleep(self.settings.count_notice_s)
            if not self._up:
                continue
            now_ms, now = self._now_ms(), self.counts.positions_out
            await self._said(DownTotalReceived(count=(now - before) & 0xFFFF_FFFF, start_ms=since_ms, end_ms=now_ms))
            since_ms, before = now_ms, now

    async def _goodbye(self) -> None:
        if (sub := self._up.get(Channel.SUB)) is not None:
            old = self.settings.version is Version.V2011
            self.say(sub, UpCloseLinkInform(reason=_RESTART if old else _OTHER))
        await self._part(Channel.MAIN)
        await self._part(Channel.SUB)
        await self._cut_the_rest()

    # The sub link.

    async def _serve_sub_link(self) -> None:
        """Listen as long as the link runs; without the port the main link has to do."""
        host = self.settings.down_link_bind or self.settings.down_link_host
        backoff = Backoff(self.settings.backoff_first_s, self.settings.backoff_most_s)
        while True:
            try:
                server = await asyncio.get_running_loop().create_server(
                    lambda: self._wire(self._sub_link_made), host, self.settings.down_link_port
                )
                break
            except OSError as error:
                log.error("link %s: no sub link: %s", self.name, error)
                self._listening.set()
                await asyncio.sleep(backoff.next_s())
        self.down_link_port = server.sockets[0].getsockname()[1]
        self._listening.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()

    def _sub_link_made(self, wire: Wire) -> None:
        strangers = sum(talk.channel is Channel.SUB and not talk.up for talk in self._talks)
        most = _MOST_STRANGERS if self._may_open(wire.peer_host) else _MOST_STRANGERS // 4
        if self._lifetime is None or self._stopping or strangers >= most:
            self.counts.refused["busy"] += 1
            wire.abort("too many")
            return
        conversation = self._conversation(Channel.SUB, Side.SERVER, wire)
        self._lifetime.create_task(self._converse(conversation), name=f"jt809 {self.name} sub link")
