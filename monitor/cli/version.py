"""``monitor version``: which program this is, and on what it runs."""

from __future__ import annotations

import platform
from importlib.metadata import version

import typer

from monitor import __version__
from monitor.cli.language import LangOption

_PARTS = ("numpy", "numba", "pyarrow", "sqlalchemy", "aiomqtt")


def version_command(lang: LangOption = None) -> None:
    """Print the version. 打印版本。"""
    typer.echo(f"monitor {__version__}")
    parts = ", ".join(f"{name} {version(name)}" for name in _PARTS)
    typer.echo(f"Python {platform.python_version()} ({platform.machine()}), {parts}")
