"""What a link is in either role: two channels, one of which carries everything while the other is down."""

from __future__ import annotations

import asyncio
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt809 import (
    Cipher,
    DownDisconnectReply,
    DownLinkTest,
    DownLinkTestReply,
    DownRetransmitRequest,
    Form,
    Frame,
    LastSequence,
    Message,
    RawMessage,
    UpDisconnectReply,
    UpLinkTest,
    UpLinkTestReply,
    UpRetransmitRequest,
    Version,
    encode_frame,
)
from monitor.errors import DeliveryError, LinkDownError
from monitor.model.exchange import Channel, LinkEvent, LinkRole
from monitor.sources.intake import Deliver, Intake
from monitor.sources.jt809.conversation import LOGIN_BYTES, Conversation
from monitor.sources.jt809.counts import LinkCounts
from monitor.sources.jt809.delivery import Delivery
from monitor.sources.jt809.desk import Desk
from monitor.sources.jt809.inbound import Inbound
from monitor.sources.jt809.office import Office, Paper
from monitor.sources.jt809.sequence import ReceivedNumbers, SentFrames, SequenceNumbers
from monitor.sources.jt809.session import Do, Heard, Side
from monitor.sources.jt809.settings import Jt809LinkSettings
from monitor.sources.jt809.wire import Wire

log = logging.getLogger(__name__)

_POSITION_TYPES: Final = (0x1202, 0x1203, 0x9202, 0x9203)
_WRAP: Final = 1 << 32
_MOST_REQUESTS: Final = 16
"""Gaps in one chunk that are asked for (guess): a peer whose numbers mean nothing must not start a flood."""
_MOST_TOLD: Final = 20
"""Oddities of a peer that are logged per connection (guess)."""
END: Final = b"\x5d"
"""Ends each frame and occurs nowhere else in one: what we encoded can be counted by it."""
_PREFERRED: Final = {LinkRole.LOWER: Channel.MAIN, LinkRole.UPPER: Channel.SUB}
"""Business data goes up on the main link and down on the sub link (clause 4)."""


class Link(ABC):
    """One link of ours. ``now_ms`` is the wall clock, for receive and send times.

    Every sending method returns the header's sequence number once the bytes are with the socket. It raises
    ``LinkDownError`` when neither channel is up or the last one broke meanwhile, ``DeliveryError`` with ``retry=False``
    for what the edition of this link cannot say, ``CodecError`` for a value that its field cannot hold.
    """

    def __init__(self, settings: Jt809LinkSettings, deliver: Deliver, desk: Desk, now_ms: Callable[[], int]) -> None:
        self.settings = settings
        self.counts = LinkCounts()
        self._now_ms = now_ms
        self._secret = settings.secret()
        self.cipher = None if settings.cipher is None else Cipher(*settings.cipher.numbers())
        self._up: dict[Channel, Conversation] = {}
        self._talks: set[Conversation] = set()
        self._numbers = SequenceNumbers(one_counter=settings.version is Version.V2011)
        self._sent = SentFrames(settings.resend_bytes if settings.version is Version.V2019 else 0)
        self._received = ReceivedNumbers()
        self._delivery = Delivery(settings.name, deliver, self.counts)
        self._office = Office(
            settings.name,
            desk,
            self.counts,
            most=settings.desk_queue,
            answer_s=settings.write_s,
        )
        self._lifetime: asyncio.TaskGroup | None = None
        self._stopping = False
        self._told: set[str] = set()  # oddities that were logged since a channel came up

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def up(self) -> bool:
        """Whether any channel is."""
        return bool(self._up)

    @property
    def channels(self) -> frozenset[Channel]:
        """Those that are up."""
        return frozenset(self._up)

    async def run(self) -> None:
        """Until cancelled; logs out in good order then, as far as that goes fast."""
        async with asyncio.TaskGroup() as lifetime:
            self._lifetime = lifetime
            lifetime.create_task(self._office.run(), name=f"jt809 {self.name} desk")
            for title, duty in self._duties().items():
                lifetime.create_task(duty, name=f"jt809 {self.name} {title}")
            try:
                await asyncio.Event().wait()
            finally:
                self._stopping = True
                await self._goodbye()
                await self._delivery.settle(self.settings.goodbye_s)
                await self._office.settle(self.settings.goodbye_s)
                self._lifetime = None

    # What the roles differ in.

    @abstractmethod
    def _duties(self) -> dict[str, Coroutine[None, None, None]]:
        """What runs as long as the link does, by name."""

    @abstractmethod
    async def _goodbye(self) -> None:
        """Log out of what can be logged out of."""

    @abstractmethod
    def _greet(self, conversation: Conversation) -> None:
        """A channel has come up: what is to be said first."""

    @abstractmethod
    def _mourn(self, conversation: Conversation) -> None:
        """A channel has gone down."""

    @abstractmethod
    def _papers(self, conversation: Conversation, frame: Frame) -> Paper | None:
        """What the desk is to have of a message, and what is to be answered; None for what means nothing here."""

    @abstractmethod
    def _word_of(self, conversation: Conversation, message: Message) -> Heard:
        """What a message means to the session, heartbeats apart."""

    @abstractmethod
    def _request(self, sub_type: int, first_sn: int, last_sn: int) -> Message:
        """2019: for messages that did not come."""

    @abstractmethod
    def _act(self, conversation: Conversation, action: Do, frame: Frame | None) -> None:
        """Log-in and log-out as this role says them."""

    # What conversations ask of their party.

    def interpret(self, conversation: Conversation, frame: Frame) -> Heard:
        match frame.message:
            case UpLinkTest() | DownLinkTest():
                return Heard.HEARTBEAT
            case UpLinkTestReply() | DownLinkTestReply():
                return Heard.HEARTBEAT_ANSWER
        return self._word_of(conversation, frame.message)

    def perform(self, conversation: Conversation, action: Do, frame: Frame | None) -> None:
        main = conversation.channel is Channel.MAIN
        if action is Do.SEND_HEARTBEAT:
            self.say(conversation, UpLinkTest() if main else DownLinkTest())
        elif action is Do.ANSWER_HEARTBEAT:
            # On the channel it came from and as it was asked, whichever of the two that is (practice).
            asked_up = frame is not None and isinstance(frame.message, UpLinkTest)
            self.say(conversation, UpLinkTestReply() if asked_up else DownLinkTestReply())
        elif action is Do.ANSWER_LOGOUT:
            self.say(conversation, UpDisconnectReply() if main else DownDisconnectReply())
        else:
            self._act(conversation, action, frame)

    def went_up(self, conversation: Conversation) -> None:
        """The newer connection of a channel wins: the older is most often half open."""
        if (older := self._up.get(conversation.channel)) is not None:
            older.cut("replaced")
        self._up[conversation.channel] = conversation
        self._told.clear()
        self.counts.ups[conversation.channel] += 1
        log.info("link %s: %s link up with %s", self.name, conversation.channel, conversation.wire.peer)
        self._record(conversation, True, conversation.wire.peer)
        self._greet(conversation)

    def went_down(self, conversation: Conversation) -> None:
        if self._up.get(conversation.channel) is not conversation:
            return
        del self._up[conversation.channel]
        reason = conversation.reason
        self.counts.downs[f"{conversation.channel}:{reason}"] += 1
        log.info("link %s: %s link down: %s", self.name, conversation.channel, reason)
        self._record(conversation, False, reason)
        self._mourn(conversation)

    async def take(self, conversation: Conversation, frame: Frame) -> None:
        paper = self._papers(conversation, frame)
        if paper is None:
            self.counts.ignored += 1
            if isinstance(frame.message, RawMessage):
                kind = f"0x{frame.message.msg_id:04X}"
                self._tell_once(f"messages {kind} of a kind or layout that {int(self.settings.version)} does not have")
            return
        self.counts.events_in += paper.event is not None
        await self._office.put(paper)

    async def deliver(self, intake: Intake) -> None:
        if self._lifetime is not None:
            await self._delivery.hand(intake, self._lifetime)

    def seen(self, inbound: Inbound) -> None:
        """Count what states another access code than ours. It came over a connection that has logged in, so it is
        taken; platforms that fill in their own code elsewhere than in the log-in are known (practice).

        2019: watch the numbers for gaps, and ask for what is missing if the settings say so.
        """
        frames = inbound.frames
        foreign = np.count_nonzero((frames["msg_id"] != -1) & (frames["access_code"] != self.settings.access_code))
        if foreign:
            self.counts.foreign_codes += int(foreign)
            self._tell_once("frames with another access code than the log-in's, which are taken")
        if self.settings.version is not Version.V2019:
            return
        for sub_type in _POSITION_TYPES:
            self._watch(sub_type, inbound.frames["sn"][inbound.frames["sub_type"] == sub_type])
        for frame in inbound.others:
            if frame.message.sub_type:
                self._watch(frame.message.sub_type, np.array([frame.header.sn]))

    def _tell_once(self, what: str) -> None:
        if what not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(what)
            log.warning("link %s: the peer sends %s; said once per connection", self.name, what)

    def _watch(self, sub_type: int, numbers: NDArray[np.int64]) -> None:
        gaps = self._received.see(sub_type, numbers)
        self.counts.missing += sum((last - first) % _WRAP + 1 for first, last in gaps)
        if self.settings.request_missing and self._up:
            for first, last in gaps[:_MOST_REQUESTS]:
                self.say(self._speaking(), self._request(sub_type, first, last))

    # Connections.

    def _conversation(self, channel: Channel, side: Side, wire: Wire) -> Conversation:
        return Conversation(self, channel, side, wire, self.settings, self.cipher, self.counts, self._now_ms)

    async def _converse(self, conversation: Conversation, first: bytes = b"") -> str:
        self._talks.add(conversation)
        try:
            return await conversation.run(first)
        finally:
            self._talks.discard(conversation)

    def _wire(self, made: Callable[[Wire], None] | None = None) -> Wire:
        return Wire(most_bytes=LOGIN_BYTES, unsent_bytes=self.settings.write_buffer_bytes, made=made)

    async def _connected(self, host: str, port: int) -> Wire:
        """Raises ``OSError``, which a time-out is one of."""
        async with asyncio.timeout(self.settings.login_s):
            _, wire = await asyncio.get_running_loop().create_connection(self._wire, host, port)
        return wire

    async def _part(self, channel: Channel) -> None:
        """Leave a channel, and wait for it to end in good order; else cut it."""
        conversation = self._up.get(channel)
        if conversation is None:
            return
        conversation.leave("leaving")
        try:
            async with asyncio.timeout(self.settings.goodbye_s):
                await conversation.ended.wait()
        except TimeoutError:
            conversation.cut("leaving")

    async def _cut_the_rest(self) -> None:
        """Connections that never came up, or came up meanwhile."""
        rest = [asyncio.ensure_future(conversation.ended.wait()) for conversation in self._talks]
        for conversation in list(self._talks):
            conversation.cut("leaving")
        if rest:
            _, hanging = await asyncio.wait(rest, timeout=self.settings.goodbye_s)
            for waiting in hanging:
                waiting.cancel()

    # Sending.

    def _speaking(self) -> Conversation:
        """The channel that business data goes out on now."""
        preferred = _PREFERRED[self.settings.role]
        conversation = self._up.get(preferred) or next(iter(self._up.values()), None)
        if conversation is None:
            raise LinkDownError(link=self.name)
        return conversation

    async def _send(self, message: Message) -> int:
        conversation = self._speaking()
        sn = self.say(conversation, message)
        await self._sent_off(conversation)
        return sn

    def _reply(self, message: Message) -> Callable[[], Awaitable[object]]:
        """An answer to be sent later."""
        return lambda: self._send(message)

    async def _said(self, message: Message) -> None:
        """Something that may be lost with the link."""
        try:
            await self._send(message)
        except LinkDownError:
            self.counts.unanswered += 1

    def _last_sequences(self) -> tuple[LastSequence, ...]:
        last = self._numbers.last()
        return tuple(LastSequence(sub_type=sub_type, sn=sn, at_ms=at_ms) for sub_type, sn, at_ms in last)

    def say(self, conversation: Conversation, message: Message, version: Version | None = None) -> int:
        """One message on this channel, whatever the other does. Returns its number."""
        now_ms = self._now_ms()
        counter = message.sub_type or message.msg_id
        sn = self._numbers.next(counter)
        encrypted = self.settings.encrypt
        data = encode_frame(
            message,
            version=version or self.settings.version,
            access_code=self.settings.access_code,
            sn=sn,
            cipher=self.cipher if encrypted else None,
            key=secrets.randbits(32) if encrypted else 0,
            version_flag=bytes(self.settings.version_flag),
            time_s=now_ms // 1_000,
        )
        self._numbers.used(counter, 1, now_ms)
        if message.sub_type:
            self._sent.keep(message.sub_type, sn, 1, now_ms // 1_000, data)
        self._written(conversation, data, 1)
        return sn

    def _written(self, conversation: Conversation, data: bytes, n_frames: int) -> None:
        conversation.write(data)
        self.counts.frames_out += n_frames
        self.counts.bytes_out += len(data)

    async def _sent_off(self, conversation: Conversation) -> None:
        """Until the socket has room again. Raises ``LinkDownError`` if the channel is gone by then."""
        try:
            async with asyncio.timeout(self.settings.write_s):
                await conversation.wire.drain()
        except TimeoutError:
            conversation.cut("unread")
        if not conversation.up:
            raise LinkDownError(link=self.name, reason=f"it went down while sending ({conversation.reason})")

    def _resend(
        self, conversation: Conversation, request: UpRetransmitRequest | DownRetransmitRequest
    ) -> Callable[[], Awaitable[object]]:
        """2019: frames once sent, with their numbers of then, on the channel that asked for them."""

        async def resend() -> None:
            if request.since_ms:
                found = self._sent.since(request.data_type, request.since_ms // 1_000)
            else:
                found = self._sent.numbered(request.data_type, request.first_sn, request.last_sn)
            for data in list(found):
                self._written(conversation, data, data.count(END))
                self.counts.resent += data.count(END)
                await self._sent_off(conversation)

        return resend

    @property
    def _form(self) -> Form:
        """Of messages that the supplement of 2013 changed."""
        plain = self.settings.version is Version.V2011 and not self.settings.supplement
        return Form.PLAIN if plain else Form.STANDARD

    def _unsaid(self, what: str) -> DeliveryError:
        """For what this edition has no message for."""
        reason = f"JT/T 809-{int(self.settings.version)} has no message for {what}"
        return DeliveryError(sink=self.name, reason=reason, retry=False)

    def _record(self, conversation: Conversation, up: bool, reason: str) -> None:
        self._office.put_link_event(LinkEvent(self.name, conversation.channel, up, self._now_ms(), reason))
