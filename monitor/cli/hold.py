"""``monitor hold``: legal holds, which seal the data of a vehicle and a span against deletion."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.db import ConfigOption, StateOption, UrlOption, database_url
from monitor.cli.language import LangOption, language, said
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS, iso, parse_iso
from monitor.store.database import Database, open_database
from monitor.store.hold_store import Hold, add_hold, holds, release_hold
from monitor.store.schema import upgrade

hold_group = typer.Typer(no_args_is_help=True, help="Legal holds. 数据封存")

AuthorOption = Annotated[str, typer.Option("--author", help="Who orders it. 责任人")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, e.g. the accident's number. 原因")]


@hold_group.callback()
def start() -> None:
    """Without this a single command would become the root."""


@hold_group.command("add")
def add_command(
    vehicle: Annotated[str, typer.Argument(help="Vehicle id, or terminal:PHONE. 车辆标识")],
    since: Annotated[str, typer.Option("--from", help="Date or time, Beijing. 开始")],
    until: Annotated[str, typer.Option("--to", help="Date (inclusive) or time, Beijing. 结束")],
    author: AuthorOption,
    reason: ReasonOption,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Seal a vehicle's tracks and alarms: no retention deletes them. 封存车辆数据。"""
    with _store(config, state, url) as database:
        made = add_hold(database, vehicle, _moment(since), _moment(until, end=True), author, reason, _now_ms())
    tongue = language(lang)
    typer.echo(said(tongue, f"封存 {made.hold_id} 已生效", f"hold {made.hold_id} is in force"))


@hold_group.command("list")
def list_command(
    every: Annotated[bool, typer.Option("--all", help="Released ones too. 含已解除的")] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Show holds. 列出封存。"""
    with _store(config, state, url) as database:
        found = holds(database, released=every)
    tongue = language(lang)
    for hold in found:
        typer.echo(_line(hold))
    if not found:
        typer.echo(said(tongue, "没有封存", "no holds"))


@hold_group.command("release")
def release_command(
    number: Annotated[int, typer.Argument(help="Number of the hold. 封存编号")],
    author: AuthorOption,
    reason: ReasonOption,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """End a hold; it stays on record. 解除封存，记录保留。"""
    with _store(config, state, url) as database:
        release_hold(database, number, author, reason, _now_ms())
    typer.echo(said(language(lang), f"封存 {number} 已解除", f"hold {number} is released"))


@contextmanager
def _store(config: Path | None, state: Path | None, url: str | None) -> Iterator[Database]:
    store = database_url(config, state, url)
    upgrade(store)
    database = open_database(store)
    try:
        yield database
    finally:
        database.close()


def _line(hold: Hold) -> str:
    released = (
        "" if hold.released_ms is None else (f" - {iso(hold.released_ms)} {hold.released_by}: {hold.release_reason}")
    )
    span = f"{iso(hold.from_ms)} .. {iso(hold.to_ms)}"
    return f"{hold.hold_id}  {hold.vehicle_id}  {span}  {iso(hold.added_ms)} {hold.author}: {hold.reason}{released}"


def _moment(text: str, *, end: bool = False) -> int:
    try:
        at_ms = parse_iso(text)
    except ValueError:
        raise StoreError(reason=f"{text!r} is no date or time", advice="Write 2026-03-02 or 2026-03-02T22:10") from None
    return at_ms + DAY_MS - 1 if end and len(text.strip()) == len("2026-03-02") else at_ms


def _now_ms() -> int:
    return int(time.time() * 1000)
