"""``monitor drivers import``: a driver register into the relational store, all rows or none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.db import ConfigOption, StateOption, UrlOption, database_url
from monitor.cli.language import LangOption, language, said
from monitor.errors import RegistryError, ReportFileError
from monitor.store.database import open_database
from monitor.store.driver_files import read_drivers
from monitor.store.driver_store import import_drivers
from monitor.store.schema import upgrade

drivers_group = typer.Typer(no_args_is_help=True, help="Driver register. 驾驶员档案")


@drivers_group.callback()
def start() -> None:
    """Without this a single command would become the root."""


@drivers_group.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="Drivers, CSV or Excel. 驾驶员档案")],
    complete: Annotated[
        bool, typer.Option("--complete", help="The file is the whole register: others are removed. 全量档案，缺者移除")
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Import drivers: all rows or none, every error with its row. 导入驾驶员档案：全部或全不，逐行列出错误。"""
    tongue = language(lang)
    store = database_url(config, state, url)
    try:
        read = read_drivers(file)
        upgrade(store)
        database = open_database(store)
        try:
            done = import_drivers(database, read, int(time.time() * 1000), complete=complete)
        finally:
            database.close()
    except (RegistryError, ReportFileError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if read.ignored:
        headings = ", ".join(read.ignored)
        typer.echo(said(tongue, f"未使用的列：{headings}", f"columns not used: {headings}"), err=True)
    zh = f"{file}：新增 {done.added}，变更 {done.changed}，未变 {done.unchanged}，移除 {done.removed}"
    en = f"{file}: {done.added} added, {done.changed} changed, {done.unchanged} unchanged, {done.removed} removed"
    typer.echo(said(tongue, zh, en))
