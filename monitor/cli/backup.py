"""``monitor backup`` and ``monitor restore``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.backup import BackedUpDaemon, back_up
from monitor.app.backup_database import DUMP_FILE, restore_postgres
from monitor.app.config import default_config_path, load_config
from monitor.app.restore import restore
from monitor.cli.db import ConfigOption, StateOption, UrlOption
from monitor.cli.language import LangOption, language, said

_MIB = 1024 * 1024


def backup_command(
    folder: Annotated[Path, typer.Argument(help="Where backups go; each gets a folder of its own. 备份目录")],
    config: ConfigOption = None,
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """Back everything up while the daemon runs; older backups go after retention.keep_days. 在线备份。"""
    path = config or default_config_path()
    loaded = load_config(path, check_maps=False)
    if state is not None:
        loaded = loaded.model_copy(update={"state_folder": state})
    maps = tuple(loaded.map_files().values())
    daemon = BackedUpDaemon(loaded.state_folder, loaded.database, path, maps)
    done = back_up(daemon, folder, int(time.time() * 1000), loaded.retention.keep_days)
    total = sum(file.size for file in done.manifest.files)
    tongue = language(lang)
    n, size, copied = len(done.manifest.files), f"{total / _MIB:.1f} MiB", f"{done.copied / _MIB:.1f} MiB"
    zh = f"{done.folder}：{n} 个文件，{size}，其中新复制 {copied}"
    en = f"{done.folder}: {n} files, {size}, {copied} of them copied"
    typer.echo(said(tongue, zh, en))
    for name in done.pruned:
        typer.echo(said(tongue, f"已删除过期备份 {name}", f"removed {name}, too old"))


def restore_command(
    folder: Annotated[Path, typer.Argument(help="A backup, or the folder of backups: the newest. 备份")],
    state: Annotated[Path, typer.Option("--state", help="Empty folder for the state. 空的状态目录")],
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Put a backup back: checked whole, then into an empty folder. 校验并恢复备份。"""
    tongue = language(lang)
    source, manifest = restore(folder, state)
    typer.echo(said(tongue, f"已恢复 {source} 到 {state}", f"restored {source} into {state}"))
    dump = state / DUMP_FILE
    if manifest.database == "postgresql" and url is not None:
        restore_postgres(dump, url)
        typer.echo(said(tongue, "数据库已恢复", "the database is restored"))
    elif manifest.database == "postgresql":
        zh = f"数据库转储在 {dump}：用 --url 指定空库，或用 pg_restore 恢复"
        en = f"the dump of the database is {dump}: name an empty database with --url, or use pg_restore"
        typer.echo(said(tongue, zh, en))
    zh = "配置在 configuration/ 下，其中的密码须重新填写"
    en = "the configuration is below configuration/; its passwords have to be filled in again"
    typer.echo(said(tongue, zh, en))
