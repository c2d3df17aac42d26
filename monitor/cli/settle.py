"""``monitor settle``: a day's archive through the rules in order, and what was wrong put right."""

from __future__ import annotations

import asyncio
import time
from datetime import date
from typing import Annotated

import typer

from monitor.app.command_channel import CommandClient
from monitor.app.config import default_config_path, load_config
from monitor.app.settlement.alone import settle_alone
from monitor.app.settlement.settler import DayReport, day_before
from monitor.cli.db import ConfigOption, StateOption
from monitor.cli.language import LangOption, Language, language, said
from monitor.console.commands import command
from monitor.console.settlement_words import DaySettled, SettleDays, SettlementCommand, SettlementState
from monitor.errors import CommandError, StoreError
from monitor.model.beijing import date_of, day_number

_ASK_S = 30.0
_LOOK_S = 0.5
_WORDS = {
    "confirmed": "确认",
    "revised": "修订",
    "merged": "合并",
    "withdrawn": "撤销",
    "raised": "补录",
}


def settle_command(
    day: Annotated[str, typer.Argument(help="Beijing day, 2026-03-01. 北京时间日期")],
    to: Annotated[str | None, typer.Option("--to", help="Last day, if several. 截止日期")] = None,
    with_current_registry: Annotated[
        bool,
        typer.Option(
            "--with-current-registry",
            help="Use the registry of today instead of that of then, an explicit correction. 按现行车辆档案更正",
        ),
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    lang: LangOption = None,
) -> None:
    """Settle a day: late data in its place, alarms and indicators put right. 结算：补传数据归位，更正报警与指标。"""
    tongue = language(lang)
    wanted = SettleDays(_date(day), _date(to or day), with_current_registry)
    loaded = load_config(config or default_config_path())
    if state is not None:
        loaded = loaded.model_copy(update={"state_folder": state})
    client = CommandClient(loaded.state_folder, _ASK_S)
    try:
        before = asyncio.run(client.send(command(SettlementCommand.RUN, wanted, by="command line")))
    except CommandError as error:
        if error.reason != "core_unavailable":
            raise
        if day_number(wanted.last) > day_before(time.time_ns() // 1_000_000):
            raise typer.BadParameter("only days that are over can be settled; 只能结算已结束的日期") from None
        found = settle_alone(
            loaded,
            day_number(wanted.first),
            day_number(wanted.last),
            with_current_registry=with_current_registry,
        )
        _show(tuple(_settled(one) for one in found), tongue)
        return
    number = before.read(SettlementState).run + 1
    done = asyncio.run(_done(client, number))
    if done.failure:
        raise StoreError(reason=done.failure)
    _show(done.days, tongue)


async def _done(client: CommandClient, number: int) -> SettlementState:
    """The state once the run with this number is over."""
    while True:
        found = (await client.send(command(SettlementCommand.STATE, by="command line"))).read(SettlementState)
        if not found.running and found.run >= number:
            return found
        await asyncio.sleep(_LOOK_S)


def _settled(one: DayReport) -> DaySettled:
    return DaySettled(date_of(one.day), one.reports, one.alarms, one.changes, one.seconds)


def _show(days: tuple[DaySettled, ...], tongue: Language) -> None:
    for one in days:
        changes = ", ".join(f"{said(tongue, _WORDS.get(name, name), name)} {n}" for name, n in one.changes.items())
        figures = said(
            tongue,
            f"报文 {one.reports}，报警 {one.alarms}，用时 {one.seconds:.1f} 秒",
            f"{one.reports} reports, {one.alarms} alarms, {one.seconds:.1f} s",
        )
        typer.echo(f"{one.day}  {figures}  {changes or said(tongue, '无更正', 'no corrections')}")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write 2026-03-01") from None
