"""``monitor db``: the tables of the relational store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.app.config import default_config_path, load_config
from monitor.cli.language import LangOption, language, said
from monitor.store.schema import current_revision, upgrade

db_group = typer.Typer(no_args_is_help=True)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")]
StateOption = Annotated[Path | None, typer.Option("--state", help="State folder. 状态目录")]
UrlOption = Annotated[str | None, typer.Option("--url", help="URL of the store. 数据库地址")]


@db_group.callback()
def start() -> None:
    """Without this a single command would become the group."""


@db_group.command("upgrade")
def upgrade_command(
    config: ConfigOption = None, state: StateOption = None, url: UrlOption = None, lang: LangOption = None
) -> None:
    """Create the tables or bring them up to date. 建表或升级表结构。"""
    revision = upgrade(database_url(config, state, url))
    tongue = language(lang)
    typer.echo(said(tongue, f"表结构版本 {revision}", f"the tables have revision {revision}"))


@db_group.command("current")
def current_command(
    config: ConfigOption = None, state: StateOption = None, url: UrlOption = None, lang: LangOption = None
) -> None:
    """Print the revision of the tables. 查看表结构版本。"""
    revision = current_revision(database_url(config, state, url))
    typer.echo(revision or said(language(lang), "尚未建表", "there are no tables yet"))


def database_url(config: Path | None, state: Path | None, url: str | None) -> str:
    """The store that the options name; makes the folder of a SQLite file."""
    if url is not None:
        return url
    loaded = load_config(config or default_config_path())
    if state is not None:
        loaded = loaded.model_copy(update={"state_folder": state})
    if loaded.database_url is None:
        loaded.state_folder.mkdir(parents=True, exist_ok=True)
    return loaded.database
