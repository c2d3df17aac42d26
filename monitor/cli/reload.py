"""``monitor reload``: have the running daemon read its configuration and map files anew."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.command_channel import CommandClient
from monitor.app.config import default_config_path, load_config
from monitor.cli.language import LangOption, language, said
from monitor.console.commands import command
from monitor.console.map_words import Reloaded, SettingsCommand

_WAIT_S = 60.0


def reload_command(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="State folder. 状态目录")] = None,
    lang: LangOption = None,
) -> None:
    """Put changed rule settings and maps in force without a stop; a bad file is refused. 不停机重新读取配置与地图。"""
    tongue = language(lang)
    folder = state or load_config(config or default_config_path(), check_maps=False).state_folder
    client = CommandClient(folder, _WAIT_S)
    done = asyncio.run(client.send(command(SettingsCommand.RELOAD, by="command line"))).read(Reloaded)
    nothing = said(tongue, "无", "nothing")
    typer.echo(f"{said(tongue, '已生效', 'in force now')}: {', '.join(done.in_force) or nothing}")
    if done.at_next_start:
        waiting = ", ".join(done.at_next_start)
        typer.echo(f"{said(tongue, '下次启动生效', 'waits for the next start')}: {waiting}")
