"""A lower platform 下级平台: logs in, waits for the sub link, sends positions, answers what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import numpy as np

from monitor.codec.jt809 import (
    DownConnectReply,
    DownConnectRequest,
    DownDisconnectReply,
    DownDisconnectRequest,
    DownDriverInfoRequest,
    DownLinkTest,
    DownLinkTestReply,
    DownMonitorVehicle,
    DownPlatformInfo,
    DownPostQuery,
    DownReturnEnd,
    DownReturnStartup,
    DownText,
    DownUrgeTodo,
    DownVehicleAdded,
    DownWaybillRequest,
    LastSequence,
    SubLinkResult,
    UpConnectReply,
    UpConnectRequest,
    UpDisconnectInform,
    UpDisconnectReply,
    UpDisconnectRequest,
    UpDriverInfoReply,
    UpLinkTest,
    UpManageSequences,
    UpMonitorVehicleReply,
    UpPlatformInfoReply,
    UpPostQueryReply,
    UpReturnEndReply,
    UpReturnStartupReply,
    UpTextReply,
    UpUrgeTodoReply,
    UpVehicleAddedReply,
    UpWaybillReply,
    Version,
    car_text,
    encode_positions,
)
from monitor.model.exchange import Channel
from monitor.model.report import ReportRows
from simulators.jt809.channel import Arrival, PlatformChannel, PositionArrival
from simulators.jt809.platform import NotConnectedError, SimulatedPlatform
from simulators.jt809.script import LowerScript
from simulators.jt809.settings import PlatformSettings

PIECE = 2_000
"""Positions encoded and written at once; a guess."""


class SimulatedLower(SimulatedPlatform):
    """``async with SimulatedLower(settings) as lower: await lower.connect()``.

    ``down_port`` is where it waits for the sub link. ``FIRST`` is the main link.
    """

    FIRST = Channel.MAIN

    def __init__(self, settings: PlatformSettings, script: LowerScript | None = None, *, seed: int = 1) -> None:
        super().__init__(settings, seed=seed)
        self.script = script or LowerScript()
        self.down_port = settings.down_port
        self.verify_code = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> SimulatedLower:
        self.warm_up()
        if self.settings.sub_link:
            self._server = await asyncio.start_server(self._serve, self.settings.down_host, self.settings.down_port)
            self.down_port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.end(self._server)

    async def connect(self) -> int:
        """Open the main link and log in; the result of 0x1002. Raises OSError, TimeoutError, NotConnectedError."""
        settings, script = self.settings, self.script
        async with asyncio.timeout(settings.timeout_s):
            reader, writer = await asyncio.open_connection(settings.host, settings.port)
        link = self.channel(Channel.MAIN, reader, writer)
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def take(arrival: Arrival | PositionArrival) -> None:
            if isinstance(arrival, Arrival) and isinstance(arrival.message, UpConnectReply):
                self.received.append(arrival)
                self.verify_code = arrival.message.verify_code
                if arrival.message.result == 0:
                    self.channels[Channel.MAIN] = link
                if not answered.done():
                    answered.set_result(arrival.message.result)
                self._came.set()
            else:
                self.take(arrival)

        async def listen() -> None:
            try:
                await link.read(take, self.now_ms)
            finally:
                link.abort()
                if self.channels.get(Channel.MAIN) is link:
                    del self.channels[Channel.MAIN]
                if not answered.done():
                    answered.set_exception(NotConnectedError("the upper platform closed the main link"))
                    answered.exception()
                self._came.set()

        self.background(asyncio.create_task(listen(), name="main link"))
        request = UpConnectRequest(
            user_id=settings.user_id if script.user_id is None else script.user_id,
            password=settings.password if script.password is None else script.password,
            access_code=settings.access_code if script.access_code is None else script.access_code,
            down_ip=settings.down_host,
            down_port=self.down_port,
        )
        if not self.silent:
            link.write(self.frame(request, self.counters.take(request.msg_id)))
        async with asyncio.timeout(settings.timeout_s):
            result = await answered
        if result == 0:
            if settings.version is Version.V2019:
                last = tuple(LastSequence(sub_type=kind, sn=sn) for kind, sn in self.counters.last().items())
                self.say(UpManageSequences(sequences=last), Channel.MAIN)
            self.background(asyncio.create_task(self.beat(Channel.MAIN, UpLinkTest()), name="main heartbeat"))
        return result

    async def log_out(self) -> None:
        """0x1003, and wait for 0x1004."""
        before = len(self.all_of(UpDisconnectReply))
        self.say(UpDisconnectRequest(user_id=self.settings.user_id, password=self.settings.password), Channel.MAIN)
        await self.expect(UpDisconnectReply, before + 1)

    def main_is_broken(self) -> None:
        """0x1007 on the sub link."""
        self.say(UpDisconnectInform(error_code=0), Channel.SUB)

    # -- positions -----------------------------------------------------------------------------------------------

    async def send_positions(
        self,
        rows: ReportRows,
        plates: Sequence[str],
        colors: Sequence[int],
        *,
        per_s: float = 0.0,
        backfill: bool = False,
    ) -> int:
        """0x1202, with ``backfill`` 0x1203; ``plates[row["key"]]`` and ``colors[row["key"]]`` (JT/T codes).

        At ``per_s``, or as fast as the other side takes them (0). Returns how many went out; fewer than there are only
        when all links went down.
        """
        loop = asyncio.get_running_loop()
        began_s, sent = loop.time(), 0
        step = PIECE if per_s <= 0 else max(1, min(PIECE, round(per_s / 20)))
        while sent < len(rows):
            piece = rows[sent : sent + step]
            try:
                link = self._link(None)
            except NotConnectedError:
                return sent
            if not self.silent:
                link.write(self.encoded(piece, plates, colors, backfill=backfill))
            await link.drain()
            if not link.open:
                return sent
            sent += len(piece)
            if per_s > 0:
                await asyncio.sleep(max(0.0, began_s + sent / per_s - loop.time()))
        return sent

    def encoded(
        self, rows: ReportRows, plates: Sequence[str], colors: Sequence[int], *, backfill: bool = False
    ) -> bytes:
        """Frames of the next sequence numbers."""
        settings = self.settings
        kind = 0x1203 if backfill else 0x1202
        first_sn = self.counters.take(kind, 0)
        # Only the vehicles in it: a fleet's plates would be encoded anew for every piece.
        named, within = np.unique(rows["key"], return_inverse=True)
        rows = rows.copy()
        rows["key"] = within
        keys = named.tolist()
        stream = encode_positions(
            rows,
            [plates[key] for key in keys],
            [colors[key] for key in keys],
            version=settings.version,
            access_code=settings.access_code,
            first_sn=first_sn,
            cipher=settings.cipher if settings.encrypt else None,
            key=self._chance.getrandbits(32) if settings.encrypt else 0,
            version_flag=settings.version_flag,
            time_s=int(self._now_s()) if settings.version is Version.V2019 else 0,
            backfill=backfill,
            platform_id=settings.platform_id,
        )
        # A delimiter stands nowhere but at the ends of frames.
        self.counters.take(kind, stream.count(b"\x5d"))
        return stream

    # -- answers -------------------------------------------------------------------------------------------------

    def answer(self, arrival: Arrival) -> None:
        message = arrival.message
        source = arrival.sn if self.settings.version is Version.V2019 else 0
        if isinstance(message, DownLinkTest):
            self.reply(arrival, DownLinkTestReply())
        elif isinstance(message, DownDisconnectRequest):
            self.reply(arrival, DownDisconnectReply())
        elif isinstance(message, DownPostQuery):
            self.answer_inquiry(arrival, self.script.inquiry_answer)
        elif isinstance(message, DownPlatformInfo):
            self.say_if_up(
                UpPlatformInfoReply(
                    form=message.form, info_id=message.info_id, source_type=message.sub_type, source_sn=source
                )
            )
        elif isinstance(message, DownUrgeTodo):
            self.background(asyncio.create_task(self._handle(arrival), name="handle supervision"))
        elif isinstance(message, DownReturnStartup | DownReturnEnd):
            kind = UpReturnStartupReply if isinstance(message, DownReturnStartup) else UpReturnEndReply
            self.say_if_up(
                kind(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=source,
                )
            )
        else:
            self._answer_about_vehicle(arrival, source)

    def answer_inquiry(self, arrival: Arrival, text: str) -> int:
        """0x1301 to a 0x9301; its number."""
        question = arrival.message
        if not isinstance(question, DownPostQuery):
            raise TypeError(f"{type(question).__name__} is no inquiry")
        return self.say(
            UpPostQueryReply(
                form=question.form,
                object_type=question.object_type,
                object_id=question.object_id,
                responder=self.script.responder,
                responder_tel=self.script.responder_tel,
                info_id=question.info_id,
                source_type=question.sub_type,
                source_sn=arrival.sn,
                content=text,
            )
        )

    def answer_supervision(self, arrival: Arrival, result: int) -> int:
        """0x1401 to a 0x9401; its number."""
        request = arrival.message
        if not isinstance(request, DownUrgeTodo):
            raise TypeError(f"{type(request).__name__} is no supervision request")
        return self.say(
            UpUrgeTodoReply(
                form=request.form,
                plate=request.plate,
                plate_color=request.plate_color,
                supervision_id=request.supervision_id,
                sn=arrival.sn,
                source_type=request.source_type,
                source_sn=request.source_sn,
                result=result,
            )
        )

    async def _handle(self, arrival: Arrival) -> None:
        for number, result in enumerate(self.script.handling):
            if number:
                await asyncio.sleep(self.script.handling_s)
            with contextlib.suppress(NotConnectedError):
                self.answer_supervision(arrival, result)

    def _answer_about_vehicle(self, arrival: Arrival, source: int) -> None:
        message, script = arrival.message, self.script
        if isinstance(message, DownDriverInfoRequest):
            self.say_if_up(
                UpDriverInfoReply(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=source,
                    name=script.driver,
                    driver_id=script.driver,
                    licence=script.driver,
                    issuer="虚构县道路运输管理局",
                )
            )
        elif isinstance(message, DownWaybillRequest):
            self.say_if_up(
                UpWaybillReply(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=source,
                    content=script.waybill,
                )
            )
        elif isinstance(message, DownVehicleAdded):
            pairs = [("VIN", message.plate), ("VEHICLE_COLOR", str(message.plate_color)), *script.static_fields.items()]
            self.say_if_up(
                UpVehicleAddedReply(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=source,
                    car_info=car_text(pairs),
                )
            )
        elif isinstance(message, DownText):
            self.say_if_up(
                UpTextReply(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=source,
                    info_id=message.info_id,
                )
            )
        elif isinstance(message, DownMonitorVehicle):
            self.say_if_up(
                UpMonitorVehicleReply(
                    plate=message.plate,
                    plate_color=message.plate_color,
                    source_type=message.sub_type,
                    source_sn=source,
                    result=1,
                )
            )

    # -- the sub link --------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.channel(Channel.SUB, reader, writer)

        def take(arrival: Arrival | PositionArrival) -> None:
            if isinstance(arrival, Arrival) and isinstance(arrival.message, DownConnectRequest):
                self._enter(link, arrival, arrival.message)
            elif self.channels.get(Channel.SUB) is link:
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
            if self.channels.get(Channel.SUB) is link:
                del self.channels[Channel.SUB]
            self._came.set()

    def _enter(self, link: PlatformChannel, arrival: Arrival, request: DownConnectRequest) -> None:
        self.received.append(arrival)
        self._came.set()
        if self.silent:
            return
        result = SubLinkResult.OK if request.verify_code == self.verify_code else SubLinkResult.BAD_VERIFY_CODE
        if self.script.refuse_sub_link:
            result = SubLinkResult.BUSY
        reply = DownConnectReply(result=result)
        link.write(self.frame(reply, self.counters.take(reply.msg_id)))
        if result:
            link.close()
            return
        before = self.channels.get(Channel.SUB)
        if before is not None and before is not link:
            before.abort()
        self.channels[Channel.SUB] = link
