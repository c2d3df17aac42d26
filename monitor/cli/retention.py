"""``monitor retention``: delete what is too old now, and show what was deleted."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.command_channel import CommandClient
from monitor.app.config import MonitorConfig, default_config_path, load_config
from monitor.app.journal_pruning import JournalPruning
from monitor.app.retention import Retention
from monitor.app.state_folder import StateFolder
from monitor.cli.db import ConfigOption, StateOption
from monitor.cli.language import LangOption, language, said
from monitor.console.commands import command
from monitor.console.retention_words import Deleted, RetentionCommand
from monitor.errors import CommandError
from monitor.model.beijing import iso
from monitor.store.alarm_store import AlarmStore
from monitor.store.archive import Archive
from monitor.store.database import open_database
from monitor.store.deletion_store import recorded_deletions
from monitor.store.journal import Journal
from monitor.store.quarantine import Quarantine
from monitor.store.schema import upgrade

retention_group = typer.Typer(no_args_is_help=True, help="Retention. 数据保存期限")

_WAIT_S = 600.0


@retention_group.callback()
def start() -> None:
    """Without this a single command would become the root."""


@retention_group.command("run")
def run_command(config: ConfigOption = None, state: StateOption = None, lang: LangOption = None) -> None:
    """Delete what is too old, but for legal holds; every night the daemon does it by itself. 删除超期数据。"""
    loaded = _loaded(config, state)
    try:
        asked = command(RetentionCommand.RUN, by="command line")
        found = asyncio.run(CommandClient(loaded.state_folder, _WAIT_S).send(asked)).read(tuple[Deleted, ...])
    except CommandError as error:
        if error.reason != "core_unavailable":
            raise
        found = _alone(loaded)
    tongue = language(lang)
    for one in found:
        held = said(tongue, f"，封存保留 {one.held}", f", {one.held} held") if one.held else ""
        typer.echo(f"{one.what}: {one.n}  {_span(one.from_ms, one.to_ms)}{held}")
    if not found:
        typer.echo(said(tongue, "没有超期数据", "nothing is too old"))


@retention_group.command("list")
def list_command(
    limit: Annotated[int, typer.Option(help="How many. 条数")] = 100,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Show what was deleted, newest first. 列出删除记录。"""
    loaded = _loaded(config, state)
    upgrade(loaded.database)
    database = open_database(loaded.database)
    try:
        for one in recorded_deletions(database, limit):
            span = _span(one.from_ms, one.to_ms)
            typer.echo(f"{iso(one.at_ms)}  {one.what}: {one.n}  {span}  {one.held} held  by {one.by}")
    finally:
        database.close()


def _alone(config: MonitorConfig) -> tuple[Deleted, ...]:
    """Without a daemon. The journal's lock keeps one from starting meanwhile."""
    folder = StateFolder(config.state_folder)
    with Journal(folder.journal, config.journal) as journal:
        upgrade(config.database)
        database = open_database(config.database)
        quarantine = Quarantine(folder.quarantine, config.quarantine)
        try:
            archive = Archive(folder.archive, config.archive)
            position = AlarmStore(database, lambda: 0).position
            readers = {"archive": lambda: archive.archived_offset, "store": position}
            pruning = JournalPruning(journal, folder.snapshots, readers, config.journal.keep_days)
            retention = Retention(config.retention, archive, journal, pruning.needed_from, quarantine, database)
            found = retention.run(int(time.time() * 1000), "command line")
        finally:
            quarantine.close()
            database.close()
    return tuple(Deleted(one.what, one.n, one.from_ms, one.to_ms, one.held) for one in found)


def _loaded(config: Path | None, state: Path | None) -> MonitorConfig:
    loaded = load_config(config or default_config_path(), check_maps=False)
    return loaded if state is None else loaded.model_copy(update={"state_folder": state})


def _span(from_ms: int, to_ms: int) -> str:
    return f"{iso(from_ms)} .. {iso(to_ms)}" if from_ms else f".. {iso(to_ms)}"
