"""``monitor permits review``: permits against the registry and against what was driven."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from monitor.app.config import default_config_path, load_config
from monitor.cli.language import LangOption, Language, language, said
from monitor.cli.outputs import check_ending, write_records
from monitor.model.beijing import day_number
from monitor.supervision.permit_review import FindingKind, PermitFinding

permits_group = typer.Typer(no_args_is_help=True, help="Permits. 许可")

_KINDS = {
    FindingKind.SMALL_PERMIT: "大车小证",
    FindingKind.WRONG_CLASS: "车辆类别不符",
    FindingKind.UNKNOWN_VEHICLE: "车辆未登记",
    FindingKind.NO_TRIP: "有证无行程",
    FindingKind.NO_PERMIT: "有行程无证",
}
_HEADINGS = (
    ("发现", "finding"),
    ("许可", "permit"),
    ("车辆", "vehicle"),
    ("企业", "enterprise"),
    ("日期", "day"),
    ("申报", "stated"),
    ("实际", "found"),
)


@permits_group.callback()
def start() -> None:
    """Without this a single command would become the root."""


@permits_group.command("review")
def review_command(
    first: Annotated[str, typer.Argument(metavar="FROM", help="First day, 2026-05-01. 起始日期")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last day. 截止日期")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file. 配置文件")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the findings: .jsonl .csv .parquet. 输出")] = None,
    lang: LangOption = None,
) -> None:
    """Too small a permit, a permit without a trip, a trip without a permit. 大车小证、有证无行程、有行程无证。"""
    from monitor.app.permit_findings import permit_findings

    tongue = language(lang)
    if out is not None:
        check_ending(out)
    first_day, last_day = _day(first), _day(last)
    if last_day < first_day:
        raise typer.BadParameter(f"TO {last} lies before FROM {first}")
    found = permit_findings(load_config(config or default_config_path()), first_day, last_day)
    if out is not None:
        write_records(out, [field.name for field in fields(PermitFinding)], [asdict(one) for one in found])
    console = Console()
    if not found:
        console.print(said(tongue, "未发现问题", "nothing found"))
        return
    console.print(_table(found, tongue))


def _day(text: str) -> int:
    try:
        return day_number(date.fromisoformat(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-05-01") from error


def _table(found: tuple[PermitFinding, ...], tongue: Language) -> Table:
    table = Table(*(said(tongue, zh, en) for zh, en in _HEADINGS))
    for one in found:
        kind = said(tongue, _KINDS[one.kind], one.kind.value)
        table.add_row(
            kind, one.permit_id, one.plate or one.vehicle_id, one.enterprise_id, one.day, one.stated, one.found
        )
    return table
