"""``monitor journal``: is every record there, and how to go on where one is not."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from monitor.app.config import MonitorConfig, default_config_path, load_config
from monitor.app.state_folder import StateFolder
from monitor.app.wall_clock import now_ms
from monitor.cli.language import LangOption, Language, language, said
from monitor.model.beijing import iso
from monitor.store.alarm_store import AlarmStore
from monitor.store.database import open_database
from monitor.store.journal_check import SegmentCheck, check_journal
from monitor.store.journal_cut import CutPlan, cut_journal, plan_cut, read_cuts

journal_group = typer.Typer(no_args_is_help=True, help="The journal. 日志")

EXIT_DAMAGED = 1

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")]
StateOption = Annotated[Path | None, typer.Option("--state", help="State folder. 状态目录")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without it only say what would be done. 确认执行")]


@journal_group.callback()
def start() -> None:
    """Without this a single command would become the group."""


@journal_group.command("check")
def check_command(config: ConfigOption = None, state: StateOption = None, lang: LangOption = None) -> None:
    """Read every segment and name what is damaged; exit status 1 if anything is. 检查日志的每个分段。"""
    tongue = language(lang)
    folder = StateFolder(_loaded(config, state).state_folder).journal
    damaged = records = segments = 0
    for check in check_journal(folder):
        segments += 1
        damaged += not check.good
        if not check.superseded:
            records += check.last_offset - check.first_offset + 1
        typer.echo(_line(check, tongue))
    for cut in read_cuts(folder):
        lost = ", ".join(f"{first}-{last}" for first, last in cut.lost)
        said_cut = said(tongue, f"{cut.segment}：记录 {lost} 已剔除", f"{cut.segment}: records {lost} were cut out")
        typer.echo(f"{iso(cut.at_ms)} {cut.by} {said_cut}")
    if not damaged:
        typer.echo(
            said(tongue, f"{segments} 段 {records} 条记录，完好", f"{segments} segments, {records} records: sound")
        )
        return
    typer.echo(
        said(
            tongue,
            f"{damaged} 段损坏。请从备份恢复；或停止服务后执行 monitor journal cut 剔除丢失的记录",
            f"{damaged} segments are damaged. Restore them from a backup; or stop the daemon and go on without what is "
            "lost with `monitor journal cut`",
        )
    )
    raise typer.Exit(EXIT_DAMAGED)


@journal_group.command("cut")
def cut_command(
    config: ConfigOption = None, state: StateOption = None, yes: YesOption = False, lang: LangOption = None
) -> None:
    """Go on without records that are lost; the damaged files are kept. 剔除丢失的记录后继续，损坏的文件保留。"""
    tongue = language(lang)
    loaded = _loaded(config, state)
    folder = StateFolder(loaded.state_folder).journal
    committed = _committed(loaded)
    plan = plan_cut(folder, committed)
    if not (plan.damaged or plan.missing):
        typer.echo(said(tongue, "日志完好，无需处理", "the journal is sound; there is nothing to do"))
        return
    for check in plan.damaged:
        typer.echo(_line(check, tongue))
    if plan.missing is not None:
        first, last = plan.missing.first, plan.missing.last
        typer.echo(
            said(
                tongue,
                f"数据库已有记录 {first}-{last} 的结果，日志缺失",
                f"records {first}-{last} are in the database only",
            )
        )
    if not yes:
        typer.echo(_what(plan, tongue))
        raise typer.Exit(EXIT_DAMAGED)
    for cut in cut_journal(folder, committed, now_ms=now_ms(), by=_who()):
        lost = ", ".join(f"{first}-{last}" for first, last in cut.lost)
        typer.echo(said(tongue, f"{cut.segment}：已剔除 {lost}", f"{cut.segment}: cut out {lost or 'nothing'}"))


def _loaded(config: Path | None, state: Path | None) -> MonitorConfig:
    loaded = load_config(config or default_config_path(), check_maps=False)
    return loaded if state is None else loaded.model_copy(update={"state_folder": state})


def _committed(config: MonitorConfig) -> int:
    """The last record whose outcome the database has; 0 where there is no database yet."""
    if config.database_url is None and not (config.state_folder / "monitor.db").exists():
        return 0
    database = open_database(config.database)
    try:
        return AlarmStore(database, now_ms).position()
    finally:
        database.close()


def _line(check: SegmentCheck, tongue: Language) -> str:
    span = f"{check.first_offset}-{check.last_offset}"
    times = f"{iso(check.first_clock_ms)} .. {iso(check.last_clock_ms)}" if check.first_clock_ms else ""
    found: list[str] = []
    if check.superseded:
        found.append(
            said(tongue, "写入失败后已由下一段取代", "given up after a failed write, the next one replaces it")
        )
    if check.head_damaged:
        found.append(said(tongue, "段首损坏", "its head is damaged"))
    for loss in check.losses:
        place = f"{loss.first}-{loss.last}"
        found.append(
            said(tongue, f"字节 {loss.position} 起损坏，丢失 {place}", f"damaged at byte {loss.position}, lost {place}")
        )
    if check.torn_bytes:
        n = check.torn_bytes
        found.append(said(tongue, f"末尾 {n} 字节未写完", f"{n} bytes of an unfinished write at its end"))
    if check.cut_out:
        found.append(said(tongue, f"{check.cut_out} 条曾被剔除", f"{check.cut_out} records were cut out before"))
    state = "; ".join(found) or said(tongue, "完好", "sound")
    return " ".join(part for part in (check.path.name, span, times, state) if part)


def _what(plan: CutPlan, tongue: Language) -> str:
    return said(
        tongue,
        f"将放弃 {plan.lost} 条记录；记录编号不变，损坏的文件移入 damaged/。先尝试从备份恢复；确认执行请加 --yes",
        f"{plan.lost} records would be given up; all others keep their numbers, and damaged files move to damaged/. "
        "Try a backup first; add --yes to do it",
    )


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
