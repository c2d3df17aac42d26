"""``monitor silences``: keep alarms from being delivered for a time."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from monitor.app.wall_clock import now_ms
from monitor.cli.command_way import AuthorOption, carried_out, user
from monitor.cli.db import ConfigOption, StateOption, UrlOption, database_url
from monitor.cli.language import LangOption, language, said
from monitor.console.deliveries import silence_record
from monitor.console.delivery_words import Added, DeliveryCommand, ExpireBody, SilenceBody
from monitor.model.beijing import parse_iso
from monitor.store.database import open_database
from monitor.store.silence_store import find_silences

silences_group = typer.Typer(no_args_is_help=True, help="Silences. 屏蔽")

_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MATCHERS = ("sink", "rule", "kind", "vehicle_class", "enterprise_id", "vehicle_id", "region")
_HEADINGS = (
    ("编号", "number"),
    ("屏蔽范围", "what"),
    ("截止", "until"),
    ("设置人", "author"),
    ("原因", "reason"),
    ("提前结束", "ended by"),
)


@silences_group.callback()
def start() -> None:
    """Without this a single command would become the root."""


@silences_group.command("add")
def add_command(
    reason: Annotated[str, typer.Option("--reason", help="Why. 原因")],
    until: Annotated[str, typer.Option("--until", help="ISO 8601, or from now: 90m 8h 3d. 截止时间或时长")],
    sink: Annotated[str, typer.Option("--sink", help="Receiver; default: all. 接收方")] = "",
    rule: Annotated[str, typer.Option("--rule", help="规则")] = "",
    kind: Annotated[str, typer.Option("--kind", help="类型")] = "",
    grade: Annotated[str, typer.Option("--grade", help="At most this grade. 最高等级")] = "serious",
    vehicle_class: Annotated[str, typer.Option("--class", help="Vehicle class. 车辆类别")] = "",
    enterprise: Annotated[str, typer.Option("--enterprise", help="Enterprise id. 企业")] = "",
    vehicle: Annotated[str, typer.Option("--vehicle", help="Vehicle id. 车辆")] = "",
    region: Annotated[str, typer.Option("--region", help="As the registry writes it. 地区")] = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """Silence what matches all that is given, from now on. 屏蔽推送（检测与统计照常）。"""
    body = SilenceBody(
        author=author or user(),
        reason=reason,
        ends_ms=_ends_ms(until),
        sink=sink,
        rule=rule,
        kind=kind,
        grade=grade,
        vehicle_class=vehicle_class,
        enterprise_id=enterprise,
        vehicle_id=vehicle,
        region=region,
    )
    number = carried_out(config, state, DeliveryCommand.ADD_SILENCE, body).read(Added).silence_id
    typer.echo(said(language(lang), f"屏蔽 {number} 已生效", f"silence {number} is in force"))


@silences_group.command("list")
def list_command(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too. 含已结束")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """List the silences that last, the newest first. 列出生效中的屏蔽。"""
    tongue = language(lang)
    database = open_database(database_url(config, state, url))
    try:
        page = find_silences(database, now_ms(), lasting_only=not everything, limit=limit)
    finally:
        database.close()
    table = Table(*(said(tongue, *heading) for heading in _HEADINGS))
    for one in page.silences:
        record = silence_record(one)
        stated = [f"{name}={value}" for name in _MATCHERS if (value := getattr(one, name))]
        what = " ".join([*stated, f"grade<={record.grade}"])
        cells = (str(one.silence_id), what, record.ends_at, one.author, one.reason, one.expired_by)
        table.add_row(*cells)
    Console().print(table)
    typer.echo(said(tongue, f"共 {page.total} 条", f"{page.total} in all"))


@silences_group.command("expire")
def expire_command(
    number: Annotated[int, typer.Argument(help="Number of the silence. 编号")],
    author: AuthorOption = None,
    config: ConfigOption = None,
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """End one now; what it kept back and still lasts is delivered. 提前结束屏蔽。"""
    carried_out(config, state, DeliveryCommand.EXPIRE_SILENCE, ExpireBody(number, author or user()))
    typer.echo(said(language(lang), f"屏蔽 {number} 已结束", f"silence {number} has ended"))


def _ends_ms(text: str) -> int:
    span = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    if span is not None:
        return now_ms() + int(span[1]) * _UNIT_MS[span[2]]
    try:
        return parse_iso(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"--until {text!r} is no time like 2026-03-02T22:10:05+08:00 nor 90m, 8h, 3d"
        ) from None
