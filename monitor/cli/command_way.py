"""How commands of the command line reach the running daemon, and who gives them."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.command_channel import CommandClient
from monitor.app.config import default_config_path, load_config
from monitor.console.commands import Reply, command

_WAIT_S = 60.0

AuthorOption = Annotated[str | None, typer.Option("--author", help="Who decides; default: the user. 决定人")]


def carried_out(config: Path | None, state: Path | None, name: str, body: object) -> Reply:
    """The answer of the daemon over the state folder that the options name. Raises ``CommandError``."""
    folder = state or load_config(config or default_config_path(), check_maps=False).state_folder
    client = CommandClient(folder, _WAIT_S)
    return asyncio.run(client.send(command(name, body, by=f"command line {user()}")))


def user() -> str:
    """The name of whoever runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
