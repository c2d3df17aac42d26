"""``monitor clock``: what the running daemon makes of the machine's clock, and to tell it that the clock is right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.clock_watch import ACCEPT, SHOW, ClockState
from monitor.app.command_channel import CommandClient
from monitor.app.config import default_config_path, load_config
from monitor.cli.language import LangOption, Language, language, said
from monitor.console.commands import command

clock_group = typer.Typer(no_args_is_help=True, help="The machine's clock. 系统时钟")

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")]
StateOption = Annotated[Path | None, typer.Option("--state", help="State folder. 状态目录")]


@clock_group.callback()
def start() -> None:
    """Without this a single command would become the group."""


@clock_group.command("show")
def show_command(config: ConfigOption = None, state: StateOption = None, lang: LangOption = None) -> None:
    """What the daemon makes of the clock. 查看服务对系统时钟的判断。"""
    _print(_asked(SHOW, config, state), language(lang))


@clock_group.command("accept")
def accept_command(config: ConfigOption = None, state: StateOption = None, lang: LangOption = None) -> None:
    """The clock is right now: follow it after a jump. 确认系统时钟正确，跳变后继续。"""
    _print(_asked(ACCEPT, config, state), language(lang))


def _asked(name: str, config: Path | None, state: Path | None) -> ClockState:
    folder = state or load_config(config or default_config_path(), check_maps=False).state_folder
    return asyncio.run(CommandClient(folder).send(command(name, by="command line"))).read(ClockState)


def _print(state: ClockState, tongue: Language) -> None:
    typer.echo(said(tongue, f"系统时钟 {state.wall}", f"the machine's clock {state.wall}"))
    typer.echo(said(tongue, f"采用时间 {state.used}", f"the time in use    {state.used}"))
    followed = said(tongue, "采信系统时钟", "the clock is followed")
    typer.echo(state.failure or followed)
