"""An upper platform 上级平台: lets a lower one log in, opens the sub link back, asks and orders."""

from __future__ import annotations

import asyncio

from monitor.codec.jt809 import Version
from monitor.codec.jt809.links import (
    DownConnectReply,
    DownConnectRequest,
    DownDisconnectInform,
    DownDisconnectRequest,
    DownLinkTest,
    DownManageSequences,
    LastSequence,
    LoginResult,
    UpConnectReply,
    UpConnectRequest,
    UpDisconnectReply,
    UpDisconnectRequest,
    UpLinkTest,
    UpLinkTestReply,
    UpManageSequences,
)
from monitor.codec.jt809.vehicles import (
    DownApplyEndReply,
    DownApplyHistoryReply,
    DownApplyStartupReply,
    DownRegisterReply,
    UpApplyEnd,
    UpApplyHistory,
    UpApplyStartup,
    UpRegister,
)
from monitor.model.exchange import Channel
from simulators.jt809.channel import Arrival, PlatformChannel, PositionArrival
from simulators.jt809.platform import SimulatedPlatform
from simulators.jt809.script import UpperScript
from simulators.jt809.settings import PlatformSettings


class SimulatedUpper(SimulatedPlatform):
    """``async with SimulatedUpper(settings) as upper``; ``port`` is that of the main link."""

    FIRST = Channel.SUB

    def __init__(self, settings: PlatformSettings, script: UpperScript | None = None, *, seed: int = 1) -> None:
        super().__init__(settings, seed=seed)
        self.script = script or UpperScript()
        self.logins: list[UpConnectRequest] = []
        self.port = settings.port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> SimulatedUpper:
        self.warm_up()
        self._server = await asyncio.start_server(self._serve, self.settings.host, self.settings.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.end(self._server)

    async def stop_listening(self) -> None:
        """Refuse new connections; those there are stay."""
        if self._server is not None:
            self._server.close()

    def login_result(self, request: UpConnectRequest) -> int:
        """What the standard answers: 0, 2 wrong access code (2019), 3 unknown user, 4 wrong password."""
        if self.script.login_result is not None:
            return self.script.login_result
        settings = self.settings
        if settings.version is Version.V2019 and request.access_code != settings.access_code:
            return LoginResult.BAD_ACCESS_CODE
        if request.user_id != settings.user_id:
            return LoginResult.UNKNOWN_USER
        return LoginResult.OK if request.password == settings.password else LoginResult.BAD_PASSWORD

    def answer(self, arrival: Arrival) -> None:
        message = arrival.message
        if isinstance(message, UpLinkTest):
            self.reply(arrival, UpLinkTestReply())
        elif isinstance(message, UpDisconnectRequest):
            self.reply(arrival, UpDisconnectReply())
        elif isinstance(message, UpManageSequences):
            last = tuple(LastSequence(sub_type=kind, sn=sn) for kind, sn in self.counters.last().items())
            self.reply(arrival, DownManageSequences(sequences=last))
        elif isinstance(message, UpRegister) and self.settings.version is Version.V2019:
            self.say_if_up(DownRegisterReply(source_type=message.sub_type, source_sn=arrival.sn))
        elif isinstance(message, UpApplyStartup | UpApplyEnd | UpApplyHistory):
            kind = {
                UpApplyStartup: DownApplyStartupReply,
                UpApplyEnd: DownApplyEndReply,
                UpApplyHistory: DownApplyHistoryReply,
            }[type(message)]
            self.say_if_up(
                kind(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=arrival.sn,
                )
            )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A main link, from its log-in to its end."""
        link = self.channel(Channel.MAIN, reader, writer)
        entered = False

        def take(arrival: Arrival | PositionArrival) -> None:
            nonlocal entered
            if isinstance(arrival, Arrival) and isinstance(arrival.message, UpConnectRequest):
                entered = self._log_in(link, arrival, arrival.message)
            elif entered:
                self.take(arrival)
            else:
                link.close()

        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await link.read(take, self.now_ms)
        except asyncio.CancelledError:
            link.abort()
        finally:
            if self.channels.get(Channel.MAIN) is link:
                del self.channels[Channel.MAIN]
            self._came.set()

    def _log_in(self, link: PlatformChannel, arrival: Arrival, request: UpConnectRequest) -> bool:
        self.logins.append(request)
        self.received.append(arrival)
        self._came.set()
        result = self.login_result(request)
        if self.script.no_login_answer or self.silent:
            return False
        reply = UpConnectReply(result=result, verify_code=self.script.verify_code if result == 0 else 0)
        link.write(self.frame(reply, self.counters.take(reply.msg_id)))
        if result:
            link.close()
            return False
        before = self.channels.get(Channel.MAIN)
        if before is not None and before is not link:
            before.abort()
        self.channels[Channel.MAIN] = link
        if self.script.cut_after_login:
            self.cut(Channel.MAIN)
            return False
        # A sub link that is up stays: the lower one only logged in again.
        if self.settings.sub_link and not self.up(Channel.SUB):
            self.background(asyncio.create_task(self.open_sub_link(request), name="sub link"))
        return True

    async def open_sub_link(self, request: UpConnectRequest | None = None) -> None:
        """Open the sub link to where the last log-in said."""
        request = request or self.logins[-1]
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                reader, writer = await asyncio.open_connection(request.down_ip, request.down_port)
        except (OSError, TimeoutError):
            if self.up(Channel.MAIN):
                self.say(DownDisconnectInform(error_code=0), Channel.MAIN)
            return
        link = self.channel(Channel.SUB, reader, writer)

        def take(arrival: Arrival | PositionArrival) -> None:
            if isinstance(arrival, Arrival) and isinstance(arrival.message, DownConnectReply):
                self.received.append(arrival)
                if arrival.message.result == 0:
                    self.channels[Channel.SUB] = link
                    self.background(asyncio.create_task(self.beat(Channel.SUB, DownLinkTest()), name="sub heartbeat"))
                else:
                    link.close()
                self._came.set()
            else:
                self.take(arrival)

        code = self.script.brings_verify_code
        asked = DownConnectRequest(verify_code=self.script.verify_code if code is None else code)
        if not self.silent:
            link.write(self.frame(asked, self.counters.take(asked.msg_id)))
        try:
            await link.read(take, self.now_ms)
        finally:
            link.abort()
            if self.channels.get(Channel.SUB) is link:
                del self.channels[Channel.SUB]
            self._came.set()

    def log_out_sub_link(self) -> None:
        """0x9003."""
        self.say(DownDisconnectRequest(verify_code=self.script.verify_code), Channel.SUB)
