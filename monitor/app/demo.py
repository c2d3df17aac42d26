"""The demonstration: embedded broker, simulated fleet and the real daemon, on loopback and in one folder.

Reports go over MQTT into ``monitor run`` as they would from outside; the view asks the daemon's public addresses.
The embedded broker is for this only (see ``broker``).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.live import Live

from monitor.app.board import Board, Watcher
from monitor.app.broker import EmbeddedBroker, free_port
from monitor.app.config import load_config
from monitor.app.daemon import Daemon
from monitor.app.live_view import Stage, enterprise_names, line, render, summary_line
from monitor.app.wall_clock import now_ms
from monitor.errors import ConfigError, DeliveryError, OperationError
from monitor.model.beijing import date_of, day_of
from monitor.model.language import Language, said
from monitor.rules import load_rules
from monitor.store.database import open_database
from monitor.store.registry_files import read_registry
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from simulators.fleet import write_registry
from simulators.mqtt import Target, play
from simulators.run import Simulation, simulate
from simulators.scenario import preset

SPEED = 12_000.0
"""Ten days in about 70 s: every rule shows something within a minute, and a person can still follow."""
_LOOK_S = 0.5
_LINES_S = 2.0
_START_S = 180.0
"""Longest start: the first one after an installation compiles the rules."""

_CONFIG = """\
# Written by `monitor demo`.
state_folder = {folder}
lang = "{lang}"

[[mqtt]]
name = "simulator"
port = {broker}
protocol = "3.1.1"
[[mqtt.subscriptions]]
topic = "reports/#"
clock = "payload"

[[sinks.mqtt]]
name = "desk"
port = {broker}
protocol = "3.1.1"
prefix = "vdm"

[http]
port = {http}
[metrics]
port = {metrics}
[supervision]
every_min = 60
least_s = 2
"""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """``state`` None is a temporary folder, removed at the end; ``seconds`` None runs until Ctrl-C."""

    tongue: Language
    speed: float = SPEED
    seconds: float | None = None
    view: bool = True
    state: Path | None = None


async def demo(options: DemoOptions, console: Console) -> None:
    """Run until Ctrl-C or the time is over. Raises ``ConfigError``, ``OperationError``."""
    with _folder(options.state) as folder:
        told = said(options.tongue, "准备模拟车队…", "preparing the simulated fleet …")
        console.print(told, style="dim", highlight=False)
        simulation = await asyncio.to_thread(_prepared, folder)
        ports = {name: free_port() for name in ("broker", "http", "metrics")}
        config_path = folder / "demo.toml"
        text = _CONFIG.format(folder=_toml(str(folder)), lang=options.tongue.value, **ports)
        config_path.write_text(text, "utf-8")
        stage = Stage(
            tongue=options.tongue,
            rules={rule.name: rule for rule in load_rules()},
            speed=options.speed,
            api=f"http://127.0.0.1:{ports['http']}",
            operations=f"http://127.0.0.1:{ports['metrics']}",
            broker=str(ports["broker"]),
            folder=str(folder),
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if options.seconds is not None:
            loop.call_later(options.seconds, stop.set)
        with (folder / "monitor.log").open("ab") as log:
            daemon = Daemon(config_path, load_config(config_path), log=log)
            async with EmbeddedBroker(ports["broker"]):
                running = asyncio.create_task(daemon.run(handle_signals=False), name="daemon")
                try:
                    await _show(stage, simulation, running, stop, options, console)
                finally:
                    console.print(said(options.tongue, "正在结束…", "ending …"), style="dim", highlight=False)
                    daemon.stop()
                    await running


async def _show(
    stage: Stage,
    simulation: Simulation,
    running: asyncio.Task[int],
    stop: asyncio.Event,
    options: DemoOptions,
    console: Console,
) -> None:
    watcher = Watcher(stage.api, stage.operations)
    try:
        if not await _started(watcher, running, stop, options, console):
            return
        target = Target("127.0.0.1", int(stage.broker), "reports/simulator")
        playing = asyncio.create_task(
            play(simulation.batch, simulation.registry, target, speed=options.speed), name="simulator"
        )
        try:
            await (_watch if options.view and console.is_terminal else _lines)(
                watcher, stage, simulation, playing, running, stop, console
            )
        finally:
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError, DeliveryError):
                await playing
    finally:
        await watcher.close()


async def _started(
    watcher: Watcher, running: asyncio.Task[int], stop: asyncio.Event, options: DemoOptions, console: Console
) -> bool:
    """Wait for the daemon; False if the person left meanwhile."""
    zh = "启动服务…（安装后首次启动需编译规则，约半分钟）"
    en = "starting the daemon … (the first start after an installation compiles the rules, about half a minute)"
    console.print(said(options.tongue, zh, en), style="dim", highlight=False)
    until_s = time.monotonic() + _START_S
    while not stop.is_set():
        if running.done() or time.monotonic() > until_s:
            raise OperationError("the daemon did not start; monitor.log in the state folder says why")
        if await watcher.ready():
            return True
        await asyncio.sleep(0.1)
    return False


async def _watch(
    watcher: Watcher,
    stage: Stage,
    simulation: Simulation,
    playing: asyncio.Task[int],
    running: asyncio.Task[int],
    stop: asyncio.Event,
    console: Console,
) -> None:
    board = Board()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not stop.is_set() and not running.done():
            board = await watcher.look(board)
            live.update(render(board, stage, _progress(stage, simulation, playing, board), console.height))
            live.refresh()
            await _wait(stop, _LOOK_S)
    for alarm in board.alarms[:10]:
        console.print(line(alarm, stage, enterprise_names(board)), highlight=False, markup=False)
    console.print(summary_line(board, stage), highlight=False, markup=False)


async def _lines(
    watcher: Watcher,
    stage: Stage,
    simulation: Simulation,
    playing: asyncio.Task[int],
    running: asyncio.Task[int],
    stop: asyncio.Event,
    console: Console,
) -> None:
    """Without a screen: each alarm once it is raised, and the counters now and then."""
    tongue = stage.tongue
    for name, url in (
        ("REST", f"{stage.api}/api/v1/alarms"),
        (said(tongue, "指标", "metrics"), f"{stage.operations}/metrics"),
    ):
        console.print(f"{name} {url}", highlight=False, markup=False)
    board = Board()
    seen: set[str] = set()
    ended = False
    while not stop.is_set() and not running.done():
        board = await watcher.look(board)
        names = enterprise_names(board)
        for alarm in reversed(board.alarms):
            if alarm.alarm_id not in seen:
                seen.add(alarm.alarm_id)
                console.print(line(alarm, stage, names), highlight=False, markup=False, soft_wrap=True)
        if not ended:
            console.print(summary_line(board, stage), style="dim", highlight=False, markup=False, soft_wrap=True)
        if playing.done() and not ended:
            ended = True
            console.print(_progress(stage, simulation, playing, board), highlight=False, markup=False)
        await _wait(stop, _LINES_S)


def _progress(stage: Stage, simulation: Simulation, playing: asyncio.Task[int], board: Board) -> str:
    tongue = stage.tongue
    total = len(simulation.batch)
    if playing.done():
        if not playing.cancelled() and playing.exception() is not None:
            return str(playing.exception())
        return said(tongue, "模拟结束，服务仍在运行", "the simulation is over, the daemon runs on")
    share = board.reports / total if total else 0.0
    vehicles = len(simulation.batch.keys)
    return said(tongue, f"模拟 {vehicles} 辆车 {share:.0%}", f"simulating {vehicles} vehicles {share:.0%}")


def _prepared(folder: Path) -> Simulation:
    """The fleet's registry in the store, and what it will send: ten days that end before today."""
    scenario = preset("demo")
    first = _today() - timedelta(days=scenario.days + 1)
    first -= timedelta(days=first.weekday())  # a Monday, as the scenario means it
    simulation = simulate(replace(scenario, start=first.isoformat()))
    registry = folder / "registry.csv"
    write_registry(simulation.registry, registry)
    url = f"sqlite:///{folder / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    try:
        import_registry(database, read_registry(registry), first, imported_ms=now_ms(), imported_by="demo")
    finally:
        database.close()
    return simulation


def _today() -> date:
    return date_of(int(day_of(now_ms())))


@contextlib.contextmanager
def _folder(state: Path | None) -> Iterator[Path]:
    if state is None:
        with tempfile.TemporaryDirectory(prefix="vdm-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    try:
        state.mkdir(parents=True, exist_ok=True)
        used = any(state.iterdir())
    except OSError as error:
        raise ConfigError(path=str(state), problems=(("--state", f"cannot be used: {error.strerror}"),)) from error
    if used:
        raise ConfigError(path=str(state), problems=(("--state", "is not empty; name a new folder"),))
    yield state.resolve()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
