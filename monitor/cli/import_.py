"""``monitor import``: a registry file into the relational store, all rows or none."""

from __future__ import annotations

import getpass
import time
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.db import ConfigOption, StateOption, UrlOption, database_url
from monitor.cli.language import LangOption, language, said
from monitor.errors import ConfigError, RegistryError, ReportFileError
from monitor.model.beijing import date_of, day_of
from monitor.store.database import open_database
from monitor.store.registry_files import read_registry
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade


def import_command(
    file: Annotated[Path, typer.Argument(help="Registry, CSV or Excel. 车辆档案")],
    effective: Annotated[
        str | None, typer.Option(help="First day of what changed, ISO date; today without. 变更生效日期")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="The file is the whole register: others retire. 全量档案，缺者退出")
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Import a registry: all rows or none, every error with its row. 导入车辆档案：全部或全不，逐行列出错误。"""
    tongue = language(lang)
    now_ms = int(time.time() * 1000)
    day = _day(effective) if effective else date_of(int(day_of(now_ms)))
    store = database_url(config, state, url)
    try:
        read = read_registry(file)
        upgrade(store)
        database = open_database(store)
        try:
            done = import_registry(database, read, day, imported_ms=now_ms, imported_by=_user(), complete=complete)
        finally:
            database.close()
    except (RegistryError, ReportFileError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if read.ignored:
        headings = ", ".join(read.ignored)
        typer.echo(said(tongue, f"未使用的列：{headings}", f"columns not used: {headings}"), err=True)
    zh = f"{file}：新增 {done.added}，变更 {done.changed}，未变 {done.unchanged}，退出 {done.retired}，自 {day} 起"
    en = (
        f"{file}: {done.added} added, {done.changed} changed, {done.unchanged} unchanged, {done.retired} retired, "
        f"from {day} on"
    )
    typer.echo(said(tongue, zh, en))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(path="--effective", problems=(("date", f"{text!r} is no date like 2026-03-02"),)) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
