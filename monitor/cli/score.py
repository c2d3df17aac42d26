"""``monitor score TRUTH ALARMS``: what was found, missed and invented, per rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from monitor.cli.language import LangOption, Language, language, said
from monitor.errors import MonitorError
from simulators.score import RuleScore, Score, read_alarms, score
from simulators.truth import read_truth

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("规则", "rule"),
    ("应报", "expected"),
    ("报出", "found"),
    ("漏报", "missed"),
    ("误报/拆分", "false/split"),
    ("精确率", "precision"),
    ("召回率", "recall"),
    ("触发延迟中位/95% (s)", "onset delay median/p95 (s)"),
    ("等级错误", "grade errors"),
    ("边界（报出/总数）", "boundary (found/all)"),
)


def score_command(
    truth: Annotated[Path, typer.Argument(help="Truth file. 真值文件")],
    alarms: Annotated[Path, typer.Argument(help="Alarm file. 报警文件")],
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; repeatable. 只评该规则，可重复")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output. 输出 JSON")] = False,
    remarks: Annotated[int, typer.Option(help="How many single verdicts to list. 列出的个案数")] = 20,
    lang: LangOption = None,
) -> None:
    """Compare alarms with a simulation's truth. 用模拟真值评价报警。"""
    try:
        result = score(read_truth(truth), read_alarms(alarms), rule or None)
    except MonitorError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(result.record())).decode())
        return
    console = Console()
    tongue = language(lang)
    console.print(_table(result, tongue))
    for remark in result.remarks[:remarks]:
        what = {"missed": "漏报", "false": "误报", "grade": "等级"}[remark.what]
        line = f"{remark.vehicle_id} {remark.rule} {remark.kind} {remark.onset} {remark.note}"
        console.print(f"{said(tongue, what, remark.what)}: {line}", markup=False, highlight=False)
    if len(result.remarks) > remarks:
        more = len(result.remarks) - remarks
        console.print(said(tongue, f"另有 {more} 条", f"and {more} more"), highlight=False)


def _table(result: Score, tongue: Language) -> Table:
    table = Table()
    for index, (zh, en) in enumerate(_COLUMNS):
        table.add_column(said(tongue, zh, en), justify="right" if index else "left")
    for line in result.rules:
        table.add_row(*_cells(line, line.rule))
    table.add_section()
    table.add_row(*_cells(result.total, said(tongue, "合计", "total")), style="bold")
    return table


def _cells(line: RuleScore, name: str) -> tuple[str, ...]:
    delay = "–" if line.found == 0 else f"{line.delay_median_s:.0f} / {line.delay_p95_s:.0f}"
    return (
        name,
        str(line.expected),
        str(line.found),
        str(line.missed),
        f"{line.false}/{line.split}",
        f"{line.precision:.3f}",
        f"{line.recall:.3f}",
        delay,
        f"{line.grade_errors}/{line.grades_compared}",
        f"{line.boundary_found}/{line.boundary}",
    )
