"""``monitor run``: the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.child import start_logging
from monitor.app.config import default_config_path, load_config
from monitor.app.daemon import Daemon
from monitor.cli.language import LangOption


def run_command(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="State folder. 状态目录")] = None,
    lang: LangOption = None,
) -> None:
    """Start the daemon; SIGTERM or Ctrl-C ends it in order. 启动服务。"""
    path = config or default_config_path()
    changes: dict[str, object] = {}
    if state is not None:
        changes["state_folder"] = state
    loaded = load_config(path).model_copy(update=changes)
    start_logging()
    raise typer.Exit(asyncio.run(_run(Daemon(path, loaded))))


async def _run(daemon: Daemon) -> int:
    return await daemon.run()
