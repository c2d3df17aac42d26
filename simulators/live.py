"""A simulation that speaks a protocol of vehicles: as a fleet of terminals, or as the platform they report to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import uvloop

from monitor.model.language import Language, said
from simulators.jt808.fleet import FleetSettings, TerminalFleet
from simulators.jt808.misbehaviour import MisbehaviourProfile
from simulators.jt809.lower import SimulatedLower
from simulators.jt809.player import LowerPlayer
from simulators.jt809.settings import PlatformSettings
from simulators.present import Times, moved
from simulators.run import Simulation
from simulators.target import TerminalTarget


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is played. ``connections`` 0: a terminal per vehicle; both that and ``misbehaviour`` are of terminals."""

    speed: float = 1.0
    times: Times = Times.PRESENT
    connections: int = 0
    misbehaviour: MisbehaviourProfile = field(default_factory=MisbehaviourProfile)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; ``arrived`` False if not one report was taken."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
    arrived: bool

    def lines(self, tongue: Language) -> tuple[str, ...]:
        return self.zh if said(tongue, "zh", "en") == "zh" else self.en


def speak(simulation: Simulation, target: TerminalTarget | PlatformSettings, manner: Manner) -> Outcome:
    """Play the whole simulation, or until an interrupt."""
    if isinstance(target, TerminalTarget):
        return uvloop.run(_until_interrupt(lambda stop: _as_terminals(simulation, target, manner, stop)))
    return uvloop.run(_until_interrupt(lambda stop: _as_platform(simulation, target, manner, stop)))


async def _as_terminals(simulation: Simulation, target: TerminalTarget, manner: Manner, stop: asyncio.Event) -> Outcome:
    settings = FleetSettings(
        host=target.host,
        port=target.port,
        connections=manner.connections,
        speed=manner.speed,
        times=manner.times,
        misbehaviour=manner.misbehaviour,
        seed=manner.seed,
    )
    counted = await TerminalFleet(settings, simulation.batch, simulation.registry).run(stop)
    p50_ms, p99_ms = counted.p50_s * 1000, counted.p99_s * 1000
    orders = ", ".join(f"0x{msg_id:04X}: {n}" for msg_id, n in sorted(counted.orders.items())) or "-"
    return Outcome(
        zh=(
            f"位置汇报 {counted.reports} 条：已应答 {counted.answered}，未应答 {counted.unanswered}，"
            f"重发 {counted.repeated} 次，盲区补报 {counted.backfilled} 条",
            f"连接 {counted.connections} 次（重连 {counted.reconnects}，失败 {counted.failed_connections}），"
            f"注册 {counted.registered}，鉴权 {counted.authenticated}，被拒 {counted.refused}，"
            f"心跳 {counted.heartbeats}，刷卡 {counted.cards}",
            f"应答时延：中位 {p50_ms:.1f} ms，99% {p99_ms:.1f} ms；平台下发 {orders}",
        ),
        en=(
            f"{counted.reports} reports: {counted.answered} answered, {counted.unanswered} not, "
            f"{counted.repeated} repetitions, {counted.backfilled} backfilled",
            f"{counted.connections} connections ({counted.reconnects} again, {counted.failed_connections} failed), "
            f"{counted.registered} registered, {counted.authenticated} authenticated, {counted.refused} refusals, "
            f"{counted.heartbeats} heartbeats, {counted.cards} cards",
            f"answered within {p50_ms:.1f} ms (median), {p99_ms:.1f} ms (99 of 100); orders {orders}",
        ),
        arrived=counted.answered > 0 or not counted.reports,
    )


async def _as_platform(
    simulation: Simulation, settings: PlatformSettings, manner: Manner, stop: asyncio.Event
) -> Outcome:
    batch = moved(simulation.batch, manner.times, time.time_ns() // 1_000_000, manner.speed)
    async with SimulatedLower(settings, seed=manner.seed) as lower:
        player = LowerPlayer(lower, batch, simulation.registry, speed=manner.speed)
        sent = await player.play(stop)
        if player.refused >= 0:
            return Outcome(
                (f"上级平台拒绝登录，结果 {player.refused}",),
                (f"the upper platform refused the log-in with result {player.refused}",),
                arrived=False,
            )
        with contextlib.suppress(ConnectionError, TimeoutError):
            await lower.log_out()
        asked = len(lower.received)
    return Outcome(
        (f"已发送定位 {sent} 条，其中补报 {player.backfilled} 条；收到报文 {asked} 个",),
        (f"{sent} positions sent, {player.backfilled} of them backfilled; {asked} messages received",),
        arrived=sent > 0 or not len(batch),
    )


async def _until_interrupt(work: Callable[[asyncio.Event], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """SIGINT and SIGTERM end it in good order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        return await work(stop)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
