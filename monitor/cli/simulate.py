"""``monitor simulate``: an invented fleet into a folder, over MQTT, as JT/T 808 terminals or a JT/T 809 platform."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli.language import LangOption, Language, language, said
from monitor.errors import MonitorError
from monitor.sources.report_writer import write_reports
from simulators.episodes.known_roads import needs_sections
from simulators.fleet import write_registry
from simulators.jt808.misbehaviour import MisbehaviourProfile, profile_of
from simulators.mqtt import play, target_of
from simulators.payload import PayloadCodec
from simulators.present import Times, moved
from simulators.run import Simulation, simulate
from simulators.scenario import PRESETS, Scenario, overridden, preset, read_scenario
from simulators.sections import gaotai_sections
from simulators.target import link_target_of
from simulators.truth import write_truth


class TrackForm(StrEnum):
    """Ending of the track file."""

    PARQUET = "parquet"
    CSV = "csv"
    CSV_GZ = "csv.gz"


_Out = Annotated[Path | None, typer.Option(help="Folder for tracks, registry and truth. 输出文件夹")]
_Preset = Annotated[str, typer.Option("--preset", help=f"{', '.join(PRESETS)}, or a TOML file. 预设或 TOML 文件")]
_Vehicles = Annotated[int | None, typer.Option(help="Fleet size. 车辆数")]
_Days = Annotated[int | None, typer.Option(help="Simulated days. 天数")]
_Start = Annotated[str | None, typer.Option(help="First day, ISO date. 起始日期")]
_Interval = Annotated[int | None, typer.Option(help="Seconds between reports while driving. 行驶上报间隔（秒）")]
_Seed = Annotated[int | None, typer.Option(help="Seed; the same gives the same. 随机种子")]
_Form = Annotated[TrackForm, typer.Option("--format", help="Form of the track file. 轨迹文件格式")]
_Mqtt = Annotated[str | None, typer.Option(help="mqtt://user@host:port/topic; only the host is needed. 发布到 MQTT")]
_To = Annotated[
    str | None,
    typer.Option(
        help="jt808://host:port: as terminals; jt809://user:password@host:port?access_code=…&version=2019: as a lower "
        "platform. 作为终端或下级平台连接"
    ),
]
_Connections = Annotated[
    int,
    typer.Option(help="Terminals, with --to jt808; 0 = one per vehicle, more only send heartbeats. 终端连接数", min=0),
]
_Misbehave = Annotated[
    str,
    typer.Option(
        help="What terminals do wrong and what share of them does, with --to jt808: garbage=0.01,half_open=0.02 or "
        "all=0.01. 异常行为及比例"
    ),
]
_Times = Annotated[
    Times | None,
    typer.Option(help="scenario, or present: moved to now (as usual with --to). 时间：模拟时间或移到现在"),
]
_Speed = Annotated[float, typer.Option(help="Times real time, with --mqtt or --to. 时间倍速")]
_Codec = Annotated[PayloadCodec, typer.Option(help="Payload, with --mqtt. 载荷格式")]
_PerMessage = Annotated[int, typer.Option(help="Reports per message at most. 每条消息的汇报数")]


def simulate_command(
    out: _Out = None,
    preset_name: _Preset = "clean",
    vehicles: _Vehicles = None,
    days: _Days = None,
    start: _Start = None,
    interval: _Interval = None,
    seed: _Seed = None,
    form: _Form = TrackForm.PARQUET,
    mqtt: _Mqtt = None,
    to: _To = None,
    connections: _Connections = 0,
    misbehave: _Misbehave = "",
    times: _Times = None,
    speed: _Speed = 1.0,
    codec: _Codec = PayloadCodec.JSON,
    per_message: _PerMessage = 100,
    lang: LangOption = None,
) -> None:
    """Simulate a fleet: tracks, registry and truth, or live over a link. 模拟车队：轨迹、档案与真值，或实时接入。"""
    console = Console(stderr=True)
    tongue = language(lang)
    if out is None and mqtt is None and to is None:
        zh, en = "请给出 --out 文件夹、--mqtt 或 --to 地址。", "Say where to: --out FOLDER, --mqtt URL or --to URL."
        console.print(said(tongue, zh, en))
        raise typer.Exit(2)
    if mqtt is not None and to is not None:
        console.print(said(tongue, "--mqtt 与 --to 只能选一个。", "Choose one of --mqtt and --to."))
        raise typer.Exit(2)
    try:
        scenario = overridden(
            _scenario(preset_name), vehicles=vehicles, days=days, start=start, interval_s=interval, seed=seed
        )
        target = target_of(mqtt) if mqtt else None
        link = link_target_of(to) if to else None
        wrongs = profile_of(misbehave) if misbehave else MisbehaviourProfile()
        simulation = simulate(scenario)
        if out is not None:
            _write(simulation, out, form)
    except (MonitorError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    console.print(_summary(simulation, tongue), highlight=False)
    if link is not None:
        from simulators.live import Manner, speak  # takes a second to load

        try:
            manner = Manner(speed, times or Times.PRESENT, connections, wrongs, scenario.seed)
            outcome = speak(simulation, link, manner)
        except (MonitorError, OSError) as error:
            console.print(str(error), style="red", markup=False, highlight=False)
            raise typer.Exit(1) from error
        for line in outcome.lines(tongue):
            console.print(line, highlight=False)
        raise typer.Exit(0 if outcome.arrived else 1)
    if target is None:
        return
    vehicles_known = simulation.registry
    batch = moved(simulation.batch, times or Times.SCENARIO, time.time_ns() // 1_000_000, speed)
    try:
        sent = asyncio.run(play(batch, vehicles_known, target, speed=speed, codec=codec, per_message=per_message))
    except MonitorError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    console.print(said(tongue, f"已发送 {sent} 条到 {target!r}", f"{sent} reports sent to {target!r}"), highlight=False)


def _summary(simulation: Simulation, tongue: Language) -> str:
    n_vehicles, days = len(simulation.registry), simulation.scenario.days
    n_reports, n_truth = len(simulation.batch), len(simulation.truth)
    n_misses = sum(not row.expected for row in simulation.truth)
    return said(
        tongue,
        f"{n_vehicles} 辆，{days} 天：{n_reports} 条汇报，{n_truth} 条真值（其中 {n_misses} 条不应报警）",
        f"{n_vehicles} vehicles, {days} days: {n_reports} reports, {n_truth} truth rows ({n_misses} near misses)",
    )


def _scenario(name: str) -> Scenario:
    return preset(name) if not name.endswith(".toml") else read_scenario(Path(name))


def _write(simulation: Simulation, folder: Path, form: TrackForm) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_reports(simulation.batch, folder / f"tracks.{form.value}")
    write_registry(simulation.registry, folder / "registry.csv")
    write_truth(simulation.truth, folder / "truth.jsonl")
    if simulation.permits:
        (folder / "permits.geojson").write_bytes(simulation.permits)
    if simulation.dead_zones:
        (folder / "dead_zones.geojson").write_bytes(simulation.dead_zones)
    if simulation.tunnels:
        (folder / "tunnels.geojson").write_bytes(simulation.tunnels)
    if needs_sections(simulation.scenario):
        (folder / "roads.geojson").write_bytes(gaotai_sections().payload)
