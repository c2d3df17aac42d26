"""``monitor deadletters``: messages that a receiver did not take."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from monitor.cli.command_way import AuthorOption, carried_out, user
from monitor.cli.db import ConfigOption, StateOption, UrlOption, database_url
from monitor.cli.language import LangOption, language, said
from monitor.console.deliveries import letter_record
from monitor.console.delivery_words import DeliveryCommand, Done, LettersBody
from monitor.store.database import open_database
from monitor.store.dead_letters import LetterState, dead_letter, find_dead_letters

deadletters_group = typer.Typer(no_args_is_help=True, help="Messages that did not arrive. 未送达消息")

_HEADINGS = (
    ("编号", "number"),
    ("接收方", "sink"),
    ("消息", "message"),
    ("原因", "reason"),
    ("次数", "attempts"),
    ("最后一次", "last try"),
    ("状态", "state"),
)
_STATES = {LetterState.WAITING: "待处理", LetterState.RESENT: "已重发", LetterState.DISCARDED: "已丢弃"}

Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers of dead letters. 编号", show_default=False)]
SinkOption = Annotated[str, typer.Option("--sink", help="Of this receiver. 接收方")]


@deadletters_group.callback()
def start() -> None:
    """Without this a single command would become the root."""


@deadletters_group.command("list")
def list_command(
    sink: SinkOption = "",
    everything: Annotated[bool, typer.Option("--all", help="Those decided on too. 含已处理")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """List those that wait for a decision, the newest first. 列出待处理的未送达消息。"""
    tongue = language(lang)
    database = open_database(database_url(config, state, url))
    try:
        page = find_dead_letters(database, sink=sink, state=None if everything else LetterState.WAITING, limit=limit)
    finally:
        database.close()
    table = Table(*(said(tongue, *heading) for heading in _HEADINGS))
    for one in page.letters:
        record = letter_record(one)
        word = said(tongue, _STATES[one.state], one.state.value)
        what = f"{record.type} {record.id}/{record.sequence}"
        cells = (str(one.letter_id), one.sink, what, one.reason, str(one.attempts), record.last_try_at, word)
        table.add_row(*cells)
    Console().print(table)
    typer.echo(said(tongue, f"共 {page.total} 条", f"{page.total} in all"))


@deadletters_group.command("show")
def show_command(
    number: Annotated[int, typer.Argument(help="Number of the dead letter. 编号")],
    config: ConfigOption = None,
    state: StateOption = None,
    url: UrlOption = None,
    lang: LangOption = None,
) -> None:
    """Print one whole, as JSON. 查看一条完整消息。"""
    database = open_database(database_url(config, state, url))
    try:
        found = dead_letter(database, number)
    finally:
        database.close()
    if found is None:
        typer.echo(said(language(lang), f"没有编号 {number} 的消息", f"there is no dead letter {number}"), err=True)
        raise typer.Exit(1)
    data: object = msgspec.json.decode(found.message.data) if found.message.data else None
    record = {**letter_record(found).model_dump(mode="json"), "data": data}
    typer.echo(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())


@deadletters_group.command("resend")
def resend_command(
    numbers: Numbers = None,
    sink: SinkOption = "",
    note: Annotated[str, typer.Option("--note", help="Why. 说明")] = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """Send them again with the keys that they had; with --sink alone all that wait for it. 重发。"""
    body = LettersBody(author or user(), tuple(numbers or ()), sink, note)
    done = carried_out(config, state, DeliveryCommand.RESEND, body).read(Done).letters
    typer.echo(said(language(lang), f"已重发 {done} 条", f"{done} sent again"))


@deadletters_group.command("discard")
def discard_command(
    note: Annotated[str, typer.Option("--note", help="Why. 说明")],
    numbers: Numbers = None,
    sink: SinkOption = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """Decide that they are not to be sent; they stay on record. 丢弃（仍留记录）。"""
    body = LettersBody(author or user(), tuple(numbers or ()), sink, note)
    done = carried_out(config, state, DeliveryCommand.DISCARD, body).read(Done).letters
    typer.echo(said(language(lang), f"已丢弃 {done} 条", f"{done} discarded"))
