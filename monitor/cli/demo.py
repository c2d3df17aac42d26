"""``monitor demo``: everything on embedded parts, with a live view."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.app.demo import SPEED, DemoOptions, demo
from monitor.cli.language import LangOption, language


def demo_command(
    speed: Annotated[float, typer.Option(min=1, help="Times real time. 时间倍速")] = SPEED,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after this long. 运行秒数")] = None,
    view: Annotated[bool, typer.Option("--view/--no-view", help="Live view, or plain lines. 实时画面")] = True,
    state: Annotated[Path | None, typer.Option("--state", help="Empty folder to keep it in. 状态目录")] = None,
    lang: LangOption = None,
) -> None:
    """Embedded broker, simulated fleet, daemon and a live view; Ctrl-C ends it. 演示。"""
    logging.getLogger().addHandler(logging.NullHandler())  # lines of libraries would tear the view
    asyncio.run(demo(DemoOptions(language(lang), speed, seconds, view, state), Console(highlight=False)))
